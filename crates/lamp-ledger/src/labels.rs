//! Labels. Each is a row; of a prediction and basis, the last one counts.

use jiff::Timestamp;
use jiff::civil::Date;
use lamp_core::ids::PredictionId;
use lamp_core::label::{Basis, Label, LabelSource, LabelValue, LoggedAnswer};
use lamp_core::names::ServiceName;
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::Result;
use crate::draws::logged_answer;
use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};

/// Most rows that one estimate is made from, the newest first.
pub const LABELLED_ROWS_MAX: u32 = 200_000;

macro_rules! columns {
    () => {
        "prediction_id, source, value, note, event_at, labelled_by, labelled_auth, labelled_at"
    };
}

/// That `$label` is the last of its prediction and basis.
macro_rules! counts {
    ($label:literal) => {
        concat!(
            $label,
            ".seq = (SELECT MAX(n.seq) FROM labels n WHERE n.prediction_id = ",
            $label,
            ".prediction_id AND n.basis = ",
            $label,
            ".basis)"
        )
    };
}

macro_rules! answer {
    () => {
        "g.prediction_id, g.service, g.day, g.served_at, g.served_by, g.primary_said, g.shadow_said"
    };
}

statements! {
    INSERT = "INSERT INTO labels (seq, prediction_id, service, basis, source, value, note, event_at, labelled_by, \
              labelled_auth, labelled_at) SELECT (SELECT COALESCE(MAX(seq), 0) + 1 FROM labels), \
              CAST($1 AS TEXT), g.service, CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), \
              CAST($6 AS BIGINT), CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS BIGINT) \
              FROM logged_answers g WHERE g.prediction_id = CAST($1 AS TEXT)";
    CURRENT = concat!(
        "SELECT ", columns!(), " FROM labels WHERE prediction_id = $1 AND basis = $2 ORDER BY seq DESC LIMIT 1"
    );
    LIST = concat!(
        "SELECT l.seq, l.prediction_id, l.service, l.source, l.value, l.note, l.event_at, l.labelled_by, ",
        "l.labelled_auth, l.labelled_at, CAST(CASE WHEN ", counts!("l"), " THEN 1 ELSE 0 END AS BIGINT) AS is_current ",
        "FROM labels l WHERE (CAST($1 AS TEXT) = '' OR l.service = CAST($1 AS TEXT)) ORDER BY l.seq DESC LIMIT $2"
    );
    BY_HAND = concat!(
        "SELECT ", columns!(), " FROM labels l WHERE l.service = $1 AND l.source = 'hand' ",
        "AND l.labelled_at >= $2 AND l.labelled_at < $3 AND ", counts!("l"), " ORDER BY l.seq"
    );
    HEAD = "SELECT COALESCE(MAX(seq), 0) AS seq, MAX(labelled_at) AS newest_at FROM labels WHERE service = $1";
    DRAWN_ROWS = concat!(
        "SELECT ", answer!(), ", d.inclusion, l.value, l.labelled_at FROM drawn_predictions d ",
        "JOIN logged_answers g ON g.prediction_id = d.prediction_id ",
        "JOIN labels l ON l.prediction_id = d.prediction_id AND l.basis = 'drawn' AND ", counts!("l"),
        " WHERE d.service = $1 AND d.day >= $2 AND d.day <= $3 ORDER BY l.seq DESC LIMIT $4"
    );
    IMPORTED_ROWS = concat!(
        "SELECT ", answer!(), ", CAST(1 AS DOUBLE PRECISION) AS inclusion, l.value, l.labelled_at FROM labels l ",
        "JOIN logged_answers g ON g.prediction_id = l.prediction_id ",
        "WHERE l.service = $1 AND l.basis = 'imported' AND g.day >= $2 AND g.day <= $3 AND ", counts!("l"),
        " ORDER BY l.seq DESC LIMIT $4"
    );
}

/// How far a service's labels go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelHead {
    /// The number of its last label; zero before the first.
    pub seq: u64,
    /// When its newest label was recorded.
    pub newest_at: Option<Timestamp>,
}

/// A label with its number and whether it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelRecord {
    /// Counts all labels in the order in which they were recorded.
    pub seq: u64,
    /// The service.
    pub service: ServiceName,
    /// The label.
    #[serde(flatten)]
    pub label: Label,
    /// Whether no later label of the same basis supersedes it.
    pub is_current: bool,
}

/// A label that counts, beside what the models had said.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledRow {
    /// What was logged.
    pub logged: LoggedAnswer,
    /// The probability with which it was drawn; one for labels that came in by themselves.
    pub inclusion: f64,
    /// What the truth turned out to be.
    pub value: LabelValue,
    /// When the label was recorded.
    pub labelled_at: Timestamp,
}

reads! {
    /// The label of a prediction that counts, on one basis.
    fn current_label(prediction: PredictionId, basis: Basis) -> Option<Label>;
    /// The last `limit` labels of one service or of all, newest first, superseded ones too.
    fn labels(service: Option<&ServiceName>, limit: u32) -> Vec<LabelRecord>;
    /// The labels by hand that count, of one service, recorded from `since` on and before `until`, oldest first.
    fn hand_labels(service: &ServiceName, since: Timestamp, until: Timestamp) -> Vec<Label>;
    /// How far the labels of a service go.
    fn label_head(service: &ServiceName) -> LabelHead;
    /// The labels that count, of predictions of the civil days from `since` to `until` (both taken in), newest label
    /// first and at most [`LABELLED_ROWS_MAX`].
    fn labelled_rows(service: &ServiceName, basis: Basis, since: Date, until: Date) -> Vec<LabelledRow>;
}

writes! {
    /// Records a label. What was logged of its prediction must be kept.
    fn record_label(label: &Label) -> ();
}

fn label(record: Record<'_>) -> Result<Label> {
    Ok(Label {
        prediction: record.parse("prediction_id", PredictionId::parse)?,
        source: record.parse("source", LabelSource::parse)?,
        value: record.json("value")?,
        note: record.optional_text("note")?,
        event_at: record.optional_time("event_at")?,
        by: record.actor("labelled_by", "labelled_auth")?,
        at: record.time("labelled_at")?,
    })
}

async fn record_label(connection: &mut AnyConnection, label: &Label) -> Result<()> {
    let recorded = INSERT
        .query()
        .bind(label.prediction.to_string())
        .bind(label.source.basis().as_str())
        .bind(label.source.as_str())
        .bind(row::text("a label", &row::json("a label", &label.value)?)?.to_owned())
        .bind(row::optional_text("a note", label.note.as_deref())?.map(str::to_owned))
        .bind(label.event_at.map(row::micros))
        .bind(row::text("an actor's name", &label.by.name)?.to_owned())
        .bind(label.by.auth.as_str())
        .bind(row::micros(label.at))
        .execute(connection)
        .await?
        .rows_affected();
    if recorded == 1 {
        return Ok(());
    }
    Err(crate::LedgerError::not_found(format!("nothing is kept of prediction {}", label.prediction)))
}

async fn current_label(
    connection: &mut AnyConnection,
    prediction: PredictionId,
    basis: Basis,
) -> Result<Option<Label>> {
    let query = CURRENT.query().bind(prediction.to_string()).bind(basis.as_str());
    let row = query.fetch_optional(connection).await?;
    row.as_ref().map(|row| label(Record::new(row, "label"))).transpose()
}

async fn labels(connection: &mut AnyConnection, service: Option<&ServiceName>, limit: u32) -> Result<Vec<LabelRecord>> {
    let service = service.map_or("", ServiceName::as_str);
    let rows = LIST.query().bind(service).bind(i64::from(limit)).fetch_all(connection).await?;
    let read = |row: &AnyRow| {
        let record = Record::new(row, "label");
        Ok(LabelRecord {
            seq: record.number("seq")?,
            service: record.parse("service", |text| ServiceName::parse(text).ok())?,
            label: label(record)?,
            is_current: record.flag("is_current")?,
        })
    };
    rows.iter().map(read).collect()
}

async fn hand_labels(
    connection: &mut AnyConnection,
    service: &ServiceName,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<Label>> {
    let query = BY_HAND.query().bind(service.as_str()).bind(row::micros(since)).bind(row::micros(until));
    query.fetch_all(connection).await?.iter().map(|row| label(Record::new(row, "label"))).collect()
}

async fn label_head(connection: &mut AnyConnection, service: &ServiceName) -> Result<LabelHead> {
    let row = HEAD.query().bind(service.as_str()).fetch_one(connection).await?;
    let record = Record::new(&row, "label");
    Ok(LabelHead { seq: record.number("seq")?, newest_at: record.optional_time("newest_at")? })
}

async fn labelled_rows(
    connection: &mut AnyConnection,
    service: &ServiceName,
    basis: Basis,
    since: Date,
    until: Date,
) -> Result<Vec<LabelledRow>> {
    let statement = match basis {
        Basis::Drawn => DRAWN_ROWS,
        Basis::Imported => IMPORTED_ROWS,
    };
    let query = statement.query().bind(service.as_str()).bind(row::day(since)).bind(row::day(until));
    let rows = query.bind(i64::from(LABELLED_ROWS_MAX)).fetch_all(connection).await?;
    let read = |row: &AnyRow| {
        let record = Record::new(row, "labelled prediction");
        Ok(LabelledRow {
            logged: logged_answer(record)?,
            inclusion: record.float("inclusion")?,
            value: record.json("value")?,
            labelled_at: record.time("labelled_at")?,
        })
    };
    rows.iter().map(read).collect()
}
