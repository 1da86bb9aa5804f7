//! Promises of service: how old the newest row may be.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::budget;
use super::response::ResponseTimes;
use crate::check::{Check, Verdict};
use crate::profile::{ColumnKind, ColumnProfile, Scalar};

/// One entry of `slaProperties`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sla {
    /// What is promised.
    pub property: SlaProperty,
    /// How much, as written.
    pub value: Value,
    /// Over how much of something else, as written (`valueExt`).
    pub value_ext: Option<Value>,
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
    /// How long it may take until the next version comes (`frequency`, `fy`).
    Frequency,
    /// The share of partitions that keep the contract (`availability`, `av`).
    Availability,
    /// How long a problem may stay unseen (`timeToDetect`, `td`).
    TimeToDetect,
    /// How long until the team is told of it (`timeToNotify`, `tn`).
    TimeToNotify,
    /// How long until it is over (`timeToRepair`, `tr`).
    TimeToRepair,
    /// Whatever else the standard or its users name; said to be not evaluated.
    Other(String),
}

impl SlaProperty {
    /// Reads the standard's word.
    pub fn read(text: &str) -> Self {
        match text.to_lowercase().as_str() {
            "latency" | "ly" | "freshness" => Self::Latency,
            "frequency" | "fy" => Self::Frequency,
            "availability" | "av" => Self::Availability,
            "timetodetect" | "td" => Self::TimeToDetect,
            "timetonotify" | "tn" => Self::TimeToNotify,
            "timetorepair" | "tr" => Self::TimeToRepair,
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The word for people and rule names.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Latency => "latency",
            Self::Frequency => "frequency",
            Self::Availability => "availability",
            Self::TimeToDetect => "timeToDetect",
            Self::TimeToNotify => "timeToNotify",
            Self::TimeToRepair => "timeToRepair",
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

    /// The number promised, without its unit.
    pub fn number(&self) -> Option<f64> {
        self.value
            .as_f64()
            .or_else(|| self.value.as_str().and_then(|text| text.trim().trim_end_matches('%').trim().parse().ok()))
    }

    /// `valueExt` in whole days, rounded up: in the unit of time that is written, else in days.
    pub fn extended_days(&self) -> Option<u32> {
        let value = self.value_ext.as_ref()?;
        let value = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))?;
        let unit = self.unit.as_deref().filter(|unit| !budget::is_percent(unit));
        budget::days(value, unit.unwrap_or("d"))
    }

    /// How long may pass, in seconds.
    pub fn seconds(&self) -> Option<f64> {
        self.period().map(|(value, unit)| value * unit).filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
    }

    /// The number promised, and the length of its unit in seconds; days when no unit is written.
    pub fn period(&self) -> Option<(f64, f64)> {
        Some((self.number()?, parse_period(self.unit.as_deref().unwrap_or("d"))?))
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
            message: format!("the newest row is of {newest_at:.0}, {measured:.1} {unit_word} before {now:.0}"),
            ..self.not_evaluated(String::new())
        }
    }

    /// Whether the newest version, of `newest_at`, came within the promised time before `now`.
    pub fn judge_frequency(&self, newest_at: Timestamp, now: Timestamp) -> Check {
        let Some((value, unit)) = self.period() else {
            return self.not_evaluated("the promise has no value with a unit of time".to_owned());
        };
        let measured = now.duration_since(newest_at).as_secs_f64() / unit;
        let unit_word = self.unit.as_deref().unwrap_or("d");
        Check {
            verdict: if measured <= value { Verdict::Passed } else { Verdict::Failed },
            measured: Some(measured),
            message: format!("the newest version came at {newest_at:.0}, {measured:.1} {unit_word} before {now:.0}"),
            ..self.not_evaluated(String::new())
        }
    }

    /// Whether the longest of some times is within the promise. Without any there is nothing to judge.
    pub fn judge_times(&self, times: Option<&ResponseTimes>) -> Check {
        let Some((value, unit)) = self.period() else {
            return self.not_evaluated("the promise has no value with a unit of time".to_owned());
        };
        let Some(times) = times else { return self.not_evaluated("there was no incident to measure".to_owned()) };
        let measured = times.worst_seconds / unit;
        let word = self.unit.as_deref().unwrap_or("d");
        let running = if times.running > 0 { format!(", {} not over yet", times.running) } else { String::new() };
        let incidents = if times.incidents == 1 { "incident" } else { "incidents" };
        Check {
            verdict: if measured <= value { Verdict::Passed } else { Verdict::Failed },
            measured: Some(measured),
            message: format!(
                "{measured:.1} {word} at worst, {:.1} {word} in the middle, of {} {incidents}{running}",
                times.median_seconds / unit,
                times.incidents
            ),
            ..self.not_evaluated(String::new())
        }
    }

    /// The verdict on a promise that cannot be measured here.
    pub fn not_evaluated(&self, message: String) -> Check {
        let value = self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned);
        let amount = [Some(value), self.unit.clone()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let bound = match self.property {
            SlaProperty::Latency
            | SlaProperty::Frequency
            | SlaProperty::TimeToDetect
            | SlaProperty::TimeToNotify
            | SlaProperty::TimeToRepair => format!("<= {amount}"),
            SlaProperty::Availability | SlaProperty::Other(_) => amount,
        };
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

/// The newest instant of a column. Days and times without a zone are read in `zone`: a day counts from its start. Text
/// counts when it reads as an instant with an offset.
pub fn newest_at(column: &ColumnProfile, zone: &TimeZone) -> Option<Timestamp> {
    let has_zone = column.kind == ColumnKind::Instant && column.data_type.contains(',');
    match column.max.as_ref()? {
        Scalar::Instant(micros) => {
            let as_utc = Timestamp::from_microsecond(*micros).ok()?;
            if has_zone {
                return Some(as_utc);
            }
            let civil = TimeZone::UTC.to_datetime(as_utc);
            zone.to_ambiguous_zoned(civil).compatible().ok().map(|zoned| zoned.timestamp())
        }
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_) => None,
    }
}
