//! The tip: the commit that this clone has checked out, with the configuration that stands in it. A cadence counts
//! once it is committed, like everything that trains a model.

use std::sync::Arc;

use lamp_core::cadence::periods::Periods;
use lamp_core::config::{Cadence, ProjectConfig, Workspace};
use lamp_core::names::ModelName;
use lamp_runner::git::Commit;

use super::CadenceError;
use crate::app::App;
use crate::workspace;

/// A commit and its configuration.
#[derive(Debug)]
pub struct Tip {
    /// The commit.
    pub commit: Commit,
    /// Its configuration.
    pub workspace: Workspace,
}

impl Tip {
    /// Every model that has a cadence, in order of projects and names.
    pub fn cadences(&self) -> impl Iterator<Item = (&ProjectConfig, &ModelName, &Cadence)> {
        let of_project = |project: &'_ ProjectConfig| project.cadence.len();
        self.workspace
            .projects
            .values()
            .filter(move |project| of_project(project) > 0)
            .flat_map(|project| project.cadence.iter().map(move |(model, cadence)| (project, model, cadence)))
    }

    /// The cadence of one model.
    pub fn cadence(&self, model: &ModelName) -> Option<&Cadence> {
        self.cadences().find(|(_, name, _)| *name == model).map(|(_, _, cadence)| cadence)
    }

    /// The periods of a cadence, in the zone of that commit.
    pub fn periods(&self, cadence: &Cadence) -> Periods {
        Periods::new(cadence.every, cadence.at, self.workspace.root.time_zone.clone())
    }
}

impl App {
    /// The tip; none before the first commit that has a configuration. Give back what was read before: it is read
    /// again only when the commit is another.
    pub async fn tip(&self, known: Option<Arc<Tip>>) -> Result<Option<Arc<Tip>>, CadenceError> {
        let Some(commit) = self.repo().head().await? else { return Ok(None) };
        if let Some(known) = known
            && known.commit.hash == commit.hash
        {
            return Ok(Some(known));
        }
        let Some(workspace) = workspace::load_at(self.repo(), &commit.hash).await? else { return Ok(None) };
        Ok(Some(Arc::new(Tip { commit, workspace })))
    }
}
