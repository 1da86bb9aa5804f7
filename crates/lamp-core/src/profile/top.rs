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

/// Counts values as they come.
#[derive(Debug)]
pub(super) struct Counters<K> {
    counts: Map<K>,
    exact: bool,
    error: u64,
}

impl<K: Eq + Hash> Counters<K> {
    pub(super) fn new() -> Self {
        Self { counts: Map::default(), exact: true, error: 0 }
    }

    pub(super) fn is_exact(&self) -> bool {
        self.exact
    }

    /// Adds `count` of `key`. Returns true when this value was the one too many.
    #[inline]
    pub(super) fn add<Q>(&mut self, key: &Q, count: u64) -> bool
    where
        Q: Eq + Hash + ToOwned + ?Sized,
        K: std::borrow::Borrow<Q> + From<Q::Owned>,
    {
        if let Some(known) = self.counts.get_mut(key) {
            *known += count;
            return false;
        }
        self.counts.insert(K::from(key.to_owned()), count);
        if self.exact && self.counts.len() > TOP_MAX {
            self.exact = false;
            return true;
        }
        if self.counts.len() > COUNTERS_MAX {
            self.drop_light_half();
        }
        false
    }

    /// Marks the list as incomplete: a value was left out that could not be listed. Returns true
    /// when that is news.
    pub(super) fn give_up_exactness(&mut self) -> bool {
        self.error = self.error.saturating_add(1);
        std::mem::replace(&mut self.exact, false)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, u64)> {
        self.counts.iter().map(|(key, count)| (key, *count))
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
        self.error += taken;
    }

    pub(super) fn finish(self, scalar: impl Fn(K) -> Scalar) -> TopValues {
        let entries = self.counts.into_iter().map(|(key, count)| (scalar(key), count)).collect();
        TopValues::of(entries, self.exact, self.error)
    }
}
