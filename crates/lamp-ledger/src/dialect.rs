//! Everything in which SQLite and Postgres differ. Nothing else in this crate asks which one it is.

use std::path::Path;
use std::time::Duration;

use sqlx::AnyConnection;
use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteError;
use sqlx::{AssertSqlSafe, Row};

use crate::filesystem::network_file_system;
use crate::{LedgerError, Result};

/// How long a statement waits for another one's lock.
pub(crate) const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);

/// Tries to set up a connection while another process turns the same new file into a ledger.
const SETUP_ATTEMPTS_MAX: u32 = 100;
const SETUP_PAUSE: Duration = Duration::from_millis(50);

/// Which database keeps the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// One file on a local disk.
    Sqlite,
    /// A server.
    Postgres,
}

/// Where a ledger is, in the form that the driver reads.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) dialect: Dialect,
    pub(crate) url: String,
}

impl Address {
    /// Reads `sqlite:PATH` (making the folder of PATH) or `postgres://…`.
    pub(crate) fn prepare(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Ok(Self { dialect: Dialect::Sqlite, url: sqlite_url(path)? });
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self { dialect: Dialect::Postgres, url: url.to_owned() });
        }
        Err(LedgerError::Address { why: "it starts with neither `sqlite:` nor `postgres://`".to_owned() })
    }
}

fn sqlite_url(path: &str) -> Result<String> {
    let refuse = |why: &str| Err(LedgerError::Address { why: why.to_owned() });
    if path.contains('?') {
        return refuse("a SQLite path takes no parameters");
    }
    if path.starts_with(":memory:") {
        return refuse("a ledger in memory would be forgotten");
    }
    let Some(file) = Path::new(path).file_name() else {
        return refuse("`sqlite:` needs the path of a file");
    };
    let folder = match Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let unavailable =
        |error: std::io::Error| LedgerError::Unavailable { why: format!("{}: {error}", folder.display()) };
    std::fs::create_dir_all(folder).map_err(unavailable)?;
    let folder = folder.canonicalize().map_err(unavailable)?;
    if let Some(kind) = network_file_system(&folder).map_err(unavailable)? {
        return Err(LedgerError::NetworkFileSystem { path: folder, kind });
    }
    let file = folder.join(file);
    if file.is_dir() {
        return refuse("it is a folder, not a file");
    }
    let Some(file) = file.to_str() else {
        return refuse("its folder's name is not UTF-8");
    };
    Ok(format!("sqlite://{}?mode=rwc", percent_encoded(file)))
}

/// Escapes everything that has a meaning in a URL; the driver undoes it.
fn percent_encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

impl Dialect {
    /// The database's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// Starts a transaction that will write.
    pub(crate) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            // The snapshot must be taken after the writer's lock, so each statement takes its own.
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }

    /// Starts a transaction that reads one state of the world.
    pub(crate) const fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Waits until no other transaction writes, and keeps others waiting until this one ends.
    /// SQLite has done so at `BEGIN IMMEDIATE`.
    pub(crate) async fn take_writers_turn(self, connection: &mut AnyConnection) -> Result<()> {
        match self {
            Self::Sqlite => Ok(()),
            Self::Postgres => {
                // The number is "lamp" in ASCII; such locks are counted apart in each database of a server.
                sqlx::raw_sql("SELECT pg_advisory_xact_lock(1818324336)").execute(connection).await?;
                Ok(())
            }
        }
    }

    /// Makes a new connection behave: locks wait but not forever, and a commit is on the disk.
    pub(crate) async fn set_up(self, connection: &mut AnyConnection) -> sqlx::Result<()> {
        let wait = LOCK_WAIT_MAX.as_millis();
        let settings = match self {
            Self::Sqlite => format!(
                "PRAGMA busy_timeout = {wait}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA foreign_keys = ON"
            ),
            // A client that hangs inside a transaction must not keep every other writer waiting.
            Self::Postgres => format!(
                "SET lock_timeout = '{wait}ms'; SET idle_in_transaction_session_timeout = '60s'; \
                 SET synchronous_commit = 'on'"
            ),
        };
        sqlx::raw_sql(AssertSqlSafe(settings)).execute(connection).await?;
        Ok(())
    }

    /// [`Self::set_up`] for the first connection, which may meet other processes that do the same.
    pub(crate) async fn set_up_first(self, connection: &mut AnyConnection) -> Result<()> {
        let mut attempt = 1;
        loop {
            match self.set_up(connection).await.map_err(LedgerError::from) {
                Err(LedgerError::Unavailable { .. }) if attempt < SETUP_ATTEMPTS_MAX => {
                    attempt += 1;
                    tokio::time::sleep(SETUP_PAUSE).await;
                }
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        match self {
            Self::Sqlite => {
                let mode: String = sqlx::raw_sql("PRAGMA journal_mode").fetch_one(connection).await?.try_get(0)?;
                if mode == "wal" {
                    Ok(())
                } else {
                    Err(LedgerError::Address {
                        why: format!("SQLite cannot use a write-ahead log there, only `{mode}`"),
                    })
                }
            }
            Self::Postgres => Ok(()),
        }
    }

    /// Counts all tables (`tables`) and the one that lists the applied migrations (`ours`).
    pub(crate) const fn count_tables(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT COUNT(*) AS tables, COUNT(CASE WHEN name = 'ledger_migrations' THEN 1 END) AS ours \
                 FROM sqlite_master WHERE type = 'table'"
            }
            Self::Postgres => {
                "SELECT COUNT(*) AS tables, COUNT(CASE WHEN table_name = 'ledger_migrations' THEN 1 END) AS ours \
                 FROM information_schema.tables WHERE table_schema = current_schema()"
            }
        }
    }
}

/// What a database's complaint means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A unique key is taken, or transactions cannot be put in order.
    Conflict,
    /// A row that is referred to does not exist.
    Missing,
    /// Busy, full, shutting down or out of reach.
    Unavailable,
    /// The file is not a database.
    NotALedger,
    /// There is no such database, or no such user.
    Address,
    /// A defect.
    Other,
}

/// Reads the code that came with a complaint.
pub(crate) fn classify(error: &dyn DatabaseError) -> Fault {
    if error.is_unique_violation() {
        return Fault::Conflict;
    }
    if error.is_foreign_key_violation() {
        return Fault::Missing;
    }
    let code = error.code().unwrap_or_default();
    let is_sqlite = error.as_error().is::<SqliteError>();
    if is_sqlite { classify_sqlite(&code) } else { classify_postgres(&code) }
}

/// Result codes of `sqlite3.h`; the low byte is the primary one.
fn classify_sqlite(code: &str) -> Fault {
    match code.parse::<u32>().map(|code| code & 0xff) {
        // BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN
        Ok(5 | 6 | 8 | 10 | 13 | 14) => Fault::Unavailable,
        // NOTADB
        Ok(26) => Fault::NotALedger,
        Ok(_) | Err(_) => Fault::Other,
    }
}

/// SQLSTATE codes; the first two characters are the class.
fn classify_postgres(code: &str) -> Fault {
    match code.get(..2) {
        Some("40") => Fault::Conflict,
        // Connection, resources, operator intervention; lock_not_available; idle_in_transaction_session_timeout.
        Some("08" | "53" | "57") => Fault::Unavailable,
        _ if code == "55P03" || code == "25P03" => Fault::Unavailable,
        // Authorization and catalog names.
        Some("28" | "3D") => Fault::Address,
        Some(_) | None => Fault::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_classed() {
        for (code, fault) in [
            ("5", Fault::Unavailable),
            ("517", Fault::Unavailable),
            ("13", Fault::Unavailable),
            ("26", Fault::NotALedger),
            ("1", Fault::Other),
        ] {
            assert_eq!(classify_sqlite(code), fault, "{code}");
        }
        for (code, fault) in [
            ("40001", Fault::Conflict),
            ("40P01", Fault::Conflict),
            ("55P03", Fault::Unavailable),
            ("57P01", Fault::Unavailable),
            ("28P01", Fault::Address),
            ("3D000", Fault::Address),
            ("42601", Fault::Other),
            ("", Fault::Other),
        ] {
            assert_eq!(classify_postgres(code), fault, "{code}");
        }
    }

    #[test]
    fn only_two_kinds_of_address_are_known() {
        for bad in
            ["", "mysql://localhost/x", "ledger.db", "sqlite:", "sqlite::memory:", "sqlite:x.db?mode=ro", "sqlite:.."]
        {
            assert!(matches!(Address::prepare(bad), Err(LedgerError::Address { .. })), "{bad}");
        }
    }
}
