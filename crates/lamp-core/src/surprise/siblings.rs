//! Columns whose nulls come and go together: a gap between them says more than the nulls do.

use std::collections::{BTreeMap, VecDeque};

use super::series::push;
use super::summary::{Feature, Summary};

/// Partitions over which columns are compared.
const COMPARED: usize = 28;
/// Partitions before columns are compared.
const COMPARED_MIN: usize = 10;
/// Shares of nulls of siblings were never further apart.
const GAP_MAX: f64 = 0.05;
/// Most siblings of one column: the closest.
const SIBLINGS_MAX: usize = 6;

/// Shares of nulls over time, and which go together.
#[derive(Debug, Clone, Default)]
pub(super) struct Siblings {
    nulls: BTreeMap<String, VecDeque<f64>>,
    of: BTreeMap<String, Vec<(String, f64)>>,
}

impl Siblings {
    /// By column with siblings, the most by which its share of nulls is above one of theirs, beyond what they were ever apart.
    pub fn gaps(&self, summary: &Summary) -> BTreeMap<String, f64> {
        let nulls: BTreeMap<&str, f64> =
            summary.columns.iter().filter_map(|one| Some((one.name.as_str(), one.find(Feature::Nulls)?))).collect();
        // One-sided: it is the column with more nulls that somebody should look at.
        let gap = |(name, siblings): (&String, &Vec<(String, f64)>)| {
            let own = nulls.get(name.as_str())?;
            let gaps = siblings
                .iter()
                .filter_map(|(sibling, most)| Some((own - nulls.get(sibling.as_str())? - most).max(0.0)));
            Some((name.clone(), gaps.reduce(f64::max)?))
        };
        self.of.iter().filter_map(gap).collect()
    }

    /// Takes in a partition.
    pub fn learn(&mut self, summary: &Summary) {
        for column in &summary.columns {
            let share = column.find(Feature::Nulls).unwrap_or(0.0);
            push(self.nulls.entry(column.name.clone()).or_default(), share, COMPARED);
        }
        self.of = self.nulls.iter().map(|(name, own)| (name.clone(), self.closest(name, own))).collect();
    }

    fn closest(&self, name: &str, own: &VecDeque<f64>) -> Vec<(String, f64)> {
        let distance = |other: &VecDeque<f64>| {
            let pairs = own.iter().rev().zip(other.iter().rev());
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
        };
        let long_enough = |history: &VecDeque<f64>| history.len() >= COMPARED_MIN;
        if !long_enough(own) {
            return Vec::new();
        }
        let others = self.nulls.iter().filter(|(other, history)| *other != name && long_enough(history));
        let mut near: Vec<_> = others.map(|(other, history)| (distance(history), other)).collect();
        near.retain(|(distance, _)| *distance <= GAP_MAX);
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        near.into_iter().take(SIBLINGS_MAX).map(|(most, other)| (other.clone(), most)).collect()
    }
}
