//! The two kinds of store behind one set of calls for small records.

use crate::bucket::Bucket;
use crate::error::StoreError;
use crate::folder::{Created, Folder};
use crate::workers::blocking;

/// A folder or a bucket.
#[derive(Debug, Clone)]
pub(crate) enum Backend {
    /// A folder of this machine.
    Folder(Folder),
    /// A bucket.
    Bucket(Bucket),
}

impl Backend {
    /// Creates a record, whole or not at all; one that is there stays as it is.
    pub(crate) async fn create(&self, key: String, bytes: Vec<u8>) -> Result<Created, StoreError> {
        match self.clone() {
            Self::Folder(folder) => blocking(move || folder.create_record(&key, &bytes)).await,
            Self::Bucket(bucket) => bucket.create_record(&key, bytes).await,
        }
    }

    /// Writes a record, whole or not at all, in place of one that may be there.
    pub(crate) async fn replace(&self, key: String, bytes: Vec<u8>) -> Result<(), StoreError> {
        match self.clone() {
            Self::Folder(folder) => blocking(move || folder.replace_record(&key, &bytes)).await,
            Self::Bucket(bucket) => bucket.replace_record(&key, bytes).await,
        }
    }

    /// The content of a record, if there is one.
    pub(crate) async fn find(&self, key: String) -> Result<Option<Vec<u8>>, StoreError> {
        match self.clone() {
            Self::Folder(folder) => blocking(move || folder.find_record(&key)).await,
            Self::Bucket(bucket) => bucket.find_record(&key).await,
        }
    }

    /// The keys of all records below the folder `prefix`, in order.
    pub(crate) async fn list(&self, prefix: String) -> Result<Vec<String>, StoreError> {
        let mut keys = match self.clone() {
            Self::Folder(folder) => blocking(move || folder.list_records(&prefix)).await?,
            Self::Bucket(bucket) => bucket.list_records(&prefix).await?,
        };
        keys.sort();
        Ok(keys)
    }
}
