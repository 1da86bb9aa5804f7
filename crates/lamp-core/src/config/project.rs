//! A project's `lamp.toml`.

use std::collections::BTreeMap;

use super::dataset::DatasetConfig;
use super::duty::{Cadence, Duties};
use super::error::ConfigError;
use super::model::ModelConfig;
use super::reader::{self, Document, Located, Table};
use super::rules::{self, Refusal};
use super::service::ServiceConfig;
use crate::error::Classified;
use crate::names::{DatasetName, ModelName, ProjectName, ServiceName};

/// What a project's commands run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Environment {
    /// A Python environment built from a hashed pip lock: its path, relative to the project's folder.
    PipLock(String),
    /// Nothing of its own: whatever the machine has.
    None,
}

/// Whatever else the product needs, run by `lamp test`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestConfig {
    /// The command, run with `sh -c` in the project's folder; it fails by a non-zero exit.
    pub command: String,
}

/// A project as configured. Cross-references hold once it is part of a [`super::Workspace`].
#[derive(Debug, Clone)]
pub struct ProjectConfig {
    /// Its name.
    pub name: ProjectName,
    /// Its folder, relative to the root, `/` between the parts, without a trailing slash.
    pub dir: String,
    /// What its commands run in.
    pub environment: Environment,
    /// Projects whose code it imports, as written.
    pub uses: Vec<ProjectName>,
    /// Environment variables let through to its commands.
    pub env_pass: Vec<String>,
    /// Its datasets.
    pub datasets: BTreeMap<DatasetName, DatasetConfig>,
    /// Its models.
    pub models: BTreeMap<ModelName, ModelConfig>,
    /// Its services.
    pub services: BTreeMap<ServiceName, ServiceConfig>,
    /// How often its models are trained again.
    pub cadence: BTreeMap<ModelName, Cadence>,
    /// Its duties, as written here; [`super::Workspace::duties_of`] adds the root's.
    pub duties: Duties,
    /// Its own tests, by name.
    pub tests: BTreeMap<String, TestConfig>,
    pub(crate) document: Document,
}

impl ProjectConfig {
    /// Parses a project's `lamp.toml`. `file` labels it in errors; `dir` is the project's folder, relative to the
    /// root.
    pub fn parse(text: &str, file: &str, dir: &str) -> Result<Self, ConfigError> {
        let dir = rules::normal_path("", dir).unwrap_or_else(|| dir.to_owned());
        let (parsed, document) = reader::read(text, file, |table| read_project(table, &dir))?;
        Ok(Self { dir, document, ..parsed })
    }

    /// Where something is configured, by its path in the file (`models.delay`): the file, and the line from 1.
    pub fn place_of(&self, path: &str) -> (String, usize) {
        let at = self.document.problem(path, "", None);
        (at.file, at.line)
    }

    /// A path that this project names (a contract, a lock), relative to the root, in normal form; none if it leads
    /// out of the workspace.
    pub fn path_in_workspace(&self, path: &str) -> Option<String> {
        rules::normal_path(&self.dir, path)
    }
}

fn read_project(file: &Table<'_>, dir: &str) -> Option<ProjectConfig> {
    for key in ["workspace", "rota", "notify", "checks"] {
        file.refuse(
            key,
            &format!("`{key}` does not belong in a project's file"),
            "put it into the lamp.toml at the root",
        );
    }
    let datasets = file.tables("datasets").into_iter().filter_map(|(name, table)| {
        let parsed = read_dataset_name(&table, &name);
        let dataset = DatasetConfig::read(&table, dir);
        Some((parsed?, dataset?))
    });
    let datasets = datasets.collect();
    let models = named(file, "models", ModelName::parse, ModelConfig::read);
    let services = named(file, "services", ServiceName::parse, ServiceConfig::read);
    let cadence = named(file, "cadence", ModelName::parse, Cadence::read);
    let tests = named(file, "tests", |name| rules::word("test", name), TestConfig::read);
    let duties = file.table("duties").map(|table| Duties::read(&table)).unwrap_or_default();
    let Some(project) = file.table("project") else {
        if !file.has("project") {
            file.missing("project", "[project]");
        }
        return None;
    };
    let name = project.required_text("name", "name = \"delay\"");
    let name = name.and_then(|name| project.accept(&name.span, ProjectName::parse(name.value)));
    let environment = project.parsed("environment", |text| Environment::parse(dir, text));
    let environment = environment.unwrap_or(Environment::None);
    let uses =
        project.texts("uses").into_iter().filter_map(|used| project.accept(&used.span, ProjectName::parse(used.value)));
    let uses = uses.collect();
    let env_pass = project.texts("env_pass").into_iter();
    let env_pass = env_pass.filter_map(|name| project.accept(&name.span, rules::variable(name.value))).collect();
    project.report_unknown_keys();
    Some(ProjectConfig {
        name: name?,
        dir: String::new(),
        environment,
        uses,
        env_pass,
        datasets,
        models,
        services,
        cadence,
        duties,
        tests,
        document: Document::default(),
    })
}

/// The tables below `key`, each with its name and content parsed; what is bad has been reported and is left out.
fn named<N: Ord, T, E: Classified>(
    file: &Table<'_>,
    key: &str,
    parse_name: impl Fn(&str) -> Result<N, E>,
    read: impl Fn(&Table<'_>) -> Option<T>,
) -> BTreeMap<N, T> {
    let read_one = |(name, table): (Located<&str>, Table<'_>)| {
        let parsed = table.accept(&name.span, parse_name(name.value));
        let content = read(&table);
        Some((parsed?, content?))
    };
    file.tables(key).into_iter().filter_map(read_one).collect()
}

fn read_dataset_name(table: &Table<'_>, name: &Located<&str>) -> Option<DatasetName> {
    let parsed = table.accept(&name.span, DatasetName::parse(name.value))?;
    if parsed.as_str().contains('/') {
        let hint = "remove it: the log of each service is a dataset already".to_owned();
        table.problem(&name.span, format!("`{parsed}` cannot be configured"), Some(hint));
        return None;
    }
    Some(parsed)
}

impl Environment {
    fn parse(dir: &str, text: &str) -> Result<Self, Refusal> {
        if text == "none" {
            return Ok(Self::None);
        }
        if text.ends_with("uv.lock") {
            let hint = "write a hashed pip lock with `uv export --format requirements-txt -o requirements.lock`";
            return Err(Refusal::new("`uv.lock` cannot be installed by pip", hint));
        }
        rules::committed_file(dir, text).map(Self::PipLock)
    }
}

impl TestConfig {
    fn read(table: &Table<'_>) -> Option<Self> {
        let command = table.required_text("command", "command = \"python -m pytest\"");
        let command = command.and_then(|text| table.accept(&text.span, rules::not_empty("test command", text.value)));
        table.report_unknown_keys();
        Some(Self { command: command? })
    }
}
