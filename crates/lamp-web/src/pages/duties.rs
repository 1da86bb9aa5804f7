//! `/duties`, `/duties/ID`: what is to be done, and the histograms that a person signs for.

use askama::Template;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use lamp_app::duties::DutyError;
use lamp_app::duties::sign::{JudgeColumn, SignHistograms};
use lamp_core::digest::Digest;
use lamp_core::duty::look::{ColumnVerdict, VerdictRefusal};
use lamp_core::duty::{DutyKind, DutyRefusal};
use lamp_core::error::{Classified as _, Kind};
use serde::Deserialize;

use super::{Chrome, answer, form, query, render};
use crate::failure::Failure;
use crate::show::duty::{DutyShown, EventShown, LookShown};
use crate::site::{Routes, Site};

/// Duties in the list.
const LISTED_MAX: u32 = 100;

/// Bars of a histogram.
const BARS: usize = 24;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/duties", get(list))
        .route("/duties/{id}", get(show))
        .route("/duties/{id}/judge", post(judge))
        .route("/duties/{id}/waive", post(waive))
}

#[derive(Template)]
#[template(path = "duties.html")]
struct ListPage {
    chrome: Chrome,
    duties: Vec<DutyShown>,
}

#[derive(Template)]
#[template(path = "duty.html")]
struct DutyPage {
    chrome: Chrome,
    duty: DutyShown,
    events: Vec<EventShown>,
    token: String,
    /// The columns of a histograms duty.
    looks: Vec<LookShown>,
    /// The place of the one on the screen, if one is.
    at: Option<u32>,
    previous: Option<u32>,
    next: Option<u32>,
    failure: Option<Failure>,
    typed: String,
}

impl DutyPage {
    fn look(&self) -> Option<&LookShown> {
        self.looks.iter().find(|look| Some(look.place) == self.at)
    }

    fn said(&self) -> usize {
        self.looks.iter().filter(|look| look.verdict.is_some()).count()
    }

    fn is_current(&self, look: &LookShown) -> bool {
        self.at == Some(look.place)
    }
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    /// The place of a column, or `all`.
    #[serde(default)]
    column: String,
}

#[derive(Debug, Deserialize)]
struct Judged {
    #[serde(default)]
    token: String,
    #[serde(default)]
    column: String,
    /// `right` or `suspicious`.
    #[serde(default)]
    verdict: String,
    #[serde(default)]
    note: String,
    /// Digest of the profile that was on the screen.
    #[serde(default)]
    profile: String,
}

#[derive(Debug, Deserialize)]
struct Waived {
    #[serde(default)]
    token: String,
    #[serde(default)]
    why: String,
}

async fn list(site: Site) -> Response {
    let made = async {
        let (now, zone) = (site.app().now(), site.time_zone());
        let duties = site.app().list_duties(LISTED_MAX).await?;
        let duties = duties.iter().map(|view| DutyShown::new(view, now, zone)).collect();
        Ok(render(StatusCode::OK, &ListPage { chrome: Chrome::new(&site, "shift"), duties }))
    };
    answer(&site, made.await)
}

async fn show(site: Site, Path(id): Path<String>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let made = async { Ok(render(StatusCode::OK, &duty_page(&site, &id, &query(asked)?.column).await?)) };
    answer(&site, made.await)
}

/// A duty; of histograms the column at `place`, or the first one without a verdict.
async fn duty_page(site: &Site, id: &str, place: &str) -> Result<DutyPage, Failure> {
    let history = site.app().show_duty(id).await?;
    let (now, zone) = (site.app().now(), site.time_zone());
    let duty = DutyShown::new(&history.view, now, zone);
    let looks = match history.view.duty.kind {
        DutyKind::Histograms => LookShown::all(&site.app().histogram_task(Some(&duty.id), BARS).await?, zone),
        DutyKind::Labels | DutyKind::Validate => Vec::new(),
    };
    let at = match place {
        "" if duty.is_open => looks.iter().find(|look| look.verdict.is_none()).map(|look| look.place),
        "" | "all" => None,
        place => place.parse().ok().filter(|place| looks.iter().any(|look| look.place == *place)),
    };
    let neighbour = |step: i64| {
        let wanted = i64::from(at?) + step;
        looks.iter().find(|look| i64::from(look.place) == wanted).map(|look| look.place)
    };
    Ok(DutyPage {
        chrome: Chrome::new(site, "shift"),
        events: EventShown::all(&history, zone),
        token: site.token().as_str().to_owned(),
        previous: neighbour(-1),
        next: neighbour(1),
        duty,
        looks,
        at,
        failure: None,
        typed: String::new(),
    })
}

async fn judge(site: Site, Path(id): Path<String>, sent: Result<Form<Judged>, FormRejection>) -> Response {
    let made = async {
        let sent = form(sent)?;
        match judged(&site, &id, &sent).await {
            Ok(()) => Ok(Redirect::to(&format!("/duties/{id}")).into_response()),
            Err(failure) => {
                let Ok(page) = duty_page(&site, &id, &sent.column).await else { return Err(failure) };
                Ok(render(failure.status(), &DutyPage { failure: Some(failure), typed: sent.note, ..page }))
            }
        }
    };
    answer(&site, made.await)
}

async fn judged(site: &Site, id: &str, sent: &Judged) -> Result<(), Failure> {
    site.token().check(&sent.token).map_err(|refusal| Failure::of(&refusal))?;
    let verdict = match sent.verdict.as_str() {
        "right" => ColumnVerdict::LooksRight,
        "suspicious" => ColumnVerdict::Suspicious,
        other => return Err(Failure::new(Kind::Invalid, format!("`{other}` is neither `right` nor `suspicious`"))),
    };
    let seen = Digest::parse(&sent.profile)
        .map_err(|_| Failure::new(Kind::Invalid, "the form does not say which profile was on the screen"))?;
    // What looks right needs no words, also when some were typed before.
    let note = if verdict == ColumnVerdict::Suspicious { sent.note.clone() } else { String::new() };
    let one = JudgeColumn { column: sent.column.clone(), verdict, note, profile: Some(seen) };
    let request = SignHistograms { duty: Some(id.to_owned()), verdicts: vec![one] };
    site.app().sign_histograms(request).await.map_err(|error| said_on_a_page(&error))?;
    Ok(())
}

async fn waive(site: Site, Path(id): Path<String>, sent: Result<Form<Waived>, FormRejection>) -> Response {
    let made = async {
        let sent = form(sent)?;
        let done = match site.token().check(&sent.token) {
            Ok(()) => site.app().waive_duty(&id, &sent.why).await.map_err(|error| said_on_a_page(&error)),
            Err(refusal) => Err(Failure::of(&refusal)),
        };
        match done {
            Ok(_) => Ok(Redirect::to(&format!("/duties/{id}")).into_response()),
            Err(failure) => {
                let Ok(page) = duty_page(&site, &id, "").await else { return Err(failure) };
                Ok(render(failure.status(), &DutyPage { failure: Some(failure), ..page }))
            }
        }
    };
    answer(&site, made.await)
}

/// The hints of the use case are options of a command; where a page asks for the same thing, it says so.
fn said_on_a_page(error: &DutyError) -> Failure {
    let hint = match error {
        DutyError::Verdict(VerdictRefusal::NoteMissing { .. }) => Some("write down what looks wrong".to_owned()),
        DutyError::Verdict(VerdictRefusal::OtherProfile { .. }) => {
            Some("look at what the page shows now, and say it again".to_owned())
        }
        DutyError::Refused(DutyRefusal::WhyMissing { .. }) => Some("write down why it need not be done".to_owned()),
        DutyError::Refused(DutyRefusal::Late { .. }) => {
            Some("what was missed stays in sight; the present one is on the first page".to_owned())
        }
        _ => error.hint(),
    };
    Failure { hint, ..Failure::of(error) }
}
