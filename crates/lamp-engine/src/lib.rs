//! The numbers: profiles, contract checks and evaluation tables over Parquet and CSV.
//!
//! The only crate that sees Arrow and DataFusion, and none of its public signatures mentions them.
//! Files are read in pieces by our own readers, in file order, so that every answer is the same
//! however many threads there are; SQL (rules, targets, queries) runs on DataFusion over those
//! same readers, with bounded memory.
//!
//! - Columns of several files are united by name. Integers of any width become 64-bit integers
//!   beside each other and floats beside floats; days become instants beside instants; a file that
//!   lacks a column has nulls there. Any other difference is an error that names both files.
//! - Names in SQL are case-sensitive, as the columns of files are.
//! - Only an empty field of a CSV is null, and its types are read off the whole file.

mod check;
mod difference;
mod engine;
mod error;
mod files;
mod inspect;
mod predictions;
mod profile;
mod provider;
mod query;
mod sample;
mod source;
mod table;
mod types;
mod values;

pub use check::CheckContext;
pub use engine::{Engine, EngineSettings};
pub use error::EngineError;
pub use files::{DataFile, FileFormat};
pub use inspect::FileFacts;
pub use profile::{Progress, ProgressFn};
pub use query::QUERY_ROWS_MAX;
pub use sample::{RowSample, SampleFile, TargetScan};
pub use table::LabelledTable;
