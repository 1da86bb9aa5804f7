//! The use cases of Lamplighter: authorize → load → decide → save.
//!
//! One use case is one file and one transaction that saves the effect, its audit event and the
//! jobs that follow from it together. The command line, the API, the pages and the clock all call
//! the same use case; none has rules of its own.

pub mod accounts;
pub mod affected;
pub mod app;
pub mod audit;
pub mod cadence;
pub mod call;
pub mod check;
pub mod data;
pub mod doctor;
pub mod duties;
pub mod histograms;
pub mod hooks;
pub mod incidents;
pub mod init;
pub mod labels;
pub mod layout;
pub mod metrics;
pub mod ml_tests;
pub mod notify;
pub mod paging;
pub mod parts;
pub mod profile;
pub mod registry;
pub mod rota;
pub mod scheduler;
pub mod serving;
pub mod sla;
pub mod surprise;
pub mod training;
pub mod why;
pub mod workspace;

pub use app::{App, AppParts, RunSettings};
pub use parts::PartError;
