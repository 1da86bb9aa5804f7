//! Metrics of a number against the true number.

use super::{Named, mean, ratio};

pub(super) fn all(truth: &[f64], said: &[f64]) -> Named {
    let errors = || truth.iter().zip(said).map(|(truth, said)| said - truth);
    let squared_error = mean(errors().map(|error| error * error));
    vec![
        // Mean of prediction minus truth: positive when the model says too much.
        ("bias", Some(mean(errors()))),
        ("mae", Some(mean(errors().map(f64::abs)))),
        ("r2", r2(truth, squared_error)),
        ("rmse", Some(squared_error.sqrt())),
    ]
}

/// `1 - SS_res / SS_tot`, the share of the variance that is explained (Wright, 1921, "Correlation and causation").
/// Undefined when the truth does not vary.
fn r2(truth: &[f64], squared_error: f64) -> Option<f64> {
    let center = mean(truth.iter().copied());
    // Told by the values, not by the variance: the rounding of a mean would leave a tiny one.
    let varies = truth.windows(2).any(|pair| pair[0].total_cmp(&pair[1]).is_ne());
    let variance = mean(truth.iter().map(|value| (value - center).powi(2)));
    let unexplained = if varies { ratio(squared_error, variance) } else { None };
    unexplained.map(|share| 1.0 - share)
}
