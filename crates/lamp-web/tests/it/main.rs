//! Pages and API over a real workspace: git, SQLite ledger, store on disk.

mod api;
mod browser;
mod guards;
mod kit;
mod labels;
mod pages;
mod replicas;
mod seed;
mod switch;
