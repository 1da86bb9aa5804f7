//! The values of a column of numbers: listed while they are few, sketched from then on.

use datasketches::hll::Coupon;

use super::rare_in;
use crate::profile::quantiles::{QuantileBuilder, QuantileSketch};
use crate::profile::scalar::Scalar;
use crate::profile::sketch::{self, DistinctSketch};
use crate::profile::tally::Tally;
use crate::profile::top::{Heavy, TOP_MAX, TopValues};

/// How values of a kind are kept: as keys whose order is that of the values.
pub(super) trait Key {
    /// The value as a number.
    fn number(key: i64) -> f64;
    /// What the value adds to a distinct sketch.
    fn coupon(key: i64) -> Coupon;
}

/// Integers: the key is the value.
#[derive(Debug)]
pub(super) struct Whole;

/// Floats that are finite: see [`key_of`].
#[derive(Debug)]
pub(super) struct Fractional;

impl Key for Whole {
    #[allow(clippy::cast_precision_loss, reason = "quantiles are floats; counts and extremes stay exact")]
    fn number(key: i64) -> f64 {
        key as f64
    }

    fn coupon(key: i64) -> Coupon {
        sketch::coupon_of_int(key)
    }
}

impl Key for Fractional {
    fn number(key: i64) -> f64 {
        float_of(key)
    }

    fn coupon(key: i64) -> Coupon {
        sketch::coupon_of_float(float_of(key))
    }
}

/// The integer that orders as the float does (IEEE 754's total order): of negative floats all bits but the sign are
/// flipped.
#[inline]
pub(super) fn key_of(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// The float of a key: the same flip again.
#[inline]
pub(super) fn float_of(key: i64) -> f64 {
    f64::from_bits((key ^ ((key >> 63).cast_unsigned() >> 1).cast_signed()).cast_unsigned())
}

/// The values so far.
#[derive(Debug)]
pub(super) struct Numbers<K> {
    /// Values that are listed, or that wait to be sketched, at most.
    room: usize,
    /// All values, while they are few; none once they were too many.
    listed: Option<Tally>,
    /// All values from then on.
    sketched: Sketched<K>,
}

/// What many values leave behind. Values are taken up in sorted blocks of the column's room: a block's equal values
/// lie beside each other, so that each sketch sees a value once and not every time.
#[derive(Debug)]
struct Sketched<K> {
    waiting: Vec<i64>,
    quantiles: QuantileBuilder,
    distinct: DistinctSketch,
    heavy: Heavy<i64>,
    keys: std::marker::PhantomData<K>,
}

/// What a column of numbers comes to.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) top: TopValues,
    pub(super) distinct: DistinctSketch,
    pub(super) quantiles: QuantileSketch,
}

impl<K: Key> Numbers<K> {
    pub(super) fn new(room: usize) -> Self {
        Self { room: room.max(TOP_MAX), listed: Some(Tally::default()), sketched: Sketched::new() }
    }

    /// Adds values.
    pub(super) fn add(&mut self, mut keys: &[i64]) {
        if let Some(tally) = &mut self.listed {
            let counted = tally.add_until(keys, self.room);
            keys = &keys[counted..];
            if tally.len() <= self.room {
                return;
            }
        }
        let room = self.room;
        self.sketched().add(keys, room);
    }

    /// Takes in the values of a later part of the column.
    pub(super) fn absorb(&mut self, mut other: Self) {
        match (&mut self.listed, &other.listed) {
            (Some(ours), Some(theirs)) => {
                theirs.sorted().into_iter().for_each(|(key, count)| ours.add(key, count));
                if ours.len() > self.room {
                    self.sketched();
                }
            }
            (None, Some(theirs)) => self.sketched.add_counts(&theirs.sorted()),
            (Some(_) | None, None) => {
                other.sketched.take_up();
                self.sketched().absorb(other.sketched);
            }
        }
    }

    /// The sketches; where values are still listed, they take those in first.
    fn sketched(&mut self) -> &mut Sketched<K> {
        if let Some(tally) = self.listed.take() {
            self.sketched.add_counts(&tally.sorted());
        }
        &mut self.sketched
    }

    /// What the values come to; `scalar` makes a listed value of a key.
    pub(super) fn finish(mut self, scalar: impl Fn(i64) -> Scalar) -> Summary {
        let listed = |counts: &[(i64, u64)]| counts.iter().map(|(key, count)| (scalar(*key), *count)).collect();
        if let Some(tally) = self.listed {
            let counts = tally.sorted();
            let mut summary = Summary { top: TopValues::of_all(listed(&counts)), ..Summary::default() };
            if !summary.top.exact {
                for (key, _) in &counts {
                    summary.distinct.add(K::coupon(*key));
                }
                summary.quantiles = QuantileSketch::of_counts(&numbered::<K>(&counts));
            }
            return summary;
        }
        self.sketched.take_up();
        let (counts, error) = self.sketched.heavy.finish();
        Summary {
            top: TopValues::heaviest(listed(&counts), error),
            distinct: self.sketched.distinct,
            quantiles: self.sketched.quantiles.finish(),
        }
    }
}

fn numbered<K: Key>(counts: &[(i64, u64)]) -> Vec<(f64, u64)> {
    counts.iter().map(|(key, count)| (K::number(*key), *count)).collect()
}

impl<K: Key> Sketched<K> {
    fn new() -> Self {
        Self {
            waiting: Vec::new(),
            quantiles: QuantileBuilder::default(),
            distinct: DistinctSketch::default(),
            heavy: Heavy::default(),
            keys: std::marker::PhantomData,
        }
    }

    fn add(&mut self, mut keys: &[i64], room: usize) {
        while !keys.is_empty() {
            let (now, later) = keys.split_at(keys.len().min(room - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            keys = later;
            if self.waiting.len() >= room {
                self.take_up();
            }
        }
    }

    /// Takes up the values that wait. Values that are rare in this block are not counted among the heavy ones, and
    /// the error says so.
    fn take_up(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_unstable();
        let rare = rare_in(waiting.len() as u64);
        let mut runs = Vec::with_capacity(waiting.len());
        for run in waiting.chunk_by(|left, right| left == right) {
            let (key, count) = (run[0], run.len() as u64);
            self.distinct.add(K::coupon(key));
            if count > rare {
                self.heavy.add(&key, count);
            }
            runs.push((K::number(key), count));
        }
        self.heavy.overlook(rare);
        self.quantiles.add(&runs);
        waiting.clear();
        self.waiting = waiting;
    }

    fn add_counts(&mut self, counts: &[(i64, u64)]) {
        let rare = rare_in(counts.iter().map(|(_, count)| count).sum());
        for (key, count) in counts {
            self.distinct.add(K::coupon(*key));
            if *count > rare {
                self.heavy.add(key, *count);
            }
        }
        self.heavy.overlook(rare);
        self.quantiles.add(&numbered::<K>(counts));
    }

    /// Takes in sketches with which nothing waits any more.
    fn absorb(&mut self, other: Self) {
        self.take_up();
        self.quantiles.absorb(other.quantiles);
        self.distinct = self.distinct.merge(&other.distinct);
        self.heavy.absorb(other.heavy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_floats_do() {
        let values = [f64::MIN, -1.5, -f64::MIN_POSITIVE, 0.0, 5e-324, 1.0, 1.0_f64.next_up(), f64::MAX];
        assert!(values.windows(2).all(|pair| key_of(pair[0]) < key_of(pair[1])));
        assert!(values.iter().all(|value| float_of(key_of(*value)).to_bits() == value.to_bits()));
    }
}
