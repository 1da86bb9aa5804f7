//! What people see when they look at histograms, and what they say of it.

use jiff::Timestamp;
use lamp_core::actor::Actor;
use lamp_core::digest::Digest;
use lamp_core::duty::columns::ChosenAs;
use lamp_core::duty::look::{ColumnVerdict, Look, PinnedColumn, Verdict};
use lamp_core::ids::{DutyId, IncidentId};
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::Result;
use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};

macro_rules! columns {
    () => {
        "duty, place, dataset, version, partition_key, column_name, chosen_as, profile, reference"
    };
}

statements! {
    INSERT = concat!("INSERT INTO duty_columns (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    INSERT_MOVED = concat!(
        "INSERT INTO duty_columns (", columns!(), ", moved) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    );
    PINNED = concat!("SELECT ", columns!(), ", moved FROM duty_columns WHERE duty = $1 ORDER BY place");
    INSERT_VERDICT = "INSERT INTO duty_verdicts \
                      (seq, duty, place, verdict, note, incident, seen_by, seen_auth, seen_at) \
                      VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM duty_verdicts), $1, $2, $3, $4, $5, $6, $7, $8)";
    VERDICTS = "SELECT place, verdict, note, incident, seen_by, seen_auth, seen_at FROM duty_verdicts \
                WHERE seq IN (SELECT MAX(seq) FROM duty_verdicts WHERE duty = $1 GROUP BY place) ORDER BY place";
    LAST_SEEN = "SELECT c.column_name, MAX(v.seen_at) AS seen_at FROM duty_verdicts v \
                 JOIN duty_columns c ON c.duty = v.duty AND c.place = v.place \
                 WHERE c.dataset = $1 GROUP BY c.column_name";
}

reads! {
    /// The columns that a duty asks for, in order; none until they have been chosen.
    fn pinned_columns(duty: DutyId) -> Vec<PinnedColumn>;
    /// What people said of a duty's columns: by place, the last word on each.
    fn column_verdicts(duty: DutyId) -> Vec<(u32, Verdict)>;
    /// When a person last looked at each column of a dataset.
    fn columns_last_seen(dataset: &DatasetName) -> Vec<(String, Timestamp)>;
}

writes! {
    /// Fixes the columns that a duty asks for. Once they are, that is a conflict.
    fn pin_columns(duty: DutyId, columns: &[PinnedColumn]) -> ();
    /// Records what a person said of a column.
    fn add_column_verdict(duty: DutyId, place: u32, verdict: &Verdict) -> ();
}

fn pinned(row: &AnyRow) -> Result<PinnedColumn> {
    let record = Record::new(row, "duty's column");
    let partition = match record.text("partition_key")?.as_str() {
        "" => None,
        _ => Some(record.parse("partition_key", |text| PartitionKey::parse(text).ok())?),
    };
    Ok(PinnedColumn {
        place: record.number("place")?,
        look: Look {
            dataset: record.parse("dataset", |text| DatasetName::parse(text).ok())?,
            version: record.number("version")?,
            partition,
            column: record.text("column_name")?,
            profile: record.digest("profile")?,
            reference: record.optional_digest("reference")?,
        },
        because: record.parse("chosen_as", ChosenAs::parse)?,
        moved: record.optional_float("moved")?,
    })
}

fn verdict(row: &AnyRow) -> Result<(u32, Verdict)> {
    let record = Record::new(row, "verdict on a column");
    let by: Actor = record.actor("seen_by", "seen_auth")?;
    let verdict = Verdict {
        verdict: record.parse("verdict", ColumnVerdict::parse)?,
        note: record.optional_text("note")?,
        incident: record.optional_parse("incident", IncidentId::parse)?,
        by,
        at: record.time("seen_at")?,
    };
    Ok((record.number("place")?, verdict))
}

async fn pin_columns(connection: &mut AnyConnection, duty: DutyId, columns: &[PinnedColumn]) -> Result<()> {
    for PinnedColumn { place, look, because, moved } in columns {
        // SQLite keeps "not a number" as NULL, so neither database is given it.
        let moved = moved.filter(|moved| !moved.is_nan());
        let statement = if moved.is_some() { INSERT_MOVED } else { INSERT };
        let query = statement
            .query()
            .bind(duty.to_string())
            .bind(i64::from(*place))
            .bind(look.dataset.as_str())
            .bind(i64::from(look.version))
            .bind(look.partition.as_ref().map_or_else(String::new, ToString::to_string))
            .bind(row::text("a column's name", &look.column)?)
            .bind(because.as_str())
            .bind(look.profile.to_hex())
            .bind(look.reference.map(Digest::to_hex));
        let query = match moved {
            Some(moved) => query.bind(moved),
            None => query,
        };
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn add_column_verdict(connection: &mut AnyConnection, duty: DutyId, place: u32, verdict: &Verdict) -> Result<()> {
    INSERT_VERDICT
        .query()
        .bind(duty.to_string())
        .bind(i64::from(place))
        .bind(verdict.verdict.as_str())
        .bind(row::optional_text("a note", verdict.note.as_deref())?)
        .bind(verdict.incident.map(|id| id.to_string()))
        .bind(row::text("an actor's name", &verdict.by.name)?)
        .bind(verdict.by.auth.as_str())
        .bind(row::micros(verdict.at))
        .execute(connection)
        .await?;
    Ok(())
}

async fn pinned_columns(connection: &mut AnyConnection, duty: DutyId) -> Result<Vec<PinnedColumn>> {
    PINNED.query().bind(duty.to_string()).fetch_all(connection).await?.iter().map(pinned).collect()
}

async fn column_verdicts(connection: &mut AnyConnection, duty: DutyId) -> Result<Vec<(u32, Verdict)>> {
    VERDICTS.query().bind(duty.to_string()).fetch_all(connection).await?.iter().map(verdict).collect()
}

async fn columns_last_seen(connection: &mut AnyConnection, dataset: &DatasetName) -> Result<Vec<(String, Timestamp)>> {
    let seen = |row: &AnyRow| {
        let record = Record::new(row, "verdict on a column");
        Ok((record.text("column_name")?, record.time("seen_at")?))
    };
    LAST_SEEN.query().bind(dataset.as_str()).fetch_all(connection).await?.iter().map(seen).collect()
}
