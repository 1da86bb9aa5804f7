//! What one would write first: Kolmogorov and Smirnov's test on each column against the last 28 days.

use std::collections::VecDeque;

use lamp_core::profile::drift::{Steps, kolmogorov_smirnov};
use lamp_core::profile::{ColumnProfile, Profile, merged};

const DAYS: usize = 28;
const P_MAX: f64 = 0.01;

#[derive(Debug, Clone, Default)]
pub struct Naive {
    latest: VecDeque<Profile>,
}

pub struct NaiveOutlook {
    reference: Vec<(String, Steps)>,
}

impl Naive {
    pub fn learn(&mut self, profile: &Profile) {
        if self.latest.len() == DAYS {
            self.latest.pop_front();
        }
        self.latest.push_back(profile.clone());
    }

    pub fn outlook(&self) -> NaiveOutlook {
        let Some(last) = self.latest.back() else { return NaiveOutlook { reference: Vec::new() } };
        let together = |name: &str| {
            let parts = self.latest.iter().filter_map(|profile| profile.find(name));
            merged(parts).ok().flatten().as_ref().and_then(Steps::of_column)
        };
        let names = last.columns.iter().map(|column| column.name.clone());
        NaiveOutlook { reference: names.filter_map(|name| Some((name.clone(), together(&name)?))).collect() }
    }
}

impl NaiveOutlook {
    /// Columns that fail the test.
    pub fn alarms(&self, profile: &Profile) -> usize {
        let fails = |(name, reference): &&(String, Steps)| {
            let steps = profile.find(name).and_then(|column: &ColumnProfile| Steps::of_column(column));
            // A column that holds no numbers any more is one that changed.
            let drift = steps.map(|steps| kolmogorov_smirnov(&steps, reference));
            drift.is_none_or(|drift| drift.is_some_and(|drift| drift.p_value.is_some_and(|p| p < P_MAX)))
        };
        self.reference.iter().filter(fails).count()
    }
}
