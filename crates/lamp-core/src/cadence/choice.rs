//! From the losses of a study to a cadence: what age costs, what training costs, and the slowest rhythm that is good
//! enough.
//!
//! Training every `c` blocks lets a model have the ages 0 to c − 1, whichever block it begins with; the mean over all
//! these phases is what that rhythm loses. To it comes the cost of one training, spread over its `c` blocks:
//! J(c) = mean excess loss + (compute + review) / c, in units of the loss. Chosen is the *slowest* rhythm of which
//! one can be sure that it costs at most the tolerance more than the best. (Age curves and the costs of periodic
//! retraining: Mahadevan & Mathioudakis, 2023, "Cost-effective retraining of machine learning models",
//! arXiv:2310.04216.)

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::study::{Losses, excess};
use crate::draws::Draws;
use crate::registry::beside::middle_95;

/// Fewer blocks on which all rhythms can be compared are not enough history.
pub const BLOCKS_MIN: usize = 8;

/// A rhythm of `c` blocks cannot be judged on the first c − 1 blocks. So that the slowest one does not take the history
/// away from all others, it must leave two thirds of the blocks.
fn blocks_to_leave(blocks: usize) -> usize {
    (blocks * 2).div_ceil(3).max(BLOCKS_MIN)
}

/// Rhythms that are compared, in blocks, as far as the history reaches.
pub const RHYTHMS: [usize; 10] = [1, 2, 3, 4, 6, 8, 13, 17, 26, 52];

/// Resamples behind an interval.
const RESAMPLES: usize = 2_000;

/// What is weighed against age.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// What one training costs: compute and the review of its candidate, in units of the loss over one block.
    pub cost_of_training: f64,
    /// How much more than the best a rhythm may cost.
    pub tolerance: Tolerance,
}

/// How much more than the best a rhythm may cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tolerance {
    /// So much, in units of the loss.
    Absolute(f64),
    /// So large a share of the mean loss of fresh models.
    Share(f64),
}

/// A text that is not a tolerance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a tolerance such as `0.005` or `1%`")]
pub struct ToleranceError {
    /// As given.
    pub text: String,
}

impl FromStr for Tolerance {
    type Err = ToleranceError;
    fn from_str(text: &str) -> Result<Self, ToleranceError> {
        let number = |digits: &str| digits.trim().parse().ok().filter(|n: &f64| n.is_finite() && *n >= 0.0);
        let parsed = match text.strip_suffix('%') {
            Some(percent) => number(percent).map(|percent| Self::Share(percent / 100.0)),
            None => number(text).map(Self::Absolute),
        };
        parsed.ok_or_else(|| ToleranceError { text: text.to_owned() })
    }
}

/// What age costs after some blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgePoint {
    /// Age of the model in blocks.
    pub age: u32,
    /// Number of blocks on which it was compared with a fresh one.
    pub blocks: u32,
    /// Mean excess loss.
    pub excess: f64,
    /// 95 % interval.
    pub interval: (f64, f64),
}

/// What one rhythm costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RhythmCost {
    /// Blocks between two trainings.
    pub blocks: u32,
    /// Mean excess loss over all ages and phases.
    pub excess: f64,
    /// 95 % interval.
    pub interval: (f64, f64),
    /// J: excess loss and the cost of training, in units of the loss.
    pub cost: f64,
    /// Its cost minus that of the best rhythm.
    pub over_best: f64,
    /// 95 % interval.
    pub over_best_interval: (f64, f64),
}

/// What a study found for one window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Mean loss of fresh models.
    pub fresh_loss: f64,
    /// The age curve, from age 1 on.
    pub ages: Vec<AgePoint>,
    /// Blocks on which the rhythms were compared: the same for all of them.
    pub compared_on: u32,
    /// The rhythms, the fastest first.
    pub rhythms: Vec<RhythmCost>,
    /// The tolerance in units of the loss.
    pub tolerance: f64,
    /// The slowest rhythm that surely costs at most the tolerance more than the best.
    pub chosen: u32,
}

/// There are too few blocks to compare at least two rhythms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not enough history: {blocks} blocks with labels, and comparing two rhythms takes at least {}", BLOCKS_MIN + 1)]
pub struct NotEnoughHistory {
    /// Blocks that could be used.
    pub blocks: usize,
}

/// The rhythms that `blocks` blocks of history can compare, if no block lacks labels.
pub fn comparable(blocks: usize) -> Result<Vec<usize>, NotEnoughHistory> {
    let reaches = |rhythm: &usize| blocks + 1 >= rhythm + blocks_to_leave(blocks);
    let rhythms: Vec<usize> = RHYTHMS.into_iter().filter(reaches).collect();
    if rhythms.len() < 2 { Err(NotEnoughHistory { blocks }) } else { Ok(rhythms) }
}

/// Weighs the losses of one window. The same `seed` gives the same intervals.
pub fn weigh(losses: &Losses, weights: &Weights, seed: &[u8]) -> Result<Findings, NotEnoughHistory> {
    let (rhythms, blocks) = compared(losses)?;
    let fresh: Vec<f64> = blocks.iter().filter_map(|u| losses[*u].first().copied().flatten()).collect();
    let fresh_loss = mean(&fresh);
    let tolerance = match weights.tolerance {
        Tolerance::Absolute(most) => most,
        Tolerance::Share(share) => share * fresh_loss,
    };
    // What a rhythm loses on a block, over all its phases.
    let loss_of = |rhythm: usize| -> Vec<f64> {
        let on = |u: &usize| mean(&(0..rhythm).filter_map(|age| excess(losses, age, *u)).collect::<Vec<_>>());
        blocks.iter().map(on).collect()
    };
    let by_block: Vec<Vec<f64>> = rhythms.iter().map(|rhythm| loss_of(*rhythm)).collect();
    let training: Vec<f64> = rhythms.iter().map(|rhythm| weights.cost_of_training / number(*rhythm)).collect();
    let costs: Vec<f64> = by_block.iter().zip(&training).map(|(losses, training)| mean(losses) + training).collect();
    let best = (0..costs.len()).min_by(|a, b| costs[*a].total_cmp(&costs[*b])).unwrap_or(0);
    let resamples = resample(blocks.len(), seed);
    let rhythm_costs: Vec<RhythmCost> = (0..rhythms.len())
        .map(|at| {
            let over: Vec<f64> = by_block[at].iter().zip(&by_block[best]).map(|(a, b)| a - b).collect();
            let (low, high) = interval(&over, &resamples);
            let more = training[at] - training[best];
            RhythmCost {
                blocks: count(rhythms[at]),
                excess: mean(&by_block[at]),
                interval: interval(&by_block[at], &resamples),
                cost: costs[at],
                over_best: costs[at] - costs[best],
                over_best_interval: (low + more, high + more),
            }
        })
        .collect();
    // The best is no worse than itself, so there is always one.
    let slowest = rhythm_costs.iter().rev().find(|rhythm| rhythm.over_best_interval.1 <= tolerance);
    let chosen = slowest.map_or(count(rhythms[best]), |rhythm| rhythm.blocks);
    let ages = age_curve(losses, rhythms[rhythms.len() - 1], seed);
    let compared_on = count(blocks.len());
    Ok(Findings { fresh_loss, ages, compared_on, rhythms: rhythm_costs, tolerance, chosen })
}

/// The rhythms that can be compared, and the blocks on which all of them can.
fn compared(losses: &Losses) -> Result<(Vec<usize>, Vec<usize>), NotEnoughHistory> {
    let asked = losses.iter().map(Vec::len).max().unwrap_or(0);
    let usable = losses.iter().filter(|row| row.first().copied().flatten().is_some()).count();
    let mut rhythms: Vec<usize> = RHYTHMS.into_iter().filter(|rhythm| *rhythm <= asked).collect();
    while let Some(slowest) = rhythms.last().copied().filter(|slowest| *slowest > 1) {
        let has_all_ages = |u: &usize| (0..slowest).all(|age| excess(losses, age, *u).is_some());
        let blocks: Vec<usize> = (slowest - 1..losses.len()).filter(has_all_ages).collect();
        if blocks.len() >= blocks_to_leave(usable) {
            return Ok((rhythms, blocks));
        }
        rhythms.pop();
    }
    Err(NotEnoughHistory { blocks: usable })
}

fn age_curve(losses: &Losses, ages: usize, seed: &[u8]) -> Vec<AgePoint> {
    let point = |age: usize| {
        let excesses: Vec<f64> = (age..losses.len()).filter_map(|u| excess(losses, age, u)).collect();
        let is_known = excesses.len() >= 2;
        is_known.then(|| AgePoint {
            age: count(age),
            blocks: count(excesses.len()),
            excess: mean(&excesses),
            interval: interval(&excesses, &resample(excesses.len(), seed)),
        })
    };
    (1..ages).filter_map(point).collect()
}

/// Moving blocks (Künsch, 1989, "The jackknife and the bootstrap for general stationary observations"): neighbours in
/// time are drawn together, since a bad week is often followed by another. Stretches of n^(1/3), rounded up.
fn resample(length: usize, seed: &[u8]) -> Vec<Vec<usize>> {
    let mut draws = Draws::seeded("lamplighter 2026 moving-block bootstrap of a study", seed);
    let longest = length.max(1);
    let stretch = (1..=longest).find(|stretch: &usize| stretch.pow(3) >= length).unwrap_or(longest);
    let one = |draws: &mut Draws| {
        let mut places = Vec::with_capacity(length + stretch);
        while places.len() < length {
            let start = draws.below(length - stretch + 1);
            places.extend(start..start + stretch);
        }
        places.truncate(length);
        places
    };
    (0..RESAMPLES).map(|_| one(&mut draws)).collect()
}

fn interval(values: &[f64], resamples: &[Vec<usize>]) -> (f64, f64) {
    let mean_of = |places: &Vec<usize>| places.iter().map(|place| values[*place]).sum::<f64>() / number(places.len());
    let mut means: Vec<f64> = resamples.iter().map(mean_of).collect();
    middle_95(&mut means).unwrap_or((f64::NEG_INFINITY, f64::INFINITY))
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / number(values.len()) }
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
