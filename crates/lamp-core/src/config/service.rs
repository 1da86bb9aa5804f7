//! `[services.*]`: a prediction endpoint, its primary and its shadow.

use std::collections::BTreeSet;
use std::time::Duration;

use super::reader::Table;
use super::rules::{self, Refusal};
use super::words;
use crate::names::ModelName;

/// Shortest deadline that is accepted.
pub const DEADLINE_MIN: Duration = Duration::from_millis(1);
/// Longest deadline that is accepted.
pub const DEADLINE_MAX: Duration = Duration::from_mins(1);
/// The deadline of a service that names none.
pub const DEADLINE_DEFAULT: Duration = Duration::from_millis(100);

/// What happens to an answer whose prediction cannot be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogPolicy {
    /// It is given, and the lost record counted.
    BestEffort,
    /// It waits for the log's disk, and fails with it.
    Required,
}

impl LogPolicy {
    /// The word in `lamp.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BestEffort => "best_effort",
            Self::Required => "required",
        }
    }
}

/// How much of a row that came in the log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeaturePolicy {
    /// All of it, but for what is redacted.
    Full,
    /// A hash.
    Hash,
}

impl FeaturePolicy {
    /// The word in `lamp.toml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Hash => "hash",
        }
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        let all = [Self::Full, Self::Hash];
        let found = all.into_iter().find(|policy| policy.as_str() == text);
        found.ok_or_else(|| {
            let known = words::list(all.map(Self::as_str));
            Refusal::new(format!("`{text}` is not what a log can keep of a row"), format!("known: {known}"))
        })
    }
}

/// A service as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceConfig {
    /// The main model.
    pub primary: ModelName,
    /// The simpler model behind it.
    pub shadow: Option<ModelName>,
    /// Longest time to an answer.
    pub deadline: Duration,
    /// What the log demands.
    pub log: LogPolicy,
    /// How much of a row the log keeps.
    pub features: FeaturePolicy,
    /// Inputs that the log leaves out.
    pub redact: BTreeSet<String>,
    /// Whether a model without a commit of ours (an upstream) may answer.
    pub unattested: bool,
}

impl ServiceConfig {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let primary = table.required_text("primary", "primary = \"MODEL\"");
        let primary = primary.and_then(|name| table.accept(&name.span, ModelName::parse(name.value)));
        let shadow = table.parsed("shadow", ModelName::parse);
        let deadline = table.parsed("deadline", rules::deadline).unwrap_or(DEADLINE_DEFAULT);
        let log = table.parsed("log", LogPolicy::parse).unwrap_or(LogPolicy::BestEffort);
        let features = table.parsed("features", FeaturePolicy::parse).unwrap_or(FeaturePolicy::Full);
        let redact = table.texts("redact").into_iter();
        let redact = redact.filter_map(|name| table.accept(&name.span, rules::not_empty("an input", name.value)));
        let redact = redact.collect();
        let unattested = table.flag("unattested").unwrap_or(false);
        table.report_unknown_keys();
        Some(Self { primary: primary?, shadow, deadline, log, features, redact, unattested })
    }

    /// The models of the service with the places that they stand in: `primary`, then `shadow`.
    pub fn models(&self) -> impl Iterator<Item = (&'static str, &ModelName)> {
        std::iter::once(("primary", &self.primary)).chain(self.shadow.iter().map(|model| ("shadow", model)))
    }
}

impl LogPolicy {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let all = [Self::BestEffort, Self::Required];
        let found = all.into_iter().find(|policy| policy.as_str() == text);
        found.ok_or_else(|| {
            let known = words::list(all.map(Self::as_str));
            Refusal::new(format!("`{text}` is not a log policy"), format!("known policies: {known}"))
        })
    }
}
