//! A dataset as its page and its line in the list show it.

use jiff::tz::TimeZone;
use lamp_app::data::list::{DatasetOrigin, VersionLine};
use lamp_app::data::overview::DatasetCard;
use lamp_app::data::view::{DatasetView, PartitionLine, Verdicts};
use lamp_core::check::CheckRecord;
use lamp_core::contract::budget::{Budget, BudgetState};
use lamp_core::dataset::DatasetVersion;
use lamp_core::human::bytes;

use super::text::{Instant, count};

/// What the rules of a contract said, as a mark and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VerdictShown {
    /// `kept`, `broken` or `unknown`.
    pub(crate) word: &'static str,
    pub(crate) text: String,
    pub(crate) at: Option<Instant>,
}

/// An error budget, as a bar and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BudgetShown {
    /// `kept`, `spent`, `exhausted` or `unknown`.
    pub(crate) state: &'static str,
    /// The same as a mark: `kept`, `broken` or `unknown`.
    pub(crate) word: &'static str,
    /// What is left, in percent.
    pub(crate) left: u32,
    /// In one sentence.
    pub(crate) text: String,
    /// The window and how fast it burns.
    pub(crate) more: String,
}

/// One line of the list of datasets.
#[derive(Debug, Clone)]
pub(crate) struct DatasetLineShown {
    pub(crate) name: String,
    pub(crate) origin: &'static str,
    pub(crate) version: Option<VersionShown>,
    pub(crate) verdict: VerdictShown,
    pub(crate) budget: Option<BudgetShown>,
    /// The next command, for one without a version.
    pub(crate) next: String,
}

/// One version.
#[derive(Debug, Clone)]
pub(crate) struct VersionShown {
    pub(crate) number: u32,
    pub(crate) rows: String,
    pub(crate) size: String,
    pub(crate) files: String,
    pub(crate) at: Instant,
    pub(crate) by: String,
    pub(crate) note: String,
    pub(crate) run: Option<String>,
    pub(crate) digest: String,
    pub(crate) is_locked: bool,
}

/// One partition.
#[derive(Debug, Clone)]
pub(crate) struct PartitionShown {
    pub(crate) key: String,
    pub(crate) rows: String,
    pub(crate) size: String,
    pub(crate) files: String,
    pub(crate) verdict: VerdictShown,
}

/// One broken promise.
#[derive(Debug, Clone)]
pub(crate) struct BrokenShown {
    pub(crate) partition: Option<String>,
    pub(crate) rule: String,
    pub(crate) message: String,
    pub(crate) bound: String,
    pub(crate) at: Instant,
}

impl VerdictShown {
    pub(crate) fn new(verdicts: Option<&Verdicts>, has_contract: bool, zone: &TimeZone) -> Self {
        let Some(verdicts) = verdicts else {
            let text = if has_contract { "not checked" } else { "no contract" };
            return Self { word: "unknown", text: text.to_owned(), at: None };
        };
        let at = Some(Instant::new(verdicts.checked_at, zone));
        let warned = match verdicts.warnings {
            0 => String::new(),
            1 => ", 1 warning".to_owned(),
            warnings => format!(", {} warnings", count(warnings)),
        };
        let unsaid = match verdicts.not_evaluated {
            0 => warned,
            unsaid => format!("{warned}, {} could not be evaluated", count(unsaid)),
        };
        if verdicts.failed > 0 {
            return Self { word: "broken", text: format!("{} broken{unsaid}", count(verdicts.failed)), at };
        }
        Self { word: "kept", text: format!("{} kept{unsaid}", count(verdicts.passed)), at }
    }
}

impl BudgetShown {
    pub(crate) fn new(budget: &Budget) -> Self {
        let burn = budget.burn.map(|burn| format!("; burns at {burn:.1}")).unwrap_or_default();
        let unchecked = match budget.unchecked {
            0 => String::new(),
            unchecked => format!("; {} not checked", count(unchecked)),
        };
        Self {
            state: budget.state.as_str(),
            word: match budget.state {
                BudgetState::Kept | BudgetState::Spent => "kept",
                BudgetState::Exhausted => "broken",
                BudgetState::Unknown => "unknown",
            },
            left: budget.left_percent(),
            text: budget.sentence(),
            more: format!("{} to {}{burn}{unchecked}", budget.since, budget.until),
        }
    }
}

impl VersionShown {
    pub(crate) fn new(version: &DatasetVersion, is_locked: bool, zone: &TimeZone) -> Self {
        Self {
            number: version.version,
            rows: version.rows.map_or_else(|| "–".to_owned(), count),
            size: bytes(version.bytes),
            files: count(version.files),
            at: Instant::new(version.created_at, zone),
            by: version.created_by.name.clone(),
            note: version.note.clone().unwrap_or_default(),
            run: version.run.map(|run| run.to_string()),
            digest: version.digest.to_hex(),
            is_locked,
        }
    }

    pub(crate) fn of_line(line: &VersionLine, zone: &TimeZone) -> Self {
        Self::new(&line.version, line.locked, zone)
    }
}

impl DatasetLineShown {
    pub(crate) fn new(card: &DatasetCard, zone: &TimeZone) -> Self {
        let line = &card.line;
        let verb = if line.origin == DatasetOrigin::Derived { "build" } else { "add" };
        let is_locked = |version: &DatasetVersion| line.locked == Some(version.version);
        Self {
            name: line.dataset.to_string(),
            origin: line.origin.as_str(),
            version: line.latest.as_ref().map(|version| VersionShown::new(version, is_locked(version), zone)),
            verdict: VerdictShown::new(card.verdicts.as_ref(), card.has_contract, zone),
            budget: card.budget.as_ref().map(BudgetShown::new),
            next: format!("lamp data {verb} {}", line.dataset),
        }
    }
}

impl PartitionShown {
    pub(crate) fn new(line: &PartitionLine, has_contract: bool, zone: &TimeZone) -> Self {
        Self {
            key: line.partition.to_string(),
            rows: line.rows.map_or_else(|| "–".to_owned(), count),
            size: bytes(line.bytes),
            files: count(line.files),
            verdict: VerdictShown::new(line.verdicts.as_ref(), has_contract, zone),
        }
    }
}

impl BrokenShown {
    pub(crate) fn new(record: &CheckRecord, zone: &TimeZone) -> Self {
        Self {
            partition: record.partition.as_ref().map(ToString::to_string),
            rule: record.check.rule.clone(),
            message: if record.check.is_warning() {
                format!("{}: {}", record.check.severity().as_str(), record.check.message)
            } else {
                record.check.message.clone()
            },
            bound: record.check.bound.clone(),
            at: Instant::new(record.checked_at, zone),
        }
    }

    pub(crate) fn all(view: &DatasetView, zone: &TimeZone) -> Vec<Self> {
        view.broken.iter().map(|record| Self::new(record, zone)).collect()
    }
}
