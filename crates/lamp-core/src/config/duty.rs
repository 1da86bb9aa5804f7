//! `[rota.*]`, `[duties]`, `[cadence.*]`: who looks at what, how often.

use std::fmt;
use std::str::FromStr;

use jiff::Span;
use jiff::civil::{Time, Weekday, time};
use serde::{Deserialize, Serialize};

use super::reader::Table;
use super::rules;
use crate::names::RotaName;

/// Most predictions, or columns, that one duty may ask for.
const PIECES_MAX: u64 = 1_000;

/// A period of days, weeks or months: `day`, `7 days`, `1 month`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Every {
    /// How many units, from 1.
    pub count: u32,
    /// Of what.
    pub unit: EveryUnit,
}

/// The unit of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EveryUnit {
    /// Civil days.
    Day,
    /// Civil weeks.
    Week,
    /// Civil months.
    Month,
}

/// The moment of the week when a shift passes to the next person, in the workspace's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handoff {
    /// The day.
    pub weekday: Weekday,
    /// The wall-clock time.
    pub time: Time,
}

/// A rotation of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rota {
    /// E-mail addresses, in turn. Never empty, each once.
    pub people: Vec<String>,
    /// When the shift changes; Monday 09:00 unless told.
    pub handoff: Handoff,
}

/// Label some predictions by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelsDuty {
    /// Who.
    pub rota: RotaName,
    /// How often; daily unless told.
    pub every: Every,
    /// How many predictions; 10 unless told.
    pub count: u32,
}

/// Look at histograms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramsDuty {
    /// Who.
    pub rota: RotaName,
    /// How often; daily unless told.
    pub every: Every,
    /// How many columns; 8 unless told.
    pub columns: u32,
}

/// Validate every new model before it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateDuty {
    /// Who, if one rotation is meant.
    pub rota: Option<RotaName>,
    /// Whether the person who asked for the training may not be the one who signs.
    pub reviewer_is_not_author: bool,
}

/// What people do, each shift. At the root: for every project that does not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Duties {
    /// Label by hand.
    pub labels: Option<LabelsDuty>,
    /// Look at histograms.
    pub histograms: Option<HistogramsDuty>,
    /// Validate new models.
    pub validate: Option<ValidateDuty>,
}

/// How often a model is trained again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cadence {
    /// How often.
    pub every: Every,
    /// From which wall-clock time of its first day on a period is due; midnight unless told.
    pub at: Time,
    /// The study that chose it.
    pub evidence: Option<String>,
}

/// A text that is not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a period such as `day`, `7 days`, `2 weeks` or `1 month`")]
pub struct EveryError {
    /// As given.
    pub text: String,
}

impl Every {
    /// Every civil day.
    pub const DAY: Self = Self { count: 1, unit: EveryUnit::Day };

    /// Every civil month.
    pub const MONTH: Self = Self { count: 1, unit: EveryUnit::Month };

    /// Its length in civil time.
    pub fn span(self) -> Span {
        let count = i64::from(self.count);
        match self.unit {
            EveryUnit::Day => Span::new().days(count),
            EveryUnit::Week => Span::new().weeks(count),
            EveryUnit::Month => Span::new().months(count),
        }
    }

    /// `times` of it: four times `2 weeks` is `8 weeks`.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { count: self.count.saturating_mul(times), ..self }
    }

    /// With its number, also when that is one: `1 month`.
    pub fn in_words(self) -> String {
        match self.count {
            1 => format!("1 {self}"),
            _ => self.to_string(),
        }
    }
}

impl FromStr for Every {
    type Err = EveryError;
    fn from_str(text: &str) -> Result<Self, EveryError> {
        rules::every(text).map_err(|_| EveryError { text: text.to_owned() })
    }
}

impl TryFrom<String> for Every {
    type Error = EveryError;
    fn try_from(text: String) -> Result<Self, EveryError> {
        text.parse()
    }
}

impl From<Every> for String {
    fn from(every: Every) -> String {
        every.in_words()
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            EveryUnit::Day => "day",
            EveryUnit::Week => "week",
            EveryUnit::Month => "month",
        };
        match self.count {
            1 => f.pad(unit),
            count => f.pad(&format!("{count} {unit}s")),
        }
    }
}

impl Default for Handoff {
    fn default() -> Self {
        Self { weekday: Weekday::Monday, time: time(9, 0, 0, 0) }
    }
}

impl Rota {
    pub(super) fn read(table: &Table<'_>) -> Self {
        if !table.has("people") {
            table.missing("people", "people = [\"first@example.com\"]");
        }
        let mut people: Vec<String> = Vec::new();
        let listed = table.texts("people");
        for person in &listed {
            let Some(email) = table.accept(&person.span, rules::email(person.value)) else { continue };
            if people.contains(&email) {
                table.problem(
                    &person.span,
                    format!("`{email}` is listed twice"),
                    Some("name each person once".to_owned()),
                );
            }
            people.push(email);
        }
        if listed.is_empty() && table.has("people") {
            table.problem_here(format!("{} has no people", table.title()), Some("name at least one person".to_owned()));
        }
        let handoff = table.parsed("handoff", rules::handoff).unwrap_or_default();
        table.report_unknown_keys();
        Self { people, handoff }
    }
}

impl Duties {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let duties = Self {
            labels: table.table("labels").and_then(|duty| LabelsDuty::read(&duty)),
            histograms: table.table("histograms").and_then(|duty| HistogramsDuty::read(&duty)),
            validate: table.table("validate").map(|duty| ValidateDuty::read(&duty)),
        };
        table.report_unknown_keys();
        duties
    }

    /// The rotations named, each with the duty that names it.
    pub(super) fn rotas(&self) -> impl Iterator<Item = (&'static str, &RotaName)> {
        let labels = self.labels.as_ref().map(|duty| ("labels", &duty.rota));
        let histograms = self.histograms.as_ref().map(|duty| ("histograms", &duty.rota));
        let validate = self.validate.as_ref().and_then(|duty| Some(("validate", duty.rota.as_ref()?)));
        [labels, histograms, validate].into_iter().flatten()
    }
}

fn read_rota_name(table: &Table<'_>) -> Option<RotaName> {
    let name = table.required_text("rota", "rota = \"NAME\"")?;
    table.accept(&name.span, RotaName::parse(name.value))
}

fn read_pieces(table: &Table<'_>, key: &str, default: u32) -> u32 {
    table.whole(key, 1..=PIECES_MAX).and_then(|count| u32::try_from(count).ok()).unwrap_or(default)
}

impl LabelsDuty {
    fn read(table: &Table<'_>) -> Option<Self> {
        let rota = read_rota_name(table);
        let every = table.parsed("every", rules::every).unwrap_or(Every::DAY);
        let count = read_pieces(table, "count", 10);
        table.report_unknown_keys();
        Some(Self { rota: rota?, every, count })
    }
}

impl HistogramsDuty {
    fn read(table: &Table<'_>) -> Option<Self> {
        let rota = read_rota_name(table);
        let every = table.parsed("every", rules::every).unwrap_or(Every::DAY);
        let columns = read_pieces(table, "columns", 8);
        table.report_unknown_keys();
        Some(Self { rota: rota?, every, columns })
    }
}

impl ValidateDuty {
    fn read(table: &Table<'_>) -> Self {
        let rota = table.parsed("rota", RotaName::parse);
        let reviewer_is_not_author = table.flag("reviewer_is_not_author").unwrap_or(false);
        table.report_unknown_keys();
        Self { rota, reviewer_is_not_author }
    }
}

impl Cadence {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let every = table.required_text("every", "every = \"1 month\"");
        let every = every.and_then(|text| table.accept(&text.span, rules::every(text.value)));
        let at = table.parsed("at", rules::time_of_day).unwrap_or(Time::midnight());
        let evidence = table.text("evidence").map(|text| text.value.to_owned());
        table.report_unknown_keys();
        Some(Self { every: every?, at, evidence })
    }
}
