//! Stylesheet, module and icon: in the binary, each at an address that changes with its bytes.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use lamp_core::digest::Digest;

use crate::site::{House, Routes};

/// One stylesheet for browsers, two files for people.
const STYLE: &str = concat!(include_str!("../assets/lamp.css"), "\n", include_str!("../assets/pages.css"));
const MODULE: &str = include_str!("../assets/lamp.js");
const ICON: &str = include_str!("../assets/lamp.svg");

/// A year: the bytes behind an address never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// One embedded file.
#[derive(Debug, Clone)]
pub(crate) struct Asset {
    /// `/assets/3f9a…/lamp.css`
    pub(crate) url: String,
    media_type: &'static str,
    bytes: &'static str,
}

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) module: Asset,
    pub(crate) icon: Asset,
}

impl Assets {
    pub(crate) fn embedded() -> Self {
        Self {
            style: Asset::new("lamp.css", "text/css; charset=utf-8", STYLE),
            module: Asset::new("lamp.js", "text/javascript; charset=utf-8", MODULE),
            icon: Asset::new("lamp.svg", "image/svg+xml", ICON),
        }
    }

    fn find(&self, url: &str) -> Option<&Asset> {
        [&self.style, &self.module, &self.icon].into_iter().find(|asset| asset.url == url)
    }
}

impl Asset {
    fn new(name: &str, media_type: &'static str, bytes: &'static str) -> Self {
        let hash = Digest::of(bytes.as_bytes()).short();
        Self { url: format!("/assets/{hash}/{name}"), media_type, bytes }
    }
}

pub(crate) fn routes() -> Routes {
    Routes::new().route("/assets/{hash}/{name}", get(show))
}

async fn show(State(house): State<House>, Path((hash, name)): Path<(String, String)>) -> Response {
    match house.assets().find(&format!("/assets/{hash}/{name}")) {
        Some(asset) => {
            let headers = [(header::CONTENT_TYPE, asset.media_type), (header::CACHE_CONTROL, FOR_EVER)];
            (headers, asset.bytes).into_response()
        }
        None => (StatusCode::NOT_FOUND, "there is no such file in this version\n").into_response(),
    }
}
