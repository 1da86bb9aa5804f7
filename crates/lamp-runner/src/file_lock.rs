//! One at a time, across processes: a lock on a file, released when the file is dropped, also
//! by a crash.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

/// How often a lock that is held is asked for again.
const POLL: Duration = Duration::from_millis(50);

/// Takes the lock at `path`, waiting for it; `on_wait` is told once if there is somebody to wait
/// for.
pub(crate) async fn hold(path: &Path, on_wait: impl FnOnce()) -> io::Result<File> {
    let mut on_wait = Some(on_wait);
    loop {
        if let Some(held) = find(path)? {
            return Ok(held);
        }
        if let Some(tell) = on_wait.take() {
            tell();
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Takes the lock at `path` if nobody holds it.
pub(crate) fn find(path: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).append(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
