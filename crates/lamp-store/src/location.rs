//! Where a store is, as written in `lamp.toml`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::prefix::PrefixStore;
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};

use crate::error::StoreError;

/// How often a request to a bucket is tried again.
const RETRIES_MAX: usize = 5;

/// How long after its first try a request is still tried again.
const RETRY_FOR: Duration = Duration::from_mins(1);

/// How long one request may take, its body included. Large objects are slow, not broken.
const REQUEST_TIMEOUT: &str = "10 minutes";

/// A parsed location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket or container, and the folder in it (empty for its root).
    Bucket { provider: Provider, bucket: String, prefix: String },
}

/// Who keeps a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    S3,
    Gcs,
    Azure,
}

/// Parses a location; a relative path counts from `workspace_root`.
pub(crate) fn parse(location: &str, workspace_root: &Path) -> Result<Place, StoreError> {
    let refuse = |why: &str| Err(StoreError::Location { location: location.to_owned(), why: why.to_owned() });
    let Some((scheme, rest)) = location.split_once("://") else {
        return match location {
            "" => refuse("it is empty"),
            home if home == "~" || home.starts_with("~/") => refuse("`~` means nothing here; write the folder out"),
            path => Ok(Place::Folder(workspace_root.join(path))),
        };
    };
    let provider = match scheme {
        "file" if rest.starts_with('/') => return Ok(Place::Folder(PathBuf::from(rest))),
        "file" => return refuse("a file:// address needs an absolute path"),
        "s3" | "s3a" => Provider::S3,
        "gs" => Provider::Gcs,
        "az" | "azure" => Provider::Azure,
        _ => return refuse("its scheme is not one of file, s3, gs and az"),
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_end_matches('/');
    if bucket.is_empty() {
        return refuse("it names no bucket");
    }
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    if !prefix.is_empty() && !prefix.split('/').all(is_plain) {
        return refuse("its prefix has a part that is empty, `.` or `..`");
    }
    Ok(Place::Bucket { provider, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
}

/// A client for a bucket; credentials, region and endpoint come from the environment, under the
/// names that each provider's own tools use.
pub(crate) fn connect(
    location: &str,
    provider: Provider,
    bucket: &str,
    prefix: &str,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let retry = RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_FOR, ..RetryConfig::default() };
    let timeout = ClientConfigKey::Timeout;
    let client: object_store::Result<Arc<dyn ObjectStore>> = match provider {
        Provider::S3 => AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_retry(retry)
            .with_config(AmazonS3ConfigKey::Client(timeout), REQUEST_TIMEOUT)
            .build()
            .map(|client| prefixed(client, prefix)),
        Provider::Gcs => GoogleCloudStorageBuilder::from_env()
            .with_bucket_name(bucket)
            .with_retry(retry)
            .with_config(GoogleConfigKey::Client(timeout), REQUEST_TIMEOUT)
            .build()
            .map(|client| prefixed(client, prefix)),
        Provider::Azure => MicrosoftAzureBuilder::from_env()
            .with_container_name(bucket)
            .with_retry(retry)
            .with_config(AzureConfigKey::Client(timeout), REQUEST_TIMEOUT)
            .build()
            .map(|client| prefixed(client, prefix)),
    };
    client.map_err(|error| StoreError::Location { location: location.to_owned(), why: error.to_string() })
}

fn prefixed(client: impl ObjectStore, prefix: &str) -> Arc<dyn ObjectStore> {
    if prefix.is_empty() { Arc::new(client) } else { Arc::new(PrefixStore::new(client, prefix)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(provider: Provider, bucket: &str, prefix: &str) -> Place {
        Place::Bucket { provider, bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    #[test]
    fn locations_are_folders_or_buckets() {
        let root = Path::new("/work space");
        let cases = [
            (".lamp/store", Place::Folder("/work space/.lamp/store".into())),
            ("/srv/store", Place::Folder("/srv/store".into())),
            ("file:///srv/store", Place::Folder("/srv/store".into())),
            ("s3://team/ml/flights/", bucket(Provider::S3, "team", "ml/flights")),
            ("gs://team", bucket(Provider::Gcs, "team", "")),
            ("az://team/a", bucket(Provider::Azure, "team", "a")),
        ];
        for (text, place) in cases {
            assert_eq!(parse(text, root).expect(text), place);
        }
        for text in ["", "~/store", "file://store", "s3://", "s3:///a", "s3://b/../c", "ftp://host/a", "s3://b//c"] {
            assert!(matches!(parse(text, root), Err(StoreError::Location { .. })), "{text}");
        }
    }
}
