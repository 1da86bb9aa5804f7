//! Do answers follow the labels, more than by chance? The chance is exact: that of a random order of these very
//! labels, whose mean and spread have a closed form.

use super::{Judgement, Outcome};
use crate::metric::{Predictions, Targets};

/// Standard deviations beyond which an order is no accident: one in 30,000 when nothing is there.
const SURELY: f64 = 4.0;
/// Standard deviations below which it looks like one.
const HARDLY: f64 = 2.0;
/// Rows below which a weak signal cannot be told from none.
pub const ROWS_MIN: usize = 100;

/// How well answers follow labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Association {
    /// Standard deviations from what chance gives; above 0 when they agree.
    pub z: f64,
    /// The same of perfect answers.
    pub z_max: f64,
}

/// Measures it. Binary: answers' ranks against the label (Mann & Whitney, 1947). Regression: ranks against ranks
/// (Spearman, 1904). Multiclass: the probability given to the true class. All are sums of one entry a row of a
/// matrix under a random permutation, whose variance is Hoeffding's (1951, "A combinatorial central limit
/// theorem"). None when all answers, or all labels, are the same, or shapes do not fit.
pub fn measure(targets: &Targets, said: &Predictions) -> Option<Association> {
    match (targets, said) {
        (Targets::Binary(truth), Predictions::Probabilities(said)) => {
            let truth: Vec<f64> = truth.iter().map(|truth| f64::from(u8::from(*truth))).collect();
            of_numbers(&mid_ranks(said), &truth)
        }
        (Targets::Numbers(truth), Predictions::Numbers(said)) => of_numbers(&mid_ranks(said), &mid_ranks(truth)),
        (Targets::Classes(truth), Predictions::ClassProbabilities(said)) => of_classes(truth, said),
        (Targets::Binary(_) | Targets::Numbers(_) | Targets::Classes(_), _) => None,
    }
}

fn of_numbers(said: &[f64], truth: &[f64]) -> Option<Association> {
    let correlation = correlation(said, truth)?;
    let rows = count(said.len());
    let z_max = (rows - 1.0).sqrt();
    Some(Association { z: correlation * z_max, z_max })
}

/// Pearson's correlation; none where one side does not vary.
pub(super) fn correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    if left.len() != right.len() || left.len() < 2 {
        return None;
    }
    let (left, right) = (centred(left), centred(right));
    let product: f64 = left.iter().zip(&right).map(|(a, b)| a * b).sum();
    let spread = (squares(&left) * squares(&right)).sqrt();
    (spread > f64::EPSILON).then(|| (product / spread).clamp(-1.0, 1.0))
}

fn of_classes(truth: &[Option<usize>], said: &[Vec<f64>]) -> Option<Association> {
    let classes = said.first()?.len();
    let perfect =
        |truth: &Option<usize>| (0..classes).map(|class| f64::from(u8::from(*truth == Some(class)))).collect();
    let perfect: Vec<Vec<f64>> = truth.iter().map(perfect).collect();
    Some(Association { z: class_z(truth, said)?, z_max: class_z(truth, &perfect)? })
}

fn class_z(truth: &[Option<usize>], said: &[Vec<f64>]) -> Option<f64> {
    let classes = said.first()?.len();
    if truth.len() != said.len() || truth.len() < 2 || said.iter().any(|row| row.len() != classes) {
        return None;
    }
    let rows = count(truth.len());
    let mut sizes = vec![0.0; classes];
    truth.iter().flatten().for_each(|class| sizes[*class] += 1.0);
    // The matrix has one column a label; labels of one class have equal columns.
    let row_means: Vec<f64> =
        said.iter().map(|row| row.iter().zip(&sizes).map(|(p, size)| p * size).sum::<f64>() / rows).collect();
    let class_means: Vec<f64> =
        (0..classes).map(|class| said.iter().map(|row| row[class]).sum::<f64>() / rows).collect();
    let mean = row_means.iter().sum::<f64>() / rows;
    let deviation = |row: usize, class: usize| said[row][class] - row_means[row] - class_means[class] + mean;
    let unknown = rows - sizes.iter().sum::<f64>();
    let mut variance = 0.0;
    let mut sum = 0.0;
    for (row, class) in truth.iter().enumerate() {
        variance += (0..classes).map(|class| sizes[class] * deviation(row, class).powi(2)).sum::<f64>();
        variance += unknown * (mean - row_means[row]).powi(2);
        sum += class.map_or(mean - row_means[row], |class| deviation(row, class));
    }
    let spread = (variance / (rows - 1.0)).sqrt();
    (spread > f64::EPSILON).then(|| sum / spread)
}

fn centred(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / count(values.len());
    values.iter().map(|value| value - mean).collect()
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

#[allow(clippy::cast_precision_loss, reason = "rows of a sample are few")]
fn count(rows: usize) -> f64 {
    rows as f64
}

/// Ranks from 1; values that are equal share the mean of theirs.
pub(super) fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    #[expect(clippy::float_cmp, reason = "a tie is an exact tie")]
    for tie in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let shared = count(before) + f64::midpoint(1.0, count(tie.len()));
        for row in tie {
            ranks[*row] = shared;
        }
        before += tie.len();
    }
    ranks
}

/// Judges the answers of a model that was trained on labels which follow the inputs, on held-out rows whose labels
/// follow them in the same way. `effect` says how well they agree, for people: `roc_auc 0.812`.
pub fn judge_signal(targets: &Targets, said: &Predictions, rows: usize, effect: &str) -> Judgement {
    if rows < ROWS_MIN {
        let reason = format!("{rows} held-out rows with a target are too few to tell; {ROWS_MIN} are needed");
        return Judgement::new(Outcome::Uninformative, reason);
    }
    let Some(found) = measure(targets, said) else {
        return Judgement::new(Outcome::Uninformative, "it says the same of every row, whatever the labels");
    };
    let told = format!("{effect} on {rows} held-out rows, {:.1} standard deviations from chance", found.z);
    if found.z >= SURELY {
        return Judgement::new(Outcome::Passed, format!("labels that follow the inputs are learned: {told}"))
            .measuring(found.z);
    }
    if found.z >= HARDLY {
        return Judgement::new(Outcome::Uninformative, format!("too weak to tell: {told}")).measuring(found.z);
    }
    Judgement::new(Outcome::Failed, format!("labels that follow the inputs are not learned: {told}")).measuring(found.z)
}

/// Judges the answers of a model that was trained on labels in a random order, on held-out rows whose labels are in
/// another random order: agreement means that the pipeline has seen them.
pub fn judge_permuted(targets: &Targets, said: &Predictions, rows: usize, effect: &str) -> Judgement {
    if rows < ROWS_MIN {
        let reason = format!("{rows} held-out rows with a target are too few to tell; {ROWS_MIN} are needed");
        return Judgement::new(Outcome::Uninformative, reason);
    }
    let Some(found) = measure(targets, said) else {
        return Judgement::new(
            Outcome::Passed,
            "labels in random order are not learned: it says the same of every row",
        );
    };
    let told = format!("{effect} on {rows} held-out rows, {:.1} standard deviations from chance", found.z);
    if found.z > SURELY {
        let reason = format!("held-out labels in random order are known to the model: {told}");
        return Judgement::new(Outcome::Failed, reason).measuring(found.z);
    }
    Judgement::new(Outcome::Passed, format!("labels in random order are not learned: {told}")).measuring(found.z)
}

/// Judges two trainings with one seed by the largest difference of their answers.
pub fn judge_repeat(difference: f64, tolerance: f64, rows: usize) -> Judgement {
    if difference <= tolerance {
        let how = if difference == 0.0 { "equal".to_owned() } else { format!("within {tolerance:.0e}") };
        return Judgement::new(
            Outcome::Passed,
            format!("two trainings with one seed: answers to {rows} rows are {how}"),
        )
        .measuring(difference);
    }
    let reason = format!(
        "two trainings with one seed differ by up to {difference:.3e} on {rows} rows, more than {tolerance:.0e}"
    );
    Judgement::new(Outcome::Failed, reason).measuring(difference)
}
