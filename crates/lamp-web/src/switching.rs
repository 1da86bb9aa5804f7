//! The switch, as the page and the API both send it.

use std::time::Duration;

use lamp_app::serving::ServingError;
use lamp_app::serving::switch::Switch;
use lamp_core::error::{Classified, Kind};
use lamp_core::names::ServiceName;
use lamp_core::route::{Role, Route};
use serde::Deserialize;

use crate::settings::WebSettings;
use crate::site::Site;

/// Longest wait for the local gateway. It looks at the ledger itself later on.
const OBEY_WAIT_MAX: Duration = Duration::from_secs(5);

/// Longest reason, in characters.
const WHY_MAX: usize = 2_000;

/// What a form or a body asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct Requested {
    /// `primary` or `shadow`.
    pub(crate) to: String,
    #[serde(default)]
    pub(crate) why: String,
}

/// Why nothing was switched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SwitchError {
    /// Not a place of a service.
    #[error("`{to}` is neither `primary` nor `shadow`")]
    NotARole {
        /// As given.
        to: String,
    },
    /// Not a reason any more.
    #[error("the reason is longer than {WHY_MAX} characters")]
    WhyTooLong,
    /// The use case said no.
    #[error(transparent)]
    Serving(#[from] ServingError),
    /// The task that switches has died.
    #[error("the switch was cut short; look at the service before trying again")]
    CutShort,
}

impl Classified for SwitchError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotARole { .. } | Self::WhyTooLong => Kind::Invalid,
            Self::Serving(error) => error.kind(),
            Self::CutShort => Kind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotARole { .. } => Some("send `to` as `primary` or `shadow`".to_owned()),
            Self::WhyTooLong => Some("put the story into a file and its address here".to_owned()),
            Self::Serving(error) => error.hint(),
            Self::CutShort => None,
        }
    }
}

/// Has the local gateway look at the ledger at once.
pub(crate) async fn tell_gateway(settings: &WebSettings) {
    if let Some(tell) = &settings.on_route_changed
        && tokio::time::timeout(OBEY_WAIT_MAX, tell()).await.is_err()
    {
        tracing::warn!("the gateway was not told of a route in time");
    }
}

/// Switches, and has the local gateway obey. Goes on to the end although the browser may have left.
pub(crate) async fn switch(site: &Site, service: &ServiceName, asked: Requested) -> Result<Route, SwitchError> {
    let to = Role::parse(&asked.to).ok_or(SwitchError::NotARole { to: asked.to })?;
    if asked.why.chars().count() > WHY_MAX {
        return Err(SwitchError::WhyTooLong);
    }
    let request = Switch { service: service.clone(), to, why: asked.why };
    let site = site.clone();
    let task = tokio::spawn(async move {
        let route = site.app().switch(request).await?;
        tell_gateway(site.settings()).await;
        Ok(route)
    });
    task.await.unwrap_or(Err(SwitchError::CutShort))
}
