//! Reading and writing `lamp.lock`.

use std::fs::File;
use std::path::Path;

use lamp_core::dataset::DatasetVersion;
use lamp_core::lock::{LockEntry, LockFile};
use lamp_runner::git::Repo;

use super::DataError;
use crate::app::App;
use crate::layout::Layout;
use crate::parts::{PartError, lock_file};

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

/// The right to write `lamp.lock`.
pub struct LockGuard {
    _file: File,
}

/// Waits until nobody else in the workspace at `root` writes `lamp.lock`, and keeps others waiting until
/// the guard is dropped.
pub async fn guard(root: &Path) -> Result<LockGuard, DataError> {
    Ok(LockGuard { _file: lock_file(&Layout::of(root).lamp().join("lamp.lock.guard")).await? })
}

/// Pins `version` in the working tree's lock, and commits the lock alone if asked. Returns whether the
/// file changed.
pub async fn pin(
    _guard: &LockGuard,
    root: &Path,
    repo: &Repo,
    version: &DatasetVersion,
    commit: bool,
) -> Result<bool, DataError> {
    let mut lock = read(root)?;
    let entry = LockEntry { version: version.version, digest: version.digest };
    let changed = lock.datasets.insert(version.dataset.clone(), entry) != Some(entry);
    if changed {
        write_atomically(&root.join(LOCK_FILE), lock.render().as_bytes())?;
    }
    if commit {
        let message = format!("lamp: pin {}@{}", version.dataset, version.version);
        repo.commit_only(&[LOCK_FILE], &message).await?;
    }
    Ok(changed)
}

impl App {
    /// Pins `version` in the working tree's lock, and commits the lock alone if asked.
    /// Returns whether the file changed.
    pub(crate) async fn pin(&self, version: &DatasetVersion, commit: bool) -> Result<bool, DataError> {
        let guard = guard(self.root()).await?;
        pin(&guard, self.root(), self.repo(), version, commit).await
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
