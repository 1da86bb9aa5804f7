//! A candidate beside the model that serves, on the same held-out rows: is it better, worse, or can nobody tell?

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::draws::Draws;
use crate::metric::{Goal, MetricError, Predictions, Reweighted, Targets, decisions, loss, natural_goal};
use crate::package::Task;
use crate::partition::PartitionKey;
use crate::registry::slices::{self, SliceDifference};
use crate::run::PinnedInput;
use crate::table::Table;

/// Resamples behind an interval.
const RESAMPLES: usize = 1_000;

/// Rows weighed over all resamples; more rows get fewer resamples, down to [`RESAMPLES_MIN`].
const ROWS_WEIGHED_MAX: usize = 200_000_000;

/// Fewest resamples: the ends of a 95 % interval lie at the fifth smallest and the fifth largest of them.
const RESAMPLES_MIN: usize = 200;

/// From so many partitions on they are resampled whole: the rows of a day have its weather in common, and counting
/// each as a witness of its own would make the interval too narrow. Fewer cannot say how much days differ.
const PARTITIONS_MIN: usize = 10;

/// Fewer rows give no verdict, whatever their interval says.
pub const VERDICT_ROWS_MIN: usize = 50;

/// How a candidate stands to the model that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The whole interval says so.
    Better,
    /// The whole interval says so.
    Worse,
    /// The interval takes in no difference, the rows are too few, or the comparison is not fair.
    CannotTell,
}

impl Standing {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::CannotTell => "can't tell",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is drawn again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResampledUnit {
    /// Single rows.
    Row,
    /// Whole partitions.
    Partition,
}

/// One metric of both on the same rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The metric.
    pub metric: String,
    /// The candidate's value.
    pub candidate: f64,
    /// The serving model's value.
    pub serving: f64,
    /// Candidate minus serving.
    pub difference: f64,
    /// 95 % interval of the difference; none where too few resamples have the metric.
    pub interval: Option<(f64, f64)>,
    /// What the interval says.
    pub standing: Standing,
}

/// How far the serving model has seen the held-out data before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contamination {
    /// Held-out partitions that it was trained on; 0 when the data has no partitions.
    pub partitions: u64,
    /// Held-out partitions in all; 0 when the data has no partitions.
    pub of: u64,
}

/// A candidate beside the model that serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BesideServing {
    /// The answer.
    pub standing: Standing,
    /// Metrics of both: the gate's first, then the loss.
    pub differences: Vec<Difference>,
    /// Share of rows on which the two decide differently; none where a task has no decisions.
    pub decided_differently: Option<f64>,
    /// What was resampled for the intervals.
    pub unit: ResampledUnit,
    /// How many of those there are.
    pub units: u64,
    /// Number of resamples.
    pub resamples: u32,
    /// Rows that the serving model was trained on make it look better here than it is.
    pub contamination: Option<Contamination>,
    /// Parts of the rows, the worst change first; at most [`slices::SLICES_MAX`].
    pub slices: Vec<SliceDifference>,
    /// How many parts were looked at: one in twenty looks worse by chance alone.
    pub slices_seen: u32,
}

/// A model's answers, with the truth as that model numbers its classes.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a> {
    /// The truth, one entry a row.
    pub targets: &'a Targets,
    /// What it said, one entry a row.
    pub predictions: &'a Predictions,
    /// Names of its classes in their order; empty where the task has none.
    pub classes: &'a [String],
}

/// Two models on the same rows.
#[derive(Debug, Clone, Copy)]
pub struct Exam<'a> {
    /// What they predict.
    pub task: Task,
    /// The gate's metric, where there is a gate.
    pub gate: Option<&'a str>,
    /// The candidate.
    pub candidate: Answers<'a>,
    /// The serving model.
    pub serving: Answers<'a>,
    /// The candidate's inputs, row by row.
    pub inputs: &'a Table,
    /// Which partition each row belongs to, numbered from 0; empty where the data has none.
    pub partition_of_row: &'a [usize],
}

impl Exam<'_> {
    /// The metrics of the report: the gate's, then the loss.
    fn metrics(&self) -> Vec<&str> {
        let loss = loss(self.task);
        self.gate.into_iter().filter(|gate| *gate != loss).chain([loss]).collect()
    }

    /// Both models' values of a metric, ready to be resampled.
    pub(super) fn prepare(&self, metric: &str) -> Result<Option<(Reweighted, Reweighted)>, MetricError> {
        let of = |answers: &Answers<'_>| Reweighted::new(self.task, metric, answers.targets, answers.predictions);
        Ok(of(&self.candidate)?.zip(of(&self.serving)?))
    }

    /// Compares. The same `seed` gives the same intervals.
    pub fn compare(&self, seed: &[u8], contamination: Option<Contamination>) -> Result<BesideServing, MetricError> {
        let rows = match self.candidate.targets {
            Targets::Binary(truth) => truth.len(),
            Targets::Classes(truth) => truth.len(),
            Targets::Numbers(truth) => truth.len(),
        };
        let resampling = Resampling::of(rows, self.partition_of_row);
        let mut differences = Vec::new();
        for metric in self.metrics() {
            if let Some((candidate, serving)) = self.prepare(metric)? {
                differences.extend(resampling.difference(metric, &candidate, &serving, seed));
            }
        }
        let leading = differences.first().map_or(Standing::CannotTell, |difference| difference.standing);
        // A model that knows the answers already is beaten all the more, but losing to it means nothing.
        let is_unfair = contamination.is_some() && leading == Standing::Worse;
        let (slices, slices_seen) = slices::compare(self)?;
        Ok(BesideServing {
            standing: if is_unfair { Standing::CannotTell } else { leading },
            differences,
            decided_differently: self.decided_differently(),
            unit: resampling.unit,
            units: resampling.units as u64,
            resamples: u32::try_from(resampling.resamples).unwrap_or(u32::MAX),
            contamination,
            slices,
            slices_seen,
        })
    }

    fn decided_differently(&self) -> Option<f64> {
        let (candidate, serving) = (decisions(self.candidate.predictions)?, decisions(self.serving.predictions)?);
        // Models may number their classes differently.
        let name = |answers: &Answers<'_>, class: usize| match answers.classes.get(class) {
            Some(name) => name.clone(),
            None => class.to_string(),
        };
        let differ = |(a, b): (&usize, &usize)| name(&self.candidate, *a) != name(&self.serving, *b);
        let (differing, rows) = candidate
            .iter()
            .zip(&serving)
            .fold((0.0, 0.0), |(differing, rows), pair| (differing + f64::from(differ(pair)), rows + 1.0));
        (rows > 0.0).then(|| differing / rows)
    }
}

/// How much better the candidate's value is than the other: above zero is better.
pub(super) fn gain(metric: &str, candidate: f64, serving: f64) -> f64 {
    match natural_goal(metric) {
        Some(Goal::Max) => candidate - serving,
        Some(Goal::Min) => serving - candidate,
        // A bias is best at zero.
        None => serving.abs() - candidate.abs(),
    }
}

/// The paired bootstrap (Efron & Tibshirani, 1993, "An Introduction to the Bootstrap", ch. 8 and 13): the same rows
/// are drawn for both models, and the interval is from the percentiles of their difference.
struct Resampling<'a> {
    rows: usize,
    unit: ResampledUnit,
    units: usize,
    resamples: usize,
    partition_of_row: &'a [usize],
}

impl<'a> Resampling<'a> {
    fn of(rows: usize, partition_of_row: &'a [usize]) -> Self {
        let partitions = partition_of_row.iter().max().map_or(0, |last| last + 1);
        let by_partition = partitions >= PARTITIONS_MIN && partition_of_row.len() == rows;
        let (unit, units) =
            if by_partition { (ResampledUnit::Partition, partitions) } else { (ResampledUnit::Row, rows) };
        let resamples = (ROWS_WEIGHED_MAX / rows.max(1)).clamp(RESAMPLES_MIN, RESAMPLES);
        Self { rows, unit, units, resamples, partition_of_row }
    }

    fn difference(
        &self,
        metric: &str,
        candidate: &Reweighted,
        serving: &Reweighted,
        seed: &[u8],
    ) -> Option<Difference> {
        let all = vec![1.0; self.rows];
        let (ours, theirs) = (candidate.value(&all)?, serving.value(&all)?);
        let mut draws = Draws::seeded("lamplighter 2026 paired bootstrap of a report", seed);
        let mut weights = vec![0.0; self.rows];
        let mut differences = Vec::with_capacity(self.resamples);
        let mut gains = Vec::with_capacity(self.resamples);
        for _ in 0..self.resamples {
            self.draw(&mut draws, &mut weights);
            if let Some((a, b)) = candidate.value(&weights).zip(serving.value(&weights)) {
                differences.push(a - b);
                gains.push(gain(metric, a, b));
            }
        }
        let is_enough = differences.len() * 2 > self.resamples;
        let standing = if is_enough && self.rows >= VERDICT_ROWS_MIN {
            standing(middle_95(&mut gains))
        } else {
            Standing::CannotTell
        };
        Some(Difference {
            metric: metric.to_owned(),
            candidate: ours,
            serving: theirs,
            difference: ours - theirs,
            interval: if is_enough { middle_95(&mut differences) } else { None },
            standing,
        })
    }

    /// How often each row is drawn.
    fn draw(&self, draws: &mut Draws, weights: &mut [f64]) {
        weights.fill(0.0);
        match self.unit {
            ResampledUnit::Row => (0..self.units).for_each(|_| weights[draws.below(self.units)] += 1.0),
            ResampledUnit::Partition => {
                let mut times = vec![0.0; self.units];
                (0..self.units).for_each(|_| times[draws.below(self.units)] += 1.0);
                for (weight, partition) in weights.iter_mut().zip(self.partition_of_row) {
                    *weight = times[*partition];
                }
            }
        }
    }
}

fn standing(gain: Option<(f64, f64)>) -> Standing {
    match gain {
        Some((low, _)) if low > 0.0 => Standing::Better,
        Some((_, high)) if high < 0.0 => Standing::Worse,
        Some(_) | None => Standing::CannotTell,
    }
}

/// The 2.5 % and the 97.5 % quantile, between the order statistics; none of nothing.
pub(crate) fn middle_95(values: &mut [f64]) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    Some((quantile(values, 0.025)?, quantile(values, 0.975)?))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place among some thousands"
)]
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = sorted.len().checked_sub(1)? as f64 * share;
    let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}

/// Whether a model that was trained on `trained_on` has seen the held-out `valid` before.
pub fn contamination(trained_on: &PinnedInput, valid: &PinnedInput) -> Option<Contamination> {
    if trained_on.dataset != valid.dataset {
        return None;
    }
    if valid.partitions.is_empty() || trained_on.partitions.is_empty() {
        return Some(Contamination { partitions: 0, of: 0 });
    }
    let overlaps = |key: &&PartitionKey| {
        trained_on.partitions.iter().any(|trained| trained.start() < key.end() && key.start() < trained.end())
    };
    let seen = valid.partitions.iter().filter(overlaps).count() as u64;
    (seen > 0).then_some(Contamination { partitions: seen, of: valid.partitions.len() as u64 })
}

#[cfg(test)]
mod tests;
