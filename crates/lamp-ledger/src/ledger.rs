//! The ledger and its transactions.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::AnyConnection;
use sqlx::any::AnyPoolOptions;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyPool, Connection, Executor, SqlSafeStr, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::dialect::{Address, Dialect, LOCK_WAIT_MAX};
use crate::{LedgerError, Result, migrate, statement};

/// Connections of one process: one writes, the others read.
const CONNECTIONS_MAX: u32 = 8;
/// How long to wait for a server to take a connection.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(10);

/// What happened, on SQLite or Postgres. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Ledger {
    pool: AnyPool,
    dialect: Dialect,
    /// Writers of this process queue here, in order, without holding a connection each.
    turn: Arc<Semaphore>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Opens the ledger at `sqlite:PATH` (relative to the current folder; the folder and the file are
    /// created) or `postgres://…`, and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let Address { dialect, url } = Address::prepare(url)?;
        let too_late = || LedgerError::Unavailable { why: "the database does not answer".to_owned() };
        let mut first = timeout(CONNECT_WAIT_MAX, AnyConnection::connect(&url)).await.map_err(|_| too_late())??;
        dialect.set_up_first(&mut first).await?;
        migrate::migrate(&mut first, dialect).await?;
        // Its end is of no interest: what it did is committed.
        let _ = first.close().await;

        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(LOCK_WAIT_MAX)
            .after_connect(move |connection, _| Box::pin(dialect.set_up(connection)))
            .connect_lazy(&url)?;
        Ok(Self { pool, dialect, turn: Arc::new(Semaphore::new(1)) })
    }

    /// Starts a write transaction, after the one before it has ended. Keep it short: all other writers,
    /// of this process and of others, wait for it.
    pub async fn begin(&self) -> Result<Tx> {
        let busy = || LedgerError::Unavailable { why: "another transaction has not ended".to_owned() };
        let turn = timeout(LOCK_WAIT_MAX, Arc::clone(&self.turn).acquire_owned())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())?;
        let mut inner = self.pool.begin_with(self.dialect.begin_write()).await?;
        self.dialect.take_writers_turn(&mut inner).await?;
        Ok(Tx { open: Some(Open { inner, _turn: turn }), entered: false })
    }

    /// `sqlite` or `postgres`.
    pub fn database(&self) -> &'static str {
        self.dialect.name()
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<()> {
        self.connection().await?.ping().await?;
        Ok(())
    }

    /// Has the database read every statement that this crate can send, and returns how many there are.
    /// Fails on the first that does not fit the schema.
    pub async fn check_statements(&self) -> Result<usize> {
        let mut connection = self.connection().await?;
        let mut count = 0;
        for statement in statement::all() {
            tracing::trace!(statement = statement.name, "preparing");
            connection.prepare(statement.sql.into_sql_str()).await?;
            count += 1;
        }
        Ok(count)
    }

    /// Ends all connections, after the work on them has ended.
    pub async fn close(self) {
        self.pool.close().await;
    }

    pub(crate) async fn connection(&self) -> Result<PoolConnection<Any>> {
        Ok(self.pool.acquire().await?)
    }

    /// A transaction that sees one state of the world and writes nothing.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Any>> {
        Ok(self.pool.begin_with(self.dialect.begin_snapshot()).await?)
    }
}

/// A write transaction. Dropping it rolls it back.
///
/// The first error rolls it back at once and gives the turn to the next writer; when a call was cancelled
/// half-way, nothing of the transaction can be saved either. (Postgres would turn such a commit into a rollback
/// without a word.) Start a new one.
#[must_use = "a transaction that is not committed saves nothing"]
pub struct Tx {
    /// Nothing after an error.
    open: Option<Open>,
    /// Set while an operation goes on, so that one that was cancelled is noticed.
    entered: bool,
}

struct Open {
    inner: Transaction<'static, Any>,
    /// Given back after `inner` has begun to roll back: fields are dropped in order.
    _turn: OwnedSemaphorePermit,
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("open", &self.open.is_some()).finish_non_exhaustive()
    }
}

impl Tx {
    /// Saves everything, or, on an error, nothing. If the connection breaks while this waits, only asking the
    /// ledger tells which.
    pub async fn commit(mut self) -> Result<()> {
        let cancelled = self.entered;
        match self.open.take() {
            Some(open) if !cancelled => {
                // The turn ends when the commit has.
                let Open { inner, _turn } = open;
                Ok(inner.commit().await?)
            }
            Some(_) | None => Err(LedgerError::TransactionFailed),
        }
    }

    /// Saves nothing, and waits until that is so.
    pub async fn rollback(mut self) -> Result<()> {
        if let Some(Open { inner, _turn }) = self.open.take() {
            inner.rollback().await?;
        }
        Ok(())
    }

    /// The connection, for one operation that [`Self::leave`] must end.
    pub(crate) fn enter(&mut self) -> Result<&mut AnyConnection> {
        let cancelled = self.entered;
        match &mut self.open {
            Some(open) if !cancelled => {
                self.entered = true;
                Ok(&mut open.inner)
            }
            Some(_) | None => Err(LedgerError::TransactionFailed),
        }
    }

    /// Ends an operation.
    pub(crate) fn leave<T>(&mut self, answer: Result<T>) -> Result<T> {
        self.entered = false;
        if answer.is_err() {
            self.open = None;
        }
        answer
    }
}
