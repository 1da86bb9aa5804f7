//! `lamp init`: a workspace in a new or an existing repository. Never overwrites a file unasked.

use std::path::{Path, PathBuf};

use lamp_core::config::RootConfig;
use lamp_core::error::{Classified, Kind};
use lamp_core::hooks::{self, ConfigPlan};
use lamp_core::workflow::{WORKFLOW_FILE, workflow};

use crate::data::lockfile::write_atomically;
use crate::parts::PartError;
use crate::workspace::CONFIG_FILE;

/// Project folders of a workspace that starts here.
const MEMBERS: &str = "projects/*";
/// Lines that git is told to ignore.
const IGNORED: &[&str] = &[".lamp/", "__pycache__/", "*.pyc"];

/// Why a workspace was not made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Not a directory.
    #[error("`{}` is not a folder", .0.display())]
    NotAFolder(PathBuf),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

impl Classified for InitError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotAFolder(_) => Kind::Invalid,
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotAFolder(_) => None,
            Self::Part(e) => e.hint(),
        }
    }
}

/// What `lamp init` wants to do to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a file that is not there.
    Create {
        /// Relative to the root.
        path: String,
        /// Its text.
        text: String,
    },
    /// Add lines at the end of a file.
    Append {
        /// Relative to the root.
        path: String,
        /// The lines.
        lines: Vec<String>,
    },
    /// Replace our own lines in a file; all others stay.
    Renew {
        /// Relative to the root.
        path: String,
        /// The whole text afterwards.
        text: String,
    },
    /// A file that is there and stays as it is.
    Keep {
        /// Relative to the root.
        path: String,
        /// What it would need to have and does not.
        lacks: Vec<String>,
    },
}

impl Step {
    /// Whether nothing would be done, and nothing said.
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Keep { lacks, .. } => lacks.is_empty(),
            Self::Create { .. } | Self::Append { .. } | Self::Renew { .. } => false,
        }
    }
}

/// Looks at a folder and says what would be done. Nothing is written.
pub fn plan(root: &Path, time_zone: &str, with_project: Option<&str>) -> Result<Vec<Step>, InitError> {
    if !root.is_dir() {
        return Err(InitError::NotAFolder(root.to_owned()));
    }
    let mut steps = vec![create_or_keep(root, CONFIG_FILE, root_config(time_zone))];
    if let Some(project) = with_project {
        let dir = format!("projects/{project}");
        steps.push(create_or_keep(root, &format!("{dir}/lamp.toml"), project_config(project)));
    }
    steps.push(ignore_step(root)?);
    steps.push(hooks_step(root)?);
    steps.push(create_or_keep(root, WORKFLOW_FILE, workflow(env!("CARGO_PKG_VERSION"))));
    Ok(steps)
}

/// Carries the steps out, in order.
pub fn carry_out(root: &Path, steps: &[Step]) -> Result<(), InitError> {
    for step in steps {
        match step {
            Step::Keep { .. } => {}
            Step::Create { path, text } => {
                let target = root.join(path);
                let folder = target.parent().unwrap_or(root);
                std::fs::create_dir_all(folder).map_err(PartError::file("create", folder))?;
                // It was not there when the steps were planned; if it is there now, it wins.
                if !target.exists() {
                    write_atomically(&target, text.as_bytes())?;
                }
            }
            Step::Renew { path, text } => write_atomically(&root.join(path), text.as_bytes())?,
            Step::Append { path, lines } => {
                let target = root.join(path);
                let mut text = read_or_empty(&target)?;
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                for line in lines {
                    text.push_str(line);
                    text.push('\n');
                }
                write_atomically(&target, text.as_bytes())?;
            }
        }
    }
    Ok(())
}

fn create_or_keep(root: &Path, path: &str, text: String) -> Step {
    let path = path.to_owned();
    if root.join(&path).exists() { keep(path) } else { Step::Create { path, text } }
}

fn keep(path: String) -> Step {
    Step::Keep { path, lacks: Vec::new() }
}

/// The hooks' file. A team's own is never written to: it says what it lacks.
fn hooks_step(root: &Path) -> Result<Step, InitError> {
    let path = hooks::CONFIG_FILE.to_owned();
    let existing = read_or_empty(&root.join(&path))?;
    let step = match hooks::plan(Some(&existing), &members(root)) {
        ConfigPlan::Create(text) if root.join(&path).exists() => Step::Renew { path, text },
        ConfigPlan::Create(text) => Step::Create { path, text },
        ConfigPlan::Keep => keep(path),
        ConfigPlan::Renew(text) => Step::Renew { path, text },
        ConfigPlan::Theirs { missing } => {
            Step::Keep { path, lacks: missing.into_iter().map(|id| format!("hook {id}")).collect() }
        }
    };
    Ok(step)
}

/// The globs of project folders: those of the `lamp.toml` that is there, if it can be read.
fn members(root: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(root.join(CONFIG_FILE)).unwrap_or_default();
    RootConfig::parse(&text, CONFIG_FILE).map_or_else(|_| vec![MEMBERS.to_owned()], |config| config.members)
}

fn ignore_step(root: &Path) -> Result<Step, InitError> {
    let path = ".gitignore".to_owned();
    let text = read_or_empty(&root.join(&path))?;
    let is_there = |wanted: &str| text.lines().any(|line| line.trim() == wanted || line.trim() == format!("/{wanted}"));
    let lines: Vec<String> = IGNORED.iter().filter(|line| !is_there(line)).map(|line| (*line).to_owned()).collect();
    Ok(if lines.is_empty() { keep(path) } else { Step::Append { path, lines } })
}

fn read_or_empty(path: &Path) -> Result<String, PartError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(PartError::file("read", path)(error)),
    }
}

fn root_config(time_zone: &str) -> String {
    format!(
        r#"# Lamplighter's configuration of this repository. Unknown keys are errors.

[workspace]
members   = ["projects/*"]              # folders with a lamp.toml of their own
ledger    = "sqlite:.lamp/ledger.db"    # or postgres://user@host/database
store     = ".lamp/store"               # or s3://bucket/prefix
time_zone = "{time_zone}"               # of days, duties and schedules
"#
    )
}

fn project_config(name: &str) -> String {
    format!(
        r#"# Project `{name}`: cleaning, features, training and serving of one problem.

[project]
name = "{name}"
# environment = "requirements.lock"     # a pip lock with hashes: uv pip compile --generate-hashes

# [datasets.events]
# source    = "data/events/*.parquet"   # files named by day: 2026-01-31.parquet
# partition = {{ column = "at", by = "day" }}
# contract  = "contracts/events.odcs.yaml"

# [models.{name}]
# task   = "binary"                     # binary | multiclass | regression
# train  = "python -m {name}.train"
# serve  = "{name}.serve:Predictor"     # or onnx = "model.onnx"; or upstream = "http://…"
# data   = {{ train = "events[..-1month]", valid = "events[-1month..]" }}
# target = {{ sql = "label = 1" }}
# gate   = {{ metric = "roc_auc", goal = "max", min = 0.6 }}

# [services.{name}]
# primary  = "{name}"
# deadline = "100ms"
"#
    )
}
