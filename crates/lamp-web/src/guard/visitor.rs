//! Who a request comes from.

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use lamp_app::accounts::door::Known;
use lamp_core::account::Secret;
use lamp_core::error::Kind;

use super::cookie;
use crate::api;
use crate::failure::Failure;
use crate::show::text::percent_encoded;
use crate::site::House;

/// Addresses that are answered whoever asks; each has a reason.
const OPEN: [&str; 3] = [
    // Those who want in.
    "/login",
    "/api/v1/login", // Those who watch over the process.
    "/healthz",
];

/// Stylesheet, module and icon of the page to sign in on.
const OPEN_BELOW: &str = "/assets/";

/// Somebody whose request is answered.
#[derive(Debug, Clone)]
pub(crate) enum Visitor {
    /// Whoever is at this machine: the process's own actor.
    Machine,
    /// Somebody who signed in here.
    Session(Known, Secret),
    /// A program with a personal token.
    Token(Known),
}

impl Visitor {
    /// Who they are, unless they are whoever is at this machine.
    pub(crate) fn known(&self) -> Option<&Known> {
        match self {
            Self::Machine => None,
            Self::Session(known, _) | Self::Token(known) => Some(known),
        }
    }

    /// The session, where there is one to end.
    pub(crate) fn session(&self) -> Option<&Secret> {
        match self {
            Self::Session(_, secret) => Some(secret),
            Self::Machine | Self::Token(_) => None,
        }
    }

    /// What makes their forms theirs alone.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Machine => "machine".to_owned(),
            Self::Session(_, secret) => secret.digest().to_hex(),
            Self::Token(known) => format!("token of {}", known.actor),
        }
    }
}

/// Finds out who asks, and turns away whom it does not know.
pub(crate) async fn identify(State(house): State<House>, mut request: Request, next: Next) -> Response {
    if is_open(request.uri().path()) {
        return next.run(request).await;
    }
    match find(&house, request.headers()).await {
        Ok(Some(visitor)) => {
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Ok(None) => ask_to_sign_in(request.method(), request.uri()),
        Err(failure) => refuse(request.uri(), failure),
    }
}

pub(crate) fn is_open(path: &str) -> bool {
    OPEN.contains(&path) || path.starts_with(OPEN_BELOW)
}

/// A token that is sent counts, and a wrong one is never made up for by something else.
async fn find(house: &House, headers: &HeaderMap) -> Result<Option<Visitor>, Failure> {
    if let Some(sent) = headers.get(header::AUTHORIZATION) {
        let secret = bearer(sent).ok_or_else(unknown_token)?;
        let known = house.door().by_token(&secret).await?.ok_or_else(unknown_token)?;
        return Ok(Some(Visitor::Token(known)));
    }
    if let Some(secret) = cookie::session(headers, house.settings())
        && let Some(known) = house.door().by_session(&secret).await?
    {
        return Ok(Some(Visitor::Session(known, secret)));
    }
    let everybody_is_at_this_machine = !house.settings().exposure.requires_login();
    Ok(everybody_is_at_this_machine.then_some(Visitor::Machine))
}

fn bearer(header: &HeaderValue) -> Option<Secret> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") { Secret::parse(token.trim()) } else { None }
}

fn unknown_token() -> Failure {
    let mut failure = Failure::new(Kind::Forbidden, "this token lets nobody in: it is unknown, expired or revoked");
    failure.hint = Some("lamp login, or ask an admin: lamp tokens create".to_owned());
    failure
}

/// People are shown where to sign in; programs are told.
fn ask_to_sign_in(method: &Method, uri: &Uri) -> Response {
    if api::is_api(uri.path()) {
        let mut failure = Failure::new(Kind::Forbidden, "the request does not say who sends it");
        failure.hint = Some("send `Authorization: Bearer TOKEN`; lamp tokens create makes one".to_owned());
        return refuse(uri, failure);
    }
    let is_look = method.is_safe();
    let back = uri.path_and_query().map_or("/", |path| path.as_str());
    let to =
        if is_look && back != "/" { format!("/login?next={}", percent_encoded(back)) } else { "/login".to_owned() };
    Redirect::to(&to).into_response()
}

/// 401 rather than 403: somebody known might be let in.
fn refuse(uri: &Uri, failure: Failure) -> Response {
    tracing::warn!(path = uri.path(), message = failure.message, "request refused");
    let is_unknown = failure.kind == Kind::Forbidden;
    let mut response = failure.into_response();
    if is_unknown {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
