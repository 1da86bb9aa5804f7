//! The queue of follow-up work. A job without a lease waits; a finished job has no row.

use jiff::Timestamp;
use lamp_core::ids::JobId;
use lamp_core::job::Job;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

macro_rules! columns {
    () => {
        "id, kind, due_at, attempts, job_key"
    };
}

statements! {
    ENQUEUE = concat!(
        "INSERT INTO jobs (seq, ", columns!(), ") ",
        "VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM jobs), $1, $2, $3, $4, $5) ",
        "ON CONFLICT (job_key) WHERE lease_until IS NULL DO NOTHING"
    );
    CLAIM = concat!(
        "UPDATE jobs SET lease_until = $2, attempts = attempts + 1 WHERE id = (",
        "SELECT id FROM jobs WHERE (lease_until IS NULL AND due_at <= $1) OR lease_until <= $1 ",
        "ORDER BY due_at, seq LIMIT 1) RETURNING ", columns!()
    );
    FINISH = "DELETE FROM jobs WHERE id = $1 AND lease_until IS NOT NULL";
    RETRY = "UPDATE jobs SET lease_until = NULL, due_at = $2, last_error = $3 \
             WHERE id = $1 AND lease_until IS NOT NULL AND NOT EXISTS (\
             SELECT 1 FROM jobs n WHERE n.job_key = jobs.job_key AND n.lease_until IS NULL)";
    WAITING = concat!("SELECT ", columns!(), " FROM jobs WHERE lease_until IS NULL ORDER BY due_at, seq LIMIT $1");
}

reads! {
    /// The next `limit` jobs that wait, in the order in which they are due.
    fn waiting_jobs(limit: u32) -> Vec<Job>;
}

writes! {
    /// Queues a job, unless one with the same key waits already; says whether it did.
    fn enqueue(job: &Job) -> bool;
    /// Takes the job that has been due longest, or whose lease ran out, and leases it until `lease_until`.
    /// Once that has passed, another worker may take it: a job must be able to run twice.
    fn claim_job(now: Timestamp, lease_until: Timestamp) -> Option<Job>;
    /// Ends a claimed job.
    fn finish_job(id: JobId) -> ();
    /// Puts a claimed job back, to be tried again at `due_at`. If another with the same key waits by now,
    /// that one does the work, and this one ends.
    fn retry_job(id: JobId, due_at: Timestamp, error: &str) -> ();
}

fn job(row: &AnyRow) -> Result<Job> {
    let record = Record::new(row, "job");
    Ok(Job {
        id: record.parse("id", JobId::parse)?,
        kind: record.json("kind")?,
        due_at: record.time("due_at")?,
        attempts: record.number("attempts")?,
        key: record.text("job_key")?,
    })
}

async fn enqueue(connection: &mut AnyConnection, job: &Job) -> Result<bool> {
    let queued = ENQUEUE
        .query()
        .bind(job.id.to_string())
        .bind(row::json("a job", &job.kind)?)
        .bind(row::micros(job.due_at))
        .bind(i64::from(job.attempts))
        .bind(row::text("a job's key", &job.key)?)
        .execute(connection)
        .await?
        .rows_affected();
    Ok(queued == 1)
}

async fn claim_job(connection: &mut AnyConnection, now: Timestamp, lease_until: Timestamp) -> Result<Option<Job>> {
    let query = CLAIM.query().bind(row::micros(now)).bind(row::micros(lease_until));
    let row = query.fetch_optional(connection).await?;
    row.as_ref().map(job).transpose()
}

async fn finish_job(connection: &mut AnyConnection, id: JobId) -> Result<()> {
    let finished = FINISH.query().bind(id.to_string()).execute(connection).await?.rows_affected();
    if finished == 0 {
        return Err(LedgerError::conflict(format!("job {id} is not claimed")));
    }
    Ok(())
}

async fn retry_job(connection: &mut AnyConnection, id: JobId, due_at: Timestamp, error: &str) -> Result<()> {
    let back = RETRY
        .query()
        .bind(id.to_string())
        .bind(row::micros(due_at))
        .bind(row::text("a job's error", error)?)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if back == 1 {
        return Ok(());
    }
    finish_job(connection, id).await
}

async fn waiting_jobs(connection: &mut AnyConnection, limit: u32) -> Result<Vec<Job>> {
    WAITING.query().bind(i64::from(limit)).fetch_all(connection).await?.iter().map(job).collect()
}
