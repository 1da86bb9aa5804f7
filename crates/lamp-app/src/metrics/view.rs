//! `lamp metrics`: estimates now and over time, held against what a person signed for.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use lamp_core::estimate::{Estimate, Interval, Judged, Report, Subject, Window, judge, margin, metrics_of};
use lamp_core::names::{ModelName, ServiceName};
use lamp_core::package::Task;
use lamp_core::reference::Reference;
use lamp_core::route::Role;
use serde::{Deserialize, Serialize};

use super::EstimationError;
use super::rows::{Answering, Labelled};
use crate::app::App;
use crate::labels::ask::LabelProgress;

/// Days of a series over time.
pub const SERIES_DAYS: i32 = 90;

/// Labels that are older than this are said to be old.
pub(super) const OLD_AFTER: SignedDuration = SignedDuration::from_hours(48);

/// What to look at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MetricsRequest {
    /// A service, a model, or a model's version; all services unless told.
    pub name: Option<String>,
    /// How far back.
    pub window: Window,
    /// The first day of predictions, instead of the window's.
    pub since: Option<Date>,
    /// The last day of predictions; today unless told.
    pub until: Option<Date>,
}

/// The metrics of one service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MetricsView {
    /// The service.
    pub service: ServiceName,
    /// When this was known.
    pub at: Timestamp,
    /// What its models predict.
    pub task: Task,
    /// How far back; none with days of one's own.
    pub window: Option<Window>,
    /// The first civil day of predictions; none from the first of all.
    pub since: Option<Date>,
    /// The last one.
    pub until: Date,
    /// What every interval is worth.
    pub intervals: String,
    /// When the newest label was recorded, of a prediction up to the last day.
    pub newest_label_at: Option<Timestamp>,
    /// Whether that is long ago, or never.
    pub labels_are_old: bool,
    /// How far the draws of the last weeks are.
    pub progress: Vec<LabelProgress>,
    /// One for each subject and metric: what was answered first, then by model.
    pub series: Vec<MetricSeries>,
}

/// One metric of one subject.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MetricSeries {
    /// Whose answers, on which rows and labels.
    #[serde(flatten)]
    pub subject: Subject,
    /// Where that version stands now, if it serves in this service.
    pub place: Option<Role>,
    /// What the labels say now.
    pub now: Estimate,
    /// Labelled rows to which that version gave no valid answer. It is scored on the others, which may be easier.
    pub unanswered: u64,
    /// What its held-out report says of the same metric.
    pub report: Option<Report>,
    /// How the two compare; none without a report.
    pub judged: Option<Judged>,
    /// As it was known on each day, oldest first; empty with days of one's own.
    pub points: Vec<MetricPoint>,
}

/// A metric as it was known on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricPoint {
    /// The day.
    pub day: Date,
    /// The estimate; none where there were not enough labels.
    pub interval: Option<Interval>,
    /// Labels it rested on.
    pub labels: u64,
}

/// Estimates over time, by subject and metric.
type Points = BTreeMap<(Subject, String), Vec<MetricPoint>>;

impl App {
    /// The metrics of a service, of a model, or of every service that has labels or draws.
    pub async fn metrics(&self, request: &MetricsRequest) -> Result<Vec<MetricsView>, EstimationError> {
        let (services, model) = self.looked_at(request.name.as_deref())?;
        let mut views = Vec::new();
        for service in services {
            let mut view = self.metrics_of_service(&service, request).await?;
            if let Some(model) = &model {
                view.series.retain(|series| series.subject.model.as_deref().is_some_and(|name| is_of(name, model)));
            }
            views.push(view);
        }
        Ok(views)
    }

    /// The services that a name means, and the model it is about.
    fn looked_at(&self, name: Option<&str>) -> Result<(Vec<ServiceName>, Option<String>), EstimationError> {
        let services = || self.workspace().projects.values().flat_map(|project| &project.services);
        let Some(name) = name else { return Ok((services().map(|(service, _)| service.clone()).collect(), None)) };
        if let Some((service, _)) = services().find(|(service, _)| service.as_str() == name) {
            return Ok((vec![service.clone()], None));
        }
        let model = ModelName::parse(&Reference::parse(name)?.name)?;
        let serving = services().filter(|(_, config)| config.models().any(|(_, placed)| *placed == model));
        let serving: Vec<_> = serving.map(|(service, _)| service.clone()).collect();
        if serving.is_empty() {
            return Err(EstimationError::UnknownName { name: name.to_owned() });
        }
        Ok((serving, Some(name.to_owned())))
    }

    async fn metrics_of_service(
        &self,
        service: &ServiceName,
        request: &MetricsRequest,
    ) -> Result<MetricsView, EstimationError> {
        let now = self.now();
        let today = self.date_of(now);
        let has_own_days = request.since.is_some() || request.until.is_some();
        let until = request.until.unwrap_or(today);
        let since = if has_own_days { request.since } else { request.window.since(until) };
        if since.is_some_and(|since| since > until) {
            return Err(EstimationError::EmptySpan);
        }
        // Subjects of all time: a series goes on while its window is empty, and says so.
        let all = self.labelled(service, Date::MIN, until).await?;
        let (subjects, labelled) = (all.subjects(), all.since(since));
        let points = if has_own_days { Points::new() } else { self.points(service, request.window, today).await? };
        let newest_label_at = all.newest_at();
        Ok(MetricsView {
            service: service.clone(),
            at: now,
            task: labelled.task,
            window: (!has_own_days).then_some(request.window),
            since,
            until,
            intervals: "95 %, good for one look".to_owned(),
            newest_label_at,
            labels_are_old: newest_label_at.is_none_or(|at| now.duration_since(at) > OLD_AFTER),
            progress: self.label_progress(Some(service)).await?,
            series: self.series(service, subjects, &labelled, points).await?,
        })
    }

    async fn points(&self, service: &ServiceName, window: Window, today: Date) -> Result<Points, EstimationError> {
        let first = today.checked_sub(SERIES_DAYS.days()).unwrap_or(today);
        let mut points = Points::new();
        for record in self.ledger().estimates(service, window, first).await? {
            let point =
                MetricPoint { day: record.day, interval: record.estimate.interval(), labels: record.estimate.labels };
            points.entry((record.subject, record.estimate.metric)).or_default().push(point);
        }
        Ok(points)
    }

    async fn series(
        &self,
        service: &ServiceName,
        subjects: Vec<Subject>,
        labelled: &Labelled,
        mut points: Points,
    ) -> Result<Vec<MetricSeries>, EstimationError> {
        let route = self.ledger().find_route(service).await?;
        let place_of = |model: &str| {
            let route = route.as_ref()?;
            [Role::Primary, Role::Shadow]
                .into_iter()
                .find(|role| route.model(*role).is_some_and(|placed| placed.to_string() == model))
        };
        let mut series = Vec::new();
        for subject in subjects {
            let unanswered = labelled.unanswered(&subject);
            let answering = subject.model.as_ref().and_then(|model| labelled.models.get(model));
            for now in labelled.estimate(&subject) {
                let report = answering.and_then(|answering| report_of(answering, &now.metric));
                series.push(MetricSeries {
                    place: subject.model.as_deref().and_then(place_of),
                    judged: report.as_ref().map(|report| judge(&now, report)),
                    report,
                    points: points.remove(&(subject.clone(), now.metric.clone())).unwrap_or_default(),
                    subject: subject.clone(),
                    unanswered,
                    now,
                });
            }
        }
        let order = metrics_of(labelled.task);
        let metric_place = |metric: &str| order.iter().position(|known| *known == metric);
        series.sort_by_cached_key(|one| {
            let subject = &one.subject;
            (subject.basis, standing(one), subject.model.clone(), subject.served_by, metric_place(&one.now.metric))
        });
        Ok(series)
    }
}

/// What was answered comes first, then the primary, the shadow, and who served before.
fn standing(series: &MetricSeries) -> u8 {
    match (&series.subject.model, series.place) {
        (None, _) => 0,
        (Some(_), Some(Role::Primary)) => 1,
        (Some(_), Some(Role::Shadow)) => 2,
        (Some(_), None) => 3,
    }
}

/// Whether `late@3` is of the model `late`, or the version `late@3`.
fn is_of(version: &str, wanted: &str) -> bool {
    version == wanted || version.split_once('@').is_some_and(|(name, _)| name == wanted)
}

/// What a person signed for.
fn report_of(answering: &Answering, metric: &str) -> Option<Report> {
    let evidence = &answering.version.evidence;
    let value = *evidence.metrics.get(metric)?;
    Some(Report { value, rows: evidence.rows, margin: margin(metric, &evidence.metrics)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_means_all_its_versions() {
        assert!(is_of("late@3", "late") && is_of("late@3", "late@3"));
        assert!(!is_of("late@3", "late@2") && !is_of("late-simple@1", "late"));
    }
}
