//! What is moved out of the way in a bucket, and for how long.

use std::time::SystemTime;

use futures::TryStreamExt as _;
use object_store::path::Path as Key;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _};

use super::Bucket;
use super::packs::wait;
use crate::backend::Aged;
use crate::error::StoreError;

impl Bucket {
    /// When a record was last written; nothing if it is not there.
    pub(crate) fn modified_at_now(&self, key: &str) -> Result<Option<SystemTime>, StoreError> {
        wait(self.modified_at(key))
    }

    /// All records and packs below the folder `prefix`, in no order.
    pub(crate) fn list_aged(&self, prefix: &str) -> Result<Vec<Aged>, StoreError> {
        let below = Key::from(prefix);
        let found = self.store.list(Some(&below)).map_ok(|meta| Aged {
            key: meta.location.to_string(),
            bytes: meta.size,
            modified_at: meta.last_modified.into(),
        });
        wait(found.try_collect()).map_err(self.error("list", prefix))
    }

    /// Moves a record or pack, by a copy; false if it is not there.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        match wait(self.store.copy(&Key::from(from), &Key::from(to))) {
            Ok(()) => {}
            Err(Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(self.error("move", from)(error)),
        }
        self.remove(from)?;
        Ok(true)
    }

    /// Removes a record or pack for good.
    pub(crate) fn remove(&self, key: &str) -> Result<(), StoreError> {
        match wait(self.store.delete(&Key::from(key))) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error("remove", key)(error)),
        }
    }
}
