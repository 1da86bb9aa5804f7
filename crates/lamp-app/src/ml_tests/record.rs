//! Reports in the ledger: the last one of each model says how its code stands.

use lamp_core::ml_test::{Outcome, TestRecord, TestReport};
use lamp_core::names::ModelName;
use serde_json::json;

use super::TestError;
use crate::app::App;

impl App {
    /// Keeps reports, each with its audit event.
    pub(super) async fn record_tests(&self, reports: &[TestReport]) -> Result<(), TestError> {
        let mut tx = self.ledger().begin().await?;
        for report in reports {
            let record = TestRecord { report: report.clone(), tested_at: self.now(), tested_by: self.actor().clone() };
            tx.add_test_report(&record).await?;
            let details = json!({
                "tree": report.tree,
                "commit": report.commit,
                "passed": report.count(Outcome::Passed),
                "failed": report.count(Outcome::Failed),
                "uninformative": report.count(Outcome::Uninformative),
                "skipped": report.count(Outcome::Skipped),
            });
            tx.audit(&self.entry("tests.reported", report.subject_text(), details)).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The last whole report on a model, whatever code it was on.
    pub async fn latest_test_report(&self, model: &ModelName) -> Result<Option<TestRecord>, TestError> {
        Ok(self.ledger().find_test_report(model.as_str()).await?)
    }

    /// The last whole report on a model at exactly this tree: the tree of a model version's commit, for example.
    pub async fn test_report_of_tree(&self, model: &ModelName, tree: &str) -> Result<Option<TestRecord>, TestError> {
        Ok(self.ledger().find_test_report_of_tree(model.as_str(), tree).await?)
    }

    /// The last whole report of each model and own test that was ever tested, by name.
    pub async fn latest_test_reports(&self) -> Result<Vec<TestRecord>, TestError> {
        Ok(self.ledger().latest_test_reports().await?)
    }
}
