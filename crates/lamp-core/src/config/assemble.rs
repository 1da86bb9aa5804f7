//! What the files of a workspace must say about one another.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::circles::find_circle;
use super::duty::Duties;
use super::error::ConfigError;
use super::model::{ModelConfig, ROLE_TRAIN, ROLE_VALID, Serve};
use super::overlap::{Overlap, overlap};
use super::project::ProjectConfig;
use super::reader::Document;
use super::root::RootConfig;
use super::service::ServiceConfig;
use super::words;
use super::workspace::Workspace;
use crate::names::{DatasetName, ModelName, ProjectName, RotaName, ServiceName};
use crate::partition::{DatasetSlice, PartitionRange};

impl Workspace {
    /// Puts the parsed files together, or says where they do not fit.
    pub fn assemble(root: RootConfig, projects: Vec<ProjectConfig>) -> Result<Self, ConfigError> {
        // Until names are unique, look-ups by name would miss what was named twice.
        ConfigError::from_problems(find_duplicates(&projects))?;
        let projects = projects.into_iter().map(|project| (project.name.clone(), project)).collect();
        let workspace = Self { root, projects };
        let mut problems = Vec::new();
        workspace.check_uses(&mut problems);
        workspace.check_datasets(&mut problems);
        workspace.check_models(&mut problems);
        workspace.check_services(&mut problems);
        workspace.check_people(&mut problems);
        ConfigError::from_problems(problems)?;
        Ok(workspace)
    }

    fn check_uses(&self, problems: &mut Vec<ConfigError>) {
        for project in self.projects.values() {
            for (index, used) in project.uses.iter().enumerate() {
                if self.project(used).is_none() {
                    let hint = words::suggest("projects", used.as_str(), self.projects.keys().map(ProjectName::as_str));
                    let path = format!("project.uses.{index}");
                    problems.push(project.document.problem(&path, format!("there is no project `{used}`"), Some(hint)));
                }
            }
        }
        let edges = self.projects.iter().map(|(name, project)| (name, project.uses.iter().collect())).collect();
        if let Some(circle) = find_circle(&edges)
            && let Some(project) = self.project(circle[0])
        {
            let message = format!("projects use one another in a circle: {}", arrows(&circle));
            let hint = "move what both need into a project of its own".to_owned();
            problems.push(project.document.problem("project.uses", message, Some(hint)));
        }
    }

    fn check_datasets(&self, problems: &mut Vec<ConfigError>) {
        let mut edges = BTreeMap::new();
        for project in self.projects.values() {
            for (name, dataset) in &project.datasets {
                edges.insert(name, dataset.inputs().iter().collect());
                for (index, input) in dataset.inputs().iter().enumerate() {
                    let path = format!("datasets.{name}.inputs.{index}");
                    problems.extend(self.missing_dataset(&project.document, &path, input));
                    if dataset.inputs()[..index].contains(input) {
                        let message = format!("input `{input}` is listed twice");
                        problems.push(project.document.problem(&path, message, None));
                    }
                }
            }
        }
        if let Some(circle) = find_circle(&edges)
            && let Some((project, _)) = self.dataset(circle[0])
        {
            let message = format!("datasets are built from one another in a circle: {}", arrows(&circle));
            let path = format!("datasets.{}.inputs", circle[0]);
            problems.push(project.document.problem(&path, message, None));
        }
    }

    fn missing_dataset(&self, document: &Document, path: &str, name: &DatasetName) -> Option<ConfigError> {
        if self.has_dataset(name) {
            return None;
        }
        let known = self.projects.values().flat_map(|project| project.datasets.keys()).map(DatasetName::as_str);
        let hint = words::suggest("datasets", name.as_str(), known);
        Some(document.problem(path, format!("there is no dataset `{name}`"), Some(hint)))
    }

    /// Whether a dataset is configured, or is the prediction log of a service that is.
    fn has_dataset(&self, name: &DatasetName) -> bool {
        let service = name.as_str().strip_prefix("predictions/").and_then(|service| ServiceName::parse(service).ok());
        self.dataset(name).is_some() || service.is_some_and(|service| self.service(&service).is_some())
    }

    fn check_models(&self, problems: &mut Vec<ConfigError>) {
        for project in self.projects.values() {
            for (name, model) in &project.models {
                for (role, slice) in &model.data {
                    let path = format!("models.{name}.data.{role}");
                    problems.extend(self.missing_dataset(&project.document, &path, &slice.dataset));
                    problems.extend(self.range_without_partitions(&project.document, &path, slice));
                }
                problems.extend(overlapping_data(&project.document, &format!("models.{name}.data"), model));
            }
            for name in project.cadence.keys().filter(|name| !project.models.contains_key(*name)) {
                let hint = words::suggest("models", name.as_str(), project.models.keys().map(ModelName::as_str));
                let message = format!("project `{}` has no model `{name}`", project.name);
                problems.push(project.document.problem(&format!("cadence.{name}"), message, Some(hint)));
            }
        }
    }

    fn range_without_partitions(&self, document: &Document, path: &str, slice: &DatasetSlice) -> Option<ConfigError> {
        let (_, dataset) = self.dataset(&slice.dataset)?;
        if dataset.partition.is_some() || slice.range == PartitionRange::all() {
            return None;
        }
        let message = format!("`{slice}` is a range, but `{}` has no partitions", slice.dataset);
        let hint = format!("add `partition = {{ column = \"…\", by = \"day\" }}` to [datasets.{}]", slice.dataset);
        Some(document.problem(path, message, Some(hint)))
    }

    fn check_services(&self, problems: &mut Vec<ConfigError>) {
        for project in self.projects.values() {
            for (name, service) in &project.services {
                self.check_service(&project.document, &format!("services.{name}"), service, problems);
            }
        }
    }

    fn check_service(&self, document: &Document, path: &str, service: &ServiceConfig, problems: &mut Vec<ConfigError>) {
        let mut primary_task = None;
        for (role, name) in service.models() {
            let path = format!("{path}.{role}");
            let Some((_, model)) = self.model(name) else {
                let known = self.projects.values().flat_map(|project| project.models.keys()).map(ModelName::as_str);
                let hint = words::suggest("models", name.as_str(), known);
                problems.push(document.problem(&path, format!("there is no model `{name}`"), Some(hint)));
                continue;
            };
            let task = *primary_task.get_or_insert(model.task);
            if task != model.task {
                let message = format!("`{name}` is a {} model and cannot stand behind a {task} one", model.task);
                let hint = "the primary and the shadow of a service predict the same thing".to_owned();
                problems.push(document.problem(&path, message, Some(hint)));
            }
            let attested = match &model.serve {
                Serve::Python(_) | Serve::Onnx(_) => true,
                Serve::Upstream(_) => false,
            };
            if !attested && !service.unattested {
                let message = format!("`{name}` is an upstream, which no commit of this workspace stands behind");
                let hint = "add `unattested = true` to the service if it may answer all the same".to_owned();
                problems.push(document.problem(&path, message, Some(hint)));
            }
        }
    }

    fn check_people(&self, problems: &mut Vec<ConfigError>) {
        let of_projects = self.projects.values().map(|project| (&project.document, &project.duties));
        let of_root: (&Document, &Duties) = (&self.root.document, &self.root.duties);
        for (document, duties) in of_projects.chain([of_root]) {
            for (duty, rota) in duties.rotas().filter(|(_, rota)| !self.root.rotas.contains_key(*rota)) {
                let known = self.root.rotas.keys().map(RotaName::as_str);
                let hint = if self.root.rotas.is_empty() {
                    format!("add [rota.{rota}] with its `people` to the lamp.toml at the root")
                } else {
                    words::suggest("rotas", rota.as_str(), known)
                };
                let path = format!("duties.{duty}.rota");
                problems.push(document.problem(&path, format!("there is no rota `{rota}`"), Some(hint)));
            }
        }
    }
}

fn overlapping_data(document: &Document, path: &str, model: &ModelConfig) -> Option<ConfigError> {
    let train = model.data.get(ROLE_TRAIN)?;
    let valid = model.data.get(ROLE_VALID)?;
    if train.dataset != valid.dataset {
        return None;
    }
    let when = match overlap(&train.range, &valid.range) {
        Overlap::Never | Overlap::Undecided => return None,
        Overlap::Always => String::new(),
        Overlap::On(as_of) => format!(" in a run as of {as_of}, for example: months differ in length"),
    };
    let message = format!("training data `{train}` and validation data `{valid}` overlap{when}");
    let hint = "`..` leaves its right end out, `..=` takes it in: write for example `[..-1month]` and `[-1month..]`";
    Some(document.problem(&format!("{path}.{ROLE_VALID}"), message, Some(hint.to_owned())))
}

fn arrows<N: Display>(names: &[&N]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ")
}

/// Names, and folders, that more than one place claims.
fn find_duplicates(projects: &[ProjectConfig]) -> Vec<ConfigError> {
    let mut first_places: BTreeMap<(&str, String), String> = BTreeMap::new();
    let mut problems = Vec::new();
    for project in projects {
        let document = &project.document;
        let mut claim = |what: &'static str, name: String, path: String| {
            if let Some(first) = first_places.get(&(what, name.clone())) {
                let message = format!("{what} `{name}` exists already, in {first}");
                let hint = format!("names are unique in the whole workspace: rename one {what}");
                problems.push(document.problem(&path, message, Some(hint)));
            } else {
                first_places.insert((what, name), document.place_text(&path));
            }
        };
        claim("project", project.name.to_string(), "project.name".to_owned());
        claim("folder", project.dir.clone(), "project".to_owned());
        project.datasets.keys().for_each(|name| claim("dataset", name.to_string(), format!("datasets.{name}")));
        project.models.keys().for_each(|name| claim("model", name.to_string(), format!("models.{name}")));
        project.services.keys().for_each(|name| claim("service", name.to_string(), format!("services.{name}")));
    }
    problems
}
