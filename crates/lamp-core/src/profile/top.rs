//! The most frequent values of a column: all of them while they are few, the heaviest afterwards.

use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::scalar::Scalar;

/// Up to this many different values are counted exactly.
pub const TOP_MAX: usize = 1_000;
/// Longer texts are not listed; they make the list inexact.
pub const TOP_TEXT_MAX: usize = 256;
/// Entries kept once the list is no longer exact.
const TOP_KEPT: usize = 200;
/// Counters held while counting inexactly; the smaller half is dropped when they are full.
const COUNTERS_MAX: usize = 2_048;

pub(super) type Map<K> = std::collections::HashMap<K, u64, foldhash::fast::FixedState>;

/// The most frequent values with their counts, heaviest first, equal counts in order of value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopValues {
    /// Values and counts. When not exact, a count may fall short of the true one by `error`.
    pub entries: Vec<(Scalar, u64)>,
    /// Whether these are all the values, each counted exactly.
    pub exact: bool,
    /// The most by which a count can fall short, and the most that an unlisted value can occur.
    #[serde(default)]
    pub error: u64,
}

impl Default for TopValues {
    fn default() -> Self {
        Self { entries: Vec::new(), exact: true, error: 0 }
    }
}

impl TopValues {
    /// For columns whose values are not counted.
    pub(super) fn untracked() -> Self {
        Self { entries: Vec::new(), exact: false, error: u64::MAX }
    }

    /// The `n` most frequent values.
    pub fn first(&self, n: usize) -> &[(Scalar, u64)] {
        &self.entries[..n.min(self.entries.len())]
    }

    /// How often `value` occurs, when that is known exactly.
    pub fn find_count(&self, value: &Scalar) -> Option<u64> {
        let listed = self.entries.iter().find(|(listed, _)| listed.order(value).is_eq()).map_or(0, |(_, count)| *count);
        self.exact.then_some(listed)
    }

    /// Of every value, each counted exactly: all of them, or the heaviest when they are too many to list.
    pub(super) fn of_all(entries: Vec<(Scalar, u64)>) -> Self {
        let are_few = entries.len() <= TOP_MAX;
        Self::of(entries, are_few, 0)
    }

    /// Of counts that may fall short by `error`.
    pub(super) fn heaviest(entries: Vec<(Scalar, u64)>, error: u64) -> Self {
        Self::of(entries, false, error)
    }

    fn of(mut entries: Vec<(Scalar, u64)>, exact: bool, error: u64) -> Self {
        entries.sort_by(|(a, left), (b, right)| right.cmp(left).then_with(|| a.order(b)));
        let mut top = Self { entries, exact, error };
        if !exact && top.entries.len() > TOP_KEPT {
            let heaviest_dropped = top.entries[TOP_KEPT].1;
            top.entries.truncate(TOP_KEPT);
            top.error = top.error.saturating_add(heaviest_dropped);
        }
        top
    }

    /// The most frequent values of both parts: a merge of two Misra–Gries summaries, whose errors
    /// add up (Agarwal and others, "Mergeable summaries", 2012).
    pub(super) fn merge(&self, other: &Self, floats: bool) -> Self {
        let widen =
            |(value, count): &(Scalar, u64)| (if floats { value.clone().widened() } else { value.clone() }, *count);
        let mut all: Vec<_> = self.entries.iter().chain(&other.entries).map(widen).collect();
        all.sort_by(|(a, _), (b, _)| a.order(b));
        let mut united: Vec<(Scalar, u64)> = Vec::with_capacity(all.len());
        for (value, count) in all {
            match united.last_mut() {
                Some((last, total)) if last.order(&value).is_eq() => *total += count,
                _ => united.push((value, count)),
            }
        }
        let exact = self.exact && other.exact && united.len() <= TOP_MAX;
        Self::of(united, exact, self.error.saturating_add(other.error))
    }
}

/// The values that occur most, of a column with too many to count each: a Misra–Gries summary in which whole
/// halves are dropped at once. No count is ever too high, and none falls short by more than the error.
#[derive(Debug)]
pub(super) struct Heavy<K> {
    counts: Map<K>,
    error: u64,
}

impl<K> Default for Heavy<K> {
    fn default() -> Self {
        Self { counts: Map::default(), error: 0 }
    }
}

impl<K: Eq + Hash> Heavy<K> {
    /// Adds `count` of `key`.
    pub(super) fn add<Q>(&mut self, key: &Q, count: u64)
    where
        Q: Eq + Hash + ToOwned + ?Sized,
        K: std::borrow::Borrow<Q> + From<Q::Owned>,
    {
        if let Some(known) = self.counts.get_mut(key) {
            *known += count;
            return;
        }
        self.counts.insert(K::from(key.to_owned()), count);
        if self.counts.len() > COUNTERS_MAX {
            self.drop_light_half();
        }
    }

    /// Says that up to `count` of any value were not added.
    pub(super) fn overlook(&mut self, count: u64) {
        self.error = self.error.saturating_add(count);
    }

    /// Takes in the counts of a later part: their errors add up (Agarwal and others, "Mergeable summaries", 2012).
    pub(super) fn absorb(&mut self, other: Self) {
        self.overlook(other.error);
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        if self.counts.len() > COUNTERS_MAX {
            self.drop_light_half();
        }
    }

    /// Takes the middle count from every counter and drops those that reach zero. At least half
    /// go, so the cost is constant a value, and no count falls short by more than what was taken.
    fn drop_light_half(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let middle = counts.len() / 2;
        let (_, taken, _) = counts.select_nth_unstable(middle);
        let taken = *taken;
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(taken);
            *count > 0
        });
        self.overlook(taken);
    }

    /// The values with their counts, in no order, and the most by which a count falls short.
    pub(super) fn finish(self) -> (Vec<(K, u64)>, u64) {
        (self.counts.into_iter().collect(), self.error)
    }
}
