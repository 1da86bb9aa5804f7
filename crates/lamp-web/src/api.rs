//! The JSON API, `/api/v1`.

pub(crate) mod labels;
pub(crate) mod lineage;
pub(crate) mod services;

/// Whether an address belongs to the API, whose failures are JSON.
pub(crate) fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}
