//! Metrics over time as shapes: the line, its band, points sized by their labels.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use lamp_app::metrics::glance::ModelGlance;
use lamp_app::metrics::view::{MetricPoint, MetricSeries, MetricsView};
use lamp_core::estimate::{Estimate, Judged, Outcome, Verdict};
use lamp_core::label::Basis;

use super::plot::{Frame, LEFT, SIZE, coordinate};
use super::text::{Instant, age, count, counted};
use super::value::metric;

/// Radius of a point without and with many labels.
const RADIUS: (f64, f64) = (1.5, 4.5);
/// Labels of the largest point.
const LABELS_LARGEST: f64 = 200.0;

/// How a model stands, as a mark and a word.
#[derive(Debug, Clone)]
pub(crate) struct StandingMark {
    /// `ok`, `worse` or `unclear`.
    pub(crate) class: &'static str,
    pub(crate) mark: &'static str,
    pub(crate) word: &'static str,
}

/// A serving model in a line.
#[derive(Debug, Clone)]
pub(crate) struct GlanceShown {
    pub(crate) model: String,
    pub(crate) service: String,
    pub(crate) role: String,
    pub(crate) standing: StandingMark,
    pub(crate) metric: String,
    pub(crate) now: String,
    /// What is missing, in words.
    pub(crate) why: Option<String>,
    pub(crate) labels: String,
    pub(crate) labels_age: String,
    pub(crate) labels_are_old: bool,
}

/// The metrics of one service.
#[derive(Debug, Clone)]
pub(crate) struct ServiceMetrics {
    pub(crate) service: String,
    pub(crate) labels_age: String,
    pub(crate) labels_are_old: bool,
    pub(crate) intervals: String,
    pub(crate) subjects: Vec<SubjectShown>,
}

/// Whose answers, with every metric.
#[derive(Debug, Clone)]
pub(crate) struct SubjectShown {
    pub(crate) title: String,
    pub(crate) page: Option<String>,
    pub(crate) about: String,
    /// Whether it stands apart: rows of one place only, or outcomes that came in by themselves.
    pub(crate) is_aside: bool,
    pub(crate) metrics: Vec<MetricShown>,
}

/// One metric of one subject.
#[derive(Debug, Clone)]
pub(crate) struct MetricShown {
    pub(crate) name: String,
    pub(crate) standing: Option<StandingMark>,
    pub(crate) value: String,
    pub(crate) interval: String,
    pub(crate) labels: String,
    pub(crate) why: Option<String>,
    pub(crate) report: Option<String>,
    pub(crate) chart: Option<SeriesChart>,
    pub(crate) rows: Vec<PointRow>,
}

/// A day of the series.
#[derive(Debug, Clone)]
pub(crate) struct PointRow {
    pub(crate) day: String,
    pub(crate) value: String,
    pub(crate) lower: String,
    pub(crate) upper: String,
    pub(crate) labels: String,
}

/// Shapes in units of the view box.
#[derive(Debug, Clone)]
pub(crate) struct SeriesChart {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Where the plot begins.
    pub(crate) left: String,
    pub(crate) bands: Vec<String>,
    pub(crate) lines: Vec<String>,
    pub(crate) points: Vec<PointShape>,
    pub(crate) ticks: Vec<(String, String)>,
    /// Height of the line of the report.
    pub(crate) report: Option<String>,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) summary: String,
}

/// One day.
#[derive(Debug, Clone)]
pub(crate) struct PointShape {
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) radius: String,
    pub(crate) title: String,
}

impl StandingMark {
    fn new(judged: Option<&Judged>) -> Self {
        match judged.map(|judged| judged.verdict) {
            Some(Verdict::Ok) => Self { class: "ok", mark: "✓", word: "OK" },
            Some(Verdict::Worse) => Self { class: "worse", mark: "▼", word: "worse" },
            Some(Verdict::CannotTellYet) | None => Self { class: "unclear", mark: "?", word: "can't tell yet" },
        }
    }
}

impl GlanceShown {
    pub(crate) fn new(glance: &ModelGlance, now: Timestamp) -> Self {
        let estimate = glance.estimate.as_ref().map(|record| &record.estimate);
        let needed = glance.judged.as_ref().and_then(|judged| judged.labels_needed);
        let needed = needed.map(|labels| format!("about {} more", counted(labels, "label", "labels")));
        let missing = estimate.and_then(why_not);
        Self {
            model: glance.model.to_string(),
            service: glance.service.to_string(),
            role: glance.role.to_string(),
            standing: StandingMark::new(glance.judged.as_ref()),
            metric: glance.metric.clone(),
            now: estimate.map(shown).unwrap_or_default(),
            why: missing.or(needed),
            labels: counted(estimate.map_or(0, |estimate| estimate.labels), "label", "labels"),
            labels_age: glance.newest_label_at.map_or_else(|| "never".to_owned(), |at| format!("{} ago", age(at, now))),
            labels_are_old: glance.labels_are_old,
        }
    }
}

/// `0.7123 [0.6511, 0.7702]`; nothing where there are not enough labels.
fn shown(estimate: &Estimate) -> String {
    estimate.interval().map_or_else(String::new, |of| {
        format!("{} [{}, {}]", metric(Some(of.value)), metric(Some(of.lower)), metric(Some(of.upper)))
    })
}

fn why_not(estimate: &Estimate) -> Option<String> {
    match &estimate.outcome {
        Outcome::Measured(_) => None,
        Outcome::NotEnough { why, labels_needed: Some(needed) } => {
            Some(format!("not enough labels: {why}; about {} more", count(*needed)))
        }
        Outcome::NotEnough { why, labels_needed: None } => Some(format!("not enough labels: {why}")),
    }
}

impl ServiceMetrics {
    pub(crate) fn new(view: &MetricsView, now: Timestamp, zone: &TimeZone) -> Self {
        let mut subjects: Vec<SubjectShown> = Vec::new();
        let mut last = None;
        for series in &view.series {
            if last != Some(&series.subject) {
                subjects.push(SubjectShown::new(series));
                last = Some(&series.subject);
            }
            if let Some(subject) = subjects.last_mut() {
                subject.metrics.push(MetricShown::new(series));
            }
        }
        subjects.sort_by_key(|subject| subject.is_aside);
        let newest = view.newest_label_at;
        Self {
            service: view.service.to_string(),
            labels_age: newest.map_or_else(
                || "no label yet".to_owned(),
                |at| format!("newest label {} ago, {}", age(at, now), Instant::new(at, zone).short),
            ),
            labels_are_old: view.labels_are_old,
            intervals: view.intervals.clone(),
            subjects,
        }
    }
}

impl SubjectShown {
    fn new(series: &MetricSeries) -> Self {
        let subject = &series.subject;
        let place = series.place.map(|role| format!("the {role}; ")).unwrap_or_default();
        let rows = match subject.served_by {
            Some(role) => format!("rows that the {role} answered"),
            None => "all rows".to_owned(),
        };
        let basis = match subject.basis {
            Basis::Drawn => "labels of predictions drawn at random",
            Basis::Imported => "outcomes that came in by themselves",
        };
        Self {
            title: subject.model.clone().unwrap_or_else(|| "What was answered".to_owned()),
            page: subject.model.as_ref().map(|model| format!("/models/{model}")),
            about: format!("{place}{rows}, {basis}"),
            is_aside: subject.served_by.is_some() || subject.basis == Basis::Imported,
            metrics: Vec::new(),
        }
    }
}

impl MetricShown {
    fn new(series: &MetricSeries) -> Self {
        let now = &series.now;
        let interval = now.interval();
        let unknown = match now.cannot_tell {
            0 => String::new(),
            rows => format!(", {} nobody could tell", count(rows)),
        };
        let ends =
            |of: lamp_core::estimate::Interval| format!("{} to {}", metric(Some(of.lower)), metric(Some(of.upper)));
        let needed = series.judged.as_ref().and_then(|judged| judged.why.clone().zip(judged.labels_needed));
        let needed = needed.map(|(why, labels)| format!("{why}; about {} more", counted(labels, "label", "labels")));
        Self {
            name: now.metric.clone(),
            standing: series.judged.as_ref().map(|judged| StandingMark::new(Some(judged))),
            value: metric(interval.map(|of| of.value)),
            interval: interval.map(ends).unwrap_or_default(),
            labels: format!("{}{unknown}", counted(now.labels, "label", "labels")),
            why: why_not(now).or(needed),
            report: series.report.map(|report| metric(Some(report.value))),
            chart: chart(series),
            rows: series.points.iter().rev().map(PointRow::new).collect(),
        }
    }
}

impl PointRow {
    fn new(point: &MetricPoint) -> Self {
        Self {
            day: point.day.to_string(),
            value: metric(point.interval.map(|of| of.value)),
            lower: metric(point.interval.map(|of| of.lower)),
            upper: metric(point.interval.map(|of| of.upper)),
            labels: count(point.labels),
        }
    }
}

/// A day as a number, from the first day on.
fn day_number(first: Date, day: Date) -> f64 {
    f64::from(day.since(first).map_or(0, |span| span.get_days()))
}

fn chart(series: &MetricSeries) -> Option<SeriesChart> {
    let (first, last) = (series.points.first()?.day, series.points.last()?.day);
    let report = series.report.map(|report| report.value);
    let measured = series.points.iter().filter_map(|point| point.interval);
    measured.clone().next()?;
    let values = measured.flat_map(|of| [of.lower, of.upper]).chain(report);
    let frame = Frame::around(0.0, day_number(first, last), values)?;
    let (bands, lines) = stretches(&series.points, first, &frame);
    Some(SeriesChart {
        width: SIZE.0,
        height: SIZE.1,
        left: coordinate(LEFT),
        bands,
        lines,
        points: series.points.iter().filter_map(|point| shape(point, first, &frame)).collect(),
        ticks: frame.ticks(),
        report: report.map(|value| coordinate(frame.y(value))),
        first: first.to_string(),
        last: last.to_string(),
        summary: summary(series),
    })
}

fn summary(series: &MetricSeries) -> String {
    let whose = series.subject.model.as_deref().unwrap_or("what was answered");
    let now = shown(&series.now);
    let now = if now.is_empty() { "not enough labels now".to_owned() } else { format!("now {now}") };
    let days = counted(series.points.len() as u64, "day", "days");
    format!("{} of {whose} over {days}; {now}", series.now.metric)
}

/// A band and a line for each stretch of days that were measured: a day without enough labels breaks both.
fn stretches(points: &[MetricPoint], first: Date, frame: &Frame) -> (Vec<String>, Vec<String>) {
    let (mut bands, mut lines) = (Vec::new(), Vec::new());
    for stretch in points.split(|point| point.interval.is_none()).filter(|stretch| !stretch.is_empty()) {
        let measured = stretch.iter().filter_map(|point| Some((day_number(first, point.day), point.interval?)));
        let ends: Vec<_> = measured.clone().map(|(x, of)| (x, (of.lower, of.upper))).collect();
        let values: Vec<_> = measured.map(|(x, of)| (x, of.value)).collect();
        bands.push(frame.band(&ends));
        lines.push(frame.line(&values));
    }
    (bands, lines)
}

#[allow(clippy::cast_precision_loss, reason = "a number of labels for a radius")]
fn shape(point: &MetricPoint, first: Date, frame: &Frame) -> Option<PointShape> {
    let of = point.interval?;
    // The area grows with the number of labels.
    let share = (point.labels as f64 / LABELS_LARGEST).min(1.0).sqrt();
    let labels = counted(point.labels, "label", "labels");
    Some(PointShape {
        x: coordinate(frame.x(day_number(first, point.day))),
        y: coordinate(frame.y(of.value)),
        radius: coordinate(RADIUS.0 + (RADIUS.1 - RADIUS.0) * share),
        title: format!(
            "{}: {} [{}, {}], {labels}",
            point.day,
            metric(Some(of.value)),
            metric(Some(of.lower)),
            metric(Some(of.upper))
        ),
    })
}
