//! The schema, brought forward and never back.
//!
//! All missing migrations run in one transaction that no other writer can overlap, on both databases, so a
//! crash leaves either the old schema or the new one, and two processes that start at once do the work once.

use lamp_core::digest::Digest;
use sqlx::AnyConnection;
use sqlx::{Connection, Row};

use crate::dialect::Dialect;
use crate::row::Record;
use crate::statement::statements;
use crate::{LedgerError, Result};

struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// In order. Never edit one that was released: add another.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "first", sql: include_str!("../migrations/0001_first.sql") },
    Migration { version: 2, name: "incidents", sql: include_str!("../migrations/0002_incidents.sql") },
    Migration { version: 3, name: "duties", sql: include_str!("../migrations/0003_duties.sql") },
    Migration { version: 4, name: "labels", sql: include_str!("../migrations/0004_labels.sql") },
    Migration { version: 5, name: "users", sql: include_str!("../migrations/0005_users.sql") },
    Migration { version: 6, name: "cadence", sql: include_str!("../migrations/0006_cadence.sql") },
    Migration { version: 7, name: "outbox", sql: include_str!("../migrations/0007_outbox.sql") },
    Migration { version: 8, name: "test_reports", sql: include_str!("../migrations/0008_test_reports.sql") },
    Migration { version: 9, name: "judgements", sql: include_str!("../migrations/0009_judgements.sql") },
];

const CREATE_LIST: &str =
    "CREATE TABLE ledger_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL)";

statements! {
    LIST = "SELECT version, name, digest FROM ledger_migrations ORDER BY version";
    ADD = "INSERT INTO ledger_migrations (version, name, digest) VALUES ($1, $2, $3)";
}

/// Applies what is missing.
pub(crate) async fn migrate(connection: &mut AnyConnection, dialect: Dialect) -> Result<()> {
    // Almost always there is nothing to do, and a reader must not wait for writers to find that out.
    if applied(connection, dialect).await? == MIGRATIONS.len() {
        return Ok(());
    }
    let mut transaction = connection.begin_with(dialect.begin_write()).await?;
    dialect.take_writers_turn(&mut transaction).await?;
    let done = applied(&mut transaction, dialect).await?;
    for migration in &MIGRATIONS[done..] {
        tracing::info!(version = migration.version, name = migration.name, "changing the ledger's schema");
        if migration.version == 1 {
            sqlx::raw_sql(CREATE_LIST).execute(&mut *transaction).await?;
        }
        sqlx::raw_sql(migration.sql).execute(&mut *transaction).await?;
        ADD.query()
            .bind(migration.version)
            .bind(migration.name)
            .bind(Digest::of(migration.sql.as_bytes()).to_hex())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// How many of our migrations the database has. Refuses a database whose migrations are not ours.
async fn applied(connection: &mut AnyConnection, dialect: Dialect) -> Result<usize> {
    let row = sqlx::raw_sql(dialect.count_tables()).fetch_one(&mut *connection).await?;
    let (tables, ours): (i64, i64) = (row.try_get("tables")?, row.try_get("ours")?);
    if ours == 0 && tables > 0 {
        return Err(LedgerError::NotALedger { why: "it holds tables that lamp did not make".to_owned() });
    }
    if ours == 0 {
        return Ok(0);
    }
    let rows = LIST.query().fetch_all(&mut *connection).await?;
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    let found = rows.last().map(|row| Record::new(row, "migration").integer("version")).transpose()?.unwrap_or(0);
    if found > known {
        return Err(LedgerError::SchemaTooNew { found, known });
    }
    for (row, migration) in rows.iter().zip(MIGRATIONS) {
        let record = Record::new(row, "migration");
        let same_version = record.integer("version")? == migration.version;
        let same_text = record.digest("digest")? == Digest::of(migration.sql.as_bytes());
        if !same_version || !same_text {
            let why = format!("its schema was made by another migration {}", migration.version);
            return Err(LedgerError::NotALedger { why });
        }
    }
    Ok(rows.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_from_one_without_gaps() {
        let versions: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        let expected: Vec<_> = (1..).take(MIGRATIONS.len()).collect();
        assert_eq!(versions, expected);
    }
}
