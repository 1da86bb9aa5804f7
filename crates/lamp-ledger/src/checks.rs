//! Verdicts of contracts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use lamp_core::check::{Check, CheckRecord, Verdict};
use lamp_core::dataset::VersionNumber;
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;
use sqlx::AnyConnection;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::Result;
use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};

macro_rules! columns {
    () => {
        "dataset, version, partition_key, contract, checked_at, rule, column_name, verdict, bound, message, severity"
    };
}

/// How many rules of one verdict there are for a partition of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckCount {
    /// The partition; none for the whole version.
    pub partition: Option<PartitionKey>,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the contract says of these rules that they are no errors: a warning, or less.
    pub is_minor: bool,
    /// Rules whose latest verdict this is.
    pub rules: u64,
    /// When the last of them was looked at.
    pub checked_at: Timestamp,
}

/// What the rules of one contract said of one partition of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionOutcome {
    /// The partition; none for the whole version.
    pub partition: Option<PartitionKey>,
    /// The version.
    pub version: VersionNumber,
    /// Rules whose latest verdict is that they do not hold.
    pub failed: u64,
    /// When the last of them was looked at.
    pub checked_at: Timestamp,
}

statements! {
    LAST_SEQ = "SELECT COALESCE(MAX(seq), 0) AS seq FROM checks";
    INSERT_MEASURED = concat!(
        "INSERT INTO checks (seq, ", columns!(), ", measured) ",
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
    );
    INSERT_UNMEASURED = concat!(
        "INSERT INTO checks (seq, ", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    );
    LATEST = concat!(
        "SELECT ", columns!(), ", measured FROM checks WHERE seq IN (",
        "SELECT MAX(seq) FROM checks WHERE dataset = $1 AND version = $2 GROUP BY rule, partition_key)"
    );
    COUNTS = "SELECT partition_key, verdict, minor, COUNT(*) AS rules, MAX(checked_at) AS checked_at FROM \
              (SELECT partition_key, verdict, checked_at, CAST(CASE WHEN severity IN ('warning', 'info') \
              THEN 1 ELSE 0 END AS BIGINT) AS minor FROM checks \
              WHERE seq IN (SELECT MAX(seq) FROM checks WHERE dataset = $1 AND version = $2 \
              GROUP BY rule, partition_key)) AS latest GROUP BY partition_key, verdict, minor";
    // Freshness is no matter of one partition.
    OUTCOMES = "SELECT partition_key, version, MAX(seq) AS last_seq, MAX(checked_at) AS checked_at, \
                SUM(CASE WHEN verdict = 'failed' AND \
                COALESCE(severity, 'error') NOT IN ('warning', 'info') THEN 1 ELSE 0 END) AS failed FROM checks WHERE seq IN (\
                SELECT MAX(seq) FROM checks WHERE dataset = $1 AND rule NOT LIKE 'sla.%' AND \
                (partition_key >= $2 OR partition_key = '') GROUP BY version, contract, rule, partition_key) \
                GROUP BY partition_key, version, contract ORDER BY last_seq";
    FAILED = concat!(
        "SELECT ", columns!(), ", measured FROM checks WHERE verdict = 'failed' AND seq IN (",
        "SELECT MAX(seq) FROM checks WHERE dataset = $1 AND version = $2 GROUP BY rule, partition_key) ",
        "ORDER BY seq DESC LIMIT $3"
    );
    OF_PARTITION = concat!(
        "SELECT ", columns!(), ", measured FROM checks WHERE seq IN (SELECT MAX(seq) FROM checks ",
        "WHERE dataset = $1 AND version = $2 AND partition_key = $3 GROUP BY rule) ORDER BY seq"
    );
}

reads! {
    /// The latest verdict of each rule on a version and on each of its partitions, by partition (the whole
    /// version first) and rule.
    fn checks(dataset: &DatasetName, number: VersionNumber) -> Vec<CheckRecord>;
    /// The latest verdicts on a version, counted by partition (the whole version first).
    fn check_counts(dataset: &DatasetName, number: VersionNumber) -> Vec<CheckCount>;
    /// What was said last of each partition that starts with `since` or later, by the contract that it was last held
    /// against, in the version in which it was last checked; and of each version of a dataset without partitions.
    /// Freshness does not count. By partition, then by version.
    fn partition_outcomes(dataset: &DatasetName, since: Date) -> Vec<PartitionOutcome>;
    /// Promises of a version that are broken by their latest verdict, at most `limit` of them, the ones looked
    /// at last first.
    fn failed_checks(dataset: &DatasetName, number: VersionNumber, limit: u32) -> Vec<CheckRecord>;
    /// The latest verdict of each rule on one partition, or on the whole version, in the order of the contract.
    fn checks_of_partition(
        dataset: &DatasetName,
        number: VersionNumber,
        partition: Option<&PartitionKey>,
    ) -> Vec<CheckRecord>;
}

writes! {
    /// Records verdicts. The versions must be in the ledger.
    fn record_checks(records: &[CheckRecord]) -> ();
}

fn partition(record: Record<'_>) -> Result<Option<PartitionKey>> {
    match record.text("partition_key")?.as_str() {
        "" => Ok(None),
        _ => record.parse("partition_key", |text| PartitionKey::parse(text).ok()).map(Some),
    }
}

fn check(row: &AnyRow) -> Result<CheckRecord> {
    let record = Record::new(row, "check");
    Ok(CheckRecord {
        dataset: record.parse("dataset", |text| DatasetName::parse(text).ok())?,
        version: record.number("version")?,
        partition: partition(record)?,
        contract: record.digest("contract")?,
        checked_at: record.time("checked_at")?,
        check: Check {
            rule: record.text("rule")?,
            column: record.optional_text("column_name")?,
            verdict: record.parse("verdict", Verdict::parse)?,
            measured: record.optional_float("measured")?,
            bound: record.text("bound")?,
            message: record.text("message")?,
            severity: record.optional_text("severity")?,
            dimension: None,
            samples: Vec::new(),
        },
    })
}

async fn record_checks(connection: &mut AnyConnection, records: &[CheckRecord]) -> Result<()> {
    let last: i64 = LAST_SEQ.query().fetch_one(&mut *connection).await?.try_get("seq")?;
    for (seq, record) in (last + 1..).zip(records) {
        let check = &record.check;
        // SQLite keeps "not a number" as NULL, so neither database is given it.
        let measured = check.measured.filter(|value| !value.is_nan());
        let statement = if measured.is_some() { INSERT_MEASURED } else { INSERT_UNMEASURED };
        let query = statement
            .query()
            .bind(seq)
            .bind(record.dataset.as_str())
            .bind(i64::from(record.version))
            .bind(record.partition.as_ref().map_or_else(String::new, ToString::to_string))
            .bind(record.contract.to_hex())
            .bind(row::micros(record.checked_at))
            .bind(row::text("a rule's name", &check.rule)?)
            .bind(row::optional_text("a column's name", check.column.as_deref())?)
            .bind(check.verdict.as_str())
            .bind(row::text("a rule's bound", &check.bound)?)
            .bind(row::text("a check's message", &check.message)?)
            .bind(check.severity.is_some().then(|| check.severity().as_str()));
        let query = match measured {
            Some(measured) => query.bind(measured),
            None => query,
        };
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn checks(
    connection: &mut AnyConnection,
    dataset: &DatasetName,
    number: VersionNumber,
) -> Result<Vec<CheckRecord>> {
    let rows = LATEST.query().bind(dataset.as_str()).bind(i64::from(number)).fetch_all(connection).await?;
    let mut latest = rows.iter().map(check).collect::<Result<Vec<_>>>()?;
    latest.sort_by(|a, b| (&a.partition, &a.check.rule).cmp(&(&b.partition, &b.check.rule)));
    Ok(latest)
}

async fn check_counts(
    connection: &mut AnyConnection,
    dataset: &DatasetName,
    number: VersionNumber,
) -> Result<Vec<CheckCount>> {
    let rows = COUNTS.query().bind(dataset.as_str()).bind(i64::from(number)).fetch_all(connection).await?;
    let count = |row: &AnyRow| {
        let record = Record::new(row, "count of checks");
        Ok(CheckCount {
            partition: partition(record)?,
            verdict: record.parse("verdict", Verdict::parse)?,
            is_minor: record.number::<i64>("minor")? != 0,
            rules: record.number("rules")?,
            checked_at: record.time("checked_at")?,
        })
    };
    let mut counts = rows.iter().map(count).collect::<Result<Vec<_>>>()?;
    let order = |count: &CheckCount| (count.partition.clone(), count.verdict.as_str(), count.is_minor);
    counts.sort_by_key(order);
    Ok(counts)
}

async fn partition_outcomes(
    connection: &mut AnyConnection,
    dataset: &DatasetName,
    since: Date,
) -> Result<Vec<PartitionOutcome>> {
    // A month's key is the start of its days' keys, so it is not lost in this comparison.
    let month = since.strftime("%Y-%m").to_string();
    let rows = OUTCOMES.query().bind(dataset.as_str()).bind(month).fetch_all(connection).await?;
    // In the order of time: the last of a partition stands. Versions without partitions are not each other's next.
    let mut latest = BTreeMap::new();
    for row in &rows {
        let record = Record::new(row, "outcome of checks");
        let outcome = PartitionOutcome {
            partition: partition(record)?,
            version: record.number("version")?,
            failed: record.number("failed")?,
            checked_at: record.time("checked_at")?,
        };
        let whole = outcome.partition.is_none().then_some(outcome.version);
        latest.insert((outcome.partition.clone(), whole), outcome);
    }
    Ok(latest.into_values().filter(|outcome| outcome.partition.as_ref().is_none_or(|key| key.end() > since)).collect())
}

async fn failed_checks(
    connection: &mut AnyConnection,
    dataset: &DatasetName,
    number: VersionNumber,
    limit: u32,
) -> Result<Vec<CheckRecord>> {
    let query = FAILED.query().bind(dataset.as_str()).bind(i64::from(number)).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().map(check).collect()
}

async fn checks_of_partition(
    connection: &mut AnyConnection,
    dataset: &DatasetName,
    number: VersionNumber,
    partition: Option<&PartitionKey>,
) -> Result<Vec<CheckRecord>> {
    let key = partition.map_or_else(String::new, ToString::to_string);
    let query = OF_PARTITION.query().bind(dataset.as_str()).bind(i64::from(number)).bind(key);
    query.fetch_all(connection).await?.iter().map(check).collect()
}
