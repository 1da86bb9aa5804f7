//! Detached worktrees: other people's commits, checked out apart from their working tree.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::change::parse_status;
use super::command::Git;
use super::{Commit, GitError, Repo};
use crate::file_lock;

/// What is at a path where a worktree of a certain commit should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorktreeState {
    /// Nothing.
    Absent,
    /// A worktree at that commit, with nothing changed, added or missing.
    Pristine,
    /// Anything else: another commit, changed files, half a checkout.
    Spoilt,
}

/// Waits for work that goes on although nobody may wait for it any more.
async fn to_its_end(work: impl Future<Output = Result<(), GitError>> + Send + 'static) -> Result<(), GitError> {
    let ended = tokio::spawn(work).await;
    ended.unwrap_or_else(|error| Err(GitError::Failed { command: "worktree".to_owned(), message: error.to_string() }))
}

impl Repo {
    /// Checks `commit` out at `path` (which must not exist), detached, without running hooks.
    /// Submodules stay empty. On failure nothing is left at `path`.
    ///
    /// Like [`worktree_ensure`](Self::worktree_ensure) and [`worktree_remove`](Self::worktree_remove), it goes on to
    /// its end when the future is dropped: a git that is killed leaves a child behind that still writes.
    pub async fn worktree_add(&self, commit: &Commit, path: &Path) -> Result<(), GitError> {
        let (repo, commit, path) = (self.clone(), commit.clone(), path.to_owned());
        to_its_end(async move {
            let _held = repo.hold_worktrees().await?;
            repo.add_unlocked(&commit, &path).await
        })
        .await
    }

    /// One at a time adds and removes worktrees, so that none cleans up after the other, and a removal comes after an
    /// addition that nobody waits for any more.
    async fn hold_worktrees(&self) -> Result<File, GitError> {
        let path = self.common_dir().await?.join("lamp-worktrees.lock");
        let held = file_lock::hold(&path, || tracing::debug!("waiting for another process that adds a worktree")).await;
        held.map_err(|source| GitError::Io { action: "lock", path, source })
    }

    async fn add_unlocked(&self, commit: &Commit, path: &Path) -> Result<(), GitError> {
        if let Some(parent) = path.parent() {
            let io = |source| GitError::Io { action: "create", path: parent.to_owned(), source };
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        // `--force`: a worktree that somebody deleted with `rm -r` is still registered.
        let add = self.git("worktree").args(["add", "--quiet", "--force", "--detach"]).arg("--");
        let existed = path.exists();
        let added = add.arg(path).arg(&commit.hash).run().await;
        if added.is_err() && !existed {
            // The first error is the one to tell.
            let _ = self.remove_unlocked(path).await;
        }
        added.map(drop)
    }

    /// A worktree of `commit` at `path`: the one that is there if it is pristine, else a new
    /// one in its place.
    pub async fn worktree_ensure(&self, commit: &Commit, path: &Path) -> Result<(), GitError> {
        let (repo, commit, path) = (self.clone(), commit.clone(), path.to_owned());
        to_its_end(async move {
            let _held = repo.hold_worktrees().await?;
            match repo.worktree_state(&commit, &path).await? {
                WorktreeState::Pristine => return Ok(()),
                WorktreeState::Absent => {}
                WorktreeState::Spoilt => repo.remove_unlocked(&path).await?,
            }
            repo.add_unlocked(&commit, &path).await
        })
        .await
    }

    /// Removes the worktree at `path`, changed or not. Nothing there is fine.
    pub async fn worktree_remove(&self, path: &Path) -> Result<(), GitError> {
        let (repo, path) = (self.clone(), path.to_owned());
        to_its_end(async move {
            let _held = repo.hold_worktrees().await?;
            repo.remove_unlocked(&path).await
        })
        .await
    }

    async fn remove_unlocked(&self, path: &Path) -> Result<(), GitError> {
        // Twice `--force`: also when it is locked. It fails when git does not know the path, or
        // for half a checkout; what matters is that the folder is gone.
        let removed = self.git("worktree").args(["remove", "--force", "--force", "--"]).arg(path).run().await;
        let gone = match std::fs::remove_dir_all(path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(GitError::Io { action: "remove", path: path.to_owned(), source }),
        };
        gone?;
        if removed.is_err() {
            self.git("worktree").arg("prune").run().await?;
        }
        Ok(())
    }

    /// Whether `path` is a worktree with nothing changed, added or missing. Files that are
    /// ignored count too, for they can be imported; compiled bytecode does not.
    pub async fn worktree_is_pristine(&self, path: &Path) -> Result<bool, GitError> {
        let git_link = path.join(".git");
        if !git_link.exists() {
            return Ok(false);
        }
        let status = Git::new(path, "status")
            .args(["--porcelain=v2", "-z", "--untracked-files=all", "--ignored=matching", "--no-renames"])
            .run()
            .await;
        let bytes = match status {
            Ok(bytes) => bytes,
            // The repository behind it is gone, or its registration is.
            Err(GitError::NoRepository(_) | GitError::Failed { .. }) => return Ok(false),
            Err(other) => return Err(other),
        };
        let ignored_file_is_there = bytes.split(|byte| *byte == 0).any(|record| {
            let bytecode = String::from_utf8_lossy(record).contains("__pycache__/");
            record.starts_with(b"! ") && !bytecode
        });
        let status = parse_status(&bytes);
        let bytecode_only = status.untracked.iter().all(|path| path.contains("__pycache__/"));
        Ok(status.changed.is_empty() && bytecode_only && !ignored_file_is_there)
    }

    /// What is at `path`, where a worktree of `commit` should be.
    pub async fn worktree_state(&self, commit: &Commit, path: &Path) -> Result<WorktreeState, GitError> {
        if path.symlink_metadata().is_err() {
            return Ok(WorktreeState::Absent);
        }
        if !self.worktree_is_pristine(path).await? {
            return Ok(WorktreeState::Spoilt);
        }
        let own = Self { root: PathBuf::from(path), programs: Vec::new() };
        let ours = own.common_dir().await? == self.common_dir().await?;
        let at_commit = own.head().await?.is_some_and(|head| head.hash == commit.hash);
        Ok(if ours && at_commit { WorktreeState::Pristine } else { WorktreeState::Spoilt })
    }
}
