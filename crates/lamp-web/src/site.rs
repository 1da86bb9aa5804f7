//! What every handler shares.

use std::sync::Arc;

use axum::Router;
use jiff::tz::TimeZone;
use lamp_app::App;

use crate::assets::Assets;
use crate::guard::hosts::AllowedHosts;
use crate::guard::token::FormToken;
use crate::settings::WebSettings;

/// The routes of one resource.
pub(crate) type Routes = Router<Site>;

/// The application, the settings, and what follows from them for the life of the process.
#[derive(Clone)]
pub(crate) struct Site {
    inner: Arc<Inner>,
}

struct Inner {
    app: App,
    settings: WebSettings,
    hosts: AllowedHosts,
    token: FormToken,
    assets: Assets,
}

impl Site {
    pub(crate) fn new(app: App, settings: WebSettings) -> Self {
        let hosts = AllowedHosts::of(&settings);
        let token = FormToken::new(&*app.ids());
        Self { inner: Arc::new(Inner { app, hosts, token, assets: Assets::embedded(), settings }) }
    }

    pub(crate) fn app(&self) -> &App {
        &self.inner.app
    }

    pub(crate) fn settings(&self) -> &WebSettings {
        &self.inner.settings
    }

    pub(crate) fn hosts(&self) -> &AllowedHosts {
        &self.inner.hosts
    }

    pub(crate) fn token(&self) -> &FormToken {
        &self.inner.token
    }

    pub(crate) fn assets(&self) -> &Assets {
        &self.inner.assets
    }

    /// The zone in which pages show times.
    pub(crate) fn time_zone(&self) -> &TimeZone {
        &self.app().workspace().root.time_zone
    }
}
