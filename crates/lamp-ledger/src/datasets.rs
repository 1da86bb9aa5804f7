//! Dataset versions: inserted, never changed.

use jiff::Timestamp;
use lamp_core::actor::Actor;
use lamp_core::dataset::{DatasetVersion, VersionNumber};
use lamp_core::digest::Digest;
use lamp_core::ids::RunId;
use lamp_core::names::DatasetName;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::Result;
use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};

/// A version to add. Its number is the ledger's to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// The series.
    pub dataset: DatasetName,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Number of files.
    pub files: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Rows in all, where known.
    pub rows: Option<u64>,
    /// The run that made it; it must be in the ledger.
    pub run: Option<RunId>,
    /// Who adds it.
    pub created_by: Actor,
    /// When.
    pub created_at: Timestamp,
    /// Why, in a person's words.
    pub note: Option<String>,
}

/// What became of a [`NewVersion`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedVersion {
    /// The version, new or found.
    pub version: DatasetVersion,
    /// Whether it is new. The same digest again gives back the version that has it, unchanged.
    pub is_new: bool,
}

/// A dataset in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetSummary {
    /// Its newest version.
    pub latest: DatasetVersion,
    /// Number of versions.
    pub versions: u64,
}

macro_rules! columns {
    () => {
        "dataset, version, digest, files, bytes, row_count, run_id, created_by, created_auth, created_at, note"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO dataset_versions (", columns!(), ") VALUES ($1, ",
        "(SELECT COALESCE(MAX(version), 0) + 1 FROM dataset_versions WHERE dataset = $1), ",
        "$2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING ", columns!()
    );
    FIND = concat!("SELECT ", columns!(), " FROM dataset_versions WHERE dataset = $1 AND version = $2");
    FIND_BY_DIGEST = concat!("SELECT ", columns!(), " FROM dataset_versions WHERE dataset = $1 AND digest = $2");
    LATEST = concat!(
        "SELECT ", columns!(), " FROM dataset_versions WHERE dataset = $1 ORDER BY version DESC LIMIT 1"
    );
    SERIES = concat!("SELECT ", columns!(), " FROM dataset_versions WHERE dataset = $1 ORDER BY version DESC");
    SERIES_PAGE = concat!(
        "SELECT ", columns!(), " FROM dataset_versions WHERE dataset = $1 ORDER BY version DESC LIMIT $2 OFFSET $3"
    );
    MADE_BY = concat!("SELECT ", columns!(), " FROM dataset_versions WHERE run_id = $1");
    SUMMARIES = concat!(
        "SELECT ", columns!(), ", (SELECT COUNT(*) FROM dataset_versions c WHERE c.dataset = v.dataset) AS versions ",
        "FROM dataset_versions v ",
        "WHERE version = (SELECT MAX(n.version) FROM dataset_versions n WHERE n.dataset = v.dataset)"
    );
}

reads! {
    /// One version.
    fn find_version(dataset: &DatasetName, number: VersionNumber) -> Option<DatasetVersion>;
    /// The version with the manifest of that digest.
    fn find_version_by_digest(dataset: &DatasetName, digest: &Digest) -> Option<DatasetVersion>;
    /// The newest version.
    fn latest_version(dataset: &DatasetName) -> Option<DatasetVersion>;
    /// All versions, newest first.
    fn versions(dataset: &DatasetName) -> Vec<DatasetVersion>;
    /// At most `limit` versions, newest first, after the newest `skip`.
    fn versions_page(dataset: &DatasetName, skip: u64, limit: u32) -> Vec<DatasetVersion>;
    /// Every dataset with its newest version, by name.
    fn datasets() -> Vec<DatasetSummary>;
    /// The versions that a run made, by dataset.
    fn versions_made_by(run: RunId) -> Vec<DatasetVersion>;
}

writes! {
    /// Adds a version, numbered from 1 without gaps; or gives back the one that has the same digest.
    fn add_version(new: NewVersion) -> AddedVersion;
}

fn version(row: &AnyRow) -> Result<DatasetVersion> {
    let record = Record::new(row, "dataset version");
    Ok(DatasetVersion {
        dataset: record.parse("dataset", |text| DatasetName::parse(text).ok())?,
        version: record.number("version")?,
        digest: record.digest("digest")?,
        files: record.number("files")?,
        bytes: record.number("bytes")?,
        rows: record.optional_number("row_count")?,
        run: record.optional_parse("run_id", RunId::parse)?,
        created_by: record.actor("created_by", "created_auth")?,
        created_at: record.time("created_at")?,
        note: record.optional_text("note")?,
    })
}

async fn add_version(connection: &mut AnyConnection, new: NewVersion) -> Result<AddedVersion> {
    if let Some(version) = find_version_by_digest(connection, &new.dataset, &new.digest).await? {
        return Ok(AddedVersion { version, is_new: false });
    }
    let rows = new.rows.map(|rows| row::number("the number of rows", rows)).transpose()?;
    let row = INSERT
        .query()
        .bind(new.dataset.as_str())
        .bind(new.digest.to_hex())
        .bind(row::number("the number of files", new.files)?)
        .bind(row::number("the number of bytes", new.bytes)?)
        .bind(rows)
        .bind(new.run.map(|run| run.to_string()))
        .bind(row::text("an actor's name", &new.created_by.name)?)
        .bind(new.created_by.auth.as_str())
        .bind(row::micros(new.created_at))
        .bind(row::optional_text("a note", new.note.as_deref())?)
        .fetch_one(connection)
        .await?;
    Ok(AddedVersion { version: version(&row)?, is_new: true })
}

async fn find_version(
    connection: &mut AnyConnection,
    dataset: &DatasetName,
    number: VersionNumber,
) -> Result<Option<DatasetVersion>> {
    let row = FIND.query().bind(dataset.as_str()).bind(i64::from(number)).fetch_optional(connection).await?;
    row.as_ref().map(version).transpose()
}

async fn find_version_by_digest(
    connection: &mut AnyConnection,
    dataset: &DatasetName,
    digest: &Digest,
) -> Result<Option<DatasetVersion>> {
    let row = FIND_BY_DIGEST.query().bind(dataset.as_str()).bind(digest.to_hex()).fetch_optional(connection).await?;
    row.as_ref().map(version).transpose()
}

async fn latest_version(connection: &mut AnyConnection, dataset: &DatasetName) -> Result<Option<DatasetVersion>> {
    let row = LATEST.query().bind(dataset.as_str()).fetch_optional(connection).await?;
    row.as_ref().map(version).transpose()
}

async fn versions(connection: &mut AnyConnection, dataset: &DatasetName) -> Result<Vec<DatasetVersion>> {
    SERIES.query().bind(dataset.as_str()).fetch_all(connection).await?.iter().map(version).collect()
}

async fn versions_page(
    connection: &mut AnyConnection,
    dataset: &DatasetName,
    skip: u64,
    limit: u32,
) -> Result<Vec<DatasetVersion>> {
    let query = SERIES_PAGE.query().bind(dataset.as_str()).bind(i64::from(limit));
    let rows = query.bind(row::number("a number of versions", skip)?).fetch_all(connection).await?;
    rows.iter().map(version).collect()
}

async fn datasets(connection: &mut AnyConnection) -> Result<Vec<DatasetSummary>> {
    let rows = SUMMARIES.query().fetch_all(connection).await?;
    let summary = |row: &AnyRow| {
        Ok(DatasetSummary { latest: version(row)?, versions: Record::new(row, "dataset").number("versions")? })
    };
    let mut summaries = rows.iter().map(summary).collect::<Result<Vec<_>>>()?;
    summaries.sort_by(|a, b| a.latest.dataset.cmp(&b.latest.dataset));
    Ok(summaries)
}

async fn versions_made_by(connection: &mut AnyConnection, run: RunId) -> Result<Vec<DatasetVersion>> {
    let rows = MADE_BY.query().bind(run.to_string()).fetch_all(connection).await?;
    let mut made = rows.iter().map(version).collect::<Result<Vec<_>>>()?;
    made.sort_by(|a, b| (&a.dataset, a.version).cmp(&(&b.dataset, b.version)));
    Ok(made)
}
