//! Pages and API over a real workspace: git, SQLite ledger, store on disk.

mod access;
mod api;
mod browser;
mod datasets;
mod exposed;
mod guards;
mod incidents;
mod kit;
mod labels;
mod login;
mod models;
mod pages;
mod readings;
mod replicas;
mod runs;
mod seed;
mod switch;
