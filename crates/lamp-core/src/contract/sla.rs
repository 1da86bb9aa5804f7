//! Promises of service: how old the newest row may be.

use jiff::Timestamp;
use serde_json::Value;

use crate::check::{Check, Verdict};

/// One entry of `slaProperties`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sla {
    /// What is promised.
    pub property: SlaProperty,
    /// How much, as written.
    pub value: Value,
    /// In what, as written.
    pub unit: Option<String>,
    /// `table.column`, or `column`, as written.
    pub element: Option<String>,
    /// Why it matters, as written.
    pub driver: Option<String>,
    /// Line in the file.
    pub line: u64,
}

/// What a promise of service is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlaProperty {
    /// The age of the newest row (`latency`, `ly`; `freshness` means the same).
    Latency,
    /// Whatever else the standard or its users name; said to be not evaluated.
    Other(String),
}

impl SlaProperty {
    /// Reads the standard's word.
    pub fn read(text: &str) -> Self {
        match text.to_lowercase().as_str() {
            "latency" | "ly" | "freshness" => Self::Latency,
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The word for people and rule names.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Latency => "latency",
            Self::Other(name) => name,
        }
    }
}

/// The length of a unit of time in seconds; a month counts 30 days and a year 365. None for a word
/// that is no unit.
pub fn parse_period(unit: &str) -> Option<f64> {
    const DAY: f64 = 86_400.0;
    match unit.to_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => Some(1.0),
        "m" | "min" | "minute" | "minutes" => Some(60.0),
        "h" | "hr" | "hour" | "hours" => Some(3_600.0),
        "d" | "day" | "days" => Some(DAY),
        "w" | "week" | "weeks" => Some(7.0 * DAY),
        "mo" | "month" | "months" => Some(30.0 * DAY),
        "y" | "yr" | "year" | "years" => Some(365.0 * DAY),
        _ => None,
    }
}

impl Sla {
    /// The column that the promise is measured on, without its table.
    pub fn column(&self) -> Option<&str> {
        let element = self.element.as_deref()?;
        Some(element.rsplit_once('.').map_or(element, |(_, column)| column))
    }

    /// The table that the element names, where it names one.
    pub fn table(&self) -> Option<&str> {
        self.element.as_deref()?.rsplit_once('.').map(|(table, _)| table)
    }

    /// The number promised, and the length of its unit in seconds; days when no unit is written.
    pub fn period(&self) -> Option<(f64, f64)> {
        let value = self.value.as_f64().or_else(|| self.value.as_str().and_then(|text| text.trim().parse().ok()))?;
        Some((value, parse_period(self.unit.as_deref().unwrap_or("d"))?))
    }

    /// Whether the newest row, of `newest_at`, is young enough at `now`. A row from the future is.
    #[allow(clippy::cast_precision_loss, reason = "an age in seconds")]
    pub fn judge_latency(&self, newest_at: Timestamp, now: Timestamp) -> Check {
        let Some((value, unit)) = self.period() else {
            return self.not_evaluated("the promise has no value with a unit of time".to_owned());
        };
        let age_seconds = now.duration_since(newest_at).as_secs_f64();
        let measured = age_seconds / unit;
        let is_young_enough = measured <= value;
        let unit_word = self.unit.as_deref().unwrap_or("d");
        Check {
            verdict: if is_young_enough { Verdict::Passed } else { Verdict::Failed },
            measured: Some(measured),
            message: format!("the newest row is of {newest_at}, {measured:.1} {unit_word} before {now}"),
            ..self.not_evaluated(String::new())
        }
    }

    /// The verdict on a promise that cannot be measured here.
    pub fn not_evaluated(&self, message: String) -> Check {
        let value = self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned);
        let amount = [Some(value), self.unit.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let bound = if self.property == SlaProperty::Latency { format!("<= {amount}") } else { amount };
        Check {
            rule: format!("sla.{}", self.property.as_str()),
            column: self.column().map(str::to_owned),
            verdict: Verdict::NotEvaluated,
            measured: None,
            bound,
            message,
            severity: None,
            dimension: (self.property == SlaProperty::Latency).then(|| "timeliness".to_owned()),
            samples: Vec::new(),
        }
    }
}
