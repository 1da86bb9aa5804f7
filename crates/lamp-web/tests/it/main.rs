//! Pages and API over a real workspace: git, SQLite ledger, store on disk.

mod access;
mod api;
mod browser;
mod cadence;
mod datasets;
mod exposed;
mod guards;
mod incidents;
mod kit;
mod labelling;
mod labels;
mod logged;
mod login;
mod models;
mod pages;
mod readings;
mod replicas;
mod runs;
mod seed;
mod shift;
mod switch;
mod walk;
