//! Numbers of samples that a few wild values do not move, and how unlikely a score is.

/// Turns the median absolute deviation of normal values into their standard deviation.
const MAD_TO_SIGMA: f64 = 1.4826;
/// The value below which 95 % of standard normal values lie: 90 % lie within it on both sides.
const NORMAL_P95: f64 = 1.645;
/// What happened once is no more than so many sigmas: a lump that comes back is no surprise.
const LUMP_SIGMAS: f64 = 8.0;
/// The part of a sample that tells how its tail goes on.
const TAIL_PART: f64 = 0.2;
/// Values of a tail below which its slope is not trusted.
const TAIL_MIN: usize = 4;

/// The quantile `p` of a sample, which is put in order; 0 for an empty one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a sample")]
pub(super) fn quantile(sample: &mut [f64], p: f64) -> f64 {
    if sample.is_empty() {
        return 0.0;
    }
    sample.sort_by(f64::total_cmp);
    let place = p * (sample.len() - 1) as f64;
    let (low, high) = (sample[place.floor() as usize], sample[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// The median of a sample, which is put in order; 0 for an empty one.
pub(super) fn median(sample: &mut [f64]) -> f64 {
    quantile(sample, 0.5)
}

/// Centre and scale of a sample: its median, and the larger of what the median absolute deviation and the 90 %
/// quantile of the deviations say of the spread. (Of a sample that is mostly one value, the first is 0, and the
/// second is the size of the lumps.)
pub(super) fn centre_and_scale(sample: &[f64]) -> (f64, f64) {
    let mut sorted = sample.to_vec();
    let centre = median(&mut sorted);
    for value in &mut sorted {
        *value = (*value - centre).abs();
    }
    let mad = median(&mut sorted) * MAD_TO_SIGMA;
    let largest = sorted.last().copied().unwrap_or(0.0);
    (centre, mad.max(quantile(&mut sorted, 0.9) / NORMAL_P95).max(largest / LUMP_SIGMAS))
}

/// How likely scores are, from past ones: see [`Tail::p_value`].
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    /// The past scores, the largest first.
    sorted: Vec<f64>,
    /// How many of them tell how the tail goes on; 0 if there are too few.
    inside: usize,
    /// Mean excess of those over the next one.
    excess: f64,
}

impl Tail {
    /// From past scores. The tail falls off by e at least every `excess_min`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of a sample")]
    pub fn of(past: impl IntoIterator<Item = f64>, excess_min: f64) -> Self {
        let mut sorted: Vec<f64> = past.into_iter().collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let inside = ((sorted.len() as f64 * TAIL_PART).ceil() as usize).max(TAIL_MIN);
        if sorted.len() <= inside {
            return Self { sorted, inside: 0, excess: excess_min };
        }
        let excess = sorted[..inside].iter().map(|one| one - sorted[inside]).sum::<f64>() / inside as f64;
        Self { sorted, inside, excess: excess.max(excess_min) }
    }

    /// The score that 95 of 100 past ones stay below; 0 without past scores.
    pub fn usual(&self) -> f64 {
        self.sorted.get(self.sorted.len() / 20).copied().unwrap_or(0.0)
    }

    /// How likely a score is that is as large: its conformal rank, (1 + how many are as large) / (1 + how many there
    /// are), and beyond the upper part of them an exponential tail. Above 0, at most 1.
    pub fn p_value(&self, score: f64) -> f64 {
        let count = self.sorted.len() as f64;
        let as_large = self.sorted.partition_point(|one| *one >= score);
        let rank = (1.0 + as_large as f64) / (1.0 + count);
        if as_large >= self.inside {
            return rank;
        }
        let above = (score - self.sorted[self.inside]).max(0.0) / self.excess;
        ((1.0 + self.inside as f64) / (1.0 + count) * (-above).exp()).max(f64::MIN_POSITIVE)
    }
}

/// Adjusted p-values by Benjamini and Hochberg (1995): naming everything up to `q` names a share of at most `q` in
/// error. In the order of `p_values`.
pub(super) fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*b].total_cmp(&p_values[*a]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut so_far: f64 = 1.0;
    for (above, at) in order.iter().enumerate() {
        let rank = (p_values.len() - above) as f64;
        so_far = so_far.min(p_values[*at] * p_values.len() as f64 / rank);
        adjusted[*at] = so_far;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lumps_count_where_most_values_are_the_same() {
        let (centre, scale) = centre_and_scale(&[5.0; 20]);
        assert_eq!((centre, scale), (5.0, 0.0));
        let mut lumpy = vec![0.0; 16];
        lumpy.extend([1.0; 4]);
        let (centre, scale) = centre_and_scale(&lumpy);
        assert!(centre == 0.0 && (scale - 1.0 / NORMAL_P95).abs() < 1e-9, "{centre} {scale}");
        assert_eq!(centre_and_scale(&[]), (0.0, 0.0));
    }

    #[test]
    fn p_values_are_ranks_and_then_a_tail() {
        let past: Vec<f64> = (0..100).map(f64::from).collect();
        let tail = Tail::of(past, 0.5);
        let p = |score| tail.p_value(score);
        assert!((p(50.0) - 51.0 / 101.0).abs() < 1e-9);
        assert!(p(99.0) > p(120.0) && p(120.0) > p(200.0) && p(200.0) > 0.0);
        assert!(p(99.0) < 0.2 && p(150.0) < 0.01, "{} {}", p(99.0), p(150.0));
        assert!(Tail::of([], 0.5).p_value(1.0) >= 1.0, "nothing is known");
        assert!(Tail::of([0.0; 30], 0.5).p_value(9.0) < 1e-6, "never anything else than zero");
    }

    #[test]
    fn p_values_are_adjusted_as_in_the_paper() {
        // The fifteen p-values of Benjamini and Hochberg's example: four are rejected at 0.05.
        let paper = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ];
        let adjusted = adjusted(&paper);
        assert_eq!(adjusted.iter().filter(|q| **q <= 0.05).count(), 4);
        assert!(adjusted.windows(2).all(|pair| pair[0] <= pair[1]));
    }
}
