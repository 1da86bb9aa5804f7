//! The whole configuration, checked, and the look-ups that the rest of Lamplighter needs.

use std::collections::BTreeMap;

use super::dataset::DatasetConfig;
use super::duty::Duties;
use super::model::ModelConfig;
use super::project::ProjectConfig;
use super::root::RootConfig;
use super::service::ServiceConfig;
use crate::names::{DatasetName, ModelName, ProjectName, ServiceName};

/// A workspace whose files agree with one another: names are unique, references hold, nothing goes in circles.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The root's settings.
    pub root: RootConfig,
    /// The projects, by name.
    pub projects: BTreeMap<ProjectName, ProjectConfig>,
}

impl Workspace {
    /// Finds a project.
    pub fn project(&self, name: &ProjectName) -> Option<&ProjectConfig> {
        self.projects.get(name)
    }

    /// Finds a dataset and the project that it belongs to.
    pub fn dataset(&self, name: &DatasetName) -> Option<(&ProjectConfig, &DatasetConfig)> {
        self.projects.values().find_map(|project| Some((project, project.datasets.get(name)?)))
    }

    /// Finds a model and the project that it belongs to.
    pub fn model(&self, name: &ModelName) -> Option<(&ProjectConfig, &ModelConfig)> {
        self.projects.values().find_map(|project| Some((project, project.models.get(name)?)))
    }

    /// Finds a service and the project that it belongs to.
    pub fn service(&self, name: &ServiceName) -> Option<(&ProjectConfig, &ServiceConfig)> {
        self.projects.values().find_map(|project| Some((project, project.services.get(name)?)))
    }

    /// The project and all that it uses, transitively: itself first, then in the order written, each once. The
    /// order of `PYTHONPATH`. Empty when there is no such project.
    pub fn projects_used_by(&self, name: &ProjectName) -> Vec<&ProjectConfig> {
        let mut found: Vec<&ProjectConfig> = self.project(name).into_iter().collect();
        let mut next = 0;
        while let Some(project) = found.get(next).copied() {
            for used in project.uses.iter().filter_map(|used| self.project(used)) {
                if !found.iter().any(|known| known.name == used.name) {
                    found.push(used);
                }
            }
            next += 1;
        }
        found
    }

    /// A project's duties: its own, and the root's where it says nothing.
    pub fn duties_of(&self, project: &ProjectConfig) -> Duties {
        let own = project.duties.clone();
        let root = self.root.duties.clone();
        Duties {
            labels: own.labels.or(root.labels),
            histograms: own.histograms.or(root.histograms),
            validate: own.validate.or(root.validate),
        }
    }

    /// Whether a project's models must be signed by another person than the one who asked for their training.
    /// What the root demands, no project can waive.
    pub fn reviewer_is_not_author(&self, project: &ProjectName) -> bool {
        let duties = [Some(&self.root.duties), self.project(project).map(|project| &project.duties)];
        duties
            .into_iter()
            .flatten()
            .filter_map(|duties| duties.validate.as_ref())
            .any(|duty| duty.reviewer_is_not_author)
    }
}
