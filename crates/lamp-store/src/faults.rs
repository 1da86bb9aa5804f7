//! Places where tests make things go wrong: between two steps of a write. Empty in a release.

use std::path::Path;

/// What has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// A source was opened and seen to be as it was.
    Opened,
    /// One block of a source was read and written.
    BlockCopied,
    /// A pack's temporary file is on disk.
    PackSynced,
    /// A pack has its name.
    PackNamed,
    /// The name of a pack is on disk.
    NamesSynced,
    /// A whole file made from packs is on disk under a temporary name.
    FileSynced,
    /// A whole file made from packs has its name.
    FileNamed,
    /// A pack or record was moved to another folder.
    Moved,
    /// A record's temporary file is on disk.
    RecordSynced,
    /// A record has its name.
    RecordNamed,
    /// A file of a checkout is on disk under a temporary name.
    CheckoutSynced,
    /// A file of a checkout has its name.
    CheckoutNamed,
}

/// Tells the tests that `step` was done for `path`.
#[cfg(not(test))]
pub(crate) fn passed(_step: Step, _path: &Path) {}

#[cfg(test)]
pub(crate) use injected::{at, forget, passed};

#[cfg(test)]
mod injected {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{LazyLock, Mutex, PoisonError};

    use super::{Path, Step};

    type Hook = (Step, PathBuf, Box<dyn FnMut() + Send>);

    /// What to do at which step; the first entry that fits is taken out and called.
    static HOOKS: Mutex<Vec<Hook>> = Mutex::new(Vec::new());

    /// The step at which this process aborts, counted from 1.
    static ABORT_AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("LAMP_STORE_TEST_ABORT_AT").ok().and_then(|text| text.parse().ok()));

    static PASSED: AtomicU64 = AtomicU64::new(0);

    /// Calls `hook` the next time that `step` is done for `path`.
    pub(crate) fn at(step: Step, path: &Path, hook: impl FnMut() + Send + 'static) {
        HOOKS.lock().unwrap_or_else(PoisonError::into_inner).push((step, path.to_owned(), Box::new(hook)));
    }

    /// Takes back the hooks of `path` that were not called.
    pub(crate) fn forget(path: &Path) {
        HOOKS.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, of, _)| of != path);
    }

    /// Aborts or calls a hook if a test asked for it here.
    pub(crate) fn passed(step: Step, path: &Path) {
        let count = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        if *ABORT_AT == Some(count) {
            std::process::abort();
        }
        let mut hooks = HOOKS.lock().unwrap_or_else(PoisonError::into_inner);
        let found = hooks.iter().position(|(at, of, _)| *at == step && of == path);
        let hook = found.map(|index| hooks.remove(index));
        drop(hooks);
        if let Some((_, _, mut call)) = hook {
            call();
        }
    }
}
