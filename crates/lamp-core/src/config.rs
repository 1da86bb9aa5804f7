//! `lamp.toml`: the whole configuration of a workspace. Text in, types out; nothing here reads a file.
//!
//! [`RootConfig::parse`] reads the file at the root, [`ProjectConfig::parse`] the one of a project, and
//! [`Workspace::assemble`] checks what they say about one another. After that the rest of Lamplighter
//! works with a [`Workspace`] and meets no text again.

mod assemble;
mod checks;
mod circles;
mod dataset;
mod duty;
mod edit;
mod error;
mod model;
mod model_tests;
mod notify;
mod overlap;
mod project;
mod reader;
mod remotes;
mod root;
mod rules;
mod server;
mod service;
#[cfg(test)]
mod tests;
mod words;
mod workspace;

pub use checks::Checks;
pub use dataset::{DatasetConfig, Origin};
pub use duty::{
    Cadence, Duties, Every, EveryError, EveryUnit, Handoff, HistogramsDuty, LabelsDuty, Rota, ValidateDuty,
};
pub use edit::{EditError, set_cadence};
pub use error::ConfigError;
pub(crate) use error::Place;
pub use model::{ModelConfig, ROLE_TRAIN, ROLE_VALID, SEED_DEFAULT, SEED_MAX, Serve};
pub use model_tests::{ModelTests, OverfitTest};
pub use notify::{Notify, Webhook};
pub use project::{Environment, ProjectConfig, TestConfig};
pub(crate) use reader::{Table, read};
pub use remotes::Remote;
pub use root::{LEDGER_DEFAULT, RootConfig, STORE_DEFAULT, TIME_ZONE_DEFAULT};
pub(crate) use rules::Refusal;
pub use server::{SERVER_FILE, ServerFile};
pub use service::{DEADLINE_DEFAULT, DEADLINE_MAX, DEADLINE_MIN, FeaturePolicy, LogPolicy, ServiceConfig};
pub use words::did_you_mean;
pub use workspace::Workspace;

pub use crate::metric::{Gate, Goal};

/// Name of the configuration file, at the root and in every project.
pub const CONFIG_FILE: &str = "lamp.toml";
