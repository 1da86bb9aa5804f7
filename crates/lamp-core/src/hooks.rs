//! Practice 1: hooks keep the code clean. What `.pre-commit-config.yaml` says, and which files do
//! not belong into git.
//!
//! The hooks come from a package index alone, and the file holds nothing that only one of `prek` and
//! `pre-commit` understands.

mod config;
mod data;
mod notebook;

pub use config::{CONFIG_FILE, ConfigPlan, FIRST_LINE, HOOKS, Hook, LAST_LINE, MANAGER_PINS, missing, plan};
pub use data::{DataFormat, HEAD_BYTES, sniff};
pub use notebook::{NotebookError, outputs_left};
