//! The `lamplighter` Python package, written out from the binary for runs and workers.

use std::io;
use std::path::{Component, Path, PathBuf};

use lamp_core::error::{Classified, Kind};

use crate::atomic;

/// Why the package could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SdkError {
    /// A file of the package has a path that leads out of its folder.
    #[error("`{0}` does not stay inside the SDK's folder")]
    Escapes(String),
    /// A file operation failed.
    #[error("write the Python package to `{}`", .dir.display())]
    Io {
        /// Where it was to be.
        dir: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl Classified for SdkError {
    fn kind(&self) -> Kind {
        match self {
            Self::Escapes(_) => Kind::Internal,
            Self::Io { .. } => Kind::Unavailable,
        }
    }
}

/// Writes the package's `files` (paths relative to `dir`, such as `lamplighter/__init__.py`)
/// as the folder `dir` (`.lamp/sdk/VERSION`), once: if it is there with the same bytes, nothing
/// happens. Other bytes (a development build of the same version) replace it. Returns the
/// absolute path of `dir`, for `PYTHONPATH`.
pub fn write_sdk(dir: &Path, files: &[(&str, &[u8])]) -> Result<PathBuf, SdkError> {
    let stays_inside = |name: &str| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if let Some((name, _)) = files.iter().find(|(name, _)| !stays_inside(name)) {
        return Err(SdkError::Escapes((*name).to_owned()));
    }
    write_files(dir, files).map_err(|source| SdkError::Io { dir: dir.to_owned(), source })
}

fn write_files(dir: &Path, files: &[(&str, &[u8])]) -> io::Result<PathBuf> {
    let dir = std::path::absolute(dir)?;
    if files.iter().all(|(name, bytes)| std::fs::read(dir.join(name)).is_ok_and(|there| there == *bytes)) {
        return Ok(dir);
    }
    let parent = dir.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the SDK needs a folder"))?;
    std::fs::create_dir_all(parent)?;
    let fresh = tempfile::Builder::new().prefix(".tmp-sdk-").tempdir_in(parent)?;
    for (name, bytes) in files {
        let path = fresh.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(fresh.path()))?;
        atomic::write(&path, bytes)?;
    }
    // A folder cannot be renamed over a folder: an outdated one steps aside first.
    if dir.exists() {
        let aside = tempfile::Builder::new().prefix(".tmp-sdk-old-").tempdir_in(parent)?;
        match std::fs::rename(&dir, aside.path().join("old")) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    atomic::publish_dir(&fresh.keep(), &dir)?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_once_and_replaced_when_it_differs() {
        let temp = tempfile::tempdir().expect("a folder");
        let dir = temp.path().join("sdk/1.0");
        let init = dir.join("lamplighter/__init__.py");
        write_sdk(&dir, &[("lamplighter/__init__.py", b"a = 1")]).expect("written");
        let first = std::fs::metadata(&init).and_then(|meta| meta.modified()).expect("there");
        write_sdk(&dir, &[("lamplighter/__init__.py", b"a = 1")]).expect("there already");
        assert_eq!(std::fs::metadata(&init).and_then(|meta| meta.modified()).expect("there"), first);
        write_sdk(&dir, &[("lamplighter/__init__.py", b"a = 2")]).expect("replaced");
        assert_eq!(std::fs::read(&init).expect("there"), b"a = 2");
        let left = std::fs::read_dir(temp.path().join("sdk")).expect("a folder").count();
        assert_eq!(left, 1, "temporary folders are gone");
    }

    #[test]
    fn a_name_that_climbs_out_is_refused() {
        let temp = tempfile::tempdir().expect("a folder");
        assert!(write_sdk(&temp.path().join("sdk"), &[("../evil.py", b"")]).is_err());
        assert!(!temp.path().join("evil.py").exists());
    }
}
