//! The engine on real Parquet and CSV files.

#[path = "it/checks.rs"]
mod checks;
#[path = "it/differences.rs"]
mod differences;
#[path = "it/files.rs"]
mod files;
#[path = "it/predictions.rs"]
mod predictions;
#[path = "it/profiles.rs"]
mod profiles;
#[path = "it/queries.rs"]
mod queries;
#[path = "it/rules.rs"]
mod rules;
#[path = "it/samples.rs"]
mod samples;
#[path = "it/tables.rs"]
mod tables;
#[path = "it/wide.rs"]
mod wide;
