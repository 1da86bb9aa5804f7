//! The two sketches of a column, from the Apache DataSketches library: both deterministic, both
//! mergeable, both stored as base64 of the library's own cross-language format.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use datasketches::hll::{Coupon, HllSketch, HllType, HllUnion};
use datasketches::tdigest::{TDigest, TDigestMut};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Compression of the t-digest: about this many centroids.
const DIGEST_K: u16 = 200;
/// 2^12 registers of HyperLogLog.
const HLL_LG_K: u8 = 12;

/// Largest error of a sketched quantile, as a share of the rows: the value returned for `p` has a
/// rank within `p ± 0.01`. Far smaller near both ends, where the t-digest keeps single values.
pub const QUANTILE_RANK_ERROR: f64 = 0.01;

/// Relative error of a sketched number of distinct values that holds in about 95 of 100 cases:
/// two standard errors of HyperLogLog with 4,096 registers, 2 × 1.04 / √4096.
pub const DISTINCT_RELATIVE_ERROR: f64 = 0.0325;

/// The distribution of the finite numbers of a column, once they are too many to list.
#[derive(Clone, Default)]
pub struct QuantileSketch(Option<Arc<TDigest>>);

impl QuantileSketch {
    /// Freezes a digest.
    pub(super) fn freeze(digest: TDigestMut) -> Self {
        Self((!digest.is_empty()).then(|| Arc::new(digest.freeze())))
    }

    /// Whether nothing was sketched.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The value of rank `p`, from 0 to 1; none when nothing was sketched.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        self.0.as_ref()?.quantile(p).ok().flatten()
    }

    /// The share of values below each of `edges`, which are strictly increasing.
    pub fn shares_below(&self, edges: &[f64]) -> Option<Vec<f64>> {
        self.0.as_ref()?.cdf(edges).ok().flatten()
    }

    /// The distribution of both parts.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Some(left), Some(right)) => {
                let mut digest = thawed(left);
                digest.merge(&thawed(right));
                Self::freeze(digest)
            }
            (left, right) => Self(left.clone().or_else(|| right.clone())),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.as_ref().map(|digest| digest.serialize()).unwrap_or_default()
    }
}

/// A frozen digest made mutable again. The library's frozen digest cannot be cloned, only written
/// and read.
fn thawed(digest: &TDigest) -> TDigestMut {
    TDigestMut::deserialize(&digest.serialize()).expect("the library reads what it wrote")
}

/// An empty digest.
///
/// # Panics
/// Never: the library refuses only a `k` below 10.
pub(super) fn empty_digest() -> TDigestMut {
    TDigestMut::new(DIGEST_K).expect("the digest's size is a constant within its limits")
}

/// A digest of values that occur many times each. Weights are built by doubling (Horner's scheme
/// over the bits of the counts), so a count of a billion costs thirty steps and not a billion.
pub(super) fn digest_of_counts(counts: &[(f64, u64)]) -> TDigestMut {
    let mut digest = empty_digest();
    let highest = counts.iter().map(|(_, count)| count.checked_ilog2().map_or(0, |bit| bit + 1)).max().unwrap_or(0);
    for bit in (0..highest).rev() {
        let doubled = digest.clone();
        digest.merge(&doubled);
        for (value, _) in counts.iter().filter(|(_, count)| count >> bit & 1 == 1) {
            digest.update(*value);
        }
    }
    digest
}

/// How many different values a column has, once they are too many to list.
#[derive(Clone, Default)]
pub struct DistinctSketch(Option<HllSketch>);

impl DistinctSketch {
    /// Whether nothing was sketched.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The estimate.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate is finite and not negative"
    )]
    pub fn estimate(&self) -> u64 {
        self.0.as_ref().map_or(0, |sketch| sketch.estimate().round() as u64)
    }

    /// The values of both parts.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the sketch's size is a constant within its limits")]
    pub fn merge(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Some(left), Some(right)) => {
                let mut union = HllUnion::new(HLL_LG_K).expect("the sketch's size is a constant within its limits");
                union.update(left);
                union.update(right);
                Self(Some(union.to_sketch(HllType::Hll8)))
            }
            (left, right) => Self(left.clone().or_else(|| right.clone())),
        }
    }

    pub(super) fn add(&mut self, coupon: Coupon) {
        self.0
            .get_or_insert_with(|| {
                HllSketch::new(HLL_LG_K, HllType::Hll8).expect("the sketch's size is a constant within its limits")
            })
            .update_with_coupon(coupon);
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.as_ref().map(HllSketch::serialize).unwrap_or_default()
    }
}

/// What an integer adds to a distinct sketch.
pub(super) fn coupon_of_int(value: i64) -> Coupon {
    Coupon::from_value(value)
}

/// What a finite float adds: a whole number counts as the same value as the integer.
#[allow(clippy::cast_possible_truncation, reason = "whole and within range, as the condition says")]
pub(super) fn coupon_of_float(value: f64) -> Coupon {
    const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
    let is_whole = value.fract() == 0.0 && (-TWO_POW_63..TWO_POW_63).contains(&value);
    if is_whole { coupon_of_int(value as i64) } else { Coupon::from_value((value.to_bits(), 1_u8)) }
}

/// What a text adds.
pub(super) fn coupon_of_text(value: &str) -> Coupon {
    Coupon::from_value(value)
}

macro_rules! stored_as_base64 {
    ($type:ident, $inner:ident) => {
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.bytes() == other.bytes()
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({} bytes)"), self.bytes().len())
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&BASE64.encode(self.bytes()))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                if text.is_empty() {
                    return Ok(Self(None));
                }
                let bytes = BASE64.decode(text).map_err(de::Error::custom)?;
                $inner::deserialize(&bytes).map(|sketch| Self(Some(sketch.into()))).map_err(de::Error::custom)
            }
        }
    };
}

stored_as_base64!(QuantileSketch, TDigest);
stored_as_base64!(DistinctSketch, HllSketch);
