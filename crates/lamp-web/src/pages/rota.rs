//! `/rota`: who is on, who is next, and swaps.

use askama::Template;
use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use lamp_app::rota::SwapShift;
use lamp_core::error::Kind;
use lamp_core::names::RotaName;
use lamp_core::rota::parse_instant;
use serde::Deserialize;

use super::{Chrome, answer, form, render};
use crate::failure::Failure;
use crate::show::duty::RotaShown;
use crate::site::{Routes, Site};

pub(crate) fn routes() -> Routes {
    Routes::new().route("/rota", get(show)).route("/rota/swap", post(swap))
}

#[derive(Template)]
#[template(path = "rota.html")]
struct RotaPage {
    chrome: Chrome,
    rotas: Vec<RotaShown>,
    token: String,
    failure: Option<Failure>,
    sent: Sent,
}

/// A swap as it is typed.
#[derive(Debug, Default, Deserialize)]
struct Sent {
    #[serde(default)]
    token: String,
    #[serde(default)]
    rota: String,
    #[serde(default)]
    person: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    why: String,
}

async fn show(site: Site) -> Response {
    let made = async { Ok(render(StatusCode::OK, &rota_page(&site).await?)) };
    answer(&site, made.await)
}

async fn rota_page(site: &Site) -> Result<RotaPage, Failure> {
    let rotas = site.app().rotas().await?;
    Ok(RotaPage {
        chrome: Chrome::new(site, "shift"),
        rotas: rotas.iter().map(|view| RotaShown::new(view, site.time_zone())).collect(),
        token: site.token().as_str().to_owned(),
        failure: None,
        sent: Sent::default(),
    })
}

async fn swap(site: Site, sent: Result<Form<Sent>, FormRejection>) -> Response {
    let made = async {
        let sent = form(sent)?;
        match swapped(&site, &sent).await {
            Ok(()) => Ok(Redirect::to("/rota").into_response()),
            Err(failure) => {
                let page = rota_page(&site).await?;
                Ok(render(failure.status(), &RotaPage { failure: Some(failure), sent, ..page }))
            }
        }
    };
    answer(&site, made.await)
}

async fn swapped(site: &Site, sent: &Sent) -> Result<(), Failure> {
    site.token().check(&sent.token).map_err(|refusal| Failure::of(&refusal))?;
    let request = SwapShift {
        rota: RotaName::parse(&sent.rota)?,
        from: instant(site, &sent.from)?,
        until: instant(site, &sent.until)?,
        person: sent.person.clone(),
        why: sent.why.clone(),
    };
    site.app().swap_shift(request).await?;
    Ok(())
}

/// A day, or a day and a time; a browser puts a `T` between them.
fn instant(site: &Site, text: &str) -> Result<Timestamp, Failure> {
    parse_instant(&text.replacen('T', " ", 1), site.time_zone()).ok_or_else(|| {
        let mut failure = Failure::new(Kind::Invalid, format!("`{text}` is neither a day nor a day and a time"));
        failure.hint = Some("write it as 2013-04-03 or 2013-04-03 09:00".to_owned());
        failure
    })
}
