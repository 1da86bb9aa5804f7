use super::*;

/// Losses of `blocks` blocks: `base` depends on the block, `age` on the age of the model.
fn series(blocks: usize, ages: usize, base: impl Fn(usize) -> f64, age: impl Fn(usize, usize) -> f64) -> Losses {
    let row = |t: usize| (t..(t + ages).min(blocks)).map(|u| Some(base(u) + age(u - t, u))).collect();
    (0..blocks).map(row).collect()
}

fn absolute(tolerance: f64) -> Weights {
    Weights { cost_of_training: 0.0, tolerance: Tolerance::Absolute(tolerance) }
}

fn chosen(losses: &Losses, weights: &Weights) -> u32 {
    weigh(losses, weights, b"a study").expect("enough history").chosen
}

fn steady(slope: f64) -> Losses {
    // Weeks differ by far more than a week of age costs.
    series(40, 13, |u| 0.5 + 0.1 * number(u % 5), move |age, _| slope * number(age))
}

#[test]
fn a_model_that_loses_a_hundredth_a_block_is_trained_as_often_as_the_tolerance_says() {
    // A rhythm of c loses 0.01 · (c − 1) / 2 on average: 0, 0.005, 0.01, 0.015, 0.025, 0.035, 0.06.
    let cases = [(0.0, 1), (0.004, 1), (0.006, 2), (0.012, 3), (0.016, 4), (0.03, 6), (0.04, 8), (0.07, 13)];
    for (tolerance, expected) in cases {
        assert_eq!(chosen(&steady(0.01), &absolute(tolerance)), expected, "{tolerance}");
    }
}

#[test]
fn a_model_that_does_not_age_is_trained_as_rarely_as_the_history_can_tell() {
    assert_eq!(chosen(&steady(0.0), &absolute(0.0)), 13);
    // Forty blocks say nothing of a rhythm of 52; and one of 17 would leave too few of them for the others.
    assert_eq!(comparable(40), Ok(vec![1, 2, 3, 4, 6, 8, 13]));
    assert_eq!(comparable(52), Ok(vec![1, 2, 3, 4, 6, 8, 13, 17]));
}

#[test]
fn trainings_that_cost_something_are_made_more_rarely() {
    // J(c) = 0.01 · (c − 1) / 2 + cost / c is least near the root of 200 · cost: 4 for 0.08 .
    let weights = |cost_of_training| Weights { cost_of_training, tolerance: Tolerance::Absolute(0.0) };
    assert_eq!(chosen(&steady(0.01), &weights(0.0)), 1);
    assert_eq!(chosen(&steady(0.01), &weights(0.08)), 4);
    assert_eq!(chosen(&steady(0.01), &weights(10.0)), 13);
}

#[test]
fn a_tolerance_may_be_a_share_of_the_loss() {
    let findings = |share| {
        let weights = Weights { cost_of_training: 0.0, tolerance: Tolerance::Share(share) };
        weigh(&steady(0.01), &weights, b"a study").expect("enough history")
    };
    // Fresh models lose about 0.7.
    let two_percent = findings(0.02);
    assert!((two_percent.fresh_loss - 0.7).abs() < 0.02, "{}", two_percent.fresh_loss);
    assert_eq!((two_percent.chosen, findings(0.001).chosen), (3, 1));
}

#[test]
fn noise_widens_the_intervals_and_makes_the_choice_careful() {
    // Noise of ±0.05 a block that has nothing to do with age.
    let noise = |age: usize, u: usize| {
        let mut draws =
            Draws::seeded("noise of a test", &[u8::try_from(u).unwrap_or(0), u8::try_from(age).unwrap_or(0)]);
        (number(draws.below(1_001)) / 1_000.0 - 0.5) / 10.0
    };
    let uncertain = series(40, 13, |_| 0.5, |age, u| if age == 0 { 0.0 } else { 0.01 * number(age) + noise(age, u) });
    let findings = weigh(&uncertain, &absolute(0.012), b"a study").expect("enough history");
    assert!(findings.chosen <= 3, "never slower than without noise: {findings:?}");
    for point in &findings.ages {
        let truth = 0.01 * f64::from(point.age);
        let (low, high) = point.interval;
        assert!(low < high && (low..=high).contains(&point.excess), "{point:?}");
        assert!((low - 0.02..=high + 0.02).contains(&truth), "{point:?}");
    }
    let inside = |point: &&AgePoint| (point.interval.0..=point.interval.1).contains(&(0.01 * f64::from(point.age)));
    let covered = findings.ages.iter().filter(inside).count();
    assert!(covered * 10 >= findings.ages.len() * 8, "{covered} of {}", findings.ages.len());
    assert_eq!(weigh(&uncertain, &absolute(0.012), b"a study"), Ok(findings), "the same again");
}

#[test]
fn too_little_history_is_said_and_not_guessed_at() {
    let losses = |blocks| series(blocks, 13, |_| 0.5, |age, _| 0.01 * number(age));
    assert_eq!(weigh(&losses(8), &absolute(1.0), b""), Err(NotEnoughHistory { blocks: 8 }));
    assert_eq!(comparable(8), Err(NotEnoughHistory { blocks: 8 }));
    assert_eq!(weigh(&Losses::new(), &absolute(1.0), b""), Err(NotEnoughHistory { blocks: 0 }));
    let nine = weigh(&losses(9), &absolute(1.0), b"").expect("just enough");
    assert_eq!((nine.compared_on, nine.chosen), (8, 2));
    assert_eq!(comparable(9), Ok(vec![1, 2]));
}

#[test]
fn blocks_without_labels_are_left_out() {
    let mut losses = steady(0.01);
    // Nothing is known of block 20, whoever is asked.
    for (t, row) in losses.iter_mut().enumerate() {
        if let Some(loss) = 20_usize.checked_sub(t).and_then(|age| row.get_mut(age)) {
            *loss = None;
        }
    }
    let findings = weigh(&losses, &absolute(0.012), b"a study").expect("enough history");
    assert_eq!((findings.chosen, findings.compared_on), (3, 27));
}
