//! Reports of `lamp test`.

use lamp_core::ml_test::{Outcome, TestRecord};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::Result;
use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};

macro_rules! columns {
    () => {
        "report, tested_at, tested_by, tested_auth"
    };
}

statements! {
    ADD = concat!(
        "INSERT INTO test_reports (seq, subject, project, commit_hash, tree, failed, ", columns!(), ") ",
        "VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM test_reports), $1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    LATEST = concat!("SELECT ", columns!(), " FROM test_reports WHERE subject = $1 ORDER BY seq DESC LIMIT 1");
    LATEST_OF_TREE = concat!(
        "SELECT ", columns!(), " FROM test_reports WHERE subject = $1 AND tree = $2 ORDER BY seq DESC LIMIT 1"
    );
    LATEST_OF_EACH = concat!(
        "SELECT ", columns!(), " FROM test_reports ",
        "WHERE seq IN (SELECT MAX(seq) FROM test_reports GROUP BY subject)"
    );
}

reads! {
    /// The last report on a subject: a model's name, or `project/test`.
    fn find_test_report(subject: &str) -> Option<TestRecord>;
    /// The last report on a subject at one tree.
    fn find_test_report_of_tree(subject: &str, tree: &str) -> Option<TestRecord>;
    /// The last report of each subject, by its name.
    fn latest_test_reports() -> Vec<TestRecord>;
}

writes! {
    /// Keeps a report.
    fn add_test_report(record: &TestRecord) -> ();
}

fn record(row: &AnyRow) -> Result<TestRecord> {
    let record = Record::new(row, "test report");
    Ok(TestRecord {
        report: record.json("report")?,
        tested_at: record.time("tested_at")?,
        tested_by: record.actor("tested_by", "tested_auth")?,
    })
}

async fn add_test_report(connection: &mut AnyConnection, record: &TestRecord) -> Result<()> {
    let report = &record.report;
    let failed = u64::try_from(report.count(Outcome::Failed)).unwrap_or(u64::MAX);
    ADD.query()
        .bind(report.subject_text())
        .bind(report.project.as_str())
        .bind(report.commit.as_deref())
        .bind(report.tree.as_str())
        .bind(row::number("a count of tests", failed)?)
        .bind(row::json("a test report", report)?)
        .bind(row::micros(record.tested_at))
        .bind(row::text("a person's name", &record.tested_by.name)?)
        .bind(record.tested_by.auth.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

async fn find_test_report(connection: &mut AnyConnection, subject: &str) -> Result<Option<TestRecord>> {
    LATEST.query().bind(subject).fetch_optional(connection).await?.as_ref().map(record).transpose()
}

async fn find_test_report_of_tree(
    connection: &mut AnyConnection,
    subject: &str,
    tree: &str,
) -> Result<Option<TestRecord>> {
    let query = LATEST_OF_TREE.query().bind(subject).bind(tree);
    query.fetch_optional(connection).await?.as_ref().map(record).transpose()
}

async fn latest_test_reports(connection: &mut AnyConnection) -> Result<Vec<TestRecord>> {
    let rows = LATEST_OF_EACH.query().fetch_all(connection).await?;
    let mut latest = rows.iter().map(record).collect::<Result<Vec<_>>>()?;
    latest.sort_by_key(|record| record.report.subject_text());
    Ok(latest)
}
