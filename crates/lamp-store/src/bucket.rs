//! A store in a bucket.

mod packs;
mod trash;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path as Key;
use object_store::{Error, GetResult, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};

use crate::error::StoreError;
use crate::folder::{Created, Folder};
use crate::layout::RECORD_MAX;

/// Small records read at once.
pub(crate) const AT_ONCE: usize = 8;

/// The bucket, and the folder of what is here of it.
#[derive(Clone)]
pub(crate) struct Bucket {
    store: Arc<dyn ObjectStore>,
    location: String,
    here: Folder,
    packs_here: Arc<Mutex<packs::PacksHere>>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("location", &self.location).finish_non_exhaustive()
    }
}

impl Bucket {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, location: &str, here: Folder) -> Self {
        Self { store, location: location.to_owned(), here, packs_here: Arc::default() }
    }

    /// The folder of what is here.
    pub(crate) fn here(&self) -> &Folder {
        &self.here
    }

    fn error(&self, action: &'static str, key: &str) -> impl FnOnce(Error) -> StoreError {
        move |error| StoreError::remote(action, &self.location, key, error)
    }

    /// When an object was last written, if it is there.
    async fn modified_at(&self, key: &str) -> Result<Option<SystemTime>, StoreError> {
        match self.store.head(&Key::from(key)).await {
            Ok(meta) => Ok(Some(meta.last_modified.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error("look for", key)(error)),
        }
    }

    /// Creates a record; one that is there stays as it is.
    pub(crate) async fn create_record(&self, key: &str, bytes: Vec<u8>) -> Result<Created, StoreError> {
        let payload = PutPayload::from(bytes);
        if self.create(key, payload).await? {
            return Ok(Created::New);
        }
        Ok(Created::Existing(self.find_record(key).await?.unwrap_or_default()))
    }

    /// Puts what is not there yet; false if it was. A provider that knows no create-only put is
    /// asked first, which two writers at the very same time could both pass.
    async fn create(&self, key: &str, payload: PutPayload) -> Result<bool, StoreError> {
        let at = Key::from(key);
        match self.store.put_opts(&at, payload.clone(), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                match self.store.head(&at).await {
                    Ok(_) => return Ok(false),
                    Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(self.error("look for", key)(error)),
                }
                self.store.put(&at, payload).await.map(|_| true).map_err(self.error("write", key))
            }
            Err(error) => Err(self.error("write", key)(error)),
        }
    }

    /// Writes a record in place of one that may be there.
    pub(crate) async fn replace_record(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = self.store.put(&Key::from(key), PutPayload::from(bytes)).await;
        put.map(|_| ()).map_err(self.error("write", key))
    }

    /// The content of a record, if there is one.
    pub(crate) async fn find_record(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(found) = self.find(key).await? else { return Ok(None) };
        if found.meta.size > RECORD_MAX {
            return Err(StoreError::TooLarge { what: "a record", bytes: found.meta.size, max: RECORD_MAX });
        }
        let bytes: Bytes = found.bytes().await.map_err(self.error("read", key))?;
        Ok(Some(bytes.into()))
    }

    async fn find(&self, key: &str) -> Result<Option<GetResult>, StoreError> {
        match self.store.get(&Key::from(key)).await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error("read", key)(error)),
        }
    }

    /// The keys of all records below the folder `prefix`, in no order.
    pub(crate) async fn list_records(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let below = Key::from(prefix);
        let keys = self.store.list(Some(&below)).map_ok(|meta| meta.location.to_string());
        keys.try_collect().await.map_err(self.error("list", prefix))
    }
}
