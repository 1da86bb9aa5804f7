//! How many different values a column has: HyperLogLog of the Apache DataSketches library. Deterministic, mergeable
//! (a union is the same in any order), stored as base64 of the library's own cross-language format.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use datasketches::hll::{Coupon, HllSketch, HllType, HllUnion};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// 2^12 registers of HyperLogLog.
const HLL_LG_K: u8 = 12;

/// Relative error of a sketched number of distinct values that holds in about 95 of 100 cases:
/// two standard errors of HyperLogLog with 4,096 registers, 2 × 1.04 / √4096.
pub const DISTINCT_RELATIVE_ERROR: f64 = 0.0325;

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

impl PartialEq for DistinctSketch {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl fmt::Debug for DistinctSketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinctSketch({} bytes)", self.bytes().len())
    }
}

impl Serialize for DistinctSketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.bytes()))
    }
}

impl<'de> Deserialize<'de> for DistinctSketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self(None));
        }
        let bytes = BASE64.decode(text).map_err(de::Error::custom)?;
        HllSketch::deserialize(&bytes).map(|sketch| Self(Some(sketch))).map_err(de::Error::custom)
    }
}
