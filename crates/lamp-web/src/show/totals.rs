//! What the replicas counted, put together.

use std::collections::BTreeMap;

use lamp_app::serving::services::ReplicaView;

/// Sums over the replicas that were heard of lately, each from its own start.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) by_primary: u64,
    pub(crate) by_shadow: u64,
    /// Rows answered by the shadow, by the word of the reason.
    pub(crate) reasons: BTreeMap<String, u64>,
    pub(crate) failures: u64,
    pub(crate) overloaded: u64,
    pub(crate) invalid: u64,
    pub(crate) log_kept: u64,
    pub(crate) log_dropped: u64,
    /// Rows that both answered, and the mean distance over them.
    pub(crate) disagreement: Option<(u64, f64)>,
}

impl Totals {
    pub(crate) fn of(replicas: &[ReplicaView]) -> Self {
        let mut totals = Self::default();
        for state in replicas.iter().filter(|replica| replica.is_fresh).filter_map(|replica| replica.state.as_ref()) {
            totals.by_primary += state.answered_by_primary;
            totals.by_shadow += state.answered_by_shadow;
            totals.failures += state.failures;
            totals.overloaded += state.overloaded;
            totals.invalid += state.invalid;
            totals.log_kept += state.log_kept;
            totals.log_dropped += state.log_dropped;
            for (reason, rows) in &state.reasons {
                *totals.reasons.entry(reason.clone()).or_default() += rows;
            }
            if let Some(apart) = &state.disagreement {
                totals.disagreement = Some(pooled(totals.disagreement, (apart.rows, apart.mean_abs)));
            }
        }
        totals
    }

    pub(crate) fn answered(&self) -> u64 {
        self.by_primary + self.by_shadow
    }
}

/// The mean over the rows of both.
#[expect(clippy::cast_precision_loss, reason = "shown to four digits")]
fn pooled(a: Option<(u64, f64)>, b: (u64, f64)) -> (u64, f64) {
    let (rows_a, mean_a) = a.unwrap_or_default();
    let rows = rows_a + b.0;
    let mean = (mean_a * rows_a as f64 + b.1 * b.0 as f64) / rows.max(1) as f64;
    (rows, mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_pooled_by_their_rows() {
        let both = pooled(Some(pooled(None, (300, 0.1))), (100, 0.5));
        assert_eq!(both.0, 400);
        assert!((both.1 - 0.2).abs() < 1e-12, "{both:?}");
        assert_eq!(pooled(None, (0, 0.0)), (0, 0.0));
    }
}
