//! Reading and writing `lamp.lock`.

use std::path::Path;

use lamp_core::dataset::DatasetVersion;
use lamp_core::lock::{LockEntry, LockFile};

use super::DataError;
use crate::app::App;
use crate::parts::PartError;

/// Name of the lock file at the workspace's root.
pub const LOCK_FILE: &str = "lamp.lock";

/// Reads the lock in `folder`; a missing file is an empty lock.
pub fn read(folder: &Path) -> Result<LockFile, DataError> {
    let path = folder.join(LOCK_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(LockFile::parse(&text, LOCK_FILE)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(LockFile::default()),
        Err(error) => Err(PartError::file("read", &path)(error).into()),
    }
}

impl App {
    /// Pins `version` in the working tree's lock, and commits the lock alone if asked.
    /// Returns whether the file changed.
    pub(crate) async fn pin(&self, version: &DatasetVersion, commit: bool) -> Result<bool, DataError> {
        let folder = self.root();
        // Two commands may write the lock at the same time: read, change and replace it under a file lock.
        let guard_path = self.layout().lamp().join("lamp.lock.guard");
        let guard = std::fs::File::create(&guard_path).map_err(PartError::file("write", &guard_path))?;
        guard.lock().map_err(PartError::file("lock", &guard_path))?;
        let mut lock = read(folder)?;
        let entry = LockEntry { version: version.version, digest: version.digest };
        let changed = lock.datasets.insert(version.dataset.clone(), entry) != Some(entry);
        if changed {
            write_atomically(&folder.join(LOCK_FILE), lock.render().as_bytes())?;
        }
        if commit {
            let message = format!("lamp: pin {}@{}", version.dataset, version.version);
            self.repo().commit_only(&[LOCK_FILE], &message).await?;
        }
        Ok(changed)
    }
}

/// Replaces a file so that a crash leaves the old or the new text, never half of it.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), PartError> {
    use std::io::Write as _;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(PartError::file("write", path))?;
    file.write_all(bytes).map_err(PartError::file("write", path))?;
    file.as_file().sync_all().map_err(PartError::file("write", path))?;
    set_plain_mode(file.path()).map_err(PartError::file("write", path))?;
    file.persist(path).map_err(|error| PartError::file("write", path)(error.error))?;
    Ok(())
}

fn set_plain_mode(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))
}
