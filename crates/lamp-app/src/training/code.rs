//! Which commit a run is of.

use std::path::PathBuf;

use lamp_core::config::{ProjectConfig, Workspace};
use lamp_core::ids::RunId;
use lamp_core::run::CodeOrigin;
use lamp_runner::dirty::{Scope, require_clean};
use lamp_runner::git::Commit;

use super::RunError;
use crate::app::App;
use crate::workspace;

/// Which code to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeChoice {
    /// The commit that is checked out; the tree must match it.
    Head,
    /// A commit, whatever the working tree looks like.
    Rev(String),
    /// A commit of the working tree, made on a side ref.
    Wip,
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
            CodeChoice::Head => {
                let status = self.repo().status().await?;
                require_clean(&status, &self.scope_of(project))?;
                (self.repo().resolve("HEAD").await?, CodeOrigin::Committed)
            }
            CodeChoice::Rev(rev) => (self.repo().resolve(rev).await?, CodeOrigin::Committed),
            CodeChoice::Wip => {
                let message = format!("work in progress of run {run}");
                // Naming a path that git ignores anyway makes `git add` fail.
                let untracked = self.repo().status().await?.untracked;
                let is_seen_by_git = untracked.iter().any(|path| path.starts_with(".lamp/"));
                let exclude: &[&str] = if is_seen_by_git { &[".lamp"] } else { &[] };
                (self.repo().commit_wip(run, &message, exclude).await?, CodeOrigin::Wip)
            }
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

    /// What may not be dirty: the project's folder and those of the projects that it uses. A
    /// project that the working tree does not know puts every project in scope.
    fn scope_of(&self, project: Option<&ProjectConfig>) -> Scope {
        let dirs: Vec<String> = match project {
            Some(project) => {
                self.workspace().projects_used_by(&project.name).iter().map(|used| used.dir.clone()).collect()
            }
            None => self.workspace().projects.values().map(|project| project.dir.clone()).collect(),
        };
        Scope::new(dirs)
    }
}
