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

use std::collections::BTreeSet;

use lamp_core::access::Permission;
use lamp_core::error::{Classified, Kind};
use lamp_core::ml_test::{TestName, TestReport};
use lamp_core::names::ModelName;
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
            Self::UnknownTest { .. } | Self::Nothing => Kind::Invalid,
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
        let chosen = self.choose_tests(request).await?;
        if chosen.is_empty() {
            return Ok(Tested { reports: Vec::new(), recorded: false });
        }
        let session = Session::open(self, say).await?;
        let tested = tokio::select! {
            tested = session.test(&chosen, on_report) => tested,
            () = until => Err(TestError::Interrupted),
        };
        session.close().await;
        let reports = tested?;
        let recorded = request.only.is_none();
        if recorded {
            self.record_tests(&reports).await?;
        }
        Ok(Tested { reports, recorded })
    }
}
