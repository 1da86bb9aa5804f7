//! Other people's code: git, worktrees, Python environments, child processes, the run protocol.
//!
//! A run goes: resolve a commit ([`git`]) → refuse a dirty tree ([`dirty`]) → check the commit
//! out into a detached worktree → build or reuse the locked environment ([`environment`]) →
//! write the request ([`protocol`], [`run_folder`]) → start the command behind a shim
//! ([`launch`], [`shim`]) → wait, then read what it wrote.
//!
//! The shim is a process of its own, in a session of its own: it outlives the one that started
//! it, and everything it knows is in the run folder.

mod atomic;
pub mod dirty;
pub mod environment;
mod file_lock;
pub mod git;
pub mod launch;
pub mod onnxruntime;
mod process;
pub mod protocol;
pub mod run_folder;
pub mod sdk;
pub mod shim;
pub mod variables;

/// Where progress lines go, for people: one short line at a time.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);
