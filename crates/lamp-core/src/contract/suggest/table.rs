//! Promises of the whole table.

use super::fit::{Floor, Series, Side};
use super::{Findings, History, Promise, Settings, partitions, span};

/// The room of a row count that never varied, as a share of it.
const ROWS_FLOOR: f64 = 0.1;

#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
pub(super) fn row_counts(history: &History, settings: Settings, found: &mut Findings) {
    let values: Vec<(usize, f64)> =
        history.pieces.iter().enumerate().map(|(at, piece)| (at, piece.profile.rows as f64)).collect();
    for side in [Side::Low, Side::High] {
        let limit = (side == Side::Low).then_some(0.0);
        let series = Series { side, values: values.clone(), floor: Floor::Relative(ROWS_FLOOR), whole: true, limit };
        match series.fit(settings.alarms_max) {
            Ok(fitted) => {
                let (low, high) = fitted.seen;
                let seen = format!("{} rows in {}", span(low, high), partitions(values.len()));
                let evidence = fitted.evidence(seen, &history.pieces);
                found.keep(None, rows(side, fitted.bound), evidence, fitted.backtest);
            }
            Err(why) => found.leave_out(None, if side == Side::Low { "fewest rows" } else { "most rows" }, why),
        }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and not negative: see the series")]
fn rows(side: Side, bound: f64) -> Promise {
    match side {
        Side::Low => Promise::RowsAtLeast(bound.max(1.0) as u64),
        Side::High => Promise::RowsAtMost(bound.max(1.0) as u64),
    }
}

pub(super) fn key(history: &History, found: &mut Findings) {
    let is_null = |name: &&String| {
        history.pieces.iter().any(|piece| piece.profile.find(name).is_none_or(|column| column.nulls > 0))
    };
    if let Some(column) = history.key.iter().find(is_null) {
        found.leave_out(None, "primary key", format!("`{column}` of the declared key is null in some rows"));
    } else if !history.key.is_empty() {
        let evidence = format!("no repetition in {}, counted exactly", partitions(history.pieces.len()));
        found.keep(None, Promise::Key, evidence, None);
    }
}

/// Hours that the newest row may be old.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours, bounded below by 1")]
pub(super) fn latency(history: &History, settings: Settings, found: &mut Findings) {
    const HOUR: f64 = 3_600.0;
    let Some(arrivals) = &history.arrivals else { return };
    let hours: Vec<(usize, f64)> = arrivals.ages.iter().map(|age| age / HOUR).enumerate().collect();
    let Some((_, now)) = hours.last().copied() else { return };
    let (fitted, evidence) = if hours.len() >= super::BACKTEST_MIN {
        let series =
            Series { side: Side::High, floor: Floor::Absolute(1.0), whole: true, limit: None, values: hours.clone() };
        match series.fit(settings.alarms_max) {
            Ok(fitted) => {
                let evidence = format!(
                    "the newest row was from {:.1} to {:.1} h old when the next version came, {} times",
                    fitted.seen.0,
                    fitted.seen.1,
                    hours.len()
                );
                (fitted.bound, evidence)
            }
            Err(why) => return found.leave_out(Some(&arrivals.column), "latency", why),
        }
    } else if let Some(period) = arrivals.period {
        let evidence =
            format!("too few versions to know how rows arrive ({}): twice a partition's length", hours.len());
        (2.0 * period / HOUR, evidence)
    } else {
        return found.leave_out(
            Some(&arrivals.column),
            "latency",
            "too few versions to know how rows arrive".to_owned(),
        );
    };
    if now > fitted {
        let why = format!("the newest row is {now:.0} h old now, and {fitted:.0} h would be promised");
        return found.leave_out(Some(&arrivals.column), "latency", why);
    }
    found.keep(Some(&arrivals.column), Promise::Latency(fitted.max(1.0) as u64), evidence, None);
}
