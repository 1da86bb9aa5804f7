//! The distribution of many numbers in a few hundred points, with a proven error.
//!
//! A sketch is a list of values with weights: a point stands for as many neighbouring values as it weighs, and is
//! one of them. It is thinned by putting neighbours together whose rank falls into one cell, and keeping the one in
//! the middle: no rank moves by more than the heavier side of a group, and each sketch adds up what its groups
//! moved. So the bound is known and not guessed, it holds for any data in any order (a value that makes up half of
//! the rows is a point of its own), a quantile is always a value that occurs, and nothing is random: the same data
//! gives the same bytes. Of the sketches in use, t-digest has no bound and blurs such heavy values, and KLL draws
//! random numbers.
//!
//! Cells are narrow near both ends: the `j`-th of `m` ends at the rank `t²(3 − 2t)` with `t = j/m`, so that the
//! width at rank `q` shrinks as `√q`, as with the scale function `k₁` of Dunning and Ertl, "Computing extremely
//! accurate quantiles using t-digests" (2019).
//!
//! Many blocks are put together in a tree (Manku, Rajagopalan and Lindsay, 1998), because a rank moves once a level
//! of the tree and not once a block.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Cells while values are read: a block of values moves no rank by more than 0.75 of this fraction of it.
const SCAN_CELLS: u32 = 512;
/// Cells of what is kept of a column.
const STORED_CELLS: u32 = 400;
/// Points of a merged sketch; with more it is thinned to [`SCAN_CELLS`].
const MERGED_MAX: usize = 1_024;
/// Sketches of one level of the tree that become one of the next.
const FAN_IN: usize = 4;

/// The error of a sketched quantile that one partition is tested to keep, as a share of the rows: the value returned
/// for `p` has a rank within `p ± 0.01`, or near both ends much closer. What a sketch is proven to keep is
/// [`QuantileSketch::rank_error`], which grows with the number of rows, and with the number of merges: see
/// [`Merging`](super::Merging).
pub const QUANTILE_RANK_ERROR: f64 = 0.01;

/// The distribution of the finite numbers of a column, once they are too many to list.
#[derive(Clone, Default, PartialEq)]
pub struct QuantileSketch {
    /// Values in strictly increasing order, with how many values each stands for.
    points: Vec<(f64, u64)>,
    /// The most by which a rank may be off, in values.
    error: u64,
}

#[allow(clippy::cast_precision_loss, reason = "weights are counts of rows, below 2^53")]
impl QuantileSketch {
    /// Of values with their counts, in strictly increasing order.
    pub(super) fn of_counts(counts: &[(f64, u64)]) -> Self {
        Self::thinned(counts, 0, STORED_CELLS)
    }

    /// Whether nothing was sketched.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Values in strictly increasing order, with how many each stands for.
    pub(super) fn points(&self) -> &[(f64, u64)] {
        &self.points
    }

    /// Number of values.
    fn total(&self) -> u64 {
        total(&self.points)
    }

    /// The most by which the rank of any value can be off, as a share of the values: a proven bound.
    pub fn rank_error(&self) -> f64 {
        self.error as f64 / self.total().max(1) as f64
    }

    /// The value of rank `p`, from 0 to 1; none when nothing was sketched.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank among the values")]
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let total = self.total();
        let rank = ((p * total as f64).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        self.points.iter().find_map(|(value, weight)| {
            seen += weight;
            (seen >= rank).then_some(*value)
        })
    }

    /// The share of values below each of `edges`, which are strictly increasing.
    pub fn shares_below(&self, edges: &[f64]) -> Option<Vec<f64>> {
        let total = self.total();
        let mut points = self.points.iter().peekable();
        let mut below = 0;
        let share = |edge: &f64| {
            while let Some((_, weight)) = points.next_if(|(value, _)| value < edge) {
                below += weight;
            }
            below as f64 / total as f64
        };
        (total > 0).then(|| edges.iter().map(share).collect())
    }

    /// The distribution of both parts.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let (points, error) = united(&[self, other]);
        if points.len() <= MERGED_MAX { Self { points, error } } else { Self::thinned(&points, error, SCAN_CELLS) }
    }

    /// Points put together until there are no more than `cells`.
    fn thinned(points: &[(f64, u64)], error: u64, cells: u32) -> Self {
        if points.len() <= cells as usize {
            return Self { points: points.to_vec(), error };
        }
        let total = total(points) as f64;
        let end_of = |cell: u32| {
            let t = f64::from(cell) / f64::from(cells);
            total * t * t * (3.0 - 2.0 * t)
        };
        let mut kept = Vec::with_capacity(cells as usize);
        let (mut start, mut cell, mut end, mut rank, mut moved) = (0, 1, end_of(1), 0, 0);
        for (at, (_, weight)) in points.iter().enumerate() {
            rank += weight;
            if rank as f64 > end && cell < cells {
                if start < at {
                    moved = moved.max(keep_middle(&points[start..at], &mut kept));
                    start = at;
                }
                while rank as f64 > end && cell < cells {
                    cell += 1;
                    end = end_of(cell);
                }
            }
        }
        moved = moved.max(keep_middle(&points[start..], &mut kept));
        Self { points: kept, error: error + moved }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.points.len() * 11 + 16);
        if self.is_empty() {
            return bytes;
        }
        put(&mut bytes, self.error);
        for (value, weight) in &self.points {
            bytes.extend_from_slice(&value.to_le_bytes());
            put(&mut bytes, *weight);
        }
        bytes
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut sketch = Self::default();
        if bytes.is_empty() {
            return Some(sketch);
        }
        sketch.error = take(&mut bytes)?;
        let mut total: u64 = 0;
        while let Some((value, rest)) = bytes.split_first_chunk() {
            bytes = rest;
            let (value, weight) = (f64::from_le_bytes(*value), take(&mut bytes)?);
            let follows = sketch.points.last().is_none_or(|(last, _)| *last < value);
            total = total.checked_add(weight)?;
            if !follows || !value.is_finite() || weight == 0 {
                return None;
            }
            sketch.points.push((value, weight));
        }
        (bytes.is_empty() && !sketch.is_empty()).then_some(sketch)
    }
}

fn total(points: &[(f64, u64)]) -> u64 {
    points.iter().map(|(_, weight)| weight).sum()
}

/// Keeps of a group the value in its middle, with the weight of all. Returns how far that moves a rank at most: the
/// ranks of values below the middle fall by what lies below it, and those above rise by what lies above.
fn keep_middle(group: &[(f64, u64)], kept: &mut Vec<(f64, u64)>) -> u64 {
    let weight = total(group);
    let mut until = 0;
    for (value, own) in group {
        let below = until;
        until += own;
        if until * 2 >= weight {
            kept.push((*value, weight));
            return below.max(weight - until);
        }
    }
    0
}

/// All points in order, equal values put together, and the sum of the errors.
fn united(parts: &[&QuantileSketch]) -> (Vec<(f64, u64)>, u64) {
    let mut points: Vec<(f64, u64)> = parts.iter().flat_map(|part| &part.points).copied().collect();
    points.sort_by(|(left, _), (right, _)| left.total_cmp(right));
    points.dedup_by(|(value, weight), (last, total)| {
        let is_same = value.to_bits() == last.to_bits();
        if is_same {
            *total += *weight;
        }
        is_same
    });
    (points, parts.iter().map(|part| part.error).sum())
}

/// Writes seven bits a byte, the low ones first; the high bit says that more follow (LEB128).
#[allow(clippy::cast_possible_truncation, reason = "seven bits")]
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number: u64 = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// A tree of sketches under construction.
#[derive(Debug, Default)]
pub(super) struct QuantileBuilder {
    /// Sketches of each level, fewer than [`FAN_IN`].
    levels: Vec<Vec<QuantileSketch>>,
}

impl QuantileBuilder {
    /// Adds values with their counts, in strictly increasing order.
    pub(super) fn add(&mut self, counts: &[(f64, u64)]) {
        if !counts.is_empty() {
            self.push(0, QuantileSketch::thinned(counts, 0, SCAN_CELLS));
        }
    }

    /// Adds a later part.
    pub(super) fn absorb(&mut self, other: Self) {
        for (level, sketches) in other.levels.into_iter().enumerate() {
            for sketch in sketches {
                self.push(level, sketch);
            }
        }
    }

    fn push(&mut self, level: usize, sketch: QuantileSketch) {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        self.levels[level].push(sketch);
        if self.levels[level].len() == FAN_IN {
            let full = std::mem::take(&mut self.levels[level]);
            let (points, error) = united(&full.iter().collect::<Vec<_>>());
            self.push(level + 1, QuantileSketch::thinned(&points, error, SCAN_CELLS));
        }
    }

    /// The distribution of all.
    pub(super) fn finish(self) -> QuantileSketch {
        let all: Vec<&QuantileSketch> = self.levels.iter().flatten().collect();
        let (points, error) = united(&all);
        QuantileSketch::thinned(&points, error, STORED_CELLS)
    }
}

impl fmt::Debug for QuantileSketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QuantileSketch({} points, error {})", self.points.len(), self.error)
    }
}

impl Serialize for QuantileSketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.bytes()))
    }
}

impl<'de> Deserialize<'de> for QuantileSketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = BASE64.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)?;
        Self::read(&bytes).ok_or_else(|| de::Error::custom("not a sketch of quantiles"))
    }
}
