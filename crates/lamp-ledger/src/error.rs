//! What can go wrong in the ledger, classed once.

use std::path::PathBuf;

use lamp_core::error::{Classified, Kind};

use crate::dialect;

/// The result of asking the ledger something.
pub type Result<T> = std::result::Result<T, LedgerError>;

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Somebody else was first, or the thing is not in the state that this needs.
    #[error("{what}")]
    Conflict {
        /// What does not fit, as a clause.
        what: String,
    },
    /// Something that was named, or that a new row refers to, is not in the ledger.
    #[error("{what}")]
    NotFound {
        /// What is missing, as a clause.
        what: String,
    },
    /// The database did not answer, or is busy; the same request may succeed later.
    #[error("the ledger cannot be reached: {why}")]
    Unavailable {
        /// What the database or the system said.
        why: String,
    },
    /// A ledger's address that cannot be right.
    #[error("the ledger's address is not usable: {why}")]
    Address {
        /// Which rule it breaks. Never holds the address itself: it may contain a password.
        why: String,
    },
    /// SQLite cannot lock files reliably there.
    #[error("`{}` is on a network file system ({kind}), where SQLite can lose data", path.display())]
    NetworkFileSystem {
        /// The folder.
        path: PathBuf,
        /// The file system: `nfs`, `smb`, …
        kind: &'static str,
    },
    /// The file or database holds something else.
    #[error("this is not a ledger: {why}")]
    NotALedger {
        /// How we know.
        why: String,
    },
    /// A newer Lamplighter has changed the schema.
    #[error("the ledger has schema {found}, and this version of lamp knows schemas up to {known}")]
    SchemaTooNew {
        /// The newest migration applied.
        found: i64,
        /// The newest migration that this build has.
        known: i64,
    },
    /// A value that neither database can keep.
    #[error("{what} cannot be kept in the ledger: {why}")]
    Unstorable {
        /// What was to be kept.
        what: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// A row that does not say what a row of its table must say.
    #[error("the ledger's record of a {what} is damaged: `{column}` {why}")]
    Damaged {
        /// What the row stands for: `run`, `audit event`, …
        what: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A transaction in which a statement failed was used again.
    #[error("this transaction failed earlier, so nothing of it is saved")]
    TransactionFailed,
    /// A failure that we did not foresee.
    #[error("the ledger's database failed: {0}")]
    Database(#[source] sqlx::Error),
}

impl LedgerError {
    pub(crate) fn conflict(what: impl Into<String>) -> Self {
        Self::Conflict { what: what.into() }
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }
}

impl Classified for LedgerError {
    fn kind(&self) -> Kind {
        match self {
            Self::Conflict { .. } => Kind::Conflict,
            Self::NotFound { .. } => Kind::NotFound,
            Self::Unavailable { .. } => Kind::Unavailable,
            Self::Address { .. }
            | Self::NetworkFileSystem { .. }
            | Self::NotALedger { .. }
            | Self::SchemaTooNew { .. }
            | Self::Unstorable { .. } => Kind::Invalid,
            Self::Damaged { .. } | Self::TransactionFailed | Self::Database(_) => Kind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Conflict { .. } => "look at what changed, then try again",
            Self::Unavailable { .. } => {
                "see that the disk has room and the database runs, then try the same command again"
            }
            Self::Address { .. } => {
                "set `ledger = \"sqlite:.lamp/ledger.db\"` or `ledger = \"postgres://…\"` in lamp.toml"
            }
            Self::NetworkFileSystem { .. } => {
                "put the ledger on a local disk, or set `ledger = \"postgres://…\"` in lamp.toml to share it"
            }
            Self::NotALedger { .. } => "point `ledger` in lamp.toml at a new file or an empty database",
            Self::SchemaTooNew { .. } => "upgrade lamp to the version that your team uses",
            Self::Damaged { .. } => "restore the ledger from a backup, or repair the row by hand",
            Self::NotFound { .. } | Self::Unstorable { .. } | Self::TransactionFailed | Self::Database(_) => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => match dialect::classify(error.as_ref()) {
                dialect::Fault::Conflict => Self::conflict(format!("somebody else was first: {}", error.message())),
                dialect::Fault::Missing => {
                    Self::not_found(format!("something that this refers to is not in the ledger: {}", error.message()))
                }
                dialect::Fault::Unavailable => Self::Unavailable { why: error.message().to_owned() },
                dialect::Fault::NotALedger => Self::NotALedger { why: error.message().to_owned() },
                dialect::Fault::Address => Self::Address { why: error.message().to_owned() },
                dialect::Fault::Other => Self::Database(sqlx::Error::Database(error)),
            },
            sqlx::Error::Io(error) => Self::Unavailable { why: error.to_string() },
            sqlx::Error::Tls(error) => Self::Unavailable { why: error.to_string() },
            sqlx::Error::PoolTimedOut => Self::Unavailable { why: "all connections are busy".to_owned() },
            sqlx::Error::PoolClosed => Self::Unavailable { why: "it was closed".to_owned() },
            sqlx::Error::WorkerCrashed => Self::Unavailable { why: "the connection broke".to_owned() },
            sqlx::Error::Configuration(error) => Self::Address { why: error.to_string() },
            other => Self::Database(other),
        }
    }
}
