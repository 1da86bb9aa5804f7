//! Promises of one column.

use std::collections::BTreeSet;

use super::fit::{Backtest, Floor, Series, Side, replay};
use super::{Findings, History, Promise, Settings, partitions, span};
use crate::contract::types::LogicalType;
use crate::profile::{ColumnKind, ColumnProfile, Scalar};

/// Most values of a list that is promised.
const VALUES_MAX: usize = 40;

/// Longest of them, in bytes.
const VALUE_BYTES_MAX: usize = 64;

/// Rows a value that a list must have been seen in, on average.
const ROWS_A_VALUE_MIN: u64 = 10;

/// Percentages of rows that may have a value that is not listed, narrowest first.
const OTHER_VALUES: [f64; 3] = [0.0, 1.0, 5.0];

/// The column in the pieces that have rows, with their places.
type Parts<'a> = Vec<(usize, &'a ColumnProfile)>;

pub(super) fn promises(history: &History, name: &str, settings: Settings, found: &mut Findings) {
    let missing: Vec<&str> = history
        .pieces
        .iter()
        .filter(|piece| piece.profile.find(name).is_none())
        .map(|piece| piece.label.as_str())
        .collect();
    if let Some(last) = missing.last() {
        let why = format!("{} of {} lack it, the last of them {last}", missing.len(), partitions(history.pieces.len()));
        return found.leave_out(Some(name), "column", why);
    }
    let parts: Parts<'_> = history
        .pieces
        .iter()
        .enumerate()
        .filter_map(|(at, piece)| piece.profile.find(name).map(|column| (at, column)))
        .filter(|(_, column)| column.count > 0)
        .collect();
    let Some((_, last)) = parts.last() else { return };
    found.columns.insert(name.to_owned(), last.data_type.clone());
    let logical = logical_type(name, &parts, found);
    nulls(history, name, &parts, settings, found);
    if history.unique.contains(name) {
        let evidence = format!("no repetition in {}, counted exactly", partitions(parts.len()));
        found.keep(Some(name), Promise::Unique, evidence, None);
    }
    match logical {
        Some(LogicalType::Integer | LogicalType::Number) => range(history, name, &parts, settings, found),
        Some(LogicalType::String) if !values(name, &parts, settings, found) => {
            lengths(history, name, &parts, settings, found);
        }
        _ => {}
    }
}

fn logical_of(kind: ColumnKind, data_type: &str) -> Option<LogicalType> {
    match kind {
        ColumnKind::Null | ColumnKind::Other => None,
        ColumnKind::Bool => Some(LogicalType::Boolean),
        ColumnKind::Int => Some(LogicalType::Integer),
        ColumnKind::Float if data_type == "UInt64" => Some(LogicalType::Integer),
        ColumnKind::Float => Some(LogicalType::Number),
        ColumnKind::Date => Some(LogicalType::Date),
        ColumnKind::Instant => Some(LogicalType::Timestamp),
        ColumnKind::Time => Some(LogicalType::Time),
        ColumnKind::Text => Some(LogicalType::String),
        ColumnKind::List => Some(LogicalType::Array),
        ColumnKind::Struct => Some(LogicalType::Object),
    }
}

/// The narrowest logical type that accepts every part.
fn narrowest(parts: &[(usize, &ColumnProfile)]) -> Option<LogicalType> {
    let own: Vec<LogicalType> =
        parts.iter().filter_map(|(_, column)| logical_of(column.kind, &column.data_type)).collect();
    let accepts_all =
        |candidate: &LogicalType| parts.iter().all(|(_, column)| candidate.accepts(column.kind, &column.data_type));
    own.into_iter().find(accepts_all)
}

fn logical_type(name: &str, parts: &Parts<'_>, found: &mut Findings) -> Option<LogicalType> {
    let Some(logical) = narrowest(parts) else {
        let kinds: BTreeSet<&str> = parts.iter().map(|(_, column)| column.data_type.as_str()).collect();
        let kinds: Vec<&str> = kinds.into_iter().collect();
        found.leave_out(Some(name), "type", format!("no logical type holds all of {}", kinds.join(", ")));
        return None;
    };
    let places: Vec<usize> = parts.iter().map(|(at, _)| *at).collect();
    let backtest = replay(&places, |fitted, at| {
        let column = parts[at].1;
        narrowest(&parts[..fitted]).is_some_and(|promised| !promised.accepts(column.kind, &column.data_type))
    });
    found.keep(Some(name), Promise::Type(logical), format!("in {}", partitions(parts.len())), backtest);
    Some(logical)
}

fn nulls(history: &History, name: &str, parts: &Parts<'_>, settings: Settings, found: &mut Findings) {
    let places: Vec<usize> = parts.iter().map(|(at, _)| *at).collect();
    if parts.iter().all(|(_, column)| column.nulls == 0) {
        let rows: u64 = parts.iter().map(|(_, column)| column.count).sum();
        let evidence = format!("no null in {rows} rows of {}", partitions(parts.len()));
        found.keep(Some(name), Promise::Required, evidence, replay(&places, |_, at| parts[at].1.nulls > 0));
        return;
    }
    let values = parts.iter().map(|(at, column)| (*at, 100.0 * column.null_share())).collect();
    let series = Series { side: Side::High, values, floor: Floor::Absolute(1.0), whole: false, limit: Some(100.0) };
    match series.fit(settings.alarms_max) {
        Ok(fitted) if fitted.bound >= 100.0 => {
            let why = format!("up to {:.1} % are null, so that any share would be kept", fitted.seen.1);
            found.leave_out(Some(name), "null share", why);
        }
        Ok(fitted) => {
            let (low, high) = fitted.seen;
            let seen = format!("from {low:.2} to {high:.2} % nulls in {}", partitions(parts.len()));
            let evidence = fitted.evidence(seen, &history.pieces);
            found.keep(Some(name), Promise::NullShare(fitted.bound), evidence, fitted.backtest);
        }
        Err(why) => found.leave_out(Some(name), "null share", why),
    }
}

fn range(history: &History, name: &str, parts: &Parts<'_>, settings: Settings, found: &mut Findings) {
    let is_odd = |column: &ColumnProfile| {
        column.numbers.as_ref().is_some_and(|n| n.nan + n.positive_infinite + n.negative_infinite > 0)
    };
    if parts.iter().any(|(_, column)| is_odd(column)) {
        return found.leave_out(Some(name), "range", "it holds NaN or infinite values".to_owned());
    }
    let whole = parts.iter().all(|(_, column)| column.kind != ColumnKind::Float);
    let end = |pick: fn(&ColumnProfile) -> Option<&Scalar>| -> Vec<(usize, f64)> {
        parts.iter().filter_map(|(at, column)| Some((*at, pick(column)?.as_f64()?))).collect()
    };
    let lows = end(|column| column.min.as_ref());
    let highs = end(|column| column.max.as_ref());
    if lows.is_empty() {
        return;
    }
    let is_never_negative = lows.iter().all(|(_, value)| *value >= 0.0);
    let is_share = !whole && is_never_negative && highs.iter().all(|(_, value)| *value <= 1.0);
    for (side, values, limit) in
        [(Side::Low, lows, is_never_negative.then_some(0.0)), (Side::High, highs, is_share.then_some(1.0))]
    {
        let count = values.len();
        let what = if side == Side::Low { "minimum" } else { "maximum" };
        match (Series { side, values, floor: Floor::Relative(0.05), whole, limit }).fit(settings.alarms_max) {
            Ok(fitted) => {
                let (low, high) = fitted.seen;
                let word = if side == Side::Low { "smallest" } else { "largest" };
                let seen = format!("the {word} value was {} in {}", span(low, high), partitions(count));
                let evidence = fitted.evidence(seen, &history.pieces);
                let promise =
                    if side == Side::Low { Promise::Minimum(fitted.bound) } else { Promise::Maximum(fitted.bound) };
                found.keep(Some(name), promise, evidence, fitted.backtest);
            }
            Err(why) => found.leave_out(Some(name), what, why),
        }
    }
}

/// Whether a list of values was promised.
fn values(name: &str, parts: &Parts<'_>, settings: Settings, found: &mut Findings) -> bool {
    let Some(all) = listed(parts) else { return false };
    let rows: u64 = parts.iter().map(|(_, column)| column.non_null()).sum();
    let is_a_list = !all.is_empty() && all.len() <= VALUES_MAX && rows >= ROWS_A_VALUE_MIN * all.len() as u64;
    if !is_a_list || all.iter().any(|value| value.len() > VALUE_BYTES_MAX) {
        return false;
    }
    let places: Vec<usize> = parts.iter().map(|(at, _)| *at).collect();
    let mut tried: Option<Backtest> = None;
    for share in OTHER_VALUES {
        let backtest = replay(&places, |fitted, at| {
            listed(&parts[..fitted]).is_some_and(|known| others(parts[at].1, &known) > share)
        });
        match backtest {
            Some(backtest) if backtest.rate() > settings.alarms_max => tried = Some(backtest),
            backtest => {
                let seen = format!("{} values in {rows} rows of {}", all.len(), partitions(parts.len()));
                let evidence = match tried {
                    Some(narrower) => format!("{seen}; widened to {share} % of others: before, {}", narrower.words()),
                    None => seen,
                };
                let list = all.iter().map(|value| Scalar::Text((*value).to_owned())).collect();
                found.keep(Some(name), Promise::Values(list, share), evidence, backtest);
                return true;
            }
        }
    }
    let words = tried.map(|backtest| backtest.words()).unwrap_or_default();
    found.leave_out(Some(name), "accepted values", format!("new ones come too often: {words}"));
    false
}

/// Every text of the parts; none when they are not all listed.
fn listed<'a>(parts: &[(usize, &'a ColumnProfile)]) -> Option<BTreeSet<&'a str>> {
    let mut all = BTreeSet::new();
    for (_, column) in parts {
        if !column.top.exact {
            return None;
        }
        all.extend(column.top.entries.iter().filter_map(|(value, _)| match value {
            Scalar::Text(text) => Some(text.as_str()),
            Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_) | Scalar::Instant(_) => None,
        }));
        if all.len() > VALUES_MAX {
            return None;
        }
    }
    Some(all)
}

/// The percentage of a part's rows whose text is not `known`.
#[allow(clippy::cast_precision_loss, reason = "a share of rows")]
fn others(column: &ColumnProfile, known: &BTreeSet<&str>) -> f64 {
    let is_known = |value: &Scalar| matches!(value, Scalar::Text(text) if known.contains(text.as_str()));
    let unknown: u64 = column.top.entries.iter().filter(|(value, _)| !is_known(value)).map(|(_, count)| count).sum();
    100.0 * unknown as f64 / column.count.max(1) as f64
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of texts, whole and not negative"
)]
fn lengths(history: &History, name: &str, parts: &Parts<'_>, settings: Settings, found: &mut Findings) {
    let seen: Vec<(usize, u64, u64)> = parts
        .iter()
        .filter_map(|(at, column)| Some((*at, column.text.as_ref().filter(|text| text.count > 0)?)))
        .map(|(at, text)| (at, text.min_length, text.max_length))
        .collect();
    let (Some(low), Some(high)) =
        (seen.iter().map(|(_, low, _)| *low).min(), seen.iter().map(|(_, _, high)| *high).max())
    else {
        return;
    };
    let evidence = format!("{} characters in {}", span(low, high), partitions(seen.len()));
    let places: Vec<usize> = seen.iter().map(|(at, _, _)| *at).collect();
    if low == high {
        let backtest = replay(&places, |_, at| (seen[at].1, seen[at].2) != (low, high));
        found.keep(Some(name), Promise::MinLength(low), evidence.clone(), backtest.clone());
        found.keep(Some(name), Promise::MaxLength(high), evidence, backtest);
        return;
    }
    if low > 0 {
        found.keep(Some(name), Promise::MinLength(1), evidence.clone(), replay(&places, |_, at| seen[at].1 == 0));
    }
    let values = seen.iter().map(|(at, _, high)| (*at, *high as f64)).collect();
    let series = Series { side: Side::High, values, floor: Floor::Relative(0.5), whole: true, limit: None };
    match series.fit(settings.alarms_max) {
        Ok(fitted) => {
            let evidence = fitted.evidence(evidence, &history.pieces);
            found.keep(Some(name), Promise::MaxLength(fitted.bound as u64), evidence, fitted.backtest);
        }
        Err(why) => found.leave_out(Some(name), "maxLength", why),
    }
}
