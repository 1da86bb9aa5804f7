//! Promises of service are watched: data that does not come makes no check run, so somebody must look.

use jiff::ToSpan as _;
use lamp_core::access::Permission;
use lamp_core::check::Verdict;
use lamp_core::contract::SlaProperty;
use lamp_core::contract::budget::{Budget, BudgetState};
use lamp_core::ids::IncidentId;
use lamp_core::incident::{Incident, SLA_EXHAUSTED, SLA_LATE};
use lamp_core::names::DatasetName;
use serde_json::json;

use super::{Promise, ServiceLevel};
use crate::app::App;
use crate::check::CheckError;

impl App {
    /// Opens an incident for each dataset whose rows are late or whose error budget is exhausted. Says what it did. Of
    /// one lateness there is one incident, of one budget one a window, whoever looks and whatever became of it.
    pub async fn watch_service_levels(&self) -> Result<Vec<String>, CheckError> {
        self.authorize(Permission::Watch)?;
        let mut said = Vec::new();
        for dataset in self.promising_datasets() {
            match self.watch_dataset(&dataset).await {
                Ok(opened) => said.extend(opened),
                // A contract that cannot be read must not hide that other data is late.
                Err(error) => tracing::warn!(%dataset, %error, "its promises of service could not be looked at"),
            }
        }
        Ok(said)
    }

    async fn watch_dataset(&self, dataset: &DatasetName) -> Result<Vec<String>, CheckError> {
        let Some(level) = self.service_level(dataset).await? else { return Ok(Vec::new()) };
        let mut said = Vec::new();
        if let Some(promise) = level.promises.iter().find(|promise| is_late(promise)) {
            said.extend(self.open_late(dataset, promise).await?);
        }
        if let Some(budget) = level.budget.as_ref().filter(|budget| budget.state == BudgetState::Exhausted) {
            said.extend(self.open_exhausted(&level, budget).await?);
        }
        Ok(said)
    }

    async fn open_late(&self, dataset: &DatasetName, promise: &Promise) -> Result<Option<String>, CheckError> {
        let Some(newest_at) = promise.newest_at else { return Ok(None) };
        let subject = format!("{dataset} after {newest_at}");
        // Looked up first without a transaction: of every look but one, nothing is to be written.
        if self.ledger().last_incident(SLA_LATE, &subject).await?.is_some() {
            return Ok(None);
        }
        let title = format!("{dataset} is late: {}, promised {}", promise.check.message, promise.check.bound);
        let incident = self.incident_about(dataset, SLA_LATE, &subject, title);
        let mut tx = self.ledger().begin().await?;
        if tx.last_incident(SLA_LATE, &subject).await?.is_some() {
            return Ok(None);
        }
        self.open_incident(&mut tx, &incident).await?;
        let details = json!({"rule": promise.check.rule, "bound": promise.check.bound, "newest_at": newest_at});
        tx.audit(&self.entry("data.late", dataset, details)).await?;
        tx.commit().await?;
        Ok(Some(incident.title))
    }

    async fn open_exhausted(&self, level: &ServiceLevel, budget: &Budget) -> Result<Option<String>, CheckError> {
        let dataset = &level.dataset;
        let subject = format!("{dataset} objective");
        let window = (24 * i64::from(budget.objective.window_days)).hours();
        let now = self.now();
        let was_said =
            |last: Option<Incident>| last.is_some_and(|last| last.resolved.is_none() || last.opened_at + window > now);
        if was_said(self.ledger().last_incident(SLA_EXHAUSTED, &subject).await?) {
            return Ok(None);
        }
        let title = format!("{dataset}: {}", budget.sentence());
        let incident = self.incident_about(dataset, SLA_EXHAUSTED, &subject, title);
        let mut tx = self.ledger().begin().await?;
        if was_said(tx.last_incident(SLA_EXHAUSTED, &subject).await?) {
            return Ok(None);
        }
        self.open_incident(&mut tx, &incident).await?;
        let details = json!({
            "good": budget.good, "bad": budget.bad, "objective": budget.objective.percent,
            "window_days": budget.objective.window_days,
        });
        tx.audit(&self.entry("data.budget_exhausted", dataset, details)).await?;
        tx.commit().await?;
        Ok(Some(incident.title))
    }

    fn incident_about(&self, dataset: &DatasetName, cause: &str, subject: &str, title: String) -> Incident {
        let id = IncidentId::new(self.now(), &*self.ids());
        let project = self.workspace().dataset(dataset).map(|(project, _)| &project.name);
        Incident::open(id, cause, subject, title, self.now()).of(project)
    }
}

fn is_late(promise: &Promise) -> bool {
    let rules = [SlaProperty::Latency, SlaProperty::Frequency].map(|property| format!("sla.{}", property.as_str()));
    promise.check.verdict == Verdict::Failed && rules.contains(&promise.check.rule)
}
