//! Incidents.

use jiff::Timestamp;
use lamp_core::ids::IncidentId;
use lamp_core::incident::{Acknowledgement, Incident, Resolution};
use lamp_core::names::{DatasetName, ProjectName};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::runs::{PREFIX_MATCHES_MAX, prefix_pattern};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

macro_rules! columns {
    () => {
        "id, cause, subject, title, project, opened_at, acked_by, acked_auth, acked_at, resolved_by, \
         resolved_auth, resolved_at, note"
    };
}

statements! {
    OPEN = "INSERT INTO incidents (seq, id, cause, subject, title, project, opened_at) \
            VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM incidents), $1, $2, $3, $4, $5, $6) \
            ON CONFLICT (cause, subject) WHERE resolved_at IS NULL DO NOTHING";
    FIND_OPEN = "SELECT id FROM incidents WHERE cause = $1 AND subject = $2 AND resolved_at IS NULL";
    ALL = concat!(
        "SELECT ", columns!(), " FROM incidents ",
        "ORDER BY CASE WHEN resolved_at IS NULL THEN 0 ELSE 1 END, seq DESC LIMIT $1"
    );
    ALL_OPEN = concat!("SELECT ", columns!(), " FROM incidents WHERE resolved_at IS NULL ORDER BY seq DESC LIMIT $1");
    FIND = concat!("SELECT ", columns!(), " FROM incidents WHERE id = $1");
    BY_PREFIX = concat!("SELECT ", columns!(), " FROM incidents WHERE id LIKE $1 ORDER BY seq DESC LIMIT $2");
    LAST_OF = concat!("SELECT ", columns!(), " FROM incidents WHERE cause = $1 AND subject = $2 ORDER BY seq DESC LIMIT 1");
    OF_SUBJECTS = concat!(
        "SELECT ", columns!(), " FROM incidents WHERE (subject = $1 OR subject LIKE $2 OR subject LIKE $3) ",
        "AND opened_at >= $4 ORDER BY seq DESC LIMIT $5"
    );
    ACKNOWLEDGE = "UPDATE incidents SET acked_by = $2, acked_auth = $3, acked_at = $4 \
                   WHERE id = $1 AND acked_at IS NULL AND resolved_at IS NULL";
    RESOLVE = "UPDATE incidents SET resolved_by = $2, resolved_auth = $3, resolved_at = $4, note = $5 \
               WHERE id = $1 AND resolved_at IS NULL";
}

reads! {
    /// Incidents, those that wait for somebody first, newest first; all of them, or those alone. At most `limit`.
    fn incidents(open_only: bool, limit: u32) -> Vec<Incident>;
    /// One incident.
    fn find_incident(id: IncidentId) -> Option<Incident>;
    /// The newest incident of that cause and subject, whatever became of it.
    fn last_incident(cause: &str, subject: &str) -> Option<Incident>;
    /// Incidents about a dataset or one of its partitions that were opened at `since` or later, newest first; at most
    /// `limit`.
    fn incidents_of_dataset(dataset: &DatasetName, since: Timestamp, limit: u32) -> Vec<Incident>;
    /// Incidents whose id begins with `prefix`, newest first; at most [`PREFIX_MATCHES_MAX`].
    fn find_incidents_by_prefix(prefix: &str) -> Vec<Incident>;
}

writes! {
    /// Opens an incident, unless one of the same cause and subject is open; returns the id of the open one.
    fn open_incident(incident: &Incident) -> IncidentId;
    /// Notes who looks at an open incident.
    fn acknowledge_incident(id: IncidentId, acknowledgement: &Acknowledgement) -> ();
    /// Resolves an incident that is not resolved yet.
    fn resolve_incident(id: IncidentId, resolution: &Resolution) -> ();
}

fn incident(row: &AnyRow) -> Result<Incident> {
    let record = Record::new(row, "incident");
    let acknowledged = match record.optional_time("acked_at")? {
        Some(at) => Some(Acknowledgement { by: record.actor("acked_by", "acked_auth")?, at }),
        None => None,
    };
    let resolved = match record.optional_time("resolved_at")? {
        Some(at) => {
            Some(Resolution { by: record.actor("resolved_by", "resolved_auth")?, at, note: record.text("note")? })
        }
        None => None,
    };
    Ok(Incident {
        id: record.parse("id", IncidentId::parse)?,
        cause: record.text("cause")?,
        subject: record.text("subject")?,
        title: record.text("title")?,
        project: record.optional_parse("project", |text| ProjectName::parse(text).ok())?,
        opened_at: record.time("opened_at")?,
        acknowledged,
        resolved,
    })
}

async fn open_incident(connection: &mut AnyConnection, incident: &Incident) -> Result<IncidentId> {
    let (cause, subject) = (row::text("a cause", &incident.cause)?, row::text("a subject", &incident.subject)?);
    OPEN.query()
        .bind(incident.id.to_string())
        .bind(cause)
        .bind(subject)
        .bind(row::text("a title", &incident.title)?)
        .bind(incident.project.as_ref().map(ProjectName::as_str))
        .bind(row::micros(incident.opened_at))
        .execute(&mut *connection)
        .await?;
    let row = FIND_OPEN.query().bind(cause).bind(subject).fetch_one(connection).await?;
    Record::new(&row, "incident").parse("id", IncidentId::parse)
}

async fn acknowledge_incident(
    connection: &mut AnyConnection,
    id: IncidentId,
    acknowledgement: &Acknowledgement,
) -> Result<()> {
    let moved = ACKNOWLEDGE
        .query()
        .bind(id.to_string())
        .bind(row::text("an actor's name", &acknowledgement.by.name)?)
        .bind(acknowledgement.by.auth.as_str())
        .bind(row::micros(acknowledgement.at))
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if moved == 1 { Ok(()) } else { Err(refusal(connection, id).await?) }
}

async fn resolve_incident(connection: &mut AnyConnection, id: IncidentId, resolution: &Resolution) -> Result<()> {
    let moved = RESOLVE
        .query()
        .bind(id.to_string())
        .bind(row::text("an actor's name", &resolution.by.name)?)
        .bind(resolution.by.auth.as_str())
        .bind(row::micros(resolution.at))
        .bind(row::text("a note", &resolution.note)?)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if moved == 1 { Ok(()) } else { Err(refusal(connection, id).await?) }
}

/// Why no row of that incident fitted.
async fn refusal(connection: &mut AnyConnection, id: IncidentId) -> Result<LedgerError> {
    Ok(match find_incident(connection, id).await? {
        Some(found) => LedgerError::conflict(format!("incident {id} is {} already", found.state())),
        None => LedgerError::not_found(format!("there is no incident {id}")),
    })
}

async fn find_incident(connection: &mut AnyConnection, id: IncidentId) -> Result<Option<Incident>> {
    FIND.query().bind(id.to_string()).fetch_optional(connection).await?.as_ref().map(incident).transpose()
}

async fn last_incident(connection: &mut AnyConnection, cause: &str, subject: &str) -> Result<Option<Incident>> {
    LAST_OF.query().bind(cause).bind(subject).fetch_optional(connection).await?.as_ref().map(incident).transpose()
}

async fn incidents_of_dataset(
    connection: &mut AnyConnection,
    dataset: &DatasetName,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<Incident>> {
    // `_` stands for any character in LIKE, and may be in a dataset's name: what is not meant is left out below.
    let starts = [format!("{dataset}["), format!("{dataset} ")];
    let [partition, words] = &starts;
    let query = OF_SUBJECTS.query().bind(dataset.as_str()).bind(format!("{partition}%")).bind(format!("{words}%"));
    let rows = query.bind(row::micros(since)).bind(i64::from(limit)).fetch_all(connection).await?;
    let mut found = rows.iter().map(incident).collect::<Result<Vec<_>>>()?;
    found.retain(|one| one.subject == dataset.as_str() || starts.iter().any(|start| one.subject.starts_with(start)));
    Ok(found)
}

async fn find_incidents_by_prefix(connection: &mut AnyConnection, prefix: &str) -> Result<Vec<Incident>> {
    let Some(pattern) = prefix_pattern(prefix) else { return Ok(Vec::new()) };
    let query = BY_PREFIX.query().bind(pattern).bind(i64::from(PREFIX_MATCHES_MAX));
    query.fetch_all(connection).await?.iter().map(incident).collect()
}

async fn incidents(connection: &mut AnyConnection, open_only: bool, limit: u32) -> Result<Vec<Incident>> {
    let statement = if open_only { ALL_OPEN } else { ALL };
    statement.query().bind(i64::from(limit)).fetch_all(connection).await?.iter().map(incident).collect()
}
