//! Runs.

use jiff::Timestamp;
use lamp_core::ids::RunId;
use lamp_core::names::{DatasetName, ModelName, ProjectName};
use lamp_core::run::{Purpose, Run, RunManifest, RunState};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

/// Most runs that a prefix finds: enough to say that it is ambiguous.
pub const PREFIX_MATCHES_MAX: u32 = 10;

/// A step in the life of a run. What is `None` stays as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct RunChange {
    /// The new state.
    pub state: RunState,
    /// When it came to its end.
    pub ended_at: Option<Timestamp>,
    /// The whole record.
    pub manifest: Option<RunManifest>,
    /// Why it failed.
    pub failure: Option<String>,
}

impl RunChange {
    /// A change of state and nothing else.
    pub fn to(state: RunState) -> Self {
        Self { state, ended_at: None, manifest: None, failure: None }
    }
}

/// States of a run; a guard names at most that many.
const STATES: usize = 6;

macro_rules! columns {
    () => {
        "id, project, purpose_kind, purpose_name, commit_hash, origin, state, created_by, created_auth, created_at, \
         ended_at, manifest, failure"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO runs (seq, ", columns!(), ") VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM runs), ",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    );
    MOVE = "UPDATE runs SET state = $2, ended_at = COALESCE($3, ended_at), manifest = COALESCE($4, manifest), \
            failure = COALESCE($5, failure) WHERE id = $1 AND state IN ($6, $7, $8, $9, $10, $11)";
    FIND = concat!("SELECT ", columns!(), " FROM runs WHERE id = $1");
    BY_PREFIX = concat!("SELECT ", columns!(), " FROM runs WHERE id LIKE $1 ORDER BY seq DESC LIMIT $2");
    NEWEST = concat!("SELECT ", columns!(), " FROM runs ORDER BY seq DESC LIMIT $1");
    PAGE = concat!("SELECT ", columns!(), " FROM runs ORDER BY seq DESC LIMIT $1 OFFSET $2");
    LAST_SUCCESS = concat!(
        "SELECT ", columns!(), " FROM runs ",
        "WHERE purpose_kind = $1 AND purpose_name = $2 AND state = 'succeeded' ORDER BY seq DESC LIMIT 1"
    );
    UNFINISHED = concat!(
        "SELECT ", columns!(), " FROM runs WHERE state IN ('preparing', 'running', 'collecting') ORDER BY seq"
    );
}

reads! {
    /// One run.
    fn find_run(id: RunId) -> Option<Run>;
    /// Runs whose id begins with `prefix`, newest first; at most [`PREFIX_MATCHES_MAX`].
    fn find_runs_by_prefix(prefix: &str) -> Vec<Run>;
    /// The last `limit` runs, newest first.
    fn runs(limit: u32) -> Vec<Run>;
    /// At most `limit` runs, newest first, after the newest `skip`.
    fn runs_page(skip: u64, limit: u32) -> Vec<Run>;
    /// The last run of that purpose that succeeded.
    fn last_success(purpose: &Purpose) -> Option<Run>;
    /// Runs that have not come to their end, oldest first.
    fn unfinished_runs() -> Vec<Run>;
}

writes! {
    /// Records a run.
    fn add_run(run: &Run) -> ();
    /// Moves a run on, if it is in one of the states `from`.
    fn move_run(id: RunId, from: &[RunState], change: RunChange) -> ();
}

fn run(row: &AnyRow) -> Result<Run> {
    let record = Record::new(row, "run");
    let purpose = match record.text("purpose_kind")?.as_str() {
        "train" => Purpose::Train(record.parse("purpose_name", |text| ModelName::parse(text).ok())?),
        "build" => Purpose::Build(record.parse("purpose_name", |text| DatasetName::parse(text).ok())?),
        _ => record.parse("purpose_kind", |_| None)?,
    };
    Ok(Run {
        id: record.parse("id", RunId::parse)?,
        project: record.parse("project", |text| ProjectName::parse(text).ok())?,
        purpose,
        commit: record.text("commit_hash")?,
        origin: record.word("origin")?,
        state: record.parse("state", RunState::parse)?,
        created_by: record.actor("created_by", "created_auth")?,
        created_at: record.time("created_at")?,
        ended_at: record.optional_time("ended_at")?,
        manifest: record.optional_json("manifest")?,
        failure: record.optional_text("failure")?,
    })
}

fn manifest_text(manifest: Option<&RunManifest>) -> Result<Option<String>> {
    manifest.map(|manifest| row::json("a run's manifest", manifest)).transpose()
}

/// A purpose, as kept in two columns.
fn words(purpose: &Purpose) -> (&'static str, &str) {
    match purpose {
        Purpose::Train(model) => ("train", model.as_str()),
        Purpose::Build(dataset) => ("build", dataset.as_str()),
    }
}

async fn add_run(connection: &mut AnyConnection, run: &Run) -> Result<()> {
    let (kind, name) = words(&run.purpose);
    INSERT
        .query()
        .bind(run.id.to_string())
        .bind(run.project.as_str())
        .bind(kind)
        .bind(name)
        .bind(row::text("a commit", &run.commit)?)
        .bind(row::word("a commit's origin", &run.origin)?)
        .bind(run.state.as_str())
        .bind(row::text("an actor's name", &run.created_by.name)?)
        .bind(run.created_by.auth.as_str())
        .bind(row::micros(run.created_at))
        .bind(run.ended_at.map(row::micros))
        .bind(manifest_text(run.manifest.as_ref())?)
        .bind(row::optional_text("a run's failure", run.failure.as_deref())?)
        .execute(connection)
        .await?;
    Ok(())
}

async fn move_run(connection: &mut AnyConnection, id: RunId, from: &[RunState], change: RunChange) -> Result<()> {
    let mut query = MOVE
        .query()
        .bind(id.to_string())
        .bind(change.state.as_str())
        .bind(change.ended_at.map(row::micros))
        .bind(manifest_text(change.manifest.as_ref())?)
        .bind(row::optional_text("a run's failure", change.failure.as_deref())?);
    for place in 0..STATES {
        // No state is called "", so a place that is left over fits no row.
        query = query.bind(from.get(place).map_or("", |state| state.as_str()));
    }
    let moved = query.execute(&mut *connection).await?.rows_affected();
    if moved == 1 {
        return Ok(());
    }
    let Some(run) = find_run(connection, id).await? else {
        return Err(LedgerError::not_found(format!("there is no run {id}")));
    };
    let now = run.state.as_str();
    Err(LedgerError::conflict(format!("run {id} is {now} and cannot become {}", change.state.as_str())))
}

async fn find_run(connection: &mut AnyConnection, id: RunId) -> Result<Option<Run>> {
    let row = FIND.query().bind(id.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(run).transpose()
}

async fn find_runs_by_prefix(connection: &mut AnyConnection, prefix: &str) -> Result<Vec<Run>> {
    let Some(pattern) = prefix_pattern(prefix) else { return Ok(Vec::new()) };
    let limit = i64::from(PREFIX_MATCHES_MAX);
    BY_PREFIX.query().bind(pattern).bind(limit).fetch_all(connection).await?.iter().map(run).collect()
}

/// The pattern of LIKE that ids beginning with `prefix` match; none if no id begins so, which also keeps
/// the pattern characters of LIKE out.
pub(crate) fn prefix_pattern(prefix: &str) -> Option<String> {
    let prefix = prefix.to_ascii_lowercase();
    let begins_an_id = prefix.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    begins_an_id.then(|| format!("{prefix}%"))
}

async fn runs(connection: &mut AnyConnection, limit: u32) -> Result<Vec<Run>> {
    NEWEST.query().bind(i64::from(limit)).fetch_all(connection).await?.iter().map(run).collect()
}

async fn runs_page(connection: &mut AnyConnection, skip: u64, limit: u32) -> Result<Vec<Run>> {
    let query = PAGE.query().bind(i64::from(limit)).bind(row::number("a number of runs", skip)?);
    query.fetch_all(connection).await?.iter().map(run).collect()
}

async fn last_success(connection: &mut AnyConnection, purpose: &Purpose) -> Result<Option<Run>> {
    let (kind, name) = words(purpose);
    let row = LAST_SUCCESS.query().bind(kind).bind(name).fetch_optional(connection).await?;
    row.as_ref().map(run).transpose()
}

async fn unfinished_runs(connection: &mut AnyConnection) -> Result<Vec<Run>> {
    UNFINISHED.query().fetch_all(connection).await?.iter().map(run).collect()
}
