//! Mean and spread that merge.

use serde::{Deserialize, Serialize};

/// Count, mean and sum of squared deviations. Merged by the pairwise update of Chan, Golub and
/// LeVeque (1979), so parts may be combined in any grouping without losing precision.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Moments {
    /// Number of finite values.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Sum of squared deviations from the mean.
    pub m2: f64,
}

#[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
impl Moments {
    /// The moments of `values`, which are all finite.
    pub fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let count = values.len() as f64;
        let mut mean = sum(values, |value| value) / count;
        if !mean.is_finite() {
            // The sum of huge values can overflow where their mean does not.
            mean = sum(values, |value| value / count);
        }
        let m2 = sum(values, |value| (value - mean) * (value - mean));
        Self { count: values.len() as u64, mean, m2 }
    }

    /// The moments of both parts.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        if self.count == 0 {
            return other;
        }
        if other.count == 0 {
            return self;
        }
        let (left, right) = (self.count as f64, other.count as f64);
        let total = left + right;
        let delta = other.mean - self.mean;
        Self {
            count: self.count + other.count,
            mean: self.mean + delta * (right / total),
            m2: self.m2 + other.m2 + delta * delta * (left / total) * right,
        }
    }

    /// The mean; none without values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The sample standard deviation (divided by n − 1); none below two values, or when it is too
    /// large for a float.
    pub fn std(&self) -> Option<f64> {
        let has_spread = self.count > 1 && self.m2.is_finite();
        has_spread.then(|| (self.m2 / (self.count - 1) as f64).sqrt())
    }
}

/// The sum over `values`, in eight lanes that a processor adds at once. The lanes make the error smaller than that of
/// one long sum, and are the same everywhere.
fn sum(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let (whole, rest) = values.as_chunks::<8>();
    for chunk in whole {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += of(*value);
        }
    }
    rest.iter().fold(lanes.iter().sum(), |sum: f64, value| sum + of(*value))
}
