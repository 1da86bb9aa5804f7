//! The JSON API, `/api/v1`.

pub(crate) mod calls;
pub(crate) mod datasets;
pub(crate) mod duties;
pub(crate) mod files;
pub(crate) mod incidents;
pub(crate) mod labels;
pub(crate) mod lineage;
pub(crate) mod login;
pub(crate) mod metrics;
pub(crate) mod models;
pub(crate) mod runs;
pub(crate) mod services;

/// Whether an address belongs to the API, whose failures are JSON.
pub(crate) fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}
