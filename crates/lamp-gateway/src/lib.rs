//! The data plane: predict, shadow, fall back, log.
//!
//! A [`Gateway`] answers from memory. It knows no SQL and never waits for the ledger or the store;
//! for the log's disk only in services with [`LogMode::Required`], and for the shadow only when
//! the primary has no valid answer. Whoever owns it installs [`ServicePlan`]s and newer routes.

pub mod admin;
mod answer;
mod breaker;
mod gateway;
mod grpc;
mod headers;
mod http;
mod kept;
mod lane;
pub mod log;
mod oip;
mod plan;
pub mod proto;
mod race;
mod record;
mod refusal;
mod service;
mod state;

pub use admin::{AdminHooks, RefreshHook, SwitchHook, SwitchOrder, Switched};
pub use gateway::{Gateway, GatewayError};
pub use http::host::HostPolicy;
pub use http::labels::waiting_labels;
pub use kept::KeptInputs;
pub use log::disk::{DiskGauge, DiskState};
pub use log::segment;
pub use plan::{GatewaySettings, LogMode, Mounted, ServicePlan};
pub use state::{BreakerState, Disagreement, GatewayState, LaneState, ServiceState};
