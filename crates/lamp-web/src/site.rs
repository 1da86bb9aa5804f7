//! What handlers work with: the house, which is the same for every request, and the site, which is the
//! house as this request's visitor may use it.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::tz::TimeZone;
use lamp_app::App;
use lamp_app::accounts::door::Door;
use lamp_core::error::Kind;

use crate::assets::Assets;
use crate::failure::Failure;
use crate::guard::hosts::AllowedHosts;
use crate::guard::token::FormToken;
use crate::guard::visitor::Visitor;
use crate::settings::WebSettings;

/// The routes of one resource.
pub(crate) type Routes = Router<House>;

/// The application, the settings, and what follows from them for the life of the process. Its
/// application acts as the process does, so handlers of people's requests take a [`Site`] instead.
#[derive(Clone)]
pub(crate) struct House {
    inner: Arc<Inner>,
}

struct Inner {
    app: App,
    door: Door,
    settings: WebSettings,
    hosts: AllowedHosts,
    token: FormToken,
    assets: Assets,
}

impl House {
    pub(crate) fn new(app: App, settings: WebSettings) -> Self {
        let hosts = AllowedHosts::of(&settings);
        let token = FormToken::new(&*app.ids());
        let door = Door::new(&app);
        Self { inner: Arc::new(Inner { app, door, hosts, token, assets: Assets::embedded(), settings }) }
    }

    /// The application in the hands of a visitor.
    fn app_for(&self, visitor: &Visitor) -> App {
        match visitor.known() {
            Some(known) => self.inner.app.acting_as(known.actor.clone(), known.role),
            None => self.inner.app.clone(),
        }
    }

    pub(crate) fn door(&self) -> &Door {
        &self.inner.door
    }

    pub(crate) fn settings(&self) -> &WebSettings {
        &self.inner.settings
    }

    pub(crate) fn hosts(&self) -> &AllowedHosts {
        &self.inner.hosts
    }

    pub(crate) fn assets(&self) -> &Assets {
        &self.inner.assets
    }

    /// The folder's name, which is what people call the workspace.
    pub(crate) fn workspace_name(&self) -> String {
        let folder = self.inner.app.root().file_name().map(|name| name.to_string_lossy().into_owned());
        folder.unwrap_or_else(|| "workspace".to_owned())
    }

    /// The token in forms for those who have not signed in yet.
    pub(crate) fn nobodys_token(&self) -> FormToken {
        self.inner.token.for_visitor("nobody")
    }
}

/// The house as one visitor sees it: the application acts in their name and with their role.
#[derive(Clone)]
pub(crate) struct Site {
    house: House,
    app: App,
    visitor: Visitor,
    token: FormToken,
}

impl Site {
    pub(crate) fn new(house: House, visitor: Visitor) -> Self {
        let token = house.inner.token.for_visitor(&visitor.key());
        Self { app: house.app_for(&visitor), house, visitor, token }
    }

    /// The application, acting as the visitor.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// Who looks.
    pub(crate) fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    pub(crate) fn house(&self) -> &House {
        &self.house
    }

    pub(crate) fn settings(&self) -> &WebSettings {
        self.house.settings()
    }

    /// The token in forms, which is this visitor's alone.
    pub(crate) fn token(&self) -> &FormToken {
        &self.token
    }

    pub(crate) fn assets(&self) -> &Assets {
        self.house.assets()
    }

    /// The zone in which pages show times.
    pub(crate) fn time_zone(&self) -> &TimeZone {
        &self.app.workspace().root.time_zone
    }
}

/// Only requests whose sender is known have one.
impl FromRequestParts<House> for Site {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, house: &House) -> Result<Self, Failure> {
        let unknown = || Failure::new(Kind::Internal, "this address is open to everybody and cannot act for anybody");
        let visitor = parts.extensions.get::<Visitor>().cloned().ok_or_else(unknown)?;
        Ok(Self::new(house.clone(), visitor))
    }
}
