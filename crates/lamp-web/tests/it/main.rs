//! Pages and API over a real workspace: git, SQLite ledger, store on disk.

mod api;
mod browser;
mod datasets;
mod guards;
mod incidents;
mod kit;
mod labels;
mod models;
mod pages;
mod readings;
mod replicas;
mod runs;
mod seed;
mod switch;
