//! Which rows go into a sample, and in which order their labels are handed out.
//!
//! The same seed gives the same choices, so that a test that failed fails again.

use std::collections::BTreeMap;

use crate::package::Task;
use crate::table::{Table, Values};

/// Rows of each class that a sample has at least, where there are as many.
const CLASS_ROWS_MIN: usize = 20;

/// Columns whose values a planted signal is made of, at most: more would leave too little of it to each.
const SIGNAL_COLUMNS_MAX: usize = 16;

/// A repeatable stream of choices: SplitMix64 (Steele, Lea & Flood, 2014, "Fast splittable pseudorandom number
/// generators").
#[derive(Debug, Clone)]
pub struct Choices(u64);

impl Choices {
    /// The stream of a seed.
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to below `bound`, which must not be 0. The bias of the remainder is below `bound` / 2⁶⁴.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// Puts items into an order in which each is as likely as any other (Fisher & Yates; Durstenfeld, 1964).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// The numbers below `count` in an order by chance.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        self.shuffle(&mut order);
        order
    }
}

const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Targets of rows, as far as choosing rows needs them.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// The class of each row, as a place among the classes that occur, in order.
    Classes {
        /// One a row.
        of: Vec<usize>,
        /// The classes that occur.
        count: usize,
    },
    /// The number of each row.
    Numbers(Vec<f64>),
}

impl Labels {
    /// Reads targets. A target that does not belong to the task is told.
    pub fn read(task: Task, values: &Values) -> Result<Self, String> {
        match task {
            Task::Binary | Task::Multiclass => {
                let texts: Vec<String> = (0..values.len()).map(|row| values.json(row).to_string()).collect();
                let mut places: BTreeMap<&str, usize> = texts.iter().map(|text| (text.as_str(), 0)).collect();
                if task == Task::Binary && places.len() > 2 {
                    return Err(format!("a binary target has two values, this one {}", places.len()));
                }
                places.values_mut().enumerate().for_each(|(place, value)| *value = place);
                let of = texts.iter().map(|text| places[text.as_str()]).collect();
                Ok(Self::Classes { of, count: places.len() })
            }
            Task::Regression => {
                let number = |row| match values.json(row).as_f64() {
                    Some(number) => Ok(number),
                    None => Err(format!("a target is {}, which is no number", values.json(row))),
                };
                (0..values.len()).map(number).collect::<Result<_, _>>().map(Self::Numbers)
            }
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes { of, .. } => of.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every row has the same.
    pub fn is_constant(&self) -> bool {
        match self {
            Self::Classes { count, .. } => *count < 2,
            Self::Numbers(numbers) => numbers.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq()),
        }
    }

    /// The labels of some rows.
    #[must_use]
    pub fn of_rows(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes { of, count } => {
                Self::Classes { of: rows.iter().map(|row| of[*row]).collect(), count: *count }
            }
            Self::Numbers(numbers) => Self::Numbers(rows.iter().map(|row| numbers[*row]).collect()),
        }
    }

    /// A number to sort rows by: the class's place, or the number.
    #[allow(clippy::cast_precision_loss, reason = "places of classes are small")]
    fn level(&self, row: usize) -> f64 {
        match self {
            Self::Classes { of, .. } => of[row] as f64,
            Self::Numbers(numbers) => numbers[row],
        }
    }
}

/// Chooses at most `count` rows for a tiny batch: as many of each class as of any other, or numbers from the
/// smallest to the largest. Sorted.
pub fn tiny_rows(labels: &Labels, count: usize, seed: u64) -> Vec<usize> {
    let mut choices = Choices::of(seed);
    let order = choices.permutation(labels.len());
    let mut chosen = match labels {
        Labels::Classes { of, count: classes } => {
            let mut by_class = rows_by_class(&order, of, *classes);
            let mut chosen = Vec::new();
            while chosen.len() < count && by_class.iter().any(|rows| !rows.is_empty()) {
                chosen.extend(by_class.iter_mut().filter_map(Vec::pop));
            }
            chosen.truncate(count);
            chosen
        }
        Labels::Numbers(numbers) => {
            let mut order = order;
            order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
            let taken = count.min(order.len());
            let last = order.len().saturating_sub(1);
            (0..taken).map(|place| order[place * last / taken.saturating_sub(1).max(1)]).collect()
        }
    };
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Chooses about `count` rows by chance, with some of every class where there are any. Sorted.
pub fn sample_rows(labels: &Labels, count: usize, seed: u64) -> Vec<usize> {
    if labels.len() <= count {
        return (0..labels.len()).collect();
    }
    let order = Choices::of(seed).permutation(labels.len());
    let mut chosen: Vec<usize> = match labels {
        Labels::Classes { of, count: classes } => {
            let floor = CLASS_ROWS_MIN.min(count / (2 * classes.max(&1)));
            let share = |rows: &Vec<usize>| (rows.len() * count / labels.len()).max(floor).max(1);
            let by_class = rows_by_class(&order, of, *classes);
            by_class.iter().flat_map(|rows| rows.iter().take(share(rows)).copied()).collect()
        }
        Labels::Numbers(_) => order.into_iter().take(count).collect(),
    };
    chosen.sort_unstable();
    chosen
}

fn rows_by_class(order: &[usize], of: &[usize], classes: usize) -> Vec<Vec<usize>> {
    let mut by_class = vec![Vec::new(); classes];
    for row in order {
        by_class[of[*row]].push(*row);
    }
    by_class
}

/// For each row the row whose label it gets, so that labels follow the inputs: rows are ordered by the sum of their
/// inputs' ranks (words have a rank by chance), labels by their value, and handed out in that order. So each input
/// says something about the label, and the labels are the ones that there were. None when no input varies.
pub fn planted_order(inputs: &Table, labels: &Labels, seed: u64) -> Option<Vec<usize>> {
    let rows = labels.len();
    let usable: Vec<Vec<f64>> =
        inputs.columns.iter().filter_map(|column| levels_of(&column.values, rows, seed)).collect();
    if usable.is_empty() {
        return None;
    }
    let step = usable.len().div_ceil(SIGNAL_COLUMNS_MAX);
    let mut score = vec![0.0; rows];
    for column in usable.iter().step_by(step) {
        score.iter_mut().zip(column).for_each(|(sum, level)| *sum += level);
    }
    // Rows that are alike get their labels by chance, not by their place in the file.
    let mut choices = Choices::of(seed);
    let mut by_score = choices.permutation(rows);
    by_score.sort_by(|a, b| score[*a].total_cmp(&score[*b]));
    let mut by_label = choices.permutation(rows);
    by_label.sort_by(|a, b| labels.level(*a).total_cmp(&labels.level(*b)));
    let mut order = vec![0; rows];
    for (row, label) in by_score.into_iter().zip(by_label) {
        order[row] = label;
    }
    Some(order)
}

/// A column as numbers from 0 to 1: ranks of numbers, a number by chance for each word. None for a column that does
/// not vary, and for one of words that are nearly all different.
fn levels_of(values: &Values, rows: usize, seed: u64) -> Option<Vec<f64>> {
    let levels = match values {
        Values::Int(_) | Values::Float(_) => {
            let numbers: Vec<Option<f64>> = (0..rows).map(|row| values.json(row).as_f64()).collect();
            unit_ranks(&numbers)
        }
        Values::Bool(_) | Values::Text(_) | Values::Instant(_) => {
            let words: Vec<String> = (0..rows).map(|row| values.json(row).to_string()).collect();
            let mut distinct: Vec<&String> = words.iter().collect();
            distinct.sort();
            distinct.dedup();
            if distinct.len() > rows / 2 {
                return None;
            }
            words.iter().map(|word| unit_of(word, seed)).collect()
        }
    };
    let varies = levels.windows(2).any(|pair| pair[0].total_cmp(&pair[1]).is_ne());
    varies.then_some(levels)
}

/// Ranks over their number, ties sharing the mean of theirs; a missing value is in the middle.
fn unit_ranks(numbers: &[Option<f64>]) -> Vec<f64> {
    let known: Vec<f64> = numbers.iter().flatten().copied().collect();
    let mut ranks = super::association::mid_ranks(&known).into_iter();
    let count = known.len().max(1);
    #[allow(clippy::cast_precision_loss, reason = "rows of a sample are few")]
    let count = count as f64;
    let level = |number: &Option<f64>| match number {
        Some(_) => ranks.next().unwrap_or(0.0) / count,
        None => 0.5,
    };
    numbers.iter().map(level).collect()
}

/// A number from 0 to 1 for a word (FNV-1a, then mixed).
fn unit_of(word: &str, seed: u64) -> f64 {
    let hash = word
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let bits = u32::try_from(mix(hash) >> 32).unwrap_or(0);
    f64::from(bits) / f64::from(u32::MAX)
}
