//! `/labels`: the queue, one prediction at a time and blind; `/labels/ID` to correct one.

use askama::Template;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Form, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use lamp_app::labels::LabelingError;
use lamp_app::labels::ask::LabelTask;
use lamp_app::labels::submit::{Answered, SubmitLabel};
use lamp_core::error::{Classified as _, Kind};
use lamp_core::ids::PredictionId;
use lamp_core::label::LabelSource;
use lamp_core::names::ServiceName;
use serde::Deserialize;

use super::{Chrome, answer, form, query, render};
use crate::failure::Failure;
use crate::show::label::{ProgressShown, RecentLabel, TaskShown, value_in_words};
use crate::show::text::Instant;
use crate::site::{Routes, Site};

/// Predictions that can be put off one after the other.
const PUT_OFF_MAX: u32 = 50;
/// Labels given lately that are shown.
const RECENT_SHOWN: u32 = 8;
/// Days of progress that are shown.
const DAYS_SHOWN: usize = 10;

pub(crate) fn routes() -> Routes {
    Routes::new().route("/labels", get(queue)).route("/labels/{id}", get(one).post(submit))
}

#[derive(Template)]
#[template(path = "labels.html")]
struct LabelPage {
    chrome: Chrome,
    /// Of one service, or of all.
    service: Option<String>,
    task: Option<TaskShown>,
    /// Whether this one has a label already.
    is_correction: bool,
    /// How many were put off, for the link to the one after.
    put_off: u32,
    has_next: bool,
    /// What was just said, and of which prediction.
    said: Option<RecentLabel>,
    recent: Vec<RecentLabel>,
    days: Vec<ProgressShown>,
    token: String,
    failure: Option<Failure>,
    typed: String,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    service: String,
    /// How many to put off.
    later: Option<u32>,
    /// The prediction that was labelled last.
    #[serde(default)]
    said: String,
}

#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(default)]
    token: String,
    /// What the buttons say.
    #[serde(default)]
    value: String,
    /// What is typed, where a number is asked for.
    #[serde(default)]
    typed: String,
    #[serde(default)]
    note: String,
    /// The service whose queue is worked through.
    #[serde(default)]
    service: String,
}

async fn queue(site: Site, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    answer(&site, queue_page(&site, asked).await)
}

async fn queue_page(site: &Site, asked: Result<Query<Asked>, QueryRejection>) -> Result<Response, Failure> {
    let asked = query(asked)?;
    let service = service_of(&asked.service)?;
    let put_off = asked.later.unwrap_or(0).min(PUT_OFF_MAX);
    // One more than is shown, to know whether there is another.
    let mut waiting = site.app().label_queue(service.as_ref(), put_off + 2).await?;
    let at = usize::try_from(put_off).unwrap_or(usize::MAX);
    let has_next = waiting.len() > at + 1;
    let task = (at < waiting.len()).then(|| waiting.swap_remove(at));
    // Whoever has put off the last one begins again.
    let task = task.or_else(|| if put_off > 0 { waiting.into_iter().next() } else { None });
    let page = label_page(site, service.as_ref(), task.as_ref()).await?;
    let said = page.recent.iter().find(|label| label.prediction == asked.said && label.is_current).cloned();
    Ok(render(StatusCode::OK, &LabelPage { put_off, has_next, said, ..page }))
}

fn service_of(text: &str) -> Result<Option<ServiceName>, Failure> {
    match text.trim() {
        "" => Ok(None),
        name => Ok(Some(ServiceName::parse(name)?)),
    }
}

async fn label_page(
    site: &Site,
    service: Option<&ServiceName>,
    task: Option<&LabelTask>,
) -> Result<LabelPage, Failure> {
    let zone = site.time_zone();
    let recent = site.app().list_labels(service, RECENT_SHOWN).await?;
    let recent = recent.into_iter().map(|record| RecentLabel {
        prediction: record.label.prediction.to_string(),
        value: value_in_words(&record.label.value),
        note: record.label.note,
        by: record.label.by.name,
        at: Instant::new(record.label.at, zone),
        is_current: record.is_current,
        is_by_hand: record.label.source == LabelSource::Hand,
    });
    let days = site.app().label_progress(service).await?;
    Ok(LabelPage {
        chrome: Chrome::new(site, "shift"),
        service: service.map(ToString::to_string),
        task: task.map(|task| TaskShown::new(task, zone)),
        is_correction: false,
        put_off: 0,
        has_next: false,
        said: None,
        recent: recent.collect(),
        days: days.iter().take(DAYS_SHOWN).map(ProgressShown::new).collect(),
        token: site.token().as_str().to_owned(),
        failure: None,
        typed: String::new(),
    })
}

async fn one(site: Site, Path(id): Path<String>) -> Response {
    let made = async { Ok(render(StatusCode::OK, &one_page(&site, prediction(&id)?).await?)) };
    answer(&site, made.await)
}

async fn one_page(site: &Site, id: PredictionId) -> Result<LabelPage, Failure> {
    let task = site.app().label_task_of(id).await?;
    let page = label_page(site, Some(&task.service), Some(&task)).await?;
    let is_correction = page.recent.iter().any(|label| label.prediction == id.to_string());
    Ok(LabelPage { is_correction, ..page })
}

fn prediction(text: &str) -> Result<PredictionId, Failure> {
    PredictionId::parse(text).ok_or_else(|| Failure::new(Kind::Invalid, format!("`{text}` is not a prediction's id")))
}

async fn submit(site: Site, Path(id): Path<String>, sent: Result<Form<Sent>, FormRejection>) -> Response {
    let made = async {
        let (sent, id) = (form(sent)?, prediction(&id)?);
        match submitted(&site, id, &sent).await {
            Ok(()) => {
                let service = match service_of(&sent.service)? {
                    Some(service) => format!("&service={service}"),
                    None => String::new(),
                };
                Ok(Redirect::to(&format!("/labels?said={id}{service}")).into_response())
            }
            Err(failure) => {
                let Ok(page) = one_page(&site, id).await else { return Err(failure) };
                Ok(render(failure.status(), &LabelPage { failure: Some(failure), typed: sent.typed, ..page }))
            }
        }
    };
    answer(&site, made.await)
}

async fn submitted(site: &Site, id: PredictionId, sent: &Sent) -> Result<(), Failure> {
    site.token().check(&sent.token).map_err(|refusal| Failure::of(&refusal))?;
    let answer = match sent.value.as_str() {
        "cannot_tell" => Answered::CannotTell,
        "" | "typed" => Answered::Value(sent.typed.clone()),
        value => Answered::Value(value.to_owned()),
    };
    let note = Some(sent.note.clone()).filter(|note| !note.trim().is_empty());
    let request = SubmitLabel { prediction: id, answer, note, event_at: None };
    site.app().submit_label(request).await.map_err(|error| said_on_a_page(&error))?;
    Ok(())
}

/// Hints that are commands make no sense beside the buttons that do the same.
fn said_on_a_page(error: &LabelingError) -> Failure {
    Failure { hint: error.hint().filter(|hint| !hint.starts_with("lamp ")), ..Failure::of(error) }
}
