//! Verdicts of contracts.

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
}

reads! {
    /// The latest verdict of each rule on a version and on each of its partitions, by partition (the whole
    /// version first) and rule.
    fn checks(dataset: &DatasetName, number: VersionNumber) -> Vec<CheckRecord>;
}

writes! {
    /// Records verdicts. The versions must be in the ledger.
    fn record_checks(records: &[CheckRecord]) -> ();
}

fn check(row: &AnyRow) -> Result<CheckRecord> {
    let record = Record::new(row, "check");
    let partition = record.text("partition_key")?;
    let partition = match partition.as_str() {
        "" => None,
        _ => Some(record.parse("partition_key", |text| PartitionKey::parse(text).ok())?),
    };
    Ok(CheckRecord {
        dataset: record.parse("dataset", |text| DatasetName::parse(text).ok())?,
        version: record.number("version")?,
        partition,
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
            .bind(row::optional_text("a severity", check.severity.as_deref())?);
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
