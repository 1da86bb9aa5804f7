//! ML tests: what `lamp test` asks of a model's code before anybody trains it for real, and how the answers are
//! judged. Pure: rows, targets and predictions come in, verdicts go out.
//!
//! One test alone can be fooled, so several trainings on small samples judge together: a tiny batch must be learned
//! by heart ([`overfit`]), a planted signal must be found ([`association::judge_signal`]), permuted labels must not
//! be ([`association::judge_permuted`]), and the same seed must give the same answers.

pub mod association;
pub mod integrity;
pub mod leakage;
mod next;
pub mod overfit;
pub mod sampling;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::names::{ModelName, ProjectName};

/// One of the tests that every model gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TestName {
    /// A tiny batch is learned by heart.
    Overfit,
    /// A signal that was planted in the labels is found in held-out rows.
    Signal,
    /// Permuted labels are not.
    Permuted,
    /// The same seed gives the same answers.
    Repeat,
    /// Answers have the declared shape, however many rows come together.
    Shapes,
    /// The inputs are sound; see [`FeatureCheck`].
    Features,
}

impl TestName {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Self; 6] =
        [Self::Overfit, Self::Signal, Self::Permuted, Self::Repeat, Self::Shapes, Self::Features];

    /// The word on the command line, in `lamp.toml` and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overfit => "overfit",
            Self::Signal => "signal",
            Self::Permuted => "permuted",
            Self::Repeat => "repeat",
            Self::Shapes => "shapes",
            Self::Features => "features",
        }
    }

    /// Parses the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }
}

impl fmt::Display for TestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that is looked at in a model's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureCheck {
    /// The target is made from none of them.
    Target,
    /// Each is a column of the data, of a type that fits.
    Columns,
    /// None turned null.
    Nulls,
    /// All lie where the signature, and training, say.
    Ranges,
    /// All vary.
    Constant,
    /// None gives the target away by itself.
    Leakage,
    /// No row is in training and in validation.
    Keys,
}

impl FeatureCheck {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Self; 7] =
        [Self::Target, Self::Columns, Self::Nulls, Self::Ranges, Self::Constant, Self::Leakage, Self::Keys];

    /// The word in `lamp.toml` and, after `features/`, in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Columns => "columns",
            Self::Nulls => "nulls",
            Self::Ranges => "ranges",
            Self::Constant => "constant",
            Self::Leakage => "leakage",
            Self::Keys => "keys",
        }
    }
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// It could not have failed on this data, or could not have passed: it says nothing.
    Uninformative,
    /// It was not run, for a reason that is given.
    Skipped,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Passed, Self::Failed, Self::Uninformative, Self::Skipped];

    /// The word for people and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Uninformative => "uninformative",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A verdict with its reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// How the test ended.
    pub outcome: Outcome,
    /// Why, in one line.
    pub reason: String,
    /// What was measured, where it is one number.
    pub measured: Option<f64>,
    /// Everything found, one line each.
    pub details: Vec<String>,
}

impl Judgement {
    /// A verdict without a number.
    pub fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self { outcome, reason: reason.into(), measured: None, details: Vec::new() }
    }

    /// The same with what was measured.
    #[must_use]
    pub fn measuring(self, value: f64) -> Self {
        Self { measured: value.is_finite().then_some(value), ..self }
    }
}

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// `overfit`, `features/nulls`; of a project's own test, its name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in one line.
    pub reason: String,
    /// What was measured, where it is one number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<f64>,
    /// Everything found, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What to do or type next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The end of what the command printed, where it says something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

impl TestResult {
    /// A judged test.
    pub fn of(name: impl Into<String>, judgement: Judgement, duration_ms: u64) -> Self {
        let Judgement { outcome, reason, measured, details } = judgement;
        Self { name: name.into(), outcome, reason, measured, details, next: None, output: None, duration_ms }
    }
}

/// What was tested.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "name")]
pub enum Subject {
    /// A model.
    Model(ModelName),
    /// A project's own test.
    Own(String),
}

/// All tests of one subject, on one state of the code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestReport {
    /// Format of this document; [`REPORT_FORMAT`].
    pub format: u32,
    /// What was tested.
    pub subject: Subject,
    /// Whose it is.
    pub project: ProjectName,
    /// The file that declares it, relative to the workspace's root.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
    /// The commit that was checked out; none in a repository without one.
    pub commit: Option<String>,
    /// The tree that was tested: the working tree's.
    pub tree: String,
    /// Whether that tree is the commit's.
    pub committed: bool,
    /// The data: versions and slices.
    pub data: Vec<String>,
    /// The tests.
    pub results: Vec<TestResult>,
}

/// The format of reports that this build writes.
pub const REPORT_FORMAT: u32 = 1;

impl TestReport {
    /// Whether no test failed.
    pub fn is_passed(&self) -> bool {
        self.count(Outcome::Failed) == 0
    }

    /// How many tests ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.results.iter().filter(|result| result.outcome == outcome).count()
    }

    /// The name under which the ledger keeps it: `delay`, or `delay/features` for a project's own test.
    pub fn subject_text(&self) -> String {
        match &self.subject {
            Subject::Model(model) => model.to_string(),
            Subject::Own(name) => format!("{}/{name}", self.project),
        }
    }
}

/// A report as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestRecord {
    /// The report.
    pub report: TestReport,
    /// When the tests were done.
    pub tested_at: Timestamp,
    /// Who asked for them.
    pub tested_by: Actor,
}
