//! Measuring from profiles.

use jiff::Timestamp;

use super::super::sla::newest_at;
use super::{Against, Change, DriftMethod, OwnMetric, OwnRule, Statistic};
use crate::profile::drift::{self, Drift, Steps};
use crate::profile::{ColumnKind, ColumnProfile, Profile, Scalar, TOP_MAX, merged};

/// The fewest numbers from which a z-score is made.
const Z_SCORE_MIN: usize = 3;
/// The fewest values on both sides of a drift.
const DRIFT_VALUES_MIN: u64 = 10;

/// What is known of the data without reading its rows.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The profile of what is checked.
    pub profile: &'a Profile,
    /// Those of the partitions before it, oldest first.
    pub history: &'a [Profile],
    /// The columns that the contract names.
    pub promised: &'a [&'a str],
    /// The end of the partition, or now where that is earlier.
    pub until: Timestamp,
    /// The zone in which times without one are read.
    pub zone: &'a jiff::tz::TimeZone,
}

/// The number of a rule that profiles answer, or why there is none; nothing for a rule that needs the rows.
/// `column` is the file's.
pub fn measure(rule: &OwnRule, column: Option<&str>, evidence: &Evidence<'_>) -> Option<Result<f64, String>> {
    let number = match &rule.metric {
        OwnMetric::Correlation { .. }
        | OwnMetric::Violations { .. }
        | OwnMetric::Comparison { .. }
        | OwnMetric::Monotonic { .. }
        | OwnMetric::ForeignKey { .. }
        | OwnMetric::StaleGroups { .. } => return None,
        metric if metric.needs_reference() => {
            return Some(compared(metric, column, rule.against.unwrap_or(Against::Previous), evidence));
        }
        metric => |profile: &Profile| plain(metric, column, profile, evidence),
    };
    let Some(change) = rule.change else { return Some(number(evidence.profile)) };
    let references = match before(rule.against.unwrap_or(Against::Previous), evidence) {
        Ok(references) => references,
        Err(why) => return Some(Err(why)),
    };
    let past: Vec<f64> = references.iter().filter_map(|profile| number(profile).ok()).collect();
    Some(number(evidence.profile).and_then(|now| changed(change, now, &past)))
}

/// The partitions to compare with; an error when there are fewer.
fn before<'a>(against: Against, evidence: &Evidence<'a>) -> Result<&'a [Profile], String> {
    let history = evidence.history;
    let wanted = against.count();
    if history.len() < wanted {
        return Err(match (wanted, history.len()) {
            (1, _) => "there is nothing before it to compare with".to_owned(),
            (wanted, found) => format!("it is compared with the last {wanted}, and there are {found}"),
        });
    }
    Ok(&history[history.len() - wanted..])
}

#[allow(clippy::cast_precision_loss, reason = "at most some hundred numbers")]
fn changed(change: Change, now: f64, past: &[f64]) -> Result<f64, String> {
    if past.is_empty() {
        return Err("the data before it has no such number".to_owned());
    }
    let mean = past.iter().sum::<f64>() / past.len() as f64;
    let by_zero = "the number of the data before it is zero, and nothing can be divided by it";
    match change {
        Change::Difference => Ok(now - mean),
        Change::Percent | Change::Ratio if mean == 0.0 => Err(by_zero.to_owned()),
        Change::Percent => Ok(100.0 * (now - mean) / mean.abs()),
        Change::Ratio => Ok(now / mean),
        Change::ZScore if past.len() < Z_SCORE_MIN => {
            Err(format!("a z-score is made from {Z_SCORE_MIN} numbers or more, and there are {}", past.len()))
        }
        Change::ZScore => {
            let squares: f64 = past.iter().map(|value| (value - mean).powi(2)).sum();
            let spread = (squares / (past.len() - 1) as f64).sqrt();
            if spread > 0.0 {
                return Ok((now - mean) / spread);
            }
            let is_same = (now - mean).abs() <= f64::EPSILON * mean.abs();
            if is_same {
                Ok(0.0)
            } else {
                Err("the number never varied before, so that no z-score says how odd it is".to_owned())
            }
        }
    }
}

/// A number of one profile.
#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
fn plain(metric: &OwnMetric, column: Option<&str>, profile: &Profile, evidence: &Evidence<'_>) -> Result<f64, String> {
    match metric {
        OwnMetric::RowCount => Ok(profile.rows as f64),
        OwnMetric::ColumnCount => Ok(profile.columns.len() as f64),
        OwnMetric::UnexpectedColumns => {
            let is_unexpected = |column: &&ColumnProfile| !evidence.promised.contains(&column.name.as_str());
            Ok(profile.columns.iter().filter(is_unexpected).count() as f64)
        }
        OwnMetric::Statistic(statistic) => of_column(*statistic, find(profile, column)?),
        OwnMetric::Freshness => freshness(find(profile, column)?, evidence),
        OwnMetric::SchemaChanges
        | OwnMetric::Drift(_)
        | OwnMetric::NewCategories
        | OwnMetric::LostCategories
        | OwnMetric::Correlation { .. }
        | OwnMetric::Violations { .. }
        | OwnMetric::Comparison { .. }
        | OwnMetric::Monotonic { .. }
        | OwnMetric::ForeignKey { .. }
        | OwnMetric::StaleGroups { .. } => Err("no profile knows it".to_owned()),
    }
}

fn find<'a>(profile: &'a Profile, column: Option<&str>) -> Result<&'a ColumnProfile, String> {
    let name = column.ok_or_else(|| "it is about a column".to_owned())?;
    profile.find(name).ok_or_else(|| format!("there is no column `{name}`"))
}

#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
fn of_column(statistic: Statistic, column: &ColumnProfile) -> Result<f64, String> {
    let is_number = matches!(column.kind, ColumnKind::Int | ColumnKind::Float);
    let values = column.non_null() as f64;
    let number = |value: Option<f64>| {
        if !is_number && column.kind != ColumnKind::Null {
            return Err(format!("`{}` is {} and has no {}", column.name, column.data_type, statistic.as_str()));
        }
        value.ok_or_else(|| format!("`{}` has too few values", column.name))
    };
    let share = |count: u64, of: f64| {
        if of > 0.0 { Ok(100.0 * count as f64 / of) } else { Err(format!("`{}` has no values", column.name)) }
    };
    let text = |value: Option<f64>| value.ok_or_else(|| format!("`{}` has no text", column.name));
    match statistic {
        Statistic::Mean => number(column.mean()),
        Statistic::StdDev => number(column.std()),
        Statistic::Sum => number(column.numbers.as_ref().map(|n| n.moments.mean * n.moments.count as f64)),
        Statistic::Min => number(column.min.as_ref().and_then(Scalar::as_f64)),
        Statistic::Max => number(column.max.as_ref().and_then(Scalar::as_f64)),
        Statistic::Quantile(p) => number(column.quantile(p)),
        Statistic::InterquartileRange => {
            number(column.quantile(0.75).zip(column.quantile(0.25)).map(|(high, low)| high - low))
        }
        Statistic::NullShare => share(column.nulls, column.count as f64),
        Statistic::ZeroShare => number(Some(0.0)).and_then(|_| share(column.zeros(), values)),
        Statistic::NegativeShare => {
            let negatives = column.numbers.as_ref().map_or(0, |numbers| numbers.negatives);
            number(Some(0.0)).and_then(|_| share(negatives, values))
        }
        Statistic::NanValues => number(Some(column.nan() as f64)),
        Statistic::DistinctValues => Ok(column.distinct().estimate as f64),
        Statistic::DistinctShare => share(column.distinct().estimate, values),
        Statistic::TopShare => {
            let top = column.top.first(1).first().map(|(_, count)| *count);
            let is_known = column.top.exact || column.top.error == 0;
            match top {
                Some(count) if is_known || count > column.top.error => share(count, values),
                _ => Err(format!("the most frequent value of `{}` is not known", column.name)),
            }
        }
        Statistic::Entropy => entropy(column),
        Statistic::MinLength => text(column.text.as_ref().map(|text| text.min_length as f64)),
        Statistic::MaxLength => text(column.text.as_ref().map(|text| text.max_length as f64)),
        Statistic::MeanLength => text(column.text.as_ref().and_then(crate::profile::TextSummary::mean_length)),
        Statistic::EmptyShare => match &column.text {
            Some(text) => share(text.empty, values),
            None => Err(format!("`{}` has no text", column.name)),
        },
    }
}

/// Shannon's, in bits.
#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
fn entropy(column: &ColumnProfile) -> Result<f64, String> {
    if !column.top.exact {
        return Err(format!("`{}` has more than {TOP_MAX} values, and its entropy is not known", column.name));
    }
    let total: u64 = column.top.entries.iter().map(|(_, count)| count).sum();
    let part = |count: u64| {
        let share = count as f64 / total as f64;
        -share * share.log2()
    };
    Ok(column.top.entries.iter().map(|(_, count)| part(*count)).sum::<f64>() + 0.0)
}

/// Seconds from the newest value to the end.
fn freshness(column: &ColumnProfile, evidence: &Evidence<'_>) -> Result<f64, String> {
    let newest_at = newest_at(column, evidence.zone)
        .ok_or_else(|| format!("`{}` is {} and dates no row", column.name, column.data_type))?;
    Ok(evidence.until.duration_since(newest_at).as_secs_f64())
}

/// A number of today's profile beside the reference.
#[allow(clippy::cast_precision_loss, reason = "counts of values stay below 2^53")]
fn compared(
    metric: &OwnMetric,
    column: Option<&str>,
    against: Against,
    evidence: &Evidence<'_>,
) -> Result<f64, String> {
    let references = before(against, evidence)?;
    if *metric == OwnMetric::SchemaChanges {
        let last = references.last().ok_or_else(|| "there is nothing before it to compare with".to_owned())?;
        return Ok(schema_changes(evidence.profile, last) as f64);
    }
    let today = find(evidence.profile, column)?;
    let parts: Vec<&ColumnProfile> = references.iter().filter_map(|profile| profile.find(&today.name)).collect();
    let reference = merged(parts).map_err(|e| e.to_string())?;
    let reference = reference.ok_or_else(|| format!("there was no column `{}` before", today.name))?;
    if let OwnMetric::Drift(method) = metric {
        return drifted(*method, today, &reference);
    }
    let is_new = *metric == OwnMetric::NewCategories;
    let count = if is_new { only_in(today, &reference) } else { only_in(&reference, today) };
    Ok(count? as f64)
}

fn schema_changes(today: &Profile, reference: &Profile) -> usize {
    let is_changed = |column: &&ColumnProfile| match reference.find(&column.name) {
        // A column of nulls has no type of its own.
        Some(before) => column.kind.widen(before.kind).is_none(),
        None => true,
    };
    let lost = reference.columns.iter().filter(|column| today.find(&column.name).is_none()).count();
    today.columns.iter().filter(is_changed).count() + lost
}

/// The number of values that `left` has and `right` does not.
fn only_in(left: &ColumnProfile, right: &ColumnProfile) -> Result<usize, String> {
    if !left.top.exact || !right.top.exact {
        return Err(format!("`{}` has more than {TOP_MAX} values: they are no categories", left.name));
    }
    let is_in = |value: &Scalar| right.top.entries.iter().any(|(known, _)| known.order(value).is_eq());
    Ok(left.top.entries.iter().filter(|(value, _)| !is_in(value)).count())
}

fn drifted(method: DriftMethod, today: &ColumnProfile, reference: &ColumnProfile) -> Result<f64, String> {
    let fewest = today.non_null().min(reference.non_null());
    if fewest < DRIFT_VALUES_MIN {
        return Err(format!("a drift is told from {DRIFT_VALUES_MIN} values on, and there are {fewest}"));
    }
    let none = || format!("`{}` has no distribution to compare by {}", today.name, method.as_str());
    let steps = |of: fn(&Steps, &Steps) -> Option<Drift>| {
        let (a, b) = Steps::of_column(today).zip(Steps::of_column(reference)).ok_or_else(none)?;
        of(&a, &b).ok_or_else(none)
    };
    let classes = |of: fn(&[u64], &[u64]) -> Option<Drift>| {
        let (a, b) = drift::classes(today, reference).ok_or_else(none)?;
        of(&a, &b).ok_or_else(none)
    };
    match method {
        DriftMethod::Psi => classes(drift::population_stability).map(|drift| drift.statistic),
        DriftMethod::JensenShannon => classes(drift::jensen_shannon).map(|drift| drift.statistic),
        DriftMethod::CramersV => classes(drift::chi_squared).map(|drift| drift.effect),
        DriftMethod::ChiSquaredP => classes(drift::chi_squared)?.p_value.ok_or_else(none),
        DriftMethod::KolmogorovSmirnov => steps(drift::kolmogorov_smirnov).map(|drift| drift.statistic),
        DriftMethod::KolmogorovSmirnovP => steps(drift::kolmogorov_smirnov)?.p_value.ok_or_else(none),
        DriftMethod::Wasserstein => steps(drift::wasserstein).map(|drift| drift.effect),
    }
}
