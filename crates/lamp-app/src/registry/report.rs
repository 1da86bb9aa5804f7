//! A candidate's report as a person reads it: the verdict first, then what it rests on.

use lamp_core::human;
use lamp_core::registry::beside::{BesideServing, Difference, ResampledUnit, Standing, VERDICT_ROWS_MIN};
use lamp_core::registry::slices::SliceDifference;
use lamp_core::registry::{DataChecks, Evidence};
use lamp_core::route::ModelRef;
use serde::Serialize;

/// A metric of the report, beside the serving model's where there is one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricView {
    /// The metric.
    pub name: String,
    /// The candidate's value.
    pub candidate: f64,
    /// The serving model's value on the same rows.
    pub serving: Option<f64>,
    /// Candidate minus serving, with its 95 % interval, for the metrics that the verdict looks at.
    pub difference: Option<Difference>,
}

/// A report for people; every text is whole and ready to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EvidenceView {
    /// The model that served.
    pub serving: Option<ModelRef>,
    /// How the candidate stands to it.
    pub standing: Option<Standing>,
    /// The verdict in a line: `better than delay@1: roc_auc +0.0123 [+0.0040, +0.0210]`.
    pub verdict: Option<String>,
    /// Every metric, by name.
    pub metrics: Vec<MetricView>,
    /// Share of rows on which the two decide differently.
    pub decided_differently: Option<f64>,
    /// How the intervals were made.
    pub method: Option<String>,
    /// Parts of the rows, the worst change first.
    pub slices: Vec<SliceDifference>,
    /// How many parts had enough rows to be measured.
    pub slices_seen: u32,
    /// What the one who signs should know before anything else.
    pub cautions: Vec<String>,
    /// Contracts of the data, one line a version.
    pub data: Vec<String>,
}

impl EvidenceView {
    /// The report for people.
    pub fn of(evidence: &Evidence) -> Self {
        let beside = evidence.beside.as_ref();
        let serving = evidence.serving.as_ref().map(|(serving, _)| serving.clone());
        let verdict = beside.zip(serving.as_ref()).map(|(beside, serving)| verdict(beside, serving, evidence.rows));
        let mut cautions: Vec<String> = Vec::new();
        cautions.extend(beside.zip(serving.as_ref()).and_then(|(beside, serving)| contaminated(beside, serving)));
        cautions.extend(evidence.data_checks.iter().filter(|checks| checks.broken > 0).map(broken));
        Self {
            standing: beside.map(|beside| beside.standing),
            verdict,
            metrics: metrics(evidence),
            decided_differently: beside.and_then(|beside| beside.decided_differently),
            method: beside.map(method),
            slices: beside.map(|beside| beside.slices.clone()).unwrap_or_default(),
            slices_seen: beside.map_or(0, |beside| beside.slices_seen),
            cautions,
            data: evidence.data_checks.iter().map(checked).collect(),
            serving,
        }
    }
}

fn metrics(evidence: &Evidence) -> Vec<MetricView> {
    let other = evidence.serving.as_ref().map(|(_, metrics)| metrics);
    let differences = evidence.beside.as_ref().map(|beside| &beside.differences[..]).unwrap_or_default();
    let view = |(name, candidate): (&String, &f64)| MetricView {
        name: name.clone(),
        candidate: *candidate,
        serving: other.and_then(|metrics| metrics.get(name)).copied(),
        difference: differences.iter().find(|difference| &difference.metric == name).cloned(),
    };
    evidence.metrics.iter().map(view).collect()
}

fn verdict(beside: &BesideServing, serving: &ModelRef, rows: u64) -> String {
    let leading = beside.differences.first();
    let measured = leading.map(|of| format!("{} {}", of.metric, difference(of))).unwrap_or_default();
    let too_few = rows < VERDICT_ROWS_MIN as u64;
    match beside.standing {
        Standing::Better => format!("better than {serving}: {measured}"),
        Standing::Worse => format!("worse than {serving}: {measured}"),
        Standing::CannotTell if too_few => {
            format!("can't tell it from {serving}: {rows} rows are too few (at least {VERDICT_ROWS_MIN})")
        }
        Standing::CannotTell if leading.is_some_and(|of| of.standing == Standing::Worse) => {
            format!("can't tell it from {serving}, which has seen the answers: {measured}")
        }
        Standing::CannotTell => format!("can't tell it from {serving}: {measured}"),
    }
}

/// `+0.0123 [+0.0040, +0.0210]`.
pub fn difference(of: &Difference) -> String {
    match of.interval {
        Some((low, high)) => format!("{:+.4} [{low:+.4}, {high:+.4}]", of.difference),
        None => format!("{:+.4}, without an interval", of.difference),
    }
}

fn method(beside: &BesideServing) -> String {
    let unit = match beside.unit {
        ResampledUnit::Row => "rows",
        ResampledUnit::Partition => "partitions",
    };
    let (resamples, units) = (human::count(beside.resamples.into()), human::count(beside.units));
    format!("95 % intervals of {resamples} paired resamples of {units} {unit}")
}

fn contaminated(beside: &BesideServing, serving: &ModelRef) -> Option<String> {
    let seen = beside.contamination.as_ref()?;
    let what = match seen.of {
        0 => "the held-out data".to_owned(),
        of => format!("{} of the {of} held-out partitions", seen.partitions),
    };
    Some(format!("contaminated: {serving} was trained on {what}, and looks better here than it is"))
}

fn broken(checks: &DataChecks) -> String {
    let examples = checks.examples.join("; ");
    let (dataset, version) = (&checks.dataset, checks.version);
    let rules = if checks.broken == 1 { "broken promise" } else { "broken promises" };
    format!("trained on data with {} {rules}: {dataset}@{version} ({examples})", human::count(checks.broken))
}

fn checked(checks: &DataChecks) -> String {
    let (dataset, version) = (&checks.dataset, checks.version);
    match (checks.checked, checks.broken) {
        (0, _) => format!("{dataset}@{version}: nobody had checked it"),
        (all, 0) => format!("{dataset}@{version}: all {} checks passed", human::count(all)),
        (all, broken) => {
            format!("{dataset}@{version}: {} of {} checks failed", human::count(broken), human::count(all))
        }
    }
}
