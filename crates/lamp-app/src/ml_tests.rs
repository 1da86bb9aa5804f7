//! Practice 9: ML tests, for CI and before: `lamp test`.
//!
//! The working tree is committed on a side ref and checked out; each model's own training command runs there on
//! samples of its locked data, in its locked environment, through the run protocol, as runs that nobody records.
//! When it is over nothing of it is left but the reports.

mod features;
mod learn;
mod model;
mod own;
mod record;
mod samples;
mod select;
mod session;
mod shapes;
mod trial;

use std::collections::{BTreeMap, BTreeSet};

use lamp_core::access::Permission;
use lamp_core::dataset::DatasetVersion;
use lamp_core::error::{Classified, Kind};
use lamp_core::ml_test::{REPORT_FORMAT, TestName, TestReport};
use lamp_core::names::{DatasetName, ModelName};
use lamp_runner::Progress;

use crate::affected::AffectedError;
use crate::app::App;
use crate::data::DataError;
use crate::parts::{PartError, take_parts};
use crate::training::RunError;

use session::Session;

/// What to test.
#[derive(Debug, Clone, Default)]
pub struct TestRequest {
    /// Models; none means all of them, and the projects' own tests.
    pub models: Vec<ModelName>,
    /// Only what a change since this revision touches.
    pub affected_by: Option<String>,
    /// Only these tests.
    pub only: Option<Only>,
}

/// A choice of tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Only {
    /// Of those that every model gets.
    pub tests: BTreeSet<TestName>,
    /// The projects' own.
    pub own: bool,
}

/// What `--only` takes for the projects' own tests.
pub const OWN: &str = "own";

/// Most reports that are kept at once: they are one transaction.
pub const REPORTS_MAX: usize = 1_000;

/// What was tested.
#[derive(Debug, Clone)]
pub struct Tested {
    /// One report a model or own test.
    pub reports: Vec<TestReport>,
    /// Whether the ledger keeps them: a choice of tests is not kept, for it would hide the rest.
    pub recorded: bool,
}

impl Tested {
    /// Whether no test failed.
    pub fn is_passed(&self) -> bool {
        self.reports.iter().all(TestReport::is_passed)
    }
}

/// Why nothing could be tested. A test that fails is none of these: it is in the report.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// Nothing declares that model.
    #[error("no project declares a model `{model}`")]
    UnknownModel {
        /// The model.
        model: ModelName,
        /// One of nearly that name.
        near: Option<String>,
    },
    /// A word after `--only` that is no test.
    #[error("`{word}` is not a test")]
    UnknownTest {
        /// The word.
        word: String,
    },
    /// There is nothing to test in the whole workspace.
    #[error("no project declares a model or a test")]
    Nothing,
    /// Whoever waited gave up.
    #[error("interrupted; what ran was stopped, and nothing is left of it")]
    Interrupted,
    /// More reports than are kept at once.
    #[error("{reports} reports at once; at most {} are kept", crate::ml_tests::REPORTS_MAX)]
    TooMany {
        /// How many.
        reports: usize,
    },
    /// A report of another version of Lamplighter.
    #[error("a report has the format {format}, and this version of lamp keeps {}", lamp_core::ml_test::REPORT_FORMAT)]
    OtherFormat {
        /// Its format.
        format: u32,
    },
    /// What a change touches cannot be told.
    #[error(transparent)]
    Affected(#[from] AffectedError),
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Code, environment or launch.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(TestError);

impl Classified for TestError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownModel { .. } => Kind::NotFound,
            Self::UnknownTest { .. } | Self::Nothing | Self::TooMany { .. } | Self::OtherFormat { .. } => Kind::Invalid,
            Self::Interrupted => Kind::Unavailable,
            Self::Affected(e) => e.kind(),
            Self::Data(e) => e.kind(),
            Self::Run(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownModel { model, near } => Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add [models.{model}] to a project's lamp.toml"),
            }),
            Self::UnknownTest { .. } => {
                Some(format!("known tests: {}, {OWN}", TestName::ALL.map(TestName::as_str).join(", ")))
            }
            Self::Nothing => Some("add [models.NAME] to a project's lamp.toml".to_owned()),
            Self::Interrupted => None,
            Self::TooMany { .. } => Some("name the models: lamp test MODEL".to_owned()),
            Self::OtherFormat { .. } => Some("use the version of lamp that the server has".to_owned()),
            Self::Affected(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Run(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

impl Only {
    /// Reads `overfit,shapes,own`.
    pub fn parse(text: &str) -> Result<Self, TestError> {
        let mut only = Self::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match TestName::parse(word) {
                Some(name) => {
                    only.tests.insert(name);
                }
                None if word == OWN => only.own = true,
                None => return Err(TestError::UnknownTest { word: word.to_owned() }),
            }
        }
        Ok(only)
    }
}

impl App {
    /// Tests models, and projects' own tests, on the working tree as it stands. `on_report` is given each report as
    /// it is ready. When `until` completes first, what runs is stopped, and nothing is kept.
    pub async fn test(
        &self,
        request: &TestRequest,
        say: Progress<'_>,
        on_report: &mut (dyn FnMut(&TestReport) + Send),
        until: impl Future<Output = ()>,
    ) -> Result<Tested, TestError> {
        self.authorize(Permission::Work)?;
        let mut tested = self.run_tests(request, None, say, on_report, until).await?;
        if request.only.is_none() && !tested.reports.is_empty() {
            self.record_tests(&tested.reports).await?;
            tested.recorded = true;
        }
        Ok(tested)
    }

    /// The same in a clone without a ledger, on `versions`, whose files and manifests its store has. Nothing is
    /// recorded.
    pub async fn test_versions(
        &self,
        request: &TestRequest,
        versions: &BTreeMap<DatasetName, DatasetVersion>,
        say: Progress<'_>,
        on_report: &mut (dyn FnMut(&TestReport) + Send),
        until: impl Future<Output = ()>,
    ) -> Result<Tested, TestError> {
        self.authorize(Permission::Work)?;
        self.run_tests(request, Some(versions), say, on_report, until).await
    }

    async fn run_tests(
        &self,
        request: &TestRequest,
        versions: Option<&BTreeMap<DatasetName, DatasetVersion>>,
        say: Progress<'_>,
        on_report: &mut (dyn FnMut(&TestReport) + Send),
        until: impl Future<Output = ()>,
    ) -> Result<Tested, TestError> {
        let chosen = self.choose_tests(request).await?;
        if chosen.is_empty() {
            return Ok(Tested { reports: Vec::new(), recorded: false });
        }
        let session = Session::open(self, versions, say).await?;
        let tested = tokio::select! {
            tested = session.test(&chosen, on_report) => tested,
            () = until => Err(TestError::Interrupted),
        };
        session.close().await;
        Ok(Tested { reports: tested?, recorded: false })
    }

    /// The datasets whose rows the tests of a request look at, as the working tree says.
    pub async fn datasets_of_tests(&self, request: &TestRequest) -> Result<BTreeSet<DatasetName>, TestError> {
        let chosen = self.choose_tests(request).await?;
        let models = chosen.models.iter().filter_map(|name| self.workspace().model(name));
        Ok(models.flat_map(|(_, model)| model.data.values().map(|slice| slice.dataset.clone())).collect())
    }

    /// Keeps reports of tests that ran elsewhere, as their sender says.
    pub async fn keep_test_reports(&self, reports: &[TestReport]) -> Result<(), TestError> {
        self.authorize(Permission::Work)?;
        if reports.len() > REPORTS_MAX {
            return Err(TestError::TooMany { reports: reports.len() });
        }
        if let Some(report) = reports.iter().find(|report| report.format != REPORT_FORMAT) {
            return Err(TestError::OtherFormat { format: report.format });
        }
        if reports.is_empty() {
            return Ok(());
        }
        self.record_tests(reports).await
    }
}
