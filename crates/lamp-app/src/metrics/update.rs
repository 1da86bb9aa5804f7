//! The job that updates the metrics: after new labels, and when a day has ended.

use jiff::SignedDuration;
use jiff::civil::Date;
use lamp_core::access::Permission;
use lamp_core::estimate::{EstimateRecord, Window};
use lamp_core::names::ServiceName;
use serde_json::json;

use super::EstimationError;
use crate::app::App;

/// Labels come in handfuls: after one, so much time is let pass for the others.
const SETTLE: SignedDuration = SignedDuration::from_secs(10);

impl App {
    /// Estimates the metrics of every service again that has new labels, or whose estimates are of an earlier day.
    /// Returns the services with the number of estimates of each.
    pub async fn update_due_metrics(&self) -> Result<Vec<(ServiceName, usize)>, EstimationError> {
        self.authorize(Permission::Watch)?;
        let mut updated = Vec::new();
        let services: Vec<ServiceName> =
            self.workspace().projects.values().flat_map(|project| project.services.keys().cloned()).collect();
        for service in services {
            if self.metrics_are_due(&service).await? {
                let records = self.update_metrics(&service).await?;
                updated.push((service, records.len()));
            }
        }
        Ok(updated)
    }

    async fn metrics_are_due(&self, service: &ServiceName) -> Result<bool, EstimationError> {
        let head = self.ledger().label_head(service).await?;
        let (Some(newest_at), now) = (head.newest_at, self.now()) else { return Ok(false) };
        let Some((day, label_seq, _)) = self.ledger().last_estimated(service).await? else { return Ok(true) };
        let a_day_has_ended = day < self.date_of(now);
        // A label from the future is one before the clock was set back.
        let has_settled = now.duration_since(newest_at).abs() >= SETTLE;
        Ok(a_day_has_ended || (head.seq > label_seq && has_settled))
    }

    /// Estimates every metric of a service as it is known today and appends them to the ledger. A day on which nobody
    /// labelled leaves fewer labels in the window, and so a wider interval.
    pub async fn update_metrics(&self, service: &ServiceName) -> Result<Vec<EstimateRecord>, EstimationError> {
        self.authorize(Permission::Watch)?;
        let (now, head) = (self.now(), self.ledger().label_head(service).await?);
        let day = self.date_of(now);
        let all = self.labelled(service, Date::MIN, day).await?;
        let mut records = Vec::new();
        // Subjects of all time: a series goes on while its window is empty.
        let subjects = all.subjects();
        for window in Window::KEPT {
            let labelled = all.since(window.since(day));
            for subject in &subjects {
                let record = |estimate| EstimateRecord {
                    service: service.clone(),
                    subject: subject.clone(),
                    window,
                    day,
                    label_seq: head.seq,
                    computed_at: now,
                    estimate,
                };
                records.extend(labelled.estimate(subject).into_iter().map(record));
            }
        }
        if records.is_empty() {
            return Ok(records);
        }
        let mut tx = self.ledger().begin().await?;
        tx.record_estimates(&records).await?;
        let details = json!({"day": day, "estimates": records.len(), "label": head.seq});
        tx.audit(&self.entry("metrics.updated", service, details)).await?;
        tx.commit().await?;
        Ok(records)
    }
}
