//! Duties and what happened to them.

use jiff::Timestamp;
use lamp_core::digest::Digest;
use lamp_core::duty::{Duty, DutyEnd, DutyEvent, DutyKind, DutyMove, DutyState};
use lamp_core::ids::DutyId;
use lamp_core::names::{ModelName, ProjectName, RotaName};
use lamp_core::route::ModelRef;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::runs::{PREFIX_MATCHES_MAX, prefix_pattern};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

macro_rules! columns {
    () => {
        "id, project, kind, subject, rota, assignee, pieces, opens_at, due_at, created_at, state, \
         ended_by, ended_auth, ended_at, note, evidence"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO duties (seq, ", columns!(), ") VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM duties), ",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ",
        "ON CONFLICT (project, kind, subject) DO NOTHING"
    );
    END = "UPDATE duties SET state = $2, ended_by = $3, ended_auth = $4, ended_at = $5, note = $6, evidence = $7 \
           WHERE id = $1 AND state = 'open'";
    REASSIGN = "UPDATE duties SET assignee = $2 WHERE id = $1 AND state = 'open'";
    FIND = concat!("SELECT ", columns!(), " FROM duties WHERE id = $1");
    BY_PREFIX = concat!("SELECT ", columns!(), " FROM duties WHERE id LIKE $1 ORDER BY seq DESC LIMIT $2");
    OF_SUBJECT = concat!("SELECT ", columns!(), " FROM duties WHERE project = $1 AND kind = $2 AND subject = $3");
    NEWEST = concat!("SELECT ", columns!(), " FROM duties ORDER BY seq DESC LIMIT $1");
    ALL_OPEN = concat!("SELECT ", columns!(), " FROM duties WHERE state = 'open' ORDER BY due_at, seq");
    OPEN_OF_KIND = concat!(
        "SELECT ", columns!(), " FROM duties WHERE state = 'open' AND project = $1 AND kind = $2 ORDER BY due_at, seq"
    );
    OVERDUE = concat!(
        "SELECT ", columns!(), " FROM duties WHERE state = 'open' AND due_at <= $1 ORDER BY due_at, seq LIMIT $2"
    );
    MISSED_SINCE = concat!(
        "SELECT ", columns!(), " FROM duties WHERE state = 'missed' AND due_at >= $1 ORDER BY due_at DESC, seq DESC LIMIT $2"
    );
    COVER_UNTIL = "SELECT MAX(due_at) AS due_at FROM duties WHERE project = $1 AND kind = $2 AND opens_at <= $3";
    CANDIDATES = "SELECT m.model, m.version, m.project FROM models m JOIN runs r ON r.id = m.run_id \
                  WHERE m.state = 'candidate' AND r.origin = 'committed' AND NOT EXISTS (\
                  SELECT 1 FROM duties d WHERE d.project = m.project AND d.kind = 'validate' \
                  AND d.subject = m.model || '@' || CAST(m.version AS TEXT)) ORDER BY m.seq LIMIT $1";
    INSERT_EVENT = "INSERT INTO duty_events (seq, duty, at, actor, actor_auth, on_behalf_of, action, details) \
                    VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM duty_events), $1, $2, $3, $4, $5, $6, $7)";
    EVENTS = "SELECT duty, at, actor, actor_auth, on_behalf_of, action, details FROM duty_events \
              WHERE duty = $1 ORDER BY seq";
}

reads! {
    /// One duty.
    fn find_duty(id: DutyId) -> Option<Duty>;
    /// Duties whose id begins with `prefix`, newest first; at most [`PREFIX_MATCHES_MAX`].
    fn find_duties_by_prefix(prefix: &str) -> Vec<Duty>;
    /// The duty about a period or a candidate.
    fn find_duty_of(project: &ProjectName, kind: DutyKind, subject: &str) -> Option<Duty>;
    /// The last `limit` duties that were created, newest first.
    fn duties(limit: u32) -> Vec<Duty>;
    /// Duties that wait to be done, the one due first at the top.
    fn open_duties() -> Vec<Duty>;
    /// The duties of one kind in one project that wait to be done, the one due first at the top.
    fn open_duties_of(project: &ProjectName, kind: DutyKind) -> Vec<Duty>;
    /// At most `limit` duties that are still open though their time has passed, the oldest first.
    fn overdue_duties(now: Timestamp, limit: u32) -> Vec<Duty>;
    /// The last `limit` duties that were missed and were due at `since` or later, newest first.
    fn missed_duties(since: Timestamp, limit: u32) -> Vec<Duty>;
    /// When the last of the duties of that kind is due that open at `now` or before.
    fn duties_cover_until(project: &ProjectName, kind: DutyKind, now: Timestamp) -> Option<Timestamp>;
    /// At most `limit` candidates, trained from committed code, that no duty asks anybody to validate, oldest first.
    fn candidates_without_duty(limit: u32) -> Vec<(ModelRef, ProjectName)>;
    /// What happened to a duty, oldest first.
    fn duty_events(id: DutyId) -> Vec<DutyEvent>;
}

writes! {
    /// Creates a duty, unless there is one of the same project, kind and subject; says whether it did.
    fn add_duty(duty: &Duty) -> bool;
    /// Brings an open duty to its end.
    fn end_duty(ending: &DutyMove) -> ();
    /// Gives an open duty to another person.
    fn reassign_duty(id: DutyId, assignee: &str) -> ();
    /// Records what happened to a duty.
    fn note_duty(event: &DutyEvent) -> ();
}

fn duty(row: &AnyRow) -> Result<Duty> {
    let record = Record::new(row, "duty");
    let end = match record.optional_time("ended_at")? {
        Some(at) => Some(DutyEnd {
            by: record.actor("ended_by", "ended_auth")?,
            at,
            note: record.optional_text("note")?,
            evidence: record.optional_digest("evidence")?,
        }),
        None => None,
    };
    Ok(Duty {
        id: record.parse("id", DutyId::parse)?,
        project: record.parse("project", |text| ProjectName::parse(text).ok())?,
        kind: record.parse("kind", DutyKind::parse)?,
        subject: record.text("subject")?,
        rota: record.optional_parse("rota", |text| RotaName::parse(text).ok())?,
        assignee: record.optional_text("assignee")?,
        pieces: record.number("pieces")?,
        opens_at: record.time("opens_at")?,
        due_at: record.time("due_at")?,
        created_at: record.time("created_at")?,
        state: record.parse("state", DutyState::parse)?,
        end,
    })
}

fn event(row: &AnyRow) -> Result<DutyEvent> {
    let record = Record::new(row, "duty's event");
    Ok(DutyEvent {
        duty: record.parse("duty", DutyId::parse)?,
        at: record.time("at")?,
        actor: record.actor("actor", "actor_auth")?,
        on_behalf_of: record.optional_text("on_behalf_of")?,
        action: record.text("action")?,
        details: record.json("details")?,
    })
}

fn candidate(row: &AnyRow) -> Result<(ModelRef, ProjectName)> {
    let record = Record::new(row, "model version");
    let model = record.parse("model", |text| ModelName::parse(text).ok())?;
    let id = ModelRef { model, version: record.number("version")? };
    Ok((id, record.parse("project", |text| ProjectName::parse(text).ok())?))
}

async fn add_duty(connection: &mut AnyConnection, duty: &Duty) -> Result<bool> {
    let end = duty.end.as_ref();
    let created = INSERT
        .query()
        .bind(duty.id.to_string())
        .bind(duty.project.as_str())
        .bind(duty.kind.as_str())
        .bind(row::text("a subject", &duty.subject)?)
        .bind(duty.rota.as_ref().map(RotaName::as_str))
        .bind(row::optional_text("a person", duty.assignee.as_deref())?)
        .bind(i64::from(duty.pieces))
        .bind(row::micros(duty.opens_at))
        .bind(row::micros(duty.due_at))
        .bind(row::micros(duty.created_at))
        .bind(duty.state.as_str())
        .bind(end.map(|end| end.by.name.as_str()))
        .bind(end.map(|end| end.by.auth.as_str()))
        .bind(end.map(|end| row::micros(end.at)))
        .bind(row::optional_text("a note", end.and_then(|end| end.note.as_deref()))?)
        .bind(end.and_then(|end| end.evidence).map(Digest::to_hex))
        .execute(connection)
        .await?
        .rows_affected();
    Ok(created == 1)
}

async fn end_duty(connection: &mut AnyConnection, ending: &DutyMove) -> Result<()> {
    let end = &ending.end;
    let moved = END
        .query()
        .bind(ending.duty.to_string())
        .bind(ending.to.as_str())
        .bind(row::text("an actor's name", &end.by.name)?)
        .bind(end.by.auth.as_str())
        .bind(row::micros(end.at))
        .bind(row::optional_text("a note", end.note.as_deref())?)
        .bind(end.evidence.map(Digest::to_hex))
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if moved == 1 { Ok(()) } else { Err(refusal(connection, ending.duty).await?) }
}

async fn reassign_duty(connection: &mut AnyConnection, id: DutyId, assignee: &str) -> Result<()> {
    let query = REASSIGN.query().bind(id.to_string()).bind(row::text("a person", assignee)?);
    let moved = query.execute(&mut *connection).await?.rows_affected();
    if moved == 1 { Ok(()) } else { Err(refusal(connection, id).await?) }
}

/// Why no row of that duty fitted.
async fn refusal(connection: &mut AnyConnection, id: DutyId) -> Result<LedgerError> {
    Ok(match find_duty(connection, id).await? {
        Some(found) => LedgerError::conflict(format!("duty {id} is {} already", found.state)),
        None => LedgerError::not_found(format!("there is no duty {id}")),
    })
}

async fn note_duty(connection: &mut AnyConnection, event: &DutyEvent) -> Result<()> {
    INSERT_EVENT
        .query()
        .bind(event.duty.to_string())
        .bind(row::micros(event.at))
        .bind(row::text("an actor's name", &event.actor.name)?)
        .bind(event.actor.auth.as_str())
        .bind(row::optional_text("a person", event.on_behalf_of.as_deref())?)
        .bind(row::text("an action", &event.action)?)
        .bind(row::json("an event's details", &event.details)?)
        .execute(connection)
        .await?;
    Ok(())
}

async fn find_duty(connection: &mut AnyConnection, id: DutyId) -> Result<Option<Duty>> {
    FIND.query().bind(id.to_string()).fetch_optional(connection).await?.as_ref().map(duty).transpose()
}

async fn find_duties_by_prefix(connection: &mut AnyConnection, prefix: &str) -> Result<Vec<Duty>> {
    let Some(pattern) = prefix_pattern(prefix) else { return Ok(Vec::new()) };
    let query = BY_PREFIX.query().bind(pattern).bind(i64::from(PREFIX_MATCHES_MAX));
    query.fetch_all(connection).await?.iter().map(duty).collect()
}

async fn find_duty_of(
    connection: &mut AnyConnection,
    project: &ProjectName,
    kind: DutyKind,
    subject: &str,
) -> Result<Option<Duty>> {
    let query = OF_SUBJECT.query().bind(project.as_str()).bind(kind.as_str());
    let query = query.bind(row::text("a subject", subject)?);
    query.fetch_optional(connection).await?.as_ref().map(duty).transpose()
}

async fn duties(connection: &mut AnyConnection, limit: u32) -> Result<Vec<Duty>> {
    NEWEST.query().bind(i64::from(limit)).fetch_all(connection).await?.iter().map(duty).collect()
}

async fn open_duties(connection: &mut AnyConnection) -> Result<Vec<Duty>> {
    ALL_OPEN.query().fetch_all(connection).await?.iter().map(duty).collect()
}

async fn open_duties_of(connection: &mut AnyConnection, project: &ProjectName, kind: DutyKind) -> Result<Vec<Duty>> {
    let query = OPEN_OF_KIND.query().bind(project.as_str()).bind(kind.as_str());
    query.fetch_all(connection).await?.iter().map(duty).collect()
}

async fn overdue_duties(connection: &mut AnyConnection, now: Timestamp, limit: u32) -> Result<Vec<Duty>> {
    let query = OVERDUE.query().bind(row::micros(now)).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().map(duty).collect()
}

async fn missed_duties(connection: &mut AnyConnection, since: Timestamp, limit: u32) -> Result<Vec<Duty>> {
    let query = MISSED_SINCE.query().bind(row::micros(since)).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().map(duty).collect()
}

async fn duties_cover_until(
    connection: &mut AnyConnection,
    project: &ProjectName,
    kind: DutyKind,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let query = COVER_UNTIL.query().bind(project.as_str()).bind(kind.as_str()).bind(row::micros(now));
    let row = query.fetch_one(connection).await?;
    Record::new(&row, "duty").optional_time("due_at")
}

async fn candidates_without_duty(connection: &mut AnyConnection, limit: u32) -> Result<Vec<(ModelRef, ProjectName)>> {
    CANDIDATES.query().bind(i64::from(limit)).fetch_all(connection).await?.iter().map(candidate).collect()
}

async fn duty_events(connection: &mut AnyConnection, id: DutyId) -> Result<Vec<DutyEvent>> {
    EVENTS.query().bind(id.to_string()).fetch_all(connection).await?.iter().map(event).collect()
}
