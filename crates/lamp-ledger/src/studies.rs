//! Finished studies of cadences.

use lamp_core::cadence::report::StudyRecord;
use lamp_core::names::ModelName;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::Result;
use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};

/// Most studies that a prefix finds: enough to say that it is ambiguous.
const MATCHES_MAX: i64 = 10;

macro_rules! columns {
    () => {
        "id, digest, created_by, created_auth, created_at, document"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO studies (seq, model, ", columns!(), ") VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM studies), ",
        "$1, $2, $3, $4, $5, $6, $7)"
    );
    LAST_DIGEST = "SELECT digest FROM studies WHERE id = $1 ORDER BY seq DESC LIMIT 1";
    BY_PREFIX = concat!("SELECT ", columns!(), " FROM studies WHERE id LIKE $1 ORDER BY seq DESC LIMIT $2");
    SERIES = concat!("SELECT ", columns!(), " FROM studies WHERE model = $1 ORDER BY seq DESC LIMIT $2");
    NEWEST = concat!("SELECT ", columns!(), " FROM studies ORDER BY seq DESC LIMIT $1");
}

reads! {
    /// Studies whose id begins with `prefix`, the last weighing first.
    fn find_studies(prefix: &str) -> Vec<StudyRecord>;
    /// The last `limit` studies of one model, or of all, newest first.
    fn studies(model: Option<&ModelName>, limit: u32) -> Vec<StudyRecord>;
}

writes! {
    /// Keeps a finished study, unless the same document is the last of that id; says whether it did.
    fn add_study(record: &StudyRecord) -> bool;
}

fn study(row: &AnyRow) -> Result<StudyRecord> {
    let record = Record::new(row, "study");
    Ok(StudyRecord {
        id: record.text("id")?,
        digest: record.digest("digest")?,
        by: record.actor("created_by", "created_auth")?,
        at: record.time("created_at")?,
        study: record.json("document")?,
    })
}

async fn add_study(connection: &mut AnyConnection, record: &StudyRecord) -> Result<bool> {
    let id = row::text("a study's name", &record.id)?;
    let last = LAST_DIGEST.query().bind(id).fetch_optional(&mut *connection).await?;
    let last = last.map(|row| Record::new(&row, "study").digest("digest")).transpose()?;
    if last == Some(record.digest) {
        return Ok(false);
    }
    INSERT
        .query()
        .bind(record.study.plan.model.as_str())
        .bind(id)
        .bind(record.digest.to_hex())
        .bind(row::text("an actor's name", &record.by.name)?)
        .bind(record.by.auth.as_str())
        .bind(row::micros(record.at))
        .bind(row::json("a study", &record.study)?)
        .execute(connection)
        .await?;
    Ok(true)
}

async fn find_studies(connection: &mut AnyConnection, prefix: &str) -> Result<Vec<StudyRecord>> {
    // Also keeps the pattern characters of LIKE out.
    let begins_an_id = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_hexdigit());
    if !begins_an_id {
        return Ok(Vec::new());
    }
    let query = BY_PREFIX.query().bind(format!("{}%", prefix.to_ascii_lowercase())).bind(MATCHES_MAX);
    query.fetch_all(connection).await?.iter().map(study).collect()
}

async fn studies(connection: &mut AnyConnection, model: Option<&ModelName>, limit: u32) -> Result<Vec<StudyRecord>> {
    let rows = match model {
        Some(model) => SERIES.query().bind(model.as_str()).bind(i64::from(limit)).fetch_all(connection).await?,
        None => NEWEST.query().bind(i64::from(limit)).fetch_all(connection).await?,
    };
    rows.iter().map(study).collect()
}
