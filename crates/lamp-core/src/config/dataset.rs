//! `[datasets.*]`: a named series of versions, from files or from a build.

use super::reader::Table;
use super::rules;
use crate::names::DatasetName;
use crate::partition::{PartitionBy, Period};

/// Where a dataset's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Files that people or other systems bring: a glob, relative to the project's folder. An absolute
    /// glob is used as it is.
    Source(String),
    /// A command whose run, at a commit, makes the version from other datasets.
    Build {
        /// The command, run with `sh -c` in the project's folder.
        command: String,
        /// The datasets that it reads, in the order written.
        inputs: Vec<DatasetName>,
    },
}

/// A dataset as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetConfig {
    /// Files, or a build.
    pub origin: Origin,
    /// How it is cut into partitions.
    pub partition: Option<PartitionBy>,
    /// The contract (an ODCS file), relative to the project's folder.
    pub contract: Option<String>,
    /// The columns that together name a row.
    pub key: Vec<String>,
}

impl DatasetConfig {
    pub(super) fn read(table: &Table<'_>, dir: &str) -> Option<Self> {
        let origin = read_origin(table);
        let partition = table.table("partition").and_then(|partition| read_partition(&partition));
        let contract = table.parsed("contract", |text| rules::committed_file(dir, text));
        let key = read_key(table);
        table.report_unknown_keys();
        Some(Self { origin: origin?, partition, contract, key })
    }

    /// The source glob, if the dataset comes from files.
    pub fn source(&self) -> Option<&str> {
        match &self.origin {
            Origin::Source(glob) => Some(glob),
            Origin::Build { .. } => None,
        }
    }

    /// The build command, if the dataset is derived.
    pub fn build(&self) -> Option<&str> {
        match &self.origin {
            Origin::Source(_) => None,
            Origin::Build { command, .. } => Some(command),
        }
    }

    /// The datasets that it is derived from; none for one that comes from files.
    pub fn inputs(&self) -> &[DatasetName] {
        match &self.origin {
            Origin::Source(_) => &[],
            Origin::Build { inputs, .. } => inputs,
        }
    }
}

fn read_origin(table: &Table<'_>) -> Option<Origin> {
    let source = table.text("source");
    let build = table.text("build");
    let inputs = table.texts("inputs");
    if let (Some(_), Some(build)) = (&source, &build) {
        let hint = "keep `source` for files that are brought, `build` for a dataset that a command makes";
        table.problem(&build.span, "a dataset has a `source` or a `build`, not both", Some(hint.to_owned()));
        return None;
    }
    if let Some(command) = build {
        let checked = table.accept(&command.span, rules::not_empty("build command", command.value));
        let inputs = inputs.iter().filter_map(|name| table.accept(&name.span, DatasetName::parse(name.value)));
        let inputs = inputs.collect();
        return Some(Origin::Build { command: checked?, inputs });
    }
    if let Some(glob) = source {
        if let Some(input) = inputs.first() {
            let hint = "only a dataset with a `build` has inputs".to_owned();
            table.problem(&input.span, "a dataset with a `source` has no inputs", Some(hint));
        }
        table.accept(&glob.span, rules::glob(glob.value))?;
        return Some(Origin::Source(glob.value.to_owned()));
    }
    if !table.has("source") && !table.has("build") {
        let hint = "add `source = \"data/*.parquet\"`, or `build = \"python -m …\"` and its `inputs`";
        table.problem_here(format!("{} has neither a `source` nor a `build`", table.title()), Some(hint.to_owned()));
    }
    None
}

fn read_partition(table: &Table<'_>) -> Option<PartitionBy> {
    let column = table.required_text("column", "column = \"scheduled_at\"");
    let column = column.and_then(|text| table.accept(&text.span, rules::not_empty("column", text.value)));
    let by = table.required_text("by", "by = \"day\"").and_then(|by| {
        let refusal =
            || rules::Refusal::new(format!("`{}` is not a period", by.value), "known periods: `day`, `month`");
        let period = match by.value {
            "day" => Ok(Period::Day),
            "month" => Ok(Period::Month),
            _ => Err(refusal()),
        };
        table.accept(&by.span, period)
    });
    table.report_unknown_keys();
    Some(PartitionBy { column: column?, by: by? })
}

fn read_key(table: &Table<'_>) -> Vec<String> {
    let mut key: Vec<String> = Vec::new();
    for column in table.texts("key") {
        let Some(name) = table.accept(&column.span, rules::not_empty("column", column.value)) else { continue };
        if key.contains(&name) {
            table.problem(&column.span, format!("column `{name}` is in the key twice"), None);
        }
        key.push(name);
    }
    key
}
