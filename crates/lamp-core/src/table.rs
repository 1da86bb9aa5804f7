//! A small columnar table: what the engine hands to models and the gateway hands to the engine.
//! No public signature outside `lamp-engine` mentions Arrow; this is what they mention instead.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A column of values, each present or null. Vectors are as long as the table has rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Values {
    /// Booleans.
    Bool(Vec<Option<bool>>),
    /// Integers.
    Int(Vec<Option<i64>>),
    /// Floats; NaN is kept apart from null.
    Float(Vec<Option<f64>>),
    /// Text.
    Text(Vec<Option<String>>),
    /// Instants: microseconds since the epoch, UTC.
    Instant(Vec<Option<i64>>),
}

impl Values {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(v) => v.len(),
            Self::Int(v) | Self::Instant(v) => v.len(),
            Self::Float(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }

    /// The values of some rows, in the order given. Rows that are not there are null.
    #[must_use]
    pub fn rows(&self, rows: &[usize]) -> Self {
        fn pick<T: Clone>(values: &[Option<T>], rows: &[usize]) -> Vec<Option<T>> {
            rows.iter().map(|row| values.get(*row).cloned().flatten()).collect()
        }
        match self {
            Self::Bool(v) => Self::Bool(pick(v, rows)),
            Self::Int(v) => Self::Int(pick(v, rows)),
            Self::Instant(v) => Self::Instant(pick(v, rows)),
            Self::Float(v) => Self::Float(pick(v, rows)),
            Self::Text(v) => Self::Text(pick(v, rows)),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `row` as JSON; non-finite floats and out-of-range rows are null, instants are
    /// RFC 3339 text.
    pub fn json(&self, row: usize) -> Value {
        match self {
            Self::Bool(v) => v.get(row).copied().flatten().map_or(Value::Null, Value::Bool),
            Self::Int(v) => v.get(row).copied().flatten().map_or(Value::Null, Value::from),
            Self::Float(v) => v.get(row).copied().flatten().map_or(Value::Null, Value::from),
            Self::Text(v) => v.get(row).cloned().flatten().map_or(Value::Null, Value::String),
            Self::Instant(v) => v
                .get(row)
                .copied()
                .flatten()
                .and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok())
                .map_or(Value::Null, |at| Value::String(at.to_string())),
        }
    }
}

/// A named column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Values.
    pub values: Values,
}

/// Columns of equal length.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
}

impl Table {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    /// Finds a column by name.
    pub fn find(&self, name: &str) -> Option<&Values> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.values)
    }

    /// Adds a column.
    pub fn push(&mut self, name: &str, values: Values) {
        debug_assert!(self.columns.is_empty() || self.rows() == values.len(), "columns of one table are equally long");
        self.columns.push(Column { name: name.to_owned(), values });
    }
}
