//! One column over time, and how surprising its next partition is.

use std::collections::{BTreeMap, VecDeque};

use super::judgement::FeatureJudgement;
use super::robust::{Tail, median};
use super::series::{Forecast, Series, push};
use super::summary::{ColumnSummary, Feature, Scale};
use super::values::ValueHistory;
use crate::profile::ColumnKind;

/// Partitions whose evidence on a column is remembered.
const EVIDENCE_KEPT: usize = 120;
/// Kinds and spreads of so many partitions are those of late.
const LATE_OF: usize = 28;
/// A tail of evidence falls off by e at least every so much.
const EVIDENCE_EXCESS_MIN: f64 = 0.35;

/// Where a column lies and how wide it is: the units of its scores.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Unit {
    centre: f64,
    spread: f64,
}

impl Unit {
    const PLAIN: Self = Self { centre: 0.0, spread: 1.0 };

    /// From a partition that varies.
    fn of(summary: &ColumnSummary) -> Option<Self> {
        let spread = summary.find(Feature::Spread).filter(|spread| *spread > 0.0 && spread.is_finite())?;
        Some(Self { centre: summary.find(Feature::Median)?, spread })
    }

    fn to(self, feature: Feature, value: f64) -> f64 {
        match feature.scale() {
            Scale::Share => value.clamp(0.0, 1.0).sqrt().asin(),
            Scale::Count => value.max(0.0).ln_1p(),
            Scale::Extreme => ((value - self.centre) / self.spread).asinh(),
            Scale::Spreads | Scale::Plain => value,
        }
    }

    fn from(self, feature: Feature, scaled: f64) -> f64 {
        let value = match feature.scale() {
            Scale::Share => scaled.clamp(0.0, std::f64::consts::FRAC_PI_2).sin().powi(2),
            Scale::Count => scaled.max(0.0).exp_m1(),
            Scale::Extreme => scaled.sinh() * self.spread + self.centre,
            Scale::Spreads | Scale::Plain => scaled,
        };
        value.clamp(f64::MIN, f64::MAX)
    }
}

/// The smallest sigma of a feature on its scale: less than that is no effect that anybody would look at. `rows` give a
/// share its sampling noise.
fn floor(feature: Feature, rows: u64, spread: f64) -> f64 {
    match feature.scale() {
        Scale::Share => (0.4 / (rows.max(1) as f64).sqrt()).max(0.008),
        Scale::Count => 0.02,
        Scale::Spreads => (0.1 * spread).max(f64::MIN_POSITIVE),
        Scale::Extreme => 0.1,
        Scale::Plain => 0.25,
    }
}

/// One column over time.
#[derive(Debug, Clone, Default)]
pub(super) struct ColumnHistory {
    unit: Option<Unit>,
    series: BTreeMap<Feature, Series>,
    values: ValueHistory,
    /// Its standard deviations of late.
    spreads: VecDeque<f64>,
    kinds: VecDeque<ColumnKind>,
    evidence: VecDeque<f64>,
    /// The number of the last partition that had it.
    pub last_seen: usize,
}

/// What is expected of one feature of a column.
#[derive(Debug, Clone)]
struct Expected {
    forecast: Forecast,
    tail: Tail,
}

/// What is expected of a column's next partition.
#[derive(Debug, Clone)]
pub(super) struct ColumnOutlook {
    unit: Unit,
    /// Its usual standard deviation.
    spread: f64,
    expected: BTreeMap<Feature, Expected>,
    evidence: Tail,
}

/// How surprising a column is.
#[derive(Debug, Clone, Default)]
pub(super) struct ColumnScore {
    /// How many times larger than usual the largest score of its features is.
    pub evidence: f64,
    /// How likely so much evidence is on this column.
    pub p: f64,
    /// By feature, the one that is further off than usual by most first.
    pub features: Vec<FeatureJudgement>,
}

impl ColumnHistory {
    /// The kind of values that it had of late, as far as they go together; none of a column of nulls.
    pub fn kind(&self) -> Option<ColumnKind> {
        self.kinds.back().copied()
    }

    /// Whether values of `kind` go with those of any partition of late.
    pub fn knows(&self, kind: ColumnKind) -> bool {
        kind == ColumnKind::Null || self.kinds.is_empty() || self.kinds.iter().any(|one| one.widen(kind).is_some())
    }

    /// What is expected of the next partition.
    pub fn outlook(&self, season: i8) -> ColumnOutlook {
        let expected = self.series.iter().filter_map(|(feature, series)| {
            Some((*feature, Expected { forecast: series.forecast(season)?, tail: series.tail() }))
        });
        let mut spreads: Vec<f64> = self.spreads.iter().copied().collect();
        ColumnOutlook {
            spread: median(&mut spreads),
            unit: self.unit.unwrap_or(Unit::PLAIN),
            expected: expected.collect(),
            evidence: Tail::of(self.evidence.iter().copied(), EVIDENCE_EXCESS_MIN),
        }
    }

    /// Everything that is measured of a partition: of the partition alone, and beside the history. `gap` is how far its
    /// nulls are from those of related columns.
    pub fn measured(&self, summary: &ColumnSummary, gap: Option<f64>) -> Vec<(Feature, f64)> {
        let mut measured = summary.measured.clone();
        measured.extend(gap.map(|gap| (Feature::NullGap, gap)));
        // A measurement has new values every day.
        let is_number = matches!(summary.kind, ColumnKind::Int | ColumnKind::Float);
        let compared = self.values.compare(&summary.values).into_iter();
        measured.extend(compared.filter(|(feature, _)| !is_number || *feature == Feature::Lump));
        measured
    }

    /// Takes in a partition, which is the `number`th, with what was said of it.
    pub fn learn(
        &mut self,
        season: i8,
        number: usize,
        (summary, gap): (&ColumnSummary, Option<f64>),
        score: Option<&ColumnScore>,
    ) {
        self.unit = self.unit.or_else(|| Unit::of(summary));
        let unit = self.unit.unwrap_or(Unit::PLAIN);
        for (feature, value) in self.measured(summary, gap) {
            let scored = score.and_then(|score| score.features.iter().find(|one| one.feature == feature));
            let series = self.series.entry(feature).or_default();
            series.learn(season, unit.to(feature, value), scored.map(|one| one.score));
        }
        self.values.learn(&summary.values);
        if let Some(spread) = summary.find(Feature::Spread) {
            push(&mut self.spreads, spread, LATE_OF);
        }
        if summary.kind != ColumnKind::Null {
            push(&mut self.kinds, summary.kind, LATE_OF);
        }
        if let Some(score) = score {
            push(&mut self.evidence, score.evidence, EVIDENCE_KEPT);
        }
        self.last_seen = number;
    }
}

impl ColumnOutlook {
    /// How surprising what was measured of `rows` rows is; none without a history.
    pub fn score(&self, measured: &[(Feature, f64)], rows: u64) -> Option<ColumnScore> {
        let mut features: Vec<_> =
            measured.iter().filter_map(|(feature, value)| self.judge(*feature, *value, rows)).collect();
        if features.is_empty() {
            return None;
        }
        features.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
        let evidence = evidence_of(&features);
        Some(ColumnScore { evidence, p: self.evidence.p_value(evidence), features })
    }

    fn judge(&self, feature: Feature, value: f64, rows: u64) -> Option<FeatureJudgement> {
        let Expected { forecast, tail } = self.expected.get(&feature)?;
        let floor = floor(feature, rows, self.spread);
        let scaled = self.unit.to(feature, value);
        // Fewer decimals than usual are no sign of anything.
        let is_harmless = feature == Feature::Decimals && scaled < forecast.expected;
        let score = if is_harmless { 0.0 } else { forecast.score(scaled, floor) };
        let band = 3.0 * forecast.scale.max(floor);
        Some(FeatureJudgement {
            feature,
            value,
            expected: self.unit.from(feature, forecast.expected),
            low: self.unit.from(feature, forecast.expected - band),
            high: self.unit.from(feature, forecast.expected + band),
            by: forecast.by,
            score,
            p: tail.p_value(score),
            ratio: score / tail.usual().max(1.0),
        })
    }
}

/// Of the feature that is further off than usual by most.
fn evidence_of(features: &[FeatureJudgement]) -> f64 {
    features.first().map_or(0.0, |one| one.ratio)
}
