//! A run as the list and its page show it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use lamp_core::human::{bytes, duration};
use lamp_core::run::{CodeOrigin, MetricLine, Purpose, Run};

use super::text::{Instant, count};
use super::value::number;

/// Files listed of what a run made.
const OUTPUTS_SHOWN: usize = 50;
/// Metrics of a run that are drawn.
const CURVES_MAX: usize = 6;
/// Points drawn of one metric; of more, equally spaced ones.
const POINTS_MAX: usize = 240;
/// Size of a curve in its own units.
const CURVE: (f64, f64) = (320.0, 72.0);

/// One line of the list of runs.
#[derive(Debug, Clone)]
pub(crate) struct RunLineShown {
    pub(crate) id: String,
    pub(crate) short: String,
    pub(crate) verb: &'static str,
    pub(crate) made: String,
    pub(crate) state: &'static str,
    pub(crate) is_over: bool,
    pub(crate) commit: String,
    pub(crate) commit_short: String,
    pub(crate) is_wip: bool,
    pub(crate) at: Instant,
    pub(crate) ended_at: Option<Instant>,
    pub(crate) took: String,
    pub(crate) by: String,
}

/// One file that a run made.
#[derive(Debug, Clone)]
pub(crate) struct OutputRow {
    pub(crate) path: String,
    pub(crate) size: String,
    pub(crate) digest: String,
}

/// A metric that the command itself logged, over its lines.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) path: String,
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) points: String,
    pub(crate) summary: String,
}

impl RunLineShown {
    pub(crate) fn new(run: &Run, zone: &TimeZone) -> Self {
        let (verb, made) = match &run.purpose {
            Purpose::Train(model) => ("train", model.to_string()),
            Purpose::Build(dataset) => ("build", dataset.to_string()),
        };
        let id = run.id.to_string();
        Self {
            // The first digits of two runs of the same minute are the same; the last are random.
            short: format!("…{}", &id[id.len().saturating_sub(8)..]),
            id,
            verb,
            made,
            state: run.state.as_str(),
            is_over: run.state.is_final(),
            commit_short: run.commit.chars().take(12).collect(),
            commit: run.commit.clone(),
            is_wip: run.origin == CodeOrigin::Wip,
            at: Instant::new(run.created_at, zone),
            ended_at: run.ended_at.map(|at| Instant::new(at, zone)),
            took: run.manifest.as_ref().map(|manifest| duration(manifest.duration_ms)).unwrap_or_default(),
            by: run.created_by.name.clone(),
        }
    }
}

pub(crate) fn outputs(run: &Run) -> Vec<OutputRow> {
    let outputs = run.manifest.iter().flat_map(|manifest| &manifest.outputs).take(OUTPUTS_SHOWN);
    let row = |output: &lamp_core::run::OutputFile| OutputRow {
        path: output.path.clone(),
        size: bytes(output.size),
        digest: output.digest.to_hex(),
    };
    outputs.map(row).collect()
}

/// The numbers of `metrics.jsonl`, a curve for each name.
pub(crate) fn curves(lines: &[MetricLine]) -> Vec<Curve> {
    let mut series: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for line in lines {
        for (name, value) in &line.values {
            if let Some(value) = value.as_f64().filter(|value| value.is_finite()) {
                series.entry(name).or_default().push(value);
            }
        }
    }
    series.into_iter().take(CURVES_MAX).map(|(name, values)| curve(name, &values)).collect()
}

#[allow(clippy::cast_precision_loss, reason = "a small number of points")]
fn curve(name: &str, values: &[f64]) -> Curve {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = if high > low { high - low } else { 1.0 };
    let step = values.len().div_ceil(POINTS_MAX).max(1);
    let last_at = values.len().saturating_sub(1);
    let mut path = String::new();
    for at in (0..values.len()).step_by(step).chain((!last_at.is_multiple_of(step)).then_some(last_at)) {
        let x = if last_at == 0 { 0.0 } else { CURVE.0 * at as f64 / last_at as f64 };
        let y = 4.0 + (CURVE.1 - 8.0) * (1.0 - (values[at] - low) / span);
        // Writing to a string does not fail.
        let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { "M" } else { "L" });
    }
    let ends = values.first().zip(values.last()).map(|(first, last)| (number(*first), number(*last)));
    let (first, last) = ends.unwrap_or_default();
    let points = count(values.len() as u64);
    let summary =
        format!("{name}: from {first} to {last} over {points} lines; lowest {}, highest {}", number(low), number(high));
    Curve { name: name.to_owned(), width: CURVE.0, height: CURVE.1, path, first, last, points, summary }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_is_thinned_and_keeps_its_ends() {
        let line = |at: u32| MetricLine {
            step: Some(u64::from(at)),
            values: BTreeMap::from([("loss".to_owned(), serde_json::json!(1.0 / f64::from(at + 1)))]),
        };
        let lines: Vec<MetricLine> = (0..10_000).map(line).collect();
        let [curve] = &curves(&lines)[..] else { panic!("one curve") };
        assert!(curve.path.starts_with("M0.0 4.0"), "{}", curve.path);
        assert!(curve.path.matches('L').count() <= POINTS_MAX + 1);
        assert!(curve.path.contains("L320.0 68.0"), "{}", curve.path);
        assert_eq!((curve.first.as_str(), curve.points.as_str()), ("1", "10,000"));
        let text = MetricLine { step: None, values: BTreeMap::from([("note".to_owned(), serde_json::json!("x"))]) };
        assert!(curves(&[text]).is_empty(), "words are no curve");
    }
}
