//! Estimates over time. Of each day, subject, window and metric, the last row stands.

use jiff::Timestamp;
use jiff::civil::Date;
use lamp_core::estimate::{EstimateRecord, Subject, Window};
use lamp_core::label::Basis;
use lamp_core::names::ServiceName;
use lamp_core::route::Role;
use sqlx::AnyConnection;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::Result;
use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};

macro_rules! columns {
    () => {
        "service, model, served_by, basis, look_back, metric, day, label_seq, computed_at, estimate"
    };
}

statements! {
    LAST_SEQ = "SELECT COALESCE(MAX(seq), 0) AS seq FROM estimates";
    INSERT = concat!(
        "INSERT INTO estimates (seq, ", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    );
    SERIES = concat!(
        "SELECT ", columns!(), " FROM estimates WHERE seq IN (",
        "SELECT MAX(seq) FROM estimates WHERE service = $1 AND look_back = $2 AND day >= $3 ",
        "GROUP BY model, served_by, basis, metric, day) ORDER BY day, seq"
    );
    LAST = "SELECT day, label_seq, computed_at FROM estimates WHERE service = $1 ORDER BY seq DESC LIMIT 1";
}

reads! {
    /// The estimates of a service and window since a day, in the order of days.
    fn estimates(service: &ServiceName, window: Window, since: Date) -> Vec<EstimateRecord>;
    /// Of the last estimates of a service: their day, the last label that they knew of, and when they were computed.
    fn last_estimated(service: &ServiceName) -> Option<(Date, u64, Timestamp)>;
}

writes! {
    /// Records estimates.
    fn record_estimates(records: &[EstimateRecord]) -> ();
}

fn estimate(row: &AnyRow) -> Result<EstimateRecord> {
    let record = Record::new(row, "estimate");
    let or_nothing = |column| Ok::<_, crate::LedgerError>(Some(record.text(column)?).filter(|text| !text.is_empty()));
    let served_by = match or_nothing("served_by")? {
        None => None,
        Some(_) => Some(record.parse("served_by", Role::parse)?),
    };
    Ok(EstimateRecord {
        service: record.parse("service", |text| ServiceName::parse(text).ok())?,
        subject: Subject { model: or_nothing("model")?, served_by, basis: record.parse("basis", Basis::parse)? },
        window: record.parse("look_back", |text| Window::parse(text).ok())?,
        day: record.day("day")?,
        label_seq: record.number("label_seq")?,
        computed_at: record.time("computed_at")?,
        estimate: record.json("estimate")?,
    })
}

async fn record_estimates(connection: &mut AnyConnection, records: &[EstimateRecord]) -> Result<()> {
    let last: i64 = LAST_SEQ.query().fetch_one(&mut *connection).await?.try_get("seq")?;
    for (seq, record) in (last + 1..).zip(records) {
        INSERT
            .query()
            .bind(seq)
            .bind(record.service.as_str())
            .bind(row::text("a model", record.subject.model.as_deref().unwrap_or_default())?)
            .bind(record.subject.served_by.map_or("", Role::as_str))
            .bind(record.subject.basis.as_str())
            .bind(record.window.to_string())
            .bind(row::text("a metric", &record.estimate.metric)?)
            .bind(row::day(record.day))
            .bind(row::number("a label's number", record.label_seq)?)
            .bind(row::micros(record.computed_at))
            .bind(row::json("an estimate", &record.estimate)?)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn estimates(
    connection: &mut AnyConnection,
    service: &ServiceName,
    window: Window,
    since: Date,
) -> Result<Vec<EstimateRecord>> {
    let query = SERIES.query().bind(service.as_str()).bind(window.to_string()).bind(row::day(since));
    query.fetch_all(connection).await?.iter().map(estimate).collect()
}

async fn last_estimated(
    connection: &mut AnyConnection,
    service: &ServiceName,
) -> Result<Option<(Date, u64, Timestamp)>> {
    let row = LAST.query().bind(service.as_str()).fetch_optional(connection).await?;
    let read = |row: &AnyRow| {
        let record = Record::new(row, "estimate");
        Ok((record.day("day")?, record.number("label_seq")?, record.time("computed_at")?))
    };
    row.as_ref().map(read).transpose()
}
