//! The vocabulary of Lamplighter: types, state machines and policies.
//!
//! Nothing in this crate does I/O, reads a clock or draws a random number: text, time and
//! randomness arrive as arguments, so every rule can be tested without a runtime.

pub mod access;
pub mod account;
pub mod actor;
pub mod affected;
pub mod audit;
pub mod cadence;
pub mod check;
pub mod clock;
pub mod config;
pub mod contract;
pub mod dataset;
pub mod difference;
pub mod digest;
pub mod doctor;
pub mod draws;
pub mod duty;
pub mod error;
pub mod estimate;
pub mod exposure;
pub mod hooks;
pub mod human;
pub mod ids;
pub mod incident;
pub mod job;
pub mod label;
pub mod lock;
pub mod metric;
pub mod ml_test;
pub mod names;
pub mod notification;
pub mod package;
pub mod partition;
pub mod period;
pub mod prediction;
pub mod profile;
pub mod reference;
pub mod registry;
pub mod rota;
pub mod route;
pub mod run;
pub mod surprise;
pub mod table;
pub mod workflow;
