//! Rotations: the periods of cadences.

use jiff::civil::Date;
use lamp_core::cadence::rotation::{Rotation, RotationState};
use lamp_core::ids::RunId;
use lamp_core::names::ModelName;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

macro_rules! columns {
    () => {
        "model, cutoff, state, as_of, due_at, missed, attempts, commit_hash, run_id, builds, reason, moved_at, retry_at"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO rotations (seq, ", columns!(), ") VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM rotations), ",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (model, cutoff) DO NOTHING"
    );
    MOVE = "UPDATE rotations SET state = $3, attempts = $4, commit_hash = $5, run_id = $6, builds = $7, reason = $8, \
            moved_at = $9, retry_at = $10 \
            WHERE model = $1 AND cutoff = $2 AND state = $11 AND COALESCE(run_id, '') = $12 AND attempts = $13";
    FIND = concat!("SELECT ", columns!(), " FROM rotations WHERE model = $1 AND cutoff = $2");
    SERIES = concat!("SELECT ", columns!(), " FROM rotations WHERE model = $1 ORDER BY seq DESC LIMIT $2");
    NEWEST = concat!("SELECT ", columns!(), " FROM rotations ORDER BY seq DESC LIMIT $1");
    UNFINISHED = concat!(
        "SELECT ", columns!(), " FROM rotations WHERE state IN ('due', 'building', 'training') ORDER BY seq"
    );
    OF_RUN = concat!("SELECT ", columns!(), " FROM rotations WHERE run_id = $1");
}

reads! {
    /// One rotation.
    fn find_rotation(model: &ModelName, cutoff: Date) -> Option<Rotation>;
    /// The last `limit` rotations of one model, or of all, newest first.
    fn rotations(model: Option<&ModelName>, limit: u32) -> Vec<Rotation>;
    /// Those that have not come to their end, oldest first.
    fn unfinished_rotations() -> Vec<Rotation>;
    /// The rotation that a training or its last build belongs to.
    fn find_rotation_of_run(run: RunId) -> Option<Rotation>;
}

writes! {
    /// Records a period, unless it is on record already; says whether it did.
    fn add_rotation(rotation: &Rotation) -> bool;
    /// Moves a rotation on, if it still stands where it stood: in the same state, with the same run, after as many
    /// attempts.
    fn move_rotation(from: &Rotation, to: &Rotation) -> ();
}

fn rotation(row: &AnyRow) -> Result<Rotation> {
    let record = Record::new(row, "rotation");
    Ok(Rotation {
        model: record.parse("model", |text| ModelName::parse(text).ok())?,
        cutoff: record.parse("cutoff", |text| text.parse().ok())?,
        state: record.parse("state", RotationState::parse)?,
        as_of: record.time("as_of")?,
        due_at: record.time("due_at")?,
        missed: record.number("missed")?,
        attempts: record.number("attempts")?,
        commit: record.optional_text("commit_hash")?,
        run: record.optional_parse("run_id", RunId::parse)?,
        builds: record.json("builds")?,
        reason: record.optional_text("reason")?,
        moved_at: record.time("moved_at")?,
        retry_at: record.time("retry_at")?,
    })
}

async fn add_rotation(connection: &mut AnyConnection, rotation: &Rotation) -> Result<bool> {
    let added = INSERT
        .query()
        .bind(rotation.model.as_str())
        .bind(rotation.cutoff.to_string())
        .bind(rotation.state.as_str())
        .bind(row::micros(rotation.as_of))
        .bind(row::micros(rotation.due_at))
        .bind(i64::from(rotation.missed))
        .bind(i64::from(rotation.attempts))
        .bind(row::optional_text("a commit", rotation.commit.as_deref())?)
        .bind(rotation.run.map(|run| run.to_string()))
        .bind(row::json("a rotation's builds", &rotation.builds)?)
        .bind(row::optional_text("a reason", rotation.reason.as_deref())?)
        .bind(row::micros(rotation.moved_at))
        .bind(row::micros(rotation.retry_at))
        .execute(connection)
        .await?
        .rows_affected();
    Ok(added == 1)
}

async fn move_rotation(connection: &mut AnyConnection, from: &Rotation, to: &Rotation) -> Result<()> {
    let moved = MOVE
        .query()
        .bind(from.model.as_str())
        .bind(from.cutoff.to_string())
        .bind(to.state.as_str())
        .bind(i64::from(to.attempts))
        .bind(row::optional_text("a commit", to.commit.as_deref())?)
        .bind(to.run.map(|run| run.to_string()))
        .bind(row::json("a rotation's builds", &to.builds)?)
        .bind(row::optional_text("a reason", to.reason.as_deref())?)
        .bind(row::micros(to.moved_at))
        .bind(row::micros(to.retry_at))
        .bind(from.state.as_str())
        .bind(from.run.map(|run| run.to_string()).unwrap_or_default())
        .bind(i64::from(from.attempts))
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if moved == 1 {
        return Ok(());
    }
    let name = format!("the rotation of {} of {}", from.model, from.cutoff);
    match find_rotation(connection, &from.model, from.cutoff).await? {
        Some(now) => Err(LedgerError::conflict(format!("{name} is {} by now: somebody else moved it", now.state))),
        None => Err(LedgerError::not_found(format!("there is no record of {name}"))),
    }
}

async fn find_rotation(connection: &mut AnyConnection, model: &ModelName, cutoff: Date) -> Result<Option<Rotation>> {
    let row = FIND.query().bind(model.as_str()).bind(cutoff.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(rotation).transpose()
}

async fn rotations(connection: &mut AnyConnection, model: Option<&ModelName>, limit: u32) -> Result<Vec<Rotation>> {
    let rows = match model {
        Some(model) => SERIES.query().bind(model.as_str()).bind(i64::from(limit)).fetch_all(connection).await?,
        None => NEWEST.query().bind(i64::from(limit)).fetch_all(connection).await?,
    };
    rows.iter().map(rotation).collect()
}

async fn unfinished_rotations(connection: &mut AnyConnection) -> Result<Vec<Rotation>> {
    UNFINISHED.query().fetch_all(connection).await?.iter().map(rotation).collect()
}

async fn find_rotation_of_run(connection: &mut AnyConnection, run: RunId) -> Result<Option<Rotation>> {
    let row = OF_RUN.query().bind(run.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(rotation).transpose()
}
