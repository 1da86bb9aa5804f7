//! What every request must pass before a handler sees it.
//!
//! Whoever reaches the pages acts as the local git user, or as the user who signed in, so other sites
//! in the same browser must not be able to send requests in their name. Three things stand against
//! that: the host must be one of ours (a foreign name that was made to point at this machine is
//! refused), the origin of everything that changes something must be that host, and forms carry a
//! token that only a page of theirs shows. Then [`visitor`] finds out who asks.

pub(crate) mod cookie;
pub(crate) mod headers;
pub(crate) mod hosts;
pub(crate) mod origin;
pub(crate) mod token;
pub(crate) mod visitor;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use lamp_core::error::{Classified, Kind};
use lamp_core::exposure::Exposure;

use crate::failure::Failure;
use crate::site::House;
use crate::{api, peer};

/// A request that is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// No host, more than one, or one that cannot be read.
    #[error("the request does not say which host it is for")]
    NoHost,
    /// A host that is not one of ours.
    #[error("`{host}` is not a name of this server")]
    ForeignHost {
        /// As given.
        host: String,
    },
    /// Sent by another site.
    #[error("the request comes from another site")]
    CrossSite,
    /// Without an origin, and not JSON.
    #[error("the request does not say which site it comes from")]
    NoOrigin,
    /// Past the proxy.
    #[error("this server is reached through its proxy only")]
    NotTheProxy,
    /// Through a proxy that nobody named.
    #[error("the request came through a proxy, and this server lets in whoever is at this machine")]
    UnknownProxy,
    /// Without the token of this process.
    #[error("the form is from an earlier start of the server, or from elsewhere")]
    StaleForm,
}

impl Classified for Refusal {
    fn kind(&self) -> Kind {
        match self {
            Self::NoHost => Kind::Invalid,
            Self::ForeignHost { .. }
            | Self::CrossSite
            | Self::NoOrigin
            | Self::NotTheProxy
            | Self::UnknownProxy
            | Self::StaleForm => Kind::Forbidden,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoHost | Self::NotTheProxy => None,
            Self::ForeignHost { .. } => Some("use http://localhost and the server's port".to_owned()),
            Self::UnknownProxy => Some("lamp up --behind-proxy ADDRESS --public-url https://HOST".to_owned()),
            Self::CrossSite => Some("open the page here and send the form from it".to_owned()),
            Self::NoOrigin => Some("send `content-type: application/json` to /api/v1".to_owned()),
            Self::StaleForm => Some("look at what the page says now, and send it again".to_owned()),
        }
    }
}

/// Lets a request in, or answers it with why not.
pub(crate) async fn admit(State(house): State<House>, request: Request, next: Next) -> Response {
    match judge(&house, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refuse(&request, &refusal),
    }
}

fn judge(house: &House, request: &Request) -> Result<(), Refusal> {
    judge_way(&house.settings().exposure, request)?;
    let host = hosts::of(request)?;
    if !house.hosts().contains(&host) {
        return Err(Refusal::ForeignHost { host });
    }
    if request.method().is_safe() { Ok(()) } else { origin::judge(request.headers(), &host) }
}

/// A proxy that is not known of would make everybody the local git user; one that is known of must
/// not be walked around.
fn judge_way(exposure: &Exposure, request: &Request) -> Result<(), Refusal> {
    match exposure {
        Exposure::Loopback { require_login: false } if is_forwarded(request) => Err(Refusal::UnknownProxy),
        Exposure::Loopback { .. } | Exposure::Tls { .. } => Ok(()),
        Exposure::BehindProxy { proxies, .. } => {
            let is_proxy = peer::of(request).is_some_and(|peer| proxies.iter().any(|known| known.contains(peer)));
            if is_proxy { Ok(()) } else { Err(Refusal::NotTheProxy) }
        }
    }
}

fn is_forwarded(request: &Request) -> bool {
    let marks = [peer::FORWARDED_FOR, header::FORWARDED, header::VIA];
    marks.iter().any(|mark| request.headers().contains_key(mark))
}

/// Plain words: a page that shows nothing of the workspace.
fn refuse(request: &Request, refusal: &Refusal) -> Response {
    tracing::warn!(method = %request.method(), path = request.uri().path(), %refusal, "request refused");
    let failure = Failure::of(refusal);
    if api::is_api(request.uri().path()) {
        return failure.into_response();
    }
    let status = failure.status();
    let hint = failure.hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
    (status, format!("{}\n{hint}", failure.message)).into_response()
}
