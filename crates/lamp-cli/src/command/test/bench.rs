//! Where tests run: always here, on the code that is here. In a clone of a server their data is fetched first, and the
//! server is given the reports.

use std::collections::BTreeMap;

use lamp_app::App;
use lamp_app::call::KeepTestReports;
use lamp_app::ml_tests::{TestError, TestRequest, Tested};
use lamp_core::dataset::DatasetVersion;
use lamp_core::ml_test::TestReport;
use lamp_core::names::DatasetName;
use lamp_runner::Progress;
use tempfile::TempDir;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::open::open_without_ledger;

/// Something to run tests on.
pub enum Bench<'d> {
    /// The application, with its ledger.
    Here(&'d App),
    /// A clone of a server.
    Clone(Box<CloneBench<'d>>),
}

/// A clone of a server, with the data of the tests in its cache.
pub struct CloneBench<'d> {
    desk: &'d Desk,
    app: App,
    versions: BTreeMap<DatasetName, DatasetVersion>,
    /// Holds the ledger that the application must have; nothing is kept in it.
    _scratch: TempDir,
}

impl<'d> Bench<'d> {
    /// Gets ready. Whether the server would keep the reports is asked first, so that nobody waits for nothing.
    pub async fn of(desk: &'d Desk, request: &TestRequest) -> Result<Self, Failure> {
        let remote = match desk {
            Desk::Here(app) => return Ok(Self::Here(app)),
            Desk::Server(remote) => remote,
        };
        if is_kept(request) {
            desk.ask(KeepTestReports { reports: Vec::new() }).await?;
        }
        let scratch = tempfile::tempdir()
            .map_err(|error| Failure::operation(format!("cannot create a temporary folder: {error}")))?;
        let app = open_without_ledger(remote, scratch.path()).await?;
        let versions = remote.bring(app.datasets_of_tests(request).await?).await?;
        Ok(Self::Clone(Box::new(CloneBench { desk, app, versions, _scratch: scratch })))
    }

    /// Runs the tests.
    pub async fn test(
        &self,
        request: &TestRequest,
        say: Progress<'_>,
        on_report: &mut (dyn FnMut(&TestReport) + Send),
        until: impl Future<Output = ()>,
    ) -> Result<Tested, TestError> {
        match self {
            Self::Here(app) => Box::pin(app.test(request, say, on_report, until)).await,
            Self::Clone(clone) => {
                Box::pin(clone.app.test_versions(request, &clone.versions, say, on_report, until)).await
            }
        }
    }

    /// Has the server keep the reports, where they were made without a ledger.
    pub async fn keep(&self, request: &TestRequest, tested: Tested) -> Result<Tested, Failure> {
        match self {
            Self::Clone(clone) if is_kept(request) && !tested.reports.is_empty() => {
                clone.desk.ask(KeepTestReports { reports: tested.reports.clone() }).await?;
                Ok(Tested { recorded: true, ..tested })
            }
            Self::Here(_) | Self::Clone(_) => Ok(tested),
        }
    }
}

/// A choice of tests is not kept.
fn is_kept(request: &TestRequest) -> bool {
    request.only.is_none()
}
