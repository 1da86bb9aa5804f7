//! What the ledger promises, asked of SQLite and of a real Postgres.

mod audit;
mod cadence;
mod checks;
mod crash;
mod datasets;
mod duties;
mod incidents;
mod jobs;
mod labels;
mod models;
mod opening;
mod outbox;
mod place;
mod routes;
mod runs;
mod samples;
mod surprises;
mod test_reports;
mod transactions;
mod users;
