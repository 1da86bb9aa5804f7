//! How the engine fails.

use lamp_core::error::{Classified, Kind};
use lamp_core::profile::ProfileError;

/// How the engine fails.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The extension is none that we read.
    #[error("`{file}` is neither Parquet nor CSV")]
    UnknownFormat {
        /// The file.
        file: String,
    },
    /// A file cannot be opened or read.
    #[error("cannot read `{file}`: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{file}`: {source}")]
    Write {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The bytes are not what the extension says.
    #[error("`{file}` is damaged or not {format}: {reason}")]
    Corrupt {
        /// The file.
        file: String,
        /// `Parquet` or `CSV`.
        format: &'static str,
        /// What the reader said, with the line for CSV.
        reason: String,
    },
    /// Two files disagree about a column.
    #[error("column `{column}` is {left} in `{left_file}` and {right} in `{right_file}`")]
    TypeConflict {
        /// The column.
        column: String,
        /// Its type in one.
        left: String,
        /// That file.
        left_file: String,
        /// Its type in the other.
        right: String,
        /// The other file.
        right_file: String,
    },
    /// A column that was asked for is in none of the files.
    #[error("there is no column `{column}`; there are {available}")]
    NoSuchColumn {
        /// The column.
        column: String,
        /// The columns there are.
        available: String,
    },
    /// A value does not fit the type that was asked for.
    #[error("column `{column}` of `{file}` does not fit {datatype}: {reason}")]
    Cast {
        /// The column.
        column: String,
        /// The file.
        file: String,
        /// The datatype asked for.
        datatype: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// No file was given.
    #[error("there is no file to read")]
    NoFiles,
    /// SQL that cannot be run.
    #[error("cannot run `{}`: {reason}", cut(.sql))]
    Sql {
        /// The SQL.
        sql: String,
        /// Why.
        reason: String,
    },
    /// SQL that would do more than read.
    #[error("only one SELECT is allowed: {reason}")]
    NotReadOnly {
        /// What it would do.
        reason: String,
    },
    /// A contract of several tables, none of them called like the dataset.
    #[error("the contract has no table `{dataset}`; it has {tables}")]
    NoSuchObject {
        /// The dataset.
        dataset: String,
        /// The contract's tables.
        tables: String,
    },
    /// A pattern that is not a regular expression.
    #[error("`{pattern}` is not a regular expression: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// Not a time zone.
    #[error("`{0}` is not a time zone")]
    TimeZone(String),
    /// More memory was needed than is allowed.
    #[error("out of the memory that the engine may take: {0}")]
    Memory(String),
    /// A file that is not a prediction log.
    #[error("`{file}` is not a prediction log: {reason}")]
    NotPredictions {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// Profiles that cannot be merged.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A defect of ours.
    #[error("{0}")]
    Internal(String),
}

/// Characters of a query that a message shows.
const SQL_SHOWN: usize = 200;

fn cut(sql: &str) -> String {
    let shown: String = sql.chars().take(SQL_SHOWN).collect();
    if shown.len() < sql.len() { format!("{shown}…") } else { shown }
}

impl Classified for EngineError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownFormat { .. }
            | Self::Corrupt { .. }
            | Self::TypeConflict { .. }
            | Self::NoSuchColumn { .. }
            | Self::Cast { .. }
            | Self::NoFiles
            | Self::Sql { .. }
            | Self::NotReadOnly { .. }
            | Self::NoSuchObject { .. }
            | Self::Pattern { .. }
            | Self::TimeZone(_)
            | Self::NotPredictions { .. } => Kind::Invalid,
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Kind::NotFound,
            Self::Read { .. } | Self::Write { .. } | Self::Memory(_) => Kind::Unavailable,
            Self::Profile(error) => error.kind(),
            Self::Internal(_) => Kind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownFormat { .. } => Some("write it as .parquet, .csv or .tsv (not compressed)".to_owned()),
            Self::Read { .. } => Some("lamp data verify".to_owned()),
            Self::Write { .. } => Some("check the free space and the permissions of that folder".to_owned()),
            Self::Corrupt { .. } => Some("write the file again, or run lamp data verify if it was stored".to_owned()),
            Self::TypeConflict { column, .. } => Some(format!("write `{column}` with one type in every file")),
            Self::NoSuchColumn { .. } => Some("names are case-sensitive; lamp profile lists the columns".to_owned()),
            Self::Cast { column, .. } => {
                Some(format!("correct the datatype of `{column}` in the signature, or the data"))
            }
            Self::Sql { .. } => Some("names are case-sensitive and need no quotes unless they hold spaces".to_owned()),
            Self::NotReadOnly { .. } => Some("write one SELECT without a semicolon after it".to_owned()),
            Self::NoSuchObject { dataset, .. } => {
                Some(format!("name one of the contract's schema objects `{dataset}`"))
            }
            Self::Pattern { .. } => Some("the syntax is that of Rust's regex crate: no look-around".to_owned()),
            Self::TimeZone(_) => Some("use an IANA name such as Europe/Berlin".to_owned()),
            Self::Memory(_) => Some("give the engine more memory, or check fewer columns at once".to_owned()),
            Self::Profile(error) => error.hint(),
            Self::NoFiles | Self::NotPredictions { .. } | Self::Internal(_) => None,
        }
    }
}
