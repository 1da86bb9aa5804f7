//! The port through which long work is watched.

/// Is told how far a long operation has come. Called from several threads at once.
pub trait Progress: Send + Sync {
    /// The work to be done: number of files and their bytes in all.
    fn begin(&self, total_files: u64, total_bytes: u64);

    /// So many more bytes are done.
    fn advance(&self, bytes: u64);

    /// The file of this name is done.
    fn file_done(&self, name: &str);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _total_files: u64, _total_bytes: u64) {}

    fn advance(&self, _bytes: u64) {}

    fn file_done(&self, _name: &str) {}
}
