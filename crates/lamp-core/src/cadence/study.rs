//! A study: how fast does a model age? Back-tests from one commit, block by block of event time.
//!
//! For each block a model is trained on what was known just before it, and asked about that block and those after it.
//! What it loses against the model that was trained just before the *same* block is its age, and nothing else: a hard
//! week is hard for both.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::config::{Every, EveryUnit};
use crate::dataset::VersionNumber;
use crate::digest::Digest;
use crate::names::{DatasetName, ModelName};
use crate::package::Task;
use crate::partition::Days;

/// Most blocks of a study.
pub const BLOCKS_MAX: usize = 400;

/// How much history a training of the study takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Window {
    /// The ranges of lamp.toml, counted from the moment of the training.
    Configured,
    /// All there is.
    All,
    /// The last so many days, weeks or months.
    Last(Every),
}

/// A text that is not a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a window: `configured`, `all`, or a length such as `60 days`")]
pub struct WindowError {
    /// As given.
    pub text: String,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.pad("configured"),
            Self::All => f.pad("all"),
            Self::Last(every) => f.pad(&every.in_words()),
        }
    }
}

impl FromStr for Window {
    type Err = WindowError;
    fn from_str(text: &str) -> Result<Self, WindowError> {
        match text.trim() {
            "configured" => Ok(Self::Configured),
            "all" => Ok(Self::All),
            length => length.parse().map(Self::Last).map_err(|_| WindowError { text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for Window {
    type Error = WindowError;
    fn try_from(text: String) -> Result<Self, WindowError> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> String {
        window.to_string()
    }
}

/// How long it takes until the truth of a day is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelLag {
    /// In civil days.
    pub days: u32,
}

/// A text that is not a label lag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a number of days or weeks such as `1 day`, `2 weeks` or `0 days`")]
pub struct LabelLagError {
    /// As given.
    pub text: String,
}

impl FromStr for LabelLag {
    type Err = LabelLagError;
    fn from_str(text: &str) -> Result<Self, LabelLagError> {
        let error = || LabelLagError { text: text.to_owned() };
        if text.trim() == "0 days" {
            return Ok(Self { days: 0 });
        }
        let every: Every = text.parse().map_err(|_| error())?;
        match every.unit {
            EveryUnit::Day => Ok(Self { days: every.count }),
            EveryUnit::Week => Ok(Self { days: every.count * 7 }),
            EveryUnit::Month => Err(error()),
        }
    }
}

/// A stretch of event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// First civil day.
    pub start: Date,
    /// The day after the last.
    pub end: Date,
}

impl Block {
    /// Its days.
    pub fn days(&self) -> Days {
        Days { from: Some(self.start), until: Some(self.end) }
    }
}

/// Cuts `from` up to but without `to` into whole blocks; what is left at the end is left out. At most
/// [`BLOCKS_MAX`], the last ones.
pub fn cut(from: Date, to: Date, length: Every) -> Vec<Block> {
    let mut blocks = Vec::new();
    // Counted from the start each time: a month after 31 January and two months after it end on different days.
    let nth = |times: u32| from.checked_add(length.times(times).span()).ok();
    let ends = (1..).map_while(nth).take_while(|end| *end <= to);
    let mut start = from;
    for end in ends {
        blocks.push(Block { start, end });
        start = end;
    }
    let surplus = blocks.len().saturating_sub(BLOCKS_MAX);
    blocks.split_off(surplus)
}

/// A dataset version of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudiedData {
    /// The dataset.
    pub dataset: DatasetName,
    /// Its version.
    pub version: VersionNumber,
    /// Digest of the version's manifest.
    pub digest: Digest,
}

/// Everything that the trainings of a study depend on. The same plan has the same trainings, so that its digest names
/// the study and what is done of it is found again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StudyPlan {
    /// Format of this record; 1.
    pub format: u32,
    /// The model.
    pub model: ModelName,
    /// What it predicts.
    pub task: Task,
    /// Full commit hash: the code of every training.
    pub commit: String,
    /// The data by role, as `lamp.toml` names it.
    pub data: std::collections::BTreeMap<String, StudiedData>,
    /// Length of a block.
    pub every: Every,
    /// The blocks, in order.
    pub blocks: Vec<Block>,
    /// Windows to compare.
    pub windows: Vec<Window>,
    /// Days until the labels of a day are known: a training sees nothing younger.
    pub label_lag_days: u32,
    /// How many blocks each model is asked about: the one that it was trained for, and those after it.
    pub ages: u32,
}

impl StudyPlan {
    /// Name of the study: the start of the plan's digest.
    ///
    /// # Panics
    /// Never: every field serialises.
    pub fn id(&self) -> String {
        Digest::of(&serde_json::to_vec(self).expect("a plan serialises")).short()
    }

    /// The first day that a training for the block `number` does not see.
    pub fn known_until(&self, number: usize) -> Date {
        self.blocks[number].start.saturating_sub(i64::from(self.label_lag_days).days())
    }

    /// The days of `window` for the block `number`, where the window is not the configured one.
    pub fn training_days(&self, window: Window, number: usize) -> Option<Days> {
        let until = self.known_until(number);
        match window {
            Window::Configured => None,
            Window::All => Some(Days { from: None, until: Some(until) }),
            Window::Last(length) => Some(before(until, length.span())),
        }
    }

    /// The days that a training for the block `number` may hold out for itself: the last block's length of what it
    /// sees.
    pub fn held_out_days(&self, number: usize) -> Days {
        before(self.known_until(number), self.every.span())
    }

    /// The blocks that the model of block `number` is asked about.
    pub fn asked(&self, number: usize) -> std::ops::Range<usize> {
        number..(number + self.ages as usize).min(self.blocks.len())
    }
}

fn before(until: Date, length: Span) -> Days {
    Days { from: Some(until.saturating_sub(length)), until: Some(until) }
}

/// Mean losses of one window: `losses[t][k]` is the loss on block `t + k` of the model trained for block `t`, none
/// where that block has no row with a label.
pub type Losses = Vec<Vec<Option<f64>>>;

/// What age costs on block `u`, paired on that block: the loss of the model trained `age` blocks before it, minus the
/// loss of the one trained just before it.
pub fn excess(losses: &Losses, age: usize, u: usize) -> Option<f64> {
    let at = |trained: usize| losses.get(trained)?.get(u - trained).copied().flatten();
    Some(at(u.checked_sub(age)?)? - at(u)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn time_is_cut_into_whole_blocks() {
        let cut = |from, to, length: &str| {
            let blocks = cut(from, to, length.parse().expect(length));
            blocks.iter().map(|block| format!("{}..{}", block.start, block.end)).collect::<Vec<_>>()
        };
        assert_eq!(
            cut(date(2013, 3, 1), date(2013, 3, 20), "1 week"),
            ["2013-03-01..2013-03-08", "2013-03-08..2013-03-15"]
        );
        assert_eq!(
            cut(date(2013, 1, 31), date(2013, 4, 1), "1 month"),
            ["2013-01-31..2013-02-28", "2013-02-28..2013-03-31"]
        );
        assert_eq!(cut(date(2013, 3, 1), date(2013, 3, 1), "day"), [""; 0]);
        assert_eq!(cut(date(2000, 1, 1), date(2013, 1, 1), "day").len(), BLOCKS_MAX);
    }

    #[test]
    fn windows_end_before_the_labels_that_are_not_there_yet() {
        let plan = StudyPlan {
            format: 1,
            model: ModelName::parse("late").expect("a name"),
            task: Task::Binary,
            commit: "abc".to_owned(),
            data: std::collections::BTreeMap::new(),
            every: "1 week".parse().expect("a length"),
            blocks: cut(date(2013, 3, 1), date(2013, 4, 1), "1 week".parse().expect("a length")),
            windows: vec![Window::All],
            label_lag_days: 2,
            ages: 3,
        };
        let days = |window: &str| plan.training_days(window.parse().expect(window), 1);
        let until = Some(date(2013, 3, 6));
        assert_eq!(days("all"), Some(Days { from: None, until }));
        assert_eq!(days("60 days"), Some(Days { from: Some(date(2013, 1, 5)), until }));
        assert_eq!(days("configured"), None);
        assert_eq!(plan.held_out_days(1), Days { from: Some(date(2013, 2, 27)), until });
        assert_eq!((plan.asked(0), plan.asked(3)), (0..3, 3..4));
        let again = StudyPlan { commit: "abd".to_owned(), ..plan.clone() };
        assert!(plan.id() == plan.clone().id() && plan.id() != again.id());
    }

    #[test]
    fn a_lag_is_in_days_or_weeks() {
        let days = |text: &str| text.parse::<LabelLag>().map(|lag| lag.days).ok();
        assert_eq!(["0 days", "1 day", "2 weeks"].map(days), [Some(0), Some(1), Some(14)]);
        assert_eq!(["1 month", "0", "soon"].map(days), [None; 3]);
    }

    #[test]
    fn age_is_paired_on_the_same_block() {
        let losses = vec![vec![Some(0.5), Some(0.7)], vec![Some(0.6), None], vec![Some(0.4)]];
        let one = excess(&losses, 1, 1).expect("both are there");
        assert!((one - 0.1).abs() < 1e-12);
        assert_eq!(excess(&losses, 0, 2), Some(0.0));
        assert_eq!(excess(&losses, 1, 2), None, "no row with a label");
        assert_eq!(excess(&losses, 2, 1), None, "before the first");
        assert_eq!(excess(&losses, 2, 2), None, "not asked");
    }
}
