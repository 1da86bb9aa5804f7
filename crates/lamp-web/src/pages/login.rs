//! `/login` and `/logout`: the door.

use std::net::IpAddr;

use askama::Template;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use lamp_app::accounts::door::SignInError;
use lamp_core::error::{Classified as _, Kind};
use lamp_core::exposure::Exposure;
use serde::Deserialize;

use super::{answer, render};
use crate::failure::Failure;
use crate::guard::cookie;
use crate::peer::{self, Peer};
use crate::site::{House, Routes, Site};

/// Longest address to come back to, in bytes.
const NEXT_MAX: usize = 2_000;

pub(crate) fn routes() -> Routes {
    Routes::new().route("/login", get(show).post(sign_in)).route("/logout", post(sign_out))
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    style: String,
    icon: String,
    workspace: String,
    token: String,
    next: String,
    email: String,
    failure: Option<Failure>,
}

impl LoginPage {
    fn new(house: &House, next: &str) -> Self {
        Self {
            style: house.assets().style.url.clone(),
            icon: house.assets().icon.url.clone(),
            workspace: house.workspace_name(),
            token: house.nobodys_token().as_str().to_owned(),
            next: safe_next(next).to_owned(),
            email: String::new(),
            failure: None,
        }
    }
}

/// Where somebody wanted to go.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

/// What the form says. Not shown: it holds a password.
#[derive(Deserialize)]
struct LoginForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct LogoutForm {
    #[serde(default)]
    token: String,
}

async fn show(State(house): State<House>, wanted: Result<Query<Wanted>, QueryRejection>) -> Response {
    let Wanted { next } = wanted.map(|Query(wanted)| wanted).unwrap_or_default();
    render(StatusCode::OK, &LoginPage::new(&house, &next))
}

async fn sign_in(
    State(house): State<House>,
    headers: HeaderMap,
    extensions: Extensions,
    form: Result<Form<LoginForm>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        let failure = Failure::new(Kind::Invalid, "the form cannot be read");
        return render(failure.status(), &LoginPage { failure: Some(failure), ..LoginPage::new(&house, "") });
    };
    match try_sign_in(&house, &headers, &extensions, &form).await {
        Ok(cookie) => {
            let mut response = Redirect::to(safe_next(&form.next)).into_response();
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
        Err((status, failure)) => {
            let page = LoginPage::new(&house, &form.next);
            render(status, &LoginPage { failure: Some(failure), email: form.email, ..page })
        }
    }
}

async fn try_sign_in(
    house: &House,
    headers: &HeaderMap,
    extensions: &Extensions,
    form: &LoginForm,
) -> Result<HeaderValue, (StatusCode, Failure)> {
    let said = |error: Failure| (error.status(), error);
    house.nobodys_token().check(&form.token).map_err(|refusal| said(Failure::of(&refusal)))?;
    let from = client(house, headers, extensions);
    let user = house
        .door()
        .check_password(&form.email, form.password.clone(), from)
        .await
        .map_err(|error| (status_of(&error), on_the_page(&error)))?;
    // A session that was there before is not carried on: whoever planted it would be signed in too.
    if let Some(before) = cookie::session(headers, house.settings()) {
        house.door().end_session(&before).await.map_err(|error| said(Failure::of(&error)))?;
    }
    let secret = house.door().begin_session(&user).await.map_err(|error| said(Failure::of(&error)))?;
    let unsendable = || said(Failure::new(Kind::Internal, "the session cannot be sent"));
    cookie::give(&secret, house.settings()).ok_or_else(unsendable)
}

pub(crate) fn status_of(error: &SignInError) -> StatusCode {
    match error {
        SignInError::Refused => StatusCode::UNAUTHORIZED,
        SignInError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        SignInError::Busy | SignInError::Account(_) => Failure::of(error).status(),
    }
}

/// The hint of the command line names a command that only an admin can type.
fn on_the_page(error: &SignInError) -> Failure {
    let hint = match error {
        SignInError::Refused => Some("an admin of this server can set a new password for you".to_owned()),
        SignInError::TooMany { .. } | SignInError::Busy | SignInError::Account(_) => error.hint(),
    };
    Failure { hint, ..Failure::of(error) }
}

async fn sign_out(site: Site, form: Result<Form<LogoutForm>, FormRejection>) -> Response {
    answer(&site, signed_out(&site, form).await)
}

async fn signed_out(site: &Site, form: Result<Form<LogoutForm>, FormRejection>) -> Result<Response, Failure> {
    let Form(form) = form.map_err(|rejection| Failure::new(Kind::Invalid, rejection.body_text()))?;
    site.token().check(&form.token)?;
    if let Some(session) = site.visitor().session() {
        site.house().door().end_session(session).await?;
    }
    let mut response = Redirect::to("/login").into_response();
    if let Some(taken) = cookie::take(site.settings()) {
        response.headers_mut().insert(header::SET_COOKIE, taken);
    }
    Ok(response)
}

/// Whose attempt this is, by address.
pub(crate) fn client(house: &House, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
    let ConnectInfo(Peer(peer)) = extensions.get::<ConnectInfo<Peer>>()?;
    let proxies = match &house.settings().exposure {
        Exposure::BehindProxy { proxies, .. } => &proxies[..],
        Exposure::Loopback { .. } | Exposure::Tls { .. } => &[],
    };
    Some(peer::client(peer.ip(), headers, proxies))
}

/// A page of ours, or the first one: nobody is sent elsewhere after signing in.
fn safe_next(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && next.len() <= NEXT_MAX;
    let is_plain = next.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    let is_page = !next.starts_with("/login") && !next.starts_with("/logout") && !next.starts_with("/api/");
    if is_path && is_plain && is_page { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for page in ["/", "/services", "/services/delay?done=3", "/lineage?ref=delay%401"] {
            assert_eq!(safe_next(page), page);
        }
        for elsewhere in [
            "",
            "//evil.example.com",
            "/\\evil.example.com",
            "https://evil.example.com",
            "javascript:alert(1)",
            "/a\r\nset-cookie: x=y",
            "/login",
            "/login?next=/login",
            "/logout",
            "/api/v1/services",
            &format!("/{}", "a".repeat(NEXT_MAX)),
        ] {
            assert_eq!(safe_next(elsewhere), "/", "{elsewhere}");
        }
    }
}
