//! Model versions and the decisions on them.

use jiff::Timestamp;
use lamp_core::dataset::VersionNumber;
use lamp_core::digest::Digest;
use lamp_core::ids::RunId;
use lamp_core::names::{ModelName, ProjectName};
use lamp_core::package::Task;
use lamp_core::registry::{Approval, Evidence, ModelState, ModelVersion};
use lamp_core::route::ModelRef;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

/// A candidate to register. Its number is the ledger's to give.
#[derive(Debug, Clone, PartialEq)]
pub struct NewModel {
    /// The series.
    pub model: ModelName,
    /// The project.
    pub project: ProjectName,
    /// What it predicts.
    pub task: Task,
    /// Digest of the package's manifest in the store.
    pub package: Digest,
    /// `onnx`, `python` or `upstream`.
    pub flavour: String,
    /// The run that made it; it must be in the ledger and have made no other.
    pub run: RunId,
    /// Full commit hash.
    pub commit: String,
    /// When.
    pub created_at: Timestamp,
    /// The report of its evaluation.
    pub evidence: Evidence,
}

macro_rules! columns {
    () => {
        "model, version, project, task, package, flavour, run_id, commit_hash, state, created_at, evidence"
    };
}

macro_rules! approval_columns {
    () => {
        "model, version, decision, decided_by, decided_auth, decided_at, note, evidence"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO models (seq, ", columns!(), ") VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM models), $1, ",
        "(SELECT COALESCE(MAX(version), 0) + 1 FROM models WHERE model = $1), ",
        "$2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING ", columns!()
    );
    FIND = concat!("SELECT ", columns!(), " FROM models WHERE model = $1 AND version = $2");
    LATEST = concat!("SELECT ", columns!(), " FROM models WHERE model = $1 ORDER BY version DESC LIMIT 1");
    SERIES = concat!("SELECT ", columns!(), " FROM models WHERE model = $1 ORDER BY version DESC");
    ALL = concat!("SELECT ", columns!(), " FROM models ORDER BY seq DESC");
    SERIES_PAGE = concat!(
        "SELECT ", columns!(), " FROM models WHERE model = $1 ORDER BY version DESC LIMIT $2 OFFSET $3"
    );
    ALL_PAGE = concat!("SELECT ", columns!(), " FROM models ORDER BY seq DESC LIMIT $1 OFFSET $2");
    CANDIDATES = concat!("SELECT ", columns!(), " FROM models WHERE state = 'candidate' ORDER BY seq DESC LIMIT $1");
    OF_RUN = concat!("SELECT ", columns!(), " FROM models WHERE run_id = $1");
    DECIDE = "UPDATE models SET state = $3 WHERE model = $1 AND version = $2 AND state = 'candidate'";
    RETIRE = "UPDATE models SET state = 'retired' WHERE model = $1 AND version = $2 \
              AND state IN ('approved', 'rejected')";
    INSERT_APPROVAL = concat!(
        "INSERT INTO approvals (seq, ", approval_columns!(), ") ",
        "VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM approvals), $1, $2, $3, $4, $5, $6, $7, $8)"
    );
    APPROVALS = concat!(
        "SELECT ", approval_columns!(), " FROM approvals WHERE model = $1 AND version = $2 ORDER BY seq"
    );
}

reads! {
    /// One version.
    fn find_model(id: &ModelRef) -> Option<ModelVersion>;
    /// The newest version, in whatever state.
    fn latest_model(model: &ModelName) -> Option<ModelVersion>;
    /// The versions of one model, or of all of them, newest first.
    fn model_versions(model: Option<&ModelName>) -> Vec<ModelVersion>;
    /// At most `limit` versions of one model, or of all, newest first, after the newest `skip`.
    fn models_page(model: Option<&ModelName>, skip: u64, limit: u32) -> Vec<ModelVersion>;
    /// Versions that wait for a person, newest first; at most `limit`.
    fn candidates(limit: u32) -> Vec<ModelVersion>;
    /// The version that a run made.
    fn find_model_of_run(run: RunId) -> Option<ModelVersion>;
    /// The decisions on a version, oldest first.
    fn approvals(id: &ModelRef) -> Vec<Approval>;
}

writes! {
    /// Registers a candidate, numbered from 1 without gaps. A run that has made one already is a conflict.
    fn add_model(new: NewModel) -> ModelVersion;
    /// Records a person's decision and moves the candidate to the state it leads to.
    fn record_approval(approval: &Approval) -> ();
    /// Takes a decided version out of use.
    fn retire_model(id: &ModelRef) -> ();
}

/// A model's name and number, as kept in two columns.
fn model_ref(record: Record<'_>) -> Result<ModelRef> {
    Ok(ModelRef {
        model: record.parse("model", |text| ModelName::parse(text).ok())?,
        version: record.number::<VersionNumber>("version")?,
    })
}

fn model(row: &AnyRow) -> Result<ModelVersion> {
    let record = Record::new(row, "model version");
    Ok(ModelVersion {
        id: model_ref(record)?,
        project: record.parse("project", |text| ProjectName::parse(text).ok())?,
        task: record.word("task")?,
        package: record.digest("package")?,
        flavour: record.text("flavour")?,
        run: record.parse("run_id", RunId::parse)?,
        commit: record.text("commit_hash")?,
        state: record.parse("state", ModelState::parse)?,
        created_at: record.time("created_at")?,
        evidence: record.json("evidence")?,
    })
}

fn approval(row: &AnyRow) -> Result<Approval> {
    let record = Record::new(row, "approval");
    Ok(Approval {
        model: model_ref(record)?,
        decision: record.word("decision")?,
        by: record.actor("decided_by", "decided_auth")?,
        at: record.time("decided_at")?,
        note: record.text("note")?,
        evidence: record.digest("evidence")?,
    })
}

async fn add_model(connection: &mut AnyConnection, new: NewModel) -> Result<ModelVersion> {
    if let Some(made) = find_model_of_run(connection, new.run).await? {
        return Err(LedgerError::conflict(format!("run {} has made {} already", new.run, made.id)));
    }
    let row = INSERT
        .query()
        .bind(new.model.as_str())
        .bind(new.project.as_str())
        .bind(new.task.as_str())
        .bind(new.package.to_hex())
        .bind(row::text("a flavour", &new.flavour)?)
        .bind(new.run.to_string())
        .bind(row::text("a commit", &new.commit)?)
        .bind(ModelState::Candidate.as_str())
        .bind(row::micros(new.created_at))
        .bind(row::json("the evidence", &new.evidence)?)
        .fetch_one(connection)
        .await?;
    model(&row)
}

async fn find_model(connection: &mut AnyConnection, id: &ModelRef) -> Result<Option<ModelVersion>> {
    let row = FIND.query().bind(id.model.as_str()).bind(i64::from(id.version)).fetch_optional(connection).await?;
    row.as_ref().map(model).transpose()
}

async fn latest_model(connection: &mut AnyConnection, name: &ModelName) -> Result<Option<ModelVersion>> {
    let row = LATEST.query().bind(name.as_str()).fetch_optional(connection).await?;
    row.as_ref().map(model).transpose()
}

async fn model_versions(connection: &mut AnyConnection, name: Option<&ModelName>) -> Result<Vec<ModelVersion>> {
    let rows = match name {
        Some(name) => SERIES.query().bind(name.as_str()).fetch_all(connection).await?,
        None => ALL.query().fetch_all(connection).await?,
    };
    rows.iter().map(model).collect()
}

async fn models_page(
    connection: &mut AnyConnection,
    name: Option<&ModelName>,
    skip: u64,
    limit: u32,
) -> Result<Vec<ModelVersion>> {
    let skip = row::number("a number of models", skip)?;
    let query = match name {
        Some(name) => SERIES_PAGE.query().bind(name.as_str()),
        None => ALL_PAGE.query(),
    };
    query.bind(i64::from(limit)).bind(skip).fetch_all(connection).await?.iter().map(model).collect()
}

async fn candidates(connection: &mut AnyConnection, limit: u32) -> Result<Vec<ModelVersion>> {
    CANDIDATES.query().bind(i64::from(limit)).fetch_all(connection).await?.iter().map(model).collect()
}

async fn find_model_of_run(connection: &mut AnyConnection, run: RunId) -> Result<Option<ModelVersion>> {
    let row = OF_RUN.query().bind(run.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(model).transpose()
}

async fn record_approval(connection: &mut AnyConnection, approval: &Approval) -> Result<()> {
    let id = &approval.model;
    let moved = DECIDE
        .query()
        .bind(id.model.as_str())
        .bind(i64::from(id.version))
        .bind(approval.decision.state().as_str())
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if moved == 0 {
        return Err(refusal(connection, id, "is not a candidate").await?);
    }
    INSERT_APPROVAL
        .query()
        .bind(id.model.as_str())
        .bind(i64::from(id.version))
        .bind(row::word("a decision", &approval.decision)?)
        .bind(row::text("an actor's name", &approval.by.name)?)
        .bind(approval.by.auth.as_str())
        .bind(row::micros(approval.at))
        .bind(row::text("a note", &approval.note)?)
        .bind(approval.evidence.to_hex())
        .execute(connection)
        .await?;
    Ok(())
}

async fn retire_model(connection: &mut AnyConnection, id: &ModelRef) -> Result<()> {
    let query = RETIRE.query().bind(id.model.as_str()).bind(i64::from(id.version));
    let moved = query.execute(&mut *connection).await?.rows_affected();
    if moved == 0 {
        return Err(refusal(connection, id, "is neither approved nor rejected").await?);
    }
    Ok(())
}

/// Why no row of that model fitted.
async fn refusal(connection: &mut AnyConnection, id: &ModelRef, expected: &str) -> Result<LedgerError> {
    Ok(match find_model(connection, id).await? {
        Some(model) => LedgerError::conflict(format!("{id} is {}: it {expected}", model.state)),
        None => LedgerError::not_found(format!("there is no model {id}")),
    })
}

async fn approvals(connection: &mut AnyConnection, id: &ModelRef) -> Result<Vec<Approval>> {
    let query = APPROVALS.query().bind(id.model.as_str()).bind(i64::from(id.version));
    query.fetch_all(connection).await?.iter().map(approval).collect()
}
