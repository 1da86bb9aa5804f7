//! Which commit a run is of.

use std::path::PathBuf;

use lamp_core::config::{ProjectConfig, Workspace};
use lamp_core::ids::RunId;
use lamp_core::run::CodeOrigin;
use lamp_runner::dirty::{Scope, require_clean};
use lamp_runner::git::{Commit, GitError, Repo};
use serde::{Deserialize, Serialize};

use super::RunError;
use crate::app::App;
use crate::workspace;

/// Which code to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodeChoice {
    /// The commit that is checked out; the tree must match it.
    Head,
    /// A commit, whatever the working tree looks like.
    Rev(String),
    /// A commit of the working tree, made on a side ref.
    Wip,
    /// A commit, by its full hash, that somebody else has pushed: fetched if it is not here.
    Pushed(String),
}

/// A commit, checked out for one run, with the configuration that stands in it.
pub(crate) struct Code {
    pub commit: Commit,
    pub origin: CodeOrigin,
    pub worktree: PathBuf,
    pub workspace: Workspace,
}

impl App {
    /// Resolves the choice and checks the commit out. `project` is the working tree's view, which
    /// decides what may not be dirty.
    pub(crate) async fn check_out(
        &self,
        choice: &CodeChoice,
        project: Option<&ProjectConfig>,
        run: RunId,
    ) -> Result<Code, RunError> {
        let (commit, origin) = match choice {
            CodeChoice::Head => (clean_head(self.repo(), self.workspace(), project).await?, CodeOrigin::Committed),
            CodeChoice::Rev(rev) => (self.repo().resolve(rev).await?, CodeOrigin::Committed),
            CodeChoice::Wip => {
                let message = format!("work in progress of run {run}");
                // Naming a path that git ignores anyway makes `git add` fail.
                let untracked = self.repo().status().await?.untracked;
                let is_seen_by_git = untracked.iter().any(|path| path.starts_with(".lamp/"));
                let exclude: &[&str] = if is_seen_by_git { &[".lamp"] } else { &[] };
                (self.repo().commit_wip(run, &message, exclude).await?, CodeOrigin::Wip)
            }
            CodeChoice::Pushed(hash) => (self.pushed(hash).await?, CodeOrigin::Committed),
        };
        let worktree = self.layout().run_worktree(run);
        self.repo().worktree_add(&commit, &worktree).await?;
        match workspace::load(&worktree) {
            Ok(workspace) => Ok(Code { commit, origin, worktree, workspace }),
            Err(error) => {
                self.repo().worktree_remove(&worktree).await?;
                Err(error.into())
            }
        }
    }

    /// The commit of that hash, from the remote if need be.
    async fn pushed(&self, hash: &str) -> Result<Commit, RunError> {
        let not_pushed = || RunError::NotPushed { commit: hash.chars().take(HASH_MAX).collect() };
        if !is_full_hash(hash) {
            return Err(not_pushed());
        }
        match self.repo().resolve(hash).await {
            Ok(commit) => return Ok(commit),
            Err(GitError::NoCommit(_) | GitError::NoHead) => {}
            Err(error) => return Err(error.into()),
        }
        self.repo().fetch().await?;
        self.repo().resolve(hash).await.map_err(|error| match error {
            GitError::NoCommit(_) | GitError::NoHead => not_pushed(),
            other => other.into(),
        })
    }

    /// Brings the remote's branches up to date, where there is a remote and it answers; says whether it did.
    pub(crate) async fn fetch_what_was_pushed(&self) -> bool {
        self.repo().fetch().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot look for what was pushed");
            false
        })
    }
}

/// Digits of the longest hash that git knows.
const HASH_MAX: usize = 64;

/// No name, no range, no option: a whole hash.
fn is_full_hash(text: &str) -> bool {
    [40, HASH_MAX].contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The commit that is checked out, if what a run of `project` would see is as it says.
pub async fn clean_head(
    repo: &Repo,
    workspace: &Workspace,
    project: Option<&ProjectConfig>,
) -> Result<Commit, RunError> {
    require_clean(&repo.status().await?, &scope_of(workspace, project))?;
    Ok(repo.resolve("HEAD").await?)
}

/// What may not be dirty: the project's folder and those of the projects that it uses. A project that
/// the working tree does not know puts every project in scope.
fn scope_of(workspace: &Workspace, project: Option<&ProjectConfig>) -> Scope {
    let dirs: Vec<String> = match project {
        Some(project) => workspace.projects_used_by(&project.name).iter().map(|used| used.dir.clone()).collect(),
        None => workspace.projects.values().map(|project| project.dir.clone()).collect(),
    };
    Scope::new(dirs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_hash_is_asked_of_git() {
        assert!(is_full_hash(&"0a".repeat(20)) && is_full_hash(&"0a".repeat(32)));
        for other in ["", "HEAD", "0a0a0a0a", "--upload-pack=x", &"0A".repeat(20), &"0g".repeat(20), &"0".repeat(41)] {
            assert!(!is_full_hash(other), "{other}");
        }
    }
}
