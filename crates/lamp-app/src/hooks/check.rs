//! `lamp hooks check`: what no other hook looks for.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use lamp_core::config::Workspace;
use lamp_core::contract::{self, Severity};
use lamp_core::error::Classified as _;
use lamp_core::hooks::{HEAD_BYTES, outputs_left, sniff};
use lamp_core::human;
use lamp_core::lock::{LOCK_FILE, LockFile};
use serde::Serialize;

use super::{Hooks, HooksError, python};
use crate::parts::PartError;
use crate::workspace::{self, CONFIG_FILE};

/// Largest file in a format of data that may be in git: a test's few rows are welcome.
const DATA_BYTES_MAX: u64 = 100 * 1024;
/// Largest text that is looked into. Above: it is said, and not looked into.
const TEXT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Something that must not be committed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file, relative to the workspace's root where it lies in it.
    pub path: String,
    /// Line and column, from 1, where there is one.
    pub place: Option<(usize, usize)>,
    /// The rule: `python`, `notebook`, `data`, `dataset` or `config`.
    pub rule: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// What was looked at.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Checked {
    /// Number of files.
    pub files: usize,
    /// What must not be committed, by path.
    pub findings: Vec<Finding>,
}

/// A dataset's files, as a pattern of paths from the workspace's root.
struct Declared {
    dataset: String,
    glob: globset::GlobMatcher,
}

impl Hooks {
    /// Looks at `files` (all that git tracks, if none are named). Folders and files that are not there are
    /// passed over.
    pub async fn check(&self, files: &[PathBuf]) -> Result<Checked, HooksError> {
        let files = if files.is_empty() { self.tracked_files().await? } else { files.to_vec() };
        let mut checked = Checked::default();
        let mut findings = BTreeSet::new();
        let workspace = match workspace::load(&self.root) {
            Ok(workspace) => Some(workspace),
            Err(error) => {
                findings.insert(broken_config(&error.to_string(), error.hint()));
                None
            }
        };
        let declared = workspace.as_ref().map(declared).unwrap_or_default();
        for file in files {
            let path = std::path::absolute(&file).map_err(PartError::file("find", &file))?;
            // Git knows the link, not what it points to.
            let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
            if !is_file {
                continue;
            }
            checked.files += 1;
            let label = self.label(&path);
            findings.extend(judge(&path, &label, &declared).map_err(PartError::file("read", &path))?);
        }
        checked.findings = findings.into_iter().collect();
        Ok(checked)
    }

    async fn tracked_files(&self) -> Result<Vec<PathBuf>, HooksError> {
        let paths = self.repo.tracked().await.map_err(PartError::from)?;
        Ok(paths.iter().map(|path| self.repo.root().join(path)).collect())
    }

    fn label(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.root).or_else(|_| path.strip_prefix(self.repo.root()));
        inside.unwrap_or(path).to_string_lossy().into_owned()
    }
}

fn broken_config(message: &str, hint: Option<String>) -> Finding {
    // `projects/delay/lamp.toml:5:1: unknown key …`
    let mut parts = message.splitn(4, ':');
    let mut place = || {
        let (path, line, column, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some((path.to_owned(), (line.parse().ok()?, column.parse().ok()?), rest.trim().to_owned()))
    };
    let (path, place, message) = match place() {
        Some((path, place, message)) => (path, Some(place), message),
        None => (CONFIG_FILE.to_owned(), None, message.to_owned()),
    };
    Finding { path, place, rule: "config", message, hint }
}

fn declared(workspace: &Workspace) -> Vec<Declared> {
    let mut found = Vec::new();
    for project in workspace.projects.values() {
        for (name, dataset) in &project.datasets {
            let pattern = dataset.source().and_then(|source| project.path_in_workspace(source));
            let glob =
                pattern.and_then(|pattern| globset::GlobBuilder::new(&pattern).literal_separator(true).build().ok());
            found.extend(glob.map(|glob| Declared { dataset: name.to_string(), glob: glob.compile_matcher() }));
        }
    }
    found
}

fn judge(path: &Path, label: &str, declared: &[Declared]) -> io::Result<Vec<Finding>> {
    let finding = |rule, place, message: String, hint: Option<String>| Finding {
        path: label.to_owned(),
        place,
        rule,
        message,
        hint,
    };
    if let Some(owner) = declared.iter().find(|one| one.glob.is_match(label)) {
        let dataset = &owner.dataset;
        let message = format!("it is a file of dataset `{dataset}`: its versions live in the store, not in git");
        let hint = format!("git rm --cached {label} && lamp data add {dataset}");
        return Ok(vec![finding("dataset", None, message, Some(hint))]);
    }
    let bytes = path.metadata()?.len();
    let mut head = [0; HEAD_BYTES];
    let read = File::open(path)?.take(HEAD_BYTES as u64).read(&mut head)?;
    if let Some(format) = sniff(&head[..read]) {
        let is_large = bytes > DATA_BYTES_MAX;
        let message = format!("{} of data ({format}) in git", human::bytes(bytes));
        let hint = "declare a dataset in lamp.toml, ignore the file in git, and: lamp data add NAME".to_owned();
        return Ok(is_large.then(|| finding("data", None, message, Some(hint))).into_iter().collect());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let ends_with = |ending: &str| name.ends_with(ending);
    let is_looked_into =
        ends_with(".py") || ends_with(".pyi") || ends_with(".ipynb") || ends_with(".odcs.yaml") || label == LOCK_FILE;
    if !is_looked_into {
        return Ok(Vec::new());
    }
    if bytes > TEXT_BYTES_MAX {
        let message = format!("{} are too many to look into", human::bytes(bytes));
        return Ok(vec![finding("config", None, message, None)]);
    }
    let content = std::fs::read(path)?;
    let text = String::from_utf8_lossy(&content);
    let found = if ends_with(".py") || ends_with(".pyi") {
        let error = python::first_error(&content);
        error.map(|error| {
            let place = Some((error.line, error.column));
            finding("python", place, format!("it does not parse: {}", error.message), None)
        })
    } else if ends_with(".ipynb") {
        match outputs_left(&text) {
            Ok(0) => None,
            Ok(cells) => {
                let word = if cells == 1 { "cell" } else { "cells" };
                let hint = format!("nbstripout {label}");
                Some(finding("notebook", None, format!("{cells} {word} kept what a run left behind"), Some(hint)))
            }
            Err(error) => Some(finding("notebook", None, error.to_string(), None)),
        }
    } else if label == LOCK_FILE {
        LockFile::parse(&text, LOCK_FILE).err().map(|error| broken_config(&error.to_string(), error.hint()))
    } else {
        let lints = contract::lint(&text, label);
        lints.into_iter().find(|lint| lint.severity == Severity::Error).map(|lint| {
            let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            finding("config", Some((at(lint.line), at(lint.column))), lint.message, lint.hint)
        })
    };
    Ok(found.into_iter().collect())
}
