//! Two profiles column by column: summaries side by side, and how far they are apart. A diagnosis, not a verdict.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Profile;
use super::column::{ColumnKind, ColumnProfile};
use super::drift::{self, Drift, Steps};
use super::scalar::Scalar;

/// What is said of a column in a few numbers. Instants are RFC 3339 text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnSummary {
    /// Engine type name.
    pub data_type: String,
    /// Rows, nulls among them.
    pub rows: u64,
    /// Nulls.
    pub nulls: u64,
    /// Different values, or the best guess at their number.
    pub distinct: u64,
    /// Whether they were counted.
    pub distinct_is_exact: bool,
    /// Mean of the finite values.
    pub mean: Option<Value>,
    /// Sample standard deviation; of instants, microseconds.
    pub std: Option<f64>,
    /// Smallest value.
    pub min: Option<Value>,
    /// A twentieth of the values lies below.
    pub p5: Option<Value>,
    /// Half of the values lies below.
    pub median: Option<Value>,
    /// A twentieth of the values lies above.
    pub p95: Option<Value>,
    /// Largest value.
    pub max: Option<Value>,
}

/// A measure of [`drift`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// [`drift::jensen_shannon`].
    JensenShannon,
    /// [`drift::population_stability`].
    PopulationStability,
    /// [`drift::kolmogorov_smirnov`].
    KolmogorovSmirnov,
    /// [`drift::wasserstein`].
    Wasserstein,
    /// [`drift::chi_squared`].
    ChiSquared,
}

/// What a measure came to. Numbers that are infinite, where nothing varies, are none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Which.
    pub measure: Measure,
    /// In its own unit.
    pub statistic: Option<f64>,
    /// How likely one source gives samples that are further apart.
    pub p_value: Option<f64>,
    /// The size of the difference, whatever the number of rows: 0 for none.
    pub effect: Option<f64>,
}

/// One column of both profiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnContrast {
    /// The column.
    pub column: String,
    /// As it was; none where it was not.
    pub before: Option<ColumnSummary>,
    /// As it is; none where it is no more.
    pub after: Option<ColumnSummary>,
    /// How far they are apart; nothing for columns that only one has, or whose types do not go together.
    pub measures: Vec<Measured>,
    /// Whether it holds days or instants, which go on by themselves.
    pub is_time: bool,
}

impl ColumnContrast {
    /// What a measure came to, where it applies.
    pub fn find(&self, measure: Measure) -> Option<&Measured> {
        self.measures.iter().find(|measured| measured.measure == measure)
    }

    /// From 0, for columns with the same shares everywhere, to 1 for those with nothing in common: the effect of
    /// [`Measure::JensenShannon`].
    pub fn distance(&self) -> f64 {
        self.find(Measure::JensenShannon).and_then(|measured| measured.effect).unwrap_or(1.0)
    }
}

/// Every column of both, those furthest apart first and those of time last. `before` is the reference of the measures.
pub fn contrast(before: &Profile, after: &Profile) -> Vec<ColumnContrast> {
    let of_after = after.columns.iter().map(|column| one(before.find(&column.name), Some(column)));
    let gone = before.columns.iter().filter(|column| after.find(&column.name).is_none());
    let mut columns: Vec<_> = of_after.chain(gone.map(|column| one(Some(column), None))).flatten().collect();
    columns.sort_by(|a, b| a.is_time.cmp(&b.is_time).then(b.distance().total_cmp(&a.distance())));
    columns
}

fn one(before: Option<&ColumnProfile>, after: Option<&ColumnProfile>) -> Option<ColumnContrast> {
    let column = after.or(before)?;
    Some(ColumnContrast {
        column: column.name.clone(),
        before: before.map(summary),
        after: after.map(summary),
        measures: before.zip(after).map(|(before, after)| measures(before, after)).unwrap_or_default(),
        is_time: is_time(column),
    })
}

fn is_time(column: &ColumnProfile) -> bool {
    matches!(column.kind, ColumnKind::Date | ColumnKind::Instant)
}

fn summary(column: &ColumnProfile) -> ColumnSummary {
    let distinct = column.distinct();
    let quantile = |p| column.quantile(p).map(|value| shown(column, value));
    ColumnSummary {
        data_type: column.data_type.clone(),
        rows: column.count,
        nulls: column.nulls,
        distinct: distinct.estimate,
        distinct_is_exact: distinct.exact,
        mean: column.mean().map(|value| shown(column, value)),
        std: column.std(),
        min: column.min.as_ref().map(Scalar::to_json),
        p5: quantile(0.05),
        median: quantile(0.5),
        p95: quantile(0.95),
        max: column.max.as_ref().map(Scalar::to_json),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "microseconds of instants are whole and fit 64 bits")]
fn shown(column: &ColumnProfile, value: f64) -> Value {
    if is_time(column) { Scalar::Instant(value as i64).to_json() } else { Value::from(value) }
}

fn measures(before: &ColumnProfile, after: &ColumnProfile) -> Vec<Measured> {
    let mut measures = Vec::new();
    let mut add = |measure, drift: Option<Drift>| {
        let finite = |value: f64| value.is_finite().then_some(value);
        measures.extend(drift.map(|drift| Measured {
            measure,
            statistic: finite(drift.statistic),
            p_value: drift.p_value,
            effect: finite(drift.effect),
        }));
    };
    let Some((of_after, of_before)) = drift::classes(after, before) else { return measures };
    add(Measure::JensenShannon, drift::jensen_shannon(&of_after, &of_before));
    add(Measure::PopulationStability, drift::population_stability(&of_after, &of_before));
    add(Measure::ChiSquared, drift::chi_squared(&of_after, &of_before));
    if let Some((after, before)) = Steps::of_column(after).zip(Steps::of_column(before)) {
        add(Measure::KolmogorovSmirnov, drift::kolmogorov_smirnov(&after, &before));
        add(Measure::Wasserstein, drift::wasserstein(&after, &before));
    }
    measures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::ColumnBuilder;

    fn floats(name: &str, values: &[f64], nulls: u64) -> ColumnProfile {
        let mut builder = ColumnBuilder::new(name, "Float64", ColumnKind::Float);
        builder.floats(values);
        builder.nulls(nulls);
        builder.finish()
    }

    fn days(name: &str, micros: &[i64]) -> ColumnProfile {
        let mut builder = ColumnBuilder::new(name, "Date32", ColumnKind::Date);
        builder.instants(micros);
        builder.finish()
    }

    #[test]
    fn what_moved_comes_first_and_time_last() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let moved: Vec<f64> = values.iter().map(|value| value + 50.0).collect();
        let before = Profile::new(
            100,
            vec![
                floats("alike", &values, 0),
                floats("moved", &values, 0),
                days("day", &[0]),
                floats("gone", &[1.0], 99),
            ],
        );
        let after = Profile::new(
            100,
            vec![days("day", &[86_400_000_000]), floats("alike", &values, 0), floats("moved", &moved, 0)],
        );
        let columns = contrast(&before, &after);
        let names: Vec<_> = columns.iter().map(|column| column.column.as_str()).collect();
        assert_eq!(names, ["gone", "moved", "alike", "day"]);
        let moved = &columns[1];
        let wasserstein = moved.find(Measure::Wasserstein).expect("numbers");
        assert!((wasserstein.statistic.expect("finite") - 50.0).abs() < 1e-9);
        let ks = moved.find(Measure::KolmogorovSmirnov).expect("numbers");
        assert!((ks.effect.expect("finite") - 0.5).abs() < 1e-9 && ks.p_value.is_some_and(|p| p < 1e-6));
        assert!(columns[0].measures.is_empty() && columns[0].after.is_none());
        assert!(columns[2].distance() < 1e-9);
        let day = columns[3].after.as_ref().expect("it is there");
        assert_eq!(day.median, Some(Value::from("1970-01-02T00:00:00Z")));
        assert_eq!(columns[3].find(Measure::Wasserstein).expect("ordered").effect, None, "the reference does not vary");
    }

    #[test]
    fn more_nulls_are_a_difference_of_their_own() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let before = Profile::new(100, vec![floats("x", &values, 0)]);
        let after = Profile::new(100, vec![floats("x", &values, 100)]);
        let column = &contrast(&before, &after)[0];
        let effect = |measure| column.find(measure).and_then(|measured| measured.effect).expect("it applies");
        assert!(effect(Measure::KolmogorovSmirnov) < 1e-9, "the values that are there are the same");
        assert!(effect(Measure::JensenShannon) > 0.3 && effect(Measure::PopulationStability) > 0.25);
    }
}
