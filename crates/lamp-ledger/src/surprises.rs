//! How partitions compare with their history, and what people said of them.

use jiff::Timestamp;
use lamp_core::dataset::VersionNumber;
use lamp_core::digest::Digest;
use lamp_core::ids::IncidentId;
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;
use lamp_core::surprise::{DecisionRecord, Judgement};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::Result;
use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};

macro_rules! columns {
    () => {
        "dataset, version, partition_key, content, judged_at, judgement, incident"
    };
}

macro_rules! decision_columns {
    () => {
        "dataset, partition_key, decision, columns, incident, decided_by, decided_auth, decided_at"
    };
}

/// What was said of a partition beside its history.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgementRecord {
    /// The dataset.
    pub dataset: DatasetName,
    /// The version in which the partition was judged.
    pub version: VersionNumber,
    /// The partition.
    pub partition: PartitionKey,
    /// A digest of its content.
    pub content: Digest,
    /// When.
    pub judged_at: Timestamp,
    /// What was said.
    pub judgement: Judgement,
    /// The incident that it is part of.
    pub incident: Option<IncidentId>,
}

statements! {
    ADD = concat!(
        "INSERT INTO judgements (seq, ", columns!(), ") ",
        "VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM judgements), $1, $2, $3, $4, $5, $6, $7)"
    );
    LATEST = concat!(
        "SELECT ", columns!(), " FROM judgements WHERE seq IN ",
        "(SELECT MAX(seq) FROM judgements WHERE dataset = $1 GROUP BY partition_key) ORDER BY partition_key"
    );
    OF_INCIDENT = concat!("SELECT ", columns!(), " FROM judgements WHERE incident = $1 ORDER BY seq");
    DECIDE = concat!(
        "INSERT INTO judgement_decisions (seq, ", decision_columns!(), ") ",
        "VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM judgement_decisions), $1, $2, $3, $4, $5, $6, $7, $8)"
    );
    DECISIONS = concat!(
        "SELECT ", decision_columns!(), " FROM judgement_decisions WHERE seq IN ",
        "(SELECT MAX(seq) FROM judgement_decisions WHERE dataset = $1 GROUP BY partition_key) ORDER BY partition_key"
    );
}

reads! {
    /// The last judgement of each partition of a dataset, by partition.
    fn latest_judgements(dataset: &DatasetName) -> Vec<JudgementRecord>;
    /// The judgements that are part of an incident, the first first.
    fn judgements_of_incident(incident: IncidentId) -> Vec<JudgementRecord>;
    /// The last decision on each partition of a dataset, by partition.
    fn judgement_decisions(dataset: &DatasetName) -> Vec<DecisionRecord>;
}

writes! {
    /// Keeps a judgement.
    fn add_judgement(record: &JudgementRecord) -> ();
    /// Keeps what a person said of a partition.
    fn add_judgement_decision(record: &DecisionRecord) -> ();
}

fn judgement(row: &AnyRow) -> Result<JudgementRecord> {
    let record = Record::new(row, "judgement");
    Ok(JudgementRecord {
        dataset: record.parse("dataset", |text| DatasetName::parse(text).ok())?,
        version: record.number("version")?,
        partition: record.parse("partition_key", |text| PartitionKey::parse(text).ok())?,
        content: record.digest("content")?,
        judged_at: record.time("judged_at")?,
        judgement: record.json("judgement")?,
        incident: record.optional_parse("incident", IncidentId::parse)?,
    })
}

fn decision(row: &AnyRow) -> Result<DecisionRecord> {
    let record = Record::new(row, "decision on a partition");
    Ok(DecisionRecord {
        dataset: record.parse("dataset", |text| DatasetName::parse(text).ok())?,
        partition: record.parse("partition_key", |text| PartitionKey::parse(text).ok())?,
        decision: record.parse("decision", |text| text.parse().ok())?,
        columns: record.json("columns")?,
        incident: record.parse("incident", IncidentId::parse)?,
        by: record.actor("decided_by", "decided_auth")?,
        at: record.time("decided_at")?,
    })
}

async fn add_judgement(connection: &mut AnyConnection, record: &JudgementRecord) -> Result<()> {
    ADD.query()
        .bind(record.dataset.as_str())
        .bind(i64::from(record.version))
        .bind(record.partition.to_string())
        .bind(record.content.to_hex())
        .bind(row::micros(record.judged_at))
        .bind(row::json("a judgement", &record.judgement)?)
        .bind(record.incident.map(|incident| incident.to_string()))
        .execute(connection)
        .await?;
    Ok(())
}

async fn add_judgement_decision(connection: &mut AnyConnection, record: &DecisionRecord) -> Result<()> {
    DECIDE
        .query()
        .bind(record.dataset.as_str())
        .bind(record.partition.to_string())
        .bind(record.decision.as_str())
        .bind(row::json("names of columns", &record.columns)?)
        .bind(record.incident.to_string())
        .bind(row::text("an actor's name", &record.by.name)?)
        .bind(record.by.auth.as_str())
        .bind(row::micros(record.at))
        .execute(connection)
        .await?;
    Ok(())
}

async fn latest_judgements(connection: &mut AnyConnection, dataset: &DatasetName) -> Result<Vec<JudgementRecord>> {
    LATEST.query().bind(dataset.as_str()).fetch_all(connection).await?.iter().map(judgement).collect()
}

async fn judgements_of_incident(connection: &mut AnyConnection, incident: IncidentId) -> Result<Vec<JudgementRecord>> {
    OF_INCIDENT.query().bind(incident.to_string()).fetch_all(connection).await?.iter().map(judgement).collect()
}

async fn judgement_decisions(connection: &mut AnyConnection, dataset: &DatasetName) -> Result<Vec<DecisionRecord>> {
    DECISIONS.query().bind(dataset.as_str()).fetch_all(connection).await?.iter().map(decision).collect()
}
