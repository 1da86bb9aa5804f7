//! Quality rules, typed.

use std::fmt;

use serde_json::Value;

use super::own::OwnRule;

/// What a rule counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Rows.
    #[default]
    Rows,
    /// Percent of all rows.
    Percent,
}

/// A quality rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Stable identifier, where the contract gives one.
    pub id: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// In a person's words.
    pub description: Option<String>,
    /// What is measured.
    pub kind: RuleKind,
    /// All must hold.
    pub operators: Vec<Operator>,
    /// What is counted in.
    pub unit: Unit,
    /// `completeness`, `accuracy`, …, as written.
    pub dimension: Option<String>,
    /// As written.
    pub severity: Option<String>,
    /// Line in the file.
    pub line: u64,
}

/// What a rule measures.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleKind {
    /// A metric of the standard's library.
    Library(Metric),
    /// Words for people; never evaluated.
    Text,
    /// A query that gives one number.
    Sql {
        /// The query; `{object}` and `{property}` stand for the table and the column.
        query: String,
    },
    /// A rule of our own, for what the library lacks.
    Own(OwnRule),
    /// A rule for another engine.
    Custom {
        /// The engine's name.
        engine: String,
        /// Its rule, whatever shape that has.
        implementation: Value,
    },
}

/// A metric of the standard's library.
#[derive(Debug, Clone, PartialEq)]
pub enum Metric {
    /// Rows whose value is null.
    NullValues,
    /// Rows whose value is one of these; JSON null stands for null.
    MissingValues {
        /// The values that mean missing.
        values: Vec<Value>,
    },
    /// Rows whose value is not null and breaks the list or the pattern.
    InvalidValues {
        /// The values allowed.
        valid: Option<Vec<Value>>,
        /// Regular expression that text must match.
        pattern: Option<String>,
    },
    /// Rows beyond the first of each value.
    DuplicateValues {
        /// The columns that make the value; empty means the rule's own column, or all columns of the table.
        properties: Vec<String>,
    },
    /// Rows.
    RowCount,
}

impl Metric {
    /// The standard's words.
    pub const NAMES: [&'static str; 5] =
        ["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"];

    /// The standard's word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NullValues => "nullValues",
            Self::MissingValues { .. } => "missingValues",
            Self::InvalidValues { .. } => "invalidValues",
            Self::DuplicateValues { .. } => "duplicateValues",
            Self::RowCount => "rowCount",
        }
    }

    /// The dimension of the standard that it belongs to when the rule names none.
    const fn dimension(&self) -> &'static str {
        match self {
            Self::NullValues | Self::MissingValues { .. } | Self::RowCount => "completeness",
            Self::InvalidValues { .. } => "conformity",
            Self::DuplicateValues { .. } => "uniqueness",
        }
    }
}

/// What must hold of the measured number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Operator {
    /// `mustBe`.
    MustBe(f64),
    /// `mustNotBe`.
    MustNotBe(f64),
    /// `mustBeGreaterThan`.
    MustBeGreaterThan(f64),
    /// `mustBeGreaterOrEqualTo`.
    MustBeGreaterOrEqualTo(f64),
    /// `mustBeLessThan`.
    MustBeLessThan(f64),
    /// `mustBeLessOrEqualTo`.
    MustBeLessOrEqualTo(f64),
    /// `mustBeBetween`: from the first to the second, both taken in.
    MustBeBetween(f64, f64),
    /// `mustNotBeBetween`: below the first or above the second.
    MustNotBeBetween(f64, f64),
}

impl Operator {
    /// The standard's words.
    pub const NAMES: [&'static str; 8] = [
        "mustBe",
        "mustNotBe",
        "mustBeGreaterThan",
        "mustBeGreaterOrEqualTo",
        "mustBeLessThan",
        "mustBeLessOrEqualTo",
        "mustBeBetween",
        "mustNotBeBetween",
    ];

    /// Whether the promise holds of `measured`. NaN keeps no promise.
    #[allow(clippy::float_cmp, reason = "counts and bounds are written numbers; equality is meant")]
    pub fn holds(&self, measured: f64) -> bool {
        if measured.is_nan() {
            return false;
        }
        match *self {
            Self::MustBe(bound) => measured == bound,
            Self::MustNotBe(bound) => measured != bound,
            Self::MustBeGreaterThan(bound) => measured > bound,
            Self::MustBeGreaterOrEqualTo(bound) => measured >= bound,
            Self::MustBeLessThan(bound) => measured < bound,
            Self::MustBeLessOrEqualTo(bound) => measured <= bound,
            Self::MustBeBetween(low, high) => (low..=high).contains(&measured),
            Self::MustNotBeBetween(low, high) => !(low..=high).contains(&measured),
        }
    }
}

impl Operator {
    /// Whether some number below `measured` would hold where `measured` does not.
    fn holds_below(&self, measured: f64) -> bool {
        match *self {
            Self::MustBe(bound) | Self::MustBeLessThan(bound) | Self::MustBeLessOrEqualTo(bound) => measured >= bound,
            Self::MustBeBetween(_, high) => measured > high,
            Self::MustNotBe(_)
            | Self::MustBeGreaterThan(_)
            | Self::MustBeGreaterOrEqualTo(_)
            | Self::MustNotBeBetween(..) => false,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MustBe(bound) => write!(f, "= {bound}"),
            Self::MustNotBe(bound) => write!(f, "≠ {bound}"),
            Self::MustBeGreaterThan(bound) => write!(f, "> {bound}"),
            Self::MustBeGreaterOrEqualTo(bound) => write!(f, ">= {bound}"),
            Self::MustBeLessThan(bound) => write!(f, "< {bound}"),
            Self::MustBeLessOrEqualTo(bound) => write!(f, "<= {bound}"),
            Self::MustBeBetween(low, high) => write!(f, "from {low} to {high}"),
            Self::MustNotBeBetween(low, high) => write!(f, "not from {low} to {high}"),
        }
    }
}

impl Unit {
    /// The standard's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Percent => "percent",
        }
    }
}

impl Rule {
    /// What sort of quality it is about: what the contract says, else what its metric counts.
    pub fn dimension(&self) -> Option<&str> {
        let natural = match &self.kind {
            RuleKind::Library(metric) => Some(metric.dimension()),
            RuleKind::Own(own) => Some(own.metric.dimension()),
            RuleKind::Text | RuleKind::Sql { .. } | RuleKind::Custom { .. } => None,
        };
        self.dimension.as_deref().or(natural)
    }

    /// Whether its number is one of rows, so that it can be had in percent of them.
    pub fn counts_rows(&self) -> bool {
        match &self.kind {
            RuleKind::Library(_) => true,
            RuleKind::Own(own) => own.metric.counts_rows(),
            RuleKind::Text | RuleKind::Sql { .. } | RuleKind::Custom { .. } => false,
        }
    }

    /// Whether a measured number breaks the rule by being too high: then the rows that were counted show why.
    pub fn wants_fewer_than(&self, measured: f64) -> bool {
        self.operators.iter().any(|operator| !operator.holds(measured) && operator.holds_below(measured))
    }

    /// All operators, for people: `>= 600 rows`.
    pub fn bound(&self) -> String {
        let operators: Vec<_> = self.operators.iter().map(ToString::to_string).collect();
        let unit = match self.unit {
            _ if !self.counts_rows() => "",
            Unit::Rows => " rows",
            Unit::Percent => " %",
        };
        if operators.is_empty() { String::new() } else { format!("{}{unit}", operators.join(" and ")) }
    }
}
