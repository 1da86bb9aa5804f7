//! What happened: the ledger on SQLite or Postgres.
//!
//! [`Ledger`] answers questions; a [`Tx`] answers them too and writes. Both databases run the same
//! statements over the same schema. What they do not share lives in `dialect.rs`.
//!
//! - Writers take turns, on both databases: one [`Tx`] is open at a time per ledger. That is what makes
//!   numbers gapless and the audit chain unforked without retries, so keep a transaction short.
//! - A transaction holds the only connection it needs. Inside one, ask the [`Tx`], never the [`Ledger`].
//! - Versions, checks, approvals, routes and audit events are only ever inserted. State that moves
//!   (a run, a model, an incident, a job) moves through one guarded `UPDATE`; if no row fits, that is
//!   [`LedgerError::Conflict`].
//! - Times are kept to the microsecond.

mod audit;
mod checks;
mod datasets;
mod dialect;
mod draws;
mod duties;
mod error;
mod estimates;
mod filesystem;
mod incidents;
mod jobs;
mod labels;
mod ledger;
mod looks;
mod migrate;
mod models;
mod outbox;
mod replicas;
mod rotas;
mod rotations;
mod routes;
mod row;
mod runs;
mod statement;
mod studies;
mod surprises;
mod test_reports;
mod tokens;
mod users;

pub use audit::{AUDIT_PAGE_MAX, AuditReport};
pub use checks::{CheckCount, PartitionOutcome};
pub use datasets::{AddedVersion, DatasetSummary, NewVersion};
pub use draws::DrawProgress;
pub use error::{LedgerError, Result};
pub use labels::{LABELLED_ROWS_MAX, LabelHead, LabelRecord, LabelledRow};
pub use ledger::{Ledger, Tx};
pub use models::NewModel;
pub use outbox::OUTBOX_MAX;
pub use replicas::ReplicaAck;
pub use runs::{PREFIX_MATCHES_MAX, RunChange};
pub use surprises::JudgementRecord;
