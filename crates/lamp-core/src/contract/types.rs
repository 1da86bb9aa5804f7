//! What a contract says, typed.

use std::fmt;

use super::rule::Rule;
use super::sla::Sla;
use crate::profile::ColumnKind;

/// A contract. Line numbers count from 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Contract {
    /// Version of the standard, for example `v3.1.0`.
    pub api_version: String,
    /// Identifier.
    pub id: String,
    /// Version of this contract.
    pub version: String,
    /// `active`, `draft`, …
    pub status: String,
    /// Name for people.
    pub name: Option<String>,
    /// What the data is for, in a person's words (`description.purpose`).
    pub purpose: Option<String>,
    /// The tables that it promises.
    pub objects: Vec<SchemaObject>,
    /// Promises of service.
    pub sla: Vec<Sla>,
    /// `slaDefaultElement`: the column that promises of service are measured on.
    pub sla_default_element: Option<String>,
    /// The people behind it, without those who left.
    pub team: Vec<Member>,
    /// Where to ask.
    pub support: Vec<Support>,
}

/// A foreign key: what each value of some columns must be found in. Names are as written, of properties.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Relationship {
    /// The columns of this table.
    pub from: Vec<String>,
    /// The table that they point into.
    pub table: String,
    /// Its columns, one for each of `from`.
    pub to: Vec<String>,
    /// Line in the file.
    pub line: u64,
}

/// Where to ask about the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// The channel's name.
    pub channel: String,
    /// `email`, `slack`, …, as written.
    pub tool: Option<String>,
    /// `issues`, `announcements`, …, as written.
    pub scope: Option<String>,
    /// Where it is.
    pub url: Option<String>,
}

/// A person of the team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Their user name, usually an address.
    pub username: String,
    /// Their role.
    pub role: Option<String>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchemaObject {
    /// Name.
    pub name: String,
    /// Name in the store, where it differs.
    pub physical_name: Option<String>,
    /// In a person's words.
    pub description: Option<String>,
    /// Columns.
    pub properties: Vec<Property>,
    /// Rules on the whole table.
    pub quality: Vec<Rule>,
    /// Columns of other tables in which combinations of values must be found.
    pub relationships: Vec<Relationship>,
    /// Line in the file.
    pub line: u64,
}

/// One column.
#[allow(clippy::struct_excessive_bools, reason = "the standard's own yes or no, independent of each other")]
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Property {
    /// Name.
    pub name: String,
    /// Name in the store, where it differs.
    pub physical_name: Option<String>,
    /// In a person's words.
    pub description: Option<String>,
    /// What sort of values it holds.
    pub logical_type: Option<LogicalType>,
    /// The type in the store, as text; never evaluated.
    pub physical_type: Option<String>,
    /// Bounds that every value keeps.
    pub options: TypeOptions,
    /// Whether nulls are forbidden.
    pub required: bool,
    /// Whether values never repeat.
    pub unique: bool,
    /// Whether it is (part of) the primary key.
    pub primary_key: bool,
    /// Place in the primary key, from 1; −1 when not said.
    pub primary_key_position: i64,
    /// Sensitivity, as written.
    pub classification: Option<String>,
    /// Whether values must not be shown: by its `classification`, as a critical data element, because it is
    /// encrypted elsewhere, or by a tag or custom property such as `pii`.
    pub sensitive: bool,
    /// Rules on the column.
    pub quality: Vec<Rule>,
    /// The fields of a struct.
    pub properties: Vec<Self>,
    /// What each item of a list is; its name is `[]`.
    pub items: Option<Box<Self>>,
    /// Columns of other tables in which each value must be found.
    pub relationships: Vec<Relationship>,
    /// Line in the file.
    pub line: u64,
}

impl Property {
    /// The name that files use.
    pub fn column(&self) -> &str {
        self.physical_name.as_deref().unwrap_or(&self.name)
    }
}

impl SchemaObject {
    /// The columns of the primary key, in the order of their positions.
    pub fn primary_key(&self) -> Vec<&Property> {
        let mut key: Vec<_> = self.properties.iter().filter(|property| property.primary_key).collect();
        key.sort_by_key(|property| property.primary_key_position);
        key
    }

    /// Whether `name` is this table.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.physical_name.as_deref() == Some(name)
    }

    /// The file's column behind a property's name.
    pub fn column_of<'a>(&'a self, property: &'a str) -> &'a str {
        self.properties.iter().find(|candidate| candidate.name == property).map_or(property, Property::column)
    }
}

impl Contract {
    /// The table that a dataset called `dataset` is: the one of that name, or the only one.
    pub fn find_object(&self, dataset: Option<&str>) -> Option<&SchemaObject> {
        let named = dataset.and_then(|name| self.objects.iter().find(|object| object.is_called(name)));
        named.or(if let [only] = self.objects.as_slice() { Some(only) } else { None })
    }
}

/// `logicalType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogicalType {
    /// Text.
    String,
    /// Calendar day.
    Date,
    /// Instant.
    Timestamp,
    /// Time of day.
    Time,
    /// Any number.
    Number,
    /// Whole number.
    Integer,
    /// Struct.
    Object,
    /// List.
    Array,
    /// Boolean.
    Boolean,
}

impl LogicalType {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::String,
        Self::Date,
        Self::Timestamp,
        Self::Time,
        Self::Number,
        Self::Integer,
        Self::Object,
        Self::Array,
        Self::Boolean,
    ];

    /// The standard's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Time => "time",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Object => "object",
            Self::Array => "array",
            Self::Boolean => "boolean",
        }
    }

    /// Parses the standard's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether a column of `kind` keeps this promise. A column of nulls keeps any; integers are
    /// numbers; a day is an instant (its midnight), but an instant is not a day. `data_type` tells
    /// unsigned 64-bit integers, which profiles keep as numbers, from floats.
    pub fn accepts(self, kind: ColumnKind, data_type: &str) -> bool {
        let is_unsigned = data_type == "UInt64";
        match kind {
            ColumnKind::Null => true,
            ColumnKind::Bool => self == Self::Boolean,
            ColumnKind::Int => matches!(self, Self::Integer | Self::Number),
            ColumnKind::Float => self == Self::Number || (is_unsigned && self == Self::Integer),
            ColumnKind::Date => matches!(self, Self::Date | Self::Timestamp),
            ColumnKind::Instant => self == Self::Timestamp,
            ColumnKind::Time => self == Self::Time,
            ColumnKind::Text => self == Self::String,
            ColumnKind::List => self == Self::Array,
            ColumnKind::Struct => self == Self::Object,
            ColumnKind::Other => false,
        }
    }
}

impl fmt::Display for LogicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A bound on values: a number, or the text of a date, instant or time.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// For numbers.
    Number(f64),
    /// For dates, instants and times of day.
    Text(String),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// `logicalTypeOptions`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TypeOptions {
    /// Smallest value allowed.
    pub minimum: Option<Bound>,
    /// Largest value allowed.
    pub maximum: Option<Bound>,
    /// Values must be larger than this.
    pub exclusive_minimum: Option<Bound>,
    /// Values must be smaller than this.
    pub exclusive_maximum: Option<Bound>,
    /// Values must be multiples of this, which is above zero.
    pub multiple_of: Option<f64>,
    /// Fewest characters allowed.
    pub min_length: Option<u64>,
    /// Most characters allowed.
    pub max_length: Option<u64>,
    /// Regular expression that each text must match somewhere (anchor it with `^` and `$`).
    pub pattern: Option<String>,
    /// Named format, as written: `email`, `uuid`, `i32`, `yyyy-MM-dd`, …
    pub format: Option<String>,
    /// Whether instants carry a zone, or must not.
    pub timezone: Option<bool>,
    /// The IANA zone in which bounds without an offset are read.
    pub default_timezone: Option<String>,
    /// Fewest items allowed in a list.
    pub min_items: Option<u64>,
    /// Most items allowed in a list.
    pub max_items: Option<u64>,
    /// Whether the items of a list never repeat.
    pub unique_items: bool,
    /// Fewest fields of a struct that may be set.
    pub min_properties: Option<u64>,
    /// Most fields of a struct that may be set.
    pub max_properties: Option<u64>,
    /// Fields that each struct must set.
    pub required_properties: Vec<String>,
}
