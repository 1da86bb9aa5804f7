//! How each serving model is doing, in a line: from the estimates that the job keeps, without scoring anything anew.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _};
use lamp_core::estimate::{EstimateRecord, Judged, Report, Window, judge, margin, metrics_of};
use lamp_core::label::Basis;
use lamp_core::names::ServiceName;
use lamp_core::route::{ModelRef, Role};
use serde::Serialize;

use super::EstimationError;
use super::view::OLD_AFTER;
use crate::app::App;

/// The window that is glanced at.
const WINDOW: Window = Window::Days(28);

/// Estimates of an earlier day than that are not taken for the present ones.
const DAYS_BACK: i32 = 3;

/// One serving model at a glance.
#[derive(Debug, Clone, Serialize)]
pub struct ModelGlance {
    /// The service.
    pub service: ServiceName,
    /// The place in it.
    pub role: Role,
    /// The version.
    pub model: ModelRef,
    /// The metric: the gate's where labels can say it, else the first of the task.
    pub metric: String,
    /// What the labels said when they were last counted.
    pub estimate: Option<EstimateRecord>,
    /// What the report says that a person signed for.
    pub report: Option<Report>,
    /// How the two compare.
    pub judged: Option<Judged>,
    /// When the newest label was recorded.
    pub newest_label_at: Option<Timestamp>,
    /// Whether that is long ago, or never.
    pub labels_are_old: bool,
}

impl App {
    /// Every model that serves, by service and place. Labels of drawn predictions alone count here.
    pub async fn models_at_a_glance(&self) -> Result<Vec<ModelGlance>, EstimationError> {
        let services: Vec<ServiceName> =
            self.workspace().projects.values().flat_map(|project| project.services.keys().cloned()).collect();
        let mut glances = Vec::new();
        for service in services {
            glances.extend(self.glances_of(&service).await?);
        }
        Ok(glances)
    }

    pub(crate) async fn glances_of(&self, service: &ServiceName) -> Result<Vec<ModelGlance>, EstimationError> {
        let Some(route) = self.ledger().find_route(service).await? else { return Ok(Vec::new()) };
        let now = self.now();
        let today = self.date_of(now);
        let since = today.checked_sub(DAYS_BACK.days()).unwrap_or(today);
        let records = self.ledger().estimates(service, WINDOW, since).await?;
        // Later ones supersede earlier ones.
        let latest: BTreeMap<_, _> = records
            .into_iter()
            .map(|record| ((record.subject.clone(), record.estimate.metric.clone()), record))
            .collect();
        let newest_label_at = self.ledger().label_head(service).await?.newest_at;
        let is_old = |at: Timestamp| now.duration_since(at) > OLD_AFTER;
        let mut glances = Vec::new();
        for role in [Role::Primary, Role::Shadow] {
            let Some(id) = route.model(role) else { continue };
            let Some(version) = self.ledger().find_model(id).await? else { continue };
            let known = metrics_of(version.task);
            let of_gate = version.evidence.gate.as_ref().map(|gate| gate.metric.as_str());
            let metric = of_gate.filter(|metric| known.contains(metric)).or(known.first().copied()).unwrap_or_default();
            let is_meant = |record: &&EstimateRecord| {
                let subject = &record.subject;
                subject.model.as_deref() == Some(&id.to_string())
                    && subject.served_by.is_none()
                    && subject.basis == Basis::Drawn
                    && record.estimate.metric == metric
            };
            let estimate = latest.values().find(is_meant).cloned();
            let value = version.evidence.metrics.get(metric).copied();
            let report = value.zip(margin(metric, &version.evidence.metrics));
            let report = report.map(|(value, margin)| Report { value, rows: version.evidence.rows, margin });
            let judged = estimate.as_ref().zip(report.as_ref());
            glances.push(ModelGlance {
                service: service.clone(),
                role,
                model: id.clone(),
                metric: metric.to_owned(),
                judged: judged.map(|(record, report)| judge(&record.estimate, report)),
                estimate,
                report,
                newest_label_at,
                labels_are_old: newest_label_at.is_none_or(is_old),
            });
        }
        Ok(glances)
    }
}
