//! Git by subprocess: commits, worktrees, refs and the state of the working tree.
//!
//! Git runs with a cleaned environment, so that all of this works the same from a hook, from
//! inside another worktree or from a cron job: variables that point at a repository are
//! removed, messages are in English, nothing prompts.

mod change;
mod command;
mod commit;
mod fetch;
mod query;
mod refs;
mod worktree;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lamp_core::error::{Classified, Kind};

pub use change::{TreeStatus, parse_status};
pub use refs::FileAtRefs;
pub use worktree::WorktreeState;

/// A git repository with a working tree.
#[derive(Debug, Clone)]
pub struct Repo {
    root: PathBuf,
    /// Folders of programs that hooks find before all others.
    programs: Vec<PathBuf>,
}

/// A commit and its tree, by full hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Commit {
    /// Full hash of the commit.
    pub hash: String,
    /// Full hash of its tree.
    pub tree: String,
}

impl Commit {
    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        self.hash.get(..12).unwrap_or(&self.hash)
    }
}

/// Who wrote a commit, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Full hash.
    pub hash: String,
    /// Author's name.
    pub author: String,
    /// Author's e-mail address.
    pub email: String,
    /// When it was committed.
    pub at: Timestamp,
    /// First line of the message.
    pub subject: String,
}

/// Why something with git failed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// No repository here or above.
    #[error("`{}` is not inside a git repository", .0.display())]
    NoRepository(PathBuf),
    /// A repository without a working tree.
    #[error("`{}` is a bare git repository, without a working tree", .0.display())]
    Bare(PathBuf),
    /// Git is not installed, or not on PATH.
    #[error("could not run git")]
    NoGit(#[source] std::io::Error),
    /// The repository belongs to somebody else, and git refuses to touch it.
    #[error("git refuses to use `{}`, which belongs to another user", .0.display())]
    NotTrusted(PathBuf),
    /// The revision names no commit.
    #[error("`{0}` names no commit of this repository")]
    NoCommit(String),
    /// The repository has no commit yet.
    #[error("this repository has no commit yet")]
    NoHead,
    /// Git does not know who commits.
    #[error("git does not know your name and e-mail address")]
    NoIdentity,
    /// Two revisions share no history that is here.
    #[error("`{base}` and HEAD have no common commit here")]
    NoMergeBase {
        /// The revision asked for.
        base: String,
    },
    /// Another git process holds the lock of the index or a ref.
    #[error("another git process is at work in this repository: {0}")]
    Locked(String),
    /// Git said no.
    #[error("`git {command}` failed: {message}")]
    Failed {
        /// The subcommand.
        command: String,
        /// The last lines it wrote to stderr.
        message: String,
    },
    /// Git answered in a way that we do not understand.
    #[error("`git {command}` gave an unexpected answer: {answer}")]
    Answer {
        /// The subcommand.
        command: String,
        /// The start of the answer.
        answer: String,
    },
    /// A file operation beside git failed.
    #[error("{action} `{}`", .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which path.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl Classified for GitError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoRepository(_) | Self::NoCommit(_) | Self::NoHead => Kind::NotFound,
            Self::Bare(_) | Self::NoIdentity | Self::NoMergeBase { .. } | Self::NotTrusted(_) => Kind::Invalid,
            Self::Locked(_) => Kind::Conflict,
            Self::NoGit(_) | Self::Failed { .. } | Self::Io { .. } => Kind::Unavailable,
            Self::Answer { .. } => Kind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoRepository(_) => "git init".to_owned(),
            Self::Bare(_) => "run this in a clone that has a working tree".to_owned(),
            Self::NoGit(_) => "install git and make sure that it is on PATH".to_owned(),
            Self::NotTrusted(path) => format!("git config --global --add safe.directory {}", path.display()),
            Self::NoCommit(_) => "git log --oneline lists the commits; git fetch brings missing ones".to_owned(),
            Self::NoHead => "git add -A && git commit -m 'first commit'".to_owned(),
            Self::NoIdentity => "git config user.email you@example.com && git config user.name 'Your Name'".to_owned(),
            Self::NoMergeBase { .. } => "git fetch --unshallow".to_owned(),
            Self::Locked(_) => "wait until it has finished, then try again".to_owned(),
            Self::Failed { .. } | Self::Answer { .. } | Self::Io { .. } => return None,
        };
        Some(hint)
    }
}

impl Repo {
    /// The root of the working tree, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The same repository; the user's hooks, where they run, find the programs in `folders` before those on
    /// PATH.
    #[must_use]
    pub fn with_programs(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.programs.extend(folders);
        self
    }
}
