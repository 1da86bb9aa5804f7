//! Draws: which predictions people are asked about, and with which probability each came to be asked.

use jiff::civil::Date;
use lamp_core::ids::PredictionId;
use lamp_core::label::{DrawnPrediction, LabelDraw, LoggedAnswer, Seed};
use lamp_core::names::ServiceName;
use lamp_core::route::Role;
use serde::Serialize;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

macro_rules! draw_columns {
    () => {
        "service, day, sampler, seed, population, wanted, drawn, is_complete, drawn_by, drawn_auth, drawn_at"
    };
}

macro_rules! drawn {
    () => {
        "SELECT g.prediction_id, g.service, g.day, g.served_at, g.served_by, g.primary_said, g.shadow_said, d.place, \
         d.inclusion FROM drawn_predictions d JOIN logged_answers g ON g.prediction_id = d.prediction_id "
    };
}

/// Labels by hand that count, of predictions of draw `w`.
macro_rules! hand_labels {
    ($which:literal) => {
        concat!(
            "(SELECT COUNT(*) FROM drawn_predictions p JOIN labels l ON l.prediction_id = p.prediction_id ",
            "WHERE p.service = w.service AND p.day = w.day AND l.basis = 'drawn' AND l.value ",
            $which,
            " '{\"kind\":\"cannot_tell\"}' AND l.seq = (SELECT MAX(n.seq) FROM labels n ",
            "WHERE n.prediction_id = l.prediction_id AND n.basis = 'drawn'))"
        )
    };
}

statements! {
    INSERT_DRAW = concat!(
        "INSERT INTO label_draws (", draw_columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ",
        "ON CONFLICT (service, day) DO NOTHING"
    );
    INSERT_DRAWN = "INSERT INTO drawn_predictions (prediction_id, service, day, place, inclusion) \
                    VALUES ($1, $2, $3, $4, $5)";
    INSERT_ANSWER = "INSERT INTO logged_answers \
                     (prediction_id, service, day, served_at, served_by, primary_said, shadow_said) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (prediction_id) DO NOTHING";
    FIND_DRAW = concat!("SELECT ", draw_columns!(), " FROM label_draws WHERE service = $1 AND day = $2");
    PROGRESS = concat!(
        "SELECT ", draw_columns!(), ", ", hand_labels!("<>"), " AS labelled, ", hand_labels!("="), " AS cannot_tell ",
        "FROM label_draws w WHERE w.service = $1 AND w.day >= $2 ORDER BY w.day DESC"
    );
    FIND_DRAWN = concat!(drawn!(), "WHERE d.prediction_id = $1");
    WAITING = concat!(
        drawn!(), "WHERE d.service = $1 AND NOT EXISTS (SELECT 1 FROM labels l ",
        "WHERE l.prediction_id = d.prediction_id AND l.basis = 'drawn') ORDER BY d.day DESC, d.place LIMIT $2"
    );
    FIND_ANSWER = "SELECT prediction_id, service, day, served_at, served_by, primary_said, shadow_said \
                   FROM logged_answers WHERE prediction_id = $1";
}

/// A draw and how far its labelling is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrawProgress {
    /// The draw.
    pub draw: LabelDraw,
    /// Predictions with a label by hand that tells the truth.
    pub labelled: u64,
    /// Predictions of which somebody said that the truth cannot be told.
    pub cannot_tell: u64,
}

impl DrawProgress {
    /// Predictions that nobody has looked at yet.
    pub fn waiting(&self) -> u64 {
        u64::from(self.draw.drawn).saturating_sub(self.labelled + self.cannot_tell)
    }
}

reads! {
    /// The draw of a service and day.
    fn find_label_draw(service: &ServiceName, day: Date) -> Option<LabelDraw>;
    /// The draws of a service since a day, newest day first, with how far each is.
    fn label_progress(service: &ServiceName, since: Date) -> Vec<DrawProgress>;
    /// A prediction that was drawn.
    fn find_drawn(prediction: PredictionId) -> Option<DrawnPrediction>;
    /// At most `limit` drawn predictions of a service that nobody has looked at: newest day first, then by rank.
    fn waiting_for_labels(service: &ServiceName, limit: u32) -> Vec<DrawnPrediction>;
    /// What was logged of a prediction, if it was drawn or labelled.
    fn find_logged_answer(prediction: PredictionId) -> Option<LoggedAnswer>;
}

writes! {
    /// Records a draw with its predictions, by rank; says whether it did: a service and day is drawn once.
    fn record_draw(draw: &LabelDraw, predictions: &[DrawnPrediction]) -> bool;
    /// Keeps what was logged of predictions; those that are kept already stay as they are.
    fn keep_logged_answers(answers: &[LoggedAnswer]) -> ();
}

fn draw(record: Record<'_>) -> Result<LabelDraw> {
    Ok(LabelDraw {
        service: record.parse("service", |text| ServiceName::parse(text).ok())?,
        day: record.day("day")?,
        sampler: record.text("sampler")?,
        seed: Seed(record.text("seed")?),
        population: record.number("population")?,
        wanted: record.number("wanted")?,
        drawn: record.number("drawn")?,
        is_complete: record.flag("is_complete")?,
        drawn_by: record.actor("drawn_by", "drawn_auth")?,
        drawn_at: record.time("drawn_at")?,
    })
}

pub(crate) fn logged_answer(record: Record<'_>) -> Result<LoggedAnswer> {
    Ok(LoggedAnswer {
        prediction: record.parse("prediction_id", PredictionId::parse)?,
        service: record.parse("service", |text| ServiceName::parse(text).ok())?,
        day: record.day("day")?,
        served_at: record.time("served_at")?,
        served_by: record.parse("served_by", Role::parse)?,
        primary: record.optional_json("primary_said")?,
        shadow: record.optional_json("shadow_said")?,
    })
}

fn drawn_prediction(row: &AnyRow) -> Result<DrawnPrediction> {
    let record = Record::new(row, "drawn prediction");
    Ok(DrawnPrediction {
        logged: logged_answer(record)?,
        rank: record.number("place")?,
        inclusion: record.float("inclusion")?,
    })
}

async fn find_label_draw(
    connection: &mut AnyConnection,
    service: &ServiceName,
    day: Date,
) -> Result<Option<LabelDraw>> {
    let row = FIND_DRAW.query().bind(service.as_str()).bind(row::day(day)).fetch_optional(connection).await?;
    row.as_ref().map(|row| draw(Record::new(row, "label draw"))).transpose()
}

async fn label_progress(
    connection: &mut AnyConnection,
    service: &ServiceName,
    since: Date,
) -> Result<Vec<DrawProgress>> {
    let rows = PROGRESS.query().bind(service.as_str()).bind(row::day(since)).fetch_all(connection).await?;
    let progress = |row: &AnyRow| {
        let record = Record::new(row, "label draw");
        Ok(DrawProgress {
            draw: draw(record)?,
            labelled: record.number("labelled")?,
            cannot_tell: record.number("cannot_tell")?,
        })
    };
    rows.iter().map(progress).collect()
}

async fn find_drawn(connection: &mut AnyConnection, prediction: PredictionId) -> Result<Option<DrawnPrediction>> {
    let row = FIND_DRAWN.query().bind(prediction.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(drawn_prediction).transpose()
}

async fn waiting_for_labels(
    connection: &mut AnyConnection,
    service: &ServiceName,
    limit: u32,
) -> Result<Vec<DrawnPrediction>> {
    let query = WAITING.query().bind(service.as_str()).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().map(drawn_prediction).collect()
}

async fn find_logged_answer(connection: &mut AnyConnection, prediction: PredictionId) -> Result<Option<LoggedAnswer>> {
    let row = FIND_ANSWER.query().bind(prediction.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(|row| logged_answer(Record::new(row, "logged answer"))).transpose()
}

async fn record_draw(
    connection: &mut AnyConnection,
    draw: &LabelDraw,
    predictions: &[DrawnPrediction],
) -> Result<bool> {
    if usize::try_from(draw.drawn) != Ok(predictions.len()) {
        return Err(LedgerError::conflict(format!("{} of {} drawn predictions", predictions.len(), draw.drawn)));
    }
    let recorded = INSERT_DRAW
        .query()
        .bind(draw.service.as_str())
        .bind(row::day(draw.day))
        .bind(row::text("a sampler", &draw.sampler)?)
        .bind(row::text("a seed", &draw.seed.0)?)
        .bind(row::number("a population", draw.population)?)
        .bind(i64::from(draw.wanted))
        .bind(i64::from(draw.drawn))
        .bind(i64::from(draw.is_complete))
        .bind(row::text("an actor's name", &draw.drawn_by.name)?)
        .bind(draw.drawn_by.auth.as_str())
        .bind(row::micros(draw.drawn_at))
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if recorded == 0 {
        return Ok(false);
    }
    for prediction in predictions {
        keep_logged_answers(connection, std::slice::from_ref(&prediction.logged)).await?;
        INSERT_DRAWN
            .query()
            .bind(prediction.logged.prediction.to_string())
            .bind(draw.service.as_str())
            .bind(row::day(draw.day))
            .bind(i64::from(prediction.rank))
            .bind(prediction.inclusion)
            .execute(&mut *connection)
            .await?;
    }
    Ok(true)
}

async fn keep_logged_answers(connection: &mut AnyConnection, answers: &[LoggedAnswer]) -> Result<()> {
    for answer in answers {
        let said =
            |said: Option<&lamp_core::label::ModelSaid>| said.map(|said| row::json("an answer", said)).transpose();
        INSERT_ANSWER
            .query()
            .bind(answer.prediction.to_string())
            .bind(answer.service.as_str())
            .bind(row::day(answer.day))
            .bind(row::micros(answer.served_at))
            .bind(answer.served_by.as_str())
            .bind(said(answer.primary.as_ref())?)
            .bind(said(answer.shadow.as_ref())?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
