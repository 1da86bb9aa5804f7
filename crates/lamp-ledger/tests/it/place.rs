//! Where the ledger under test is.

use lamp_ledger::Ledger;
use lamp_testkit::postgres::TestPostgres;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use tempfile::TempDir;

/// A new, empty place for a ledger.
pub struct Place {
    pub url: String,
    _kept: Kept,
}

enum Kept {
    Folder { _folder: TempDir },
    Database { _database: TestPostgres },
}

impl Place {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join(".lamp/ledger.db").display());
        Self { url, _kept: Kept::Folder { _folder: folder } }
    }

    /// Nothing, if Postgres is to be left out.
    pub fn postgres() -> Option<Self> {
        if lamp_testkit::is_skipped(lamp_testkit::SKIP_POSTGRES_VARIABLE) {
            return None;
        }
        let database = TestPostgres::start();
        Some(Self { url: database.url().to_owned(), _kept: Kept::Database { _database: database } })
    }

    pub async fn open(&self) -> Ledger {
        Ledger::open(&self.url).await.expect("the ledger opens")
    }

    /// Runs SQL behind the ledger's back.
    pub async fn tamper(&self, sql: &str) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url).await.expect("a connection");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect(sql);
        connection.close().await.expect("the connection ends");
    }
}

/// Makes tests of functions that take a [`Place`]: one on each database.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name($crate::place::Place::sqlite()).await;
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                let Some(place) = $crate::place::Place::postgres() else { return };
                super::$name(place).await;
            })+
        }
    };
}
pub(crate) use on_both;

/// The kind of an error, and that it is an error at all.
pub fn kind<T: std::fmt::Debug>(answer: Result<T, lamp_ledger::LedgerError>) -> lamp_core::error::Kind {
    use lamp_core::error::Classified;
    answer.expect_err("this must fail").kind()
}
