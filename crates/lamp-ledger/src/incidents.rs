//! Incidents.

use jiff::Timestamp;
use lamp_core::ids::IncidentId;
use lamp_core::incident::Incident;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

macro_rules! columns {
    () => {
        "id, cause, subject, title, opened_at, resolved_at"
    };
}

statements! {
    OPEN = concat!(
        "INSERT INTO incidents (seq, ", columns!(), ") ",
        "VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM incidents), $1, $2, $3, $4, $5, NULL) ",
        "ON CONFLICT (cause, subject) WHERE resolved_at IS NULL DO NOTHING"
    );
    FIND_OPEN = "SELECT id FROM incidents WHERE cause = $1 AND subject = $2 AND resolved_at IS NULL";
    ALL = concat!("SELECT ", columns!(), " FROM incidents ORDER BY seq DESC");
    ALL_OPEN = concat!("SELECT ", columns!(), " FROM incidents WHERE resolved_at IS NULL ORDER BY seq DESC");
    RESOLVE = "UPDATE incidents SET resolved_at = $2 WHERE id = $1 AND resolved_at IS NULL";
    EXISTS = "SELECT id FROM incidents WHERE id = $1";
}

reads! {
    /// Incidents, newest first; all of them, or those that wait for somebody.
    fn incidents(open_only: bool) -> Vec<Incident>;
}

writes! {
    /// Opens an incident, unless one of the same cause and subject is open; returns the id of the open one.
    fn open_incident(incident: &Incident) -> IncidentId;
    /// Resolves an open incident.
    fn resolve_incident(id: IncidentId, at: Timestamp) -> ();
}

fn incident(row: &AnyRow) -> Result<Incident> {
    let record = Record::new(row, "incident");
    Ok(Incident {
        id: record.parse("id", IncidentId::parse)?,
        cause: record.text("cause")?,
        subject: record.text("subject")?,
        title: record.text("title")?,
        opened_at: record.time("opened_at")?,
        resolved_at: record.optional_time("resolved_at")?,
    })
}

async fn open_incident(connection: &mut AnyConnection, incident: &Incident) -> Result<IncidentId> {
    let (cause, subject) = (row::text("a cause", &incident.cause)?, row::text("a subject", &incident.subject)?);
    OPEN.query()
        .bind(incident.id.to_string())
        .bind(cause)
        .bind(subject)
        .bind(row::text("a title", &incident.title)?)
        .bind(row::micros(incident.opened_at))
        .execute(&mut *connection)
        .await?;
    let row = FIND_OPEN.query().bind(cause).bind(subject).fetch_one(connection).await?;
    Record::new(&row, "incident").parse("id", IncidentId::parse)
}

async fn resolve_incident(connection: &mut AnyConnection, id: IncidentId, at: Timestamp) -> Result<()> {
    let query = RESOLVE.query().bind(id.to_string()).bind(row::micros(at));
    let resolved = query.execute(&mut *connection).await?.rows_affected();
    if resolved == 1 {
        return Ok(());
    }
    match EXISTS.query().bind(id.to_string()).fetch_optional(connection).await? {
        Some(_) => Err(LedgerError::conflict(format!("incident {id} is resolved already"))),
        None => Err(LedgerError::not_found(format!("there is no incident {id}"))),
    }
}

async fn incidents(connection: &mut AnyConnection, open_only: bool) -> Result<Vec<Incident>> {
    let statement = if open_only { ALL_OPEN } else { ALL };
    statement.query().fetch_all(connection).await?.iter().map(incident).collect()
}
