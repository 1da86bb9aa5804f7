//! One value of a column.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One value, as a column's extremes and top values keep it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scalar {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A finite float.
    Float(f64),
    /// Text.
    Text(String),
    /// An instant (or the midnight that starts a date): microseconds since the epoch, UTC.
    Instant(i64),
}

impl Scalar {
    /// The value as a number: instants are microseconds, booleans 0 and 1; text is none.
    #[allow(clippy::cast_precision_loss, reason = "a number for charts and bounds; extremes stay exact in the variant")]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Int(value) | Self::Instant(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Text(_) => None,
        }
    }

    /// The value as JSON; instants are RFC 3339 text.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Bool(value) => Value::from(*value),
            Self::Int(value) => Value::from(*value),
            Self::Float(value) => Value::from(*value),
            Self::Text(value) => Value::from(value.as_str()),
            Self::Instant(_) => Value::from(self.to_string()),
        }
    }

    /// An integer as a float, for columns that became floats; anything else as it is.
    pub(super) fn widened(self) -> Self {
        match (&self, self.as_f64()) {
            (Self::Int(_), Some(value)) => Self::Float(value),
            _ => self,
        }
    }

    /// Total order of the values of one column; values of different sorts keep a fixed order.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) | (Self::Instant(a), Self::Instant(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => match (self.as_f64(), other.as_f64()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            },
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::Instant(micros) => match Timestamp::from_microsecond(*micros) {
                Ok(at) => write!(f, "{at}"),
                Err(_) => write!(f, "{micros} µs"),
            },
        }
    }
}
