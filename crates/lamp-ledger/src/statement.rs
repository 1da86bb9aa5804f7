//! Statements: named, listed, and the same text for both databases.
//!
//! Only [`Statement`]s are run, and each is listed by its module, so that a test can prepare all of them
//! on both databases and see which tables are only ever inserted into.

use sqlx::Any;
use sqlx::any::AnyArguments;
use sqlx::query::Query;

/// One SQL text.
///
/// Never bind an `Option<f64>`: the `Any` driver sends a missing `f64` to Postgres as another type than a
/// present one, and a cached statement accepts only the type that it was first prepared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    /// Its name in the code.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) sql: &'static str,
}

impl Statement {
    /// A query that waits for its parameters.
    pub(crate) fn query(self) -> Query<'static, Any, AnyArguments> {
        sqlx::query(self.sql)
    }
}

/// Declares statements as constants and lists them in `STATEMENTS`.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$doc])* const $name: $crate::statement::Statement =
            $crate::statement::Statement { name: stringify!($name), sql: $sql };)+

        /// Every statement of this module.
        pub(crate) const STATEMENTS: &[$crate::statement::Statement] = &[$($name),+];
    };
}
pub(crate) use statements;

/// Offers functions of this module over a connection as methods of both `Ledger` and `Tx`.
macro_rules! reads {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $answer:ty;)+) => {
        impl $crate::Ledger {
            $($(#[$doc])*
            pub async fn $name(&self, $($argument: $type),*) -> $crate::Result<$answer> {
                let mut connection = self.connection().await?;
                $name(&mut connection, $($argument),*).await
            })+
        }

        impl $crate::Tx {
            $($(#[$doc])*
            pub async fn $name(&mut self, $($argument: $type),*) -> $crate::Result<$answer> {
                let answer = $name(self.enter()?, $($argument),*).await;
                self.leave(answer)
            })+
        }
    };
}
pub(crate) use reads;

/// Offers functions of this module over a connection as methods of `Tx`.
macro_rules! writes {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $answer:ty;)+) => {
        impl $crate::Tx {
            $($(#[$doc])*
            pub async fn $name(&mut self, $($argument: $type),*) -> $crate::Result<$answer> {
                let answer = $name(self.enter()?, $($argument),*).await;
                self.leave(answer)
            })+
        }
    };
}
pub(crate) use writes;

/// Every statement of this crate.
pub(crate) fn all() -> impl Iterator<Item = Statement> {
    [
        crate::audit::STATEMENTS,
        crate::checks::STATEMENTS,
        crate::datasets::STATEMENTS,
        crate::draws::STATEMENTS,
        crate::duties::STATEMENTS,
        crate::estimates::STATEMENTS,
        crate::incidents::STATEMENTS,
        crate::jobs::STATEMENTS,
        crate::labels::STATEMENTS,
        crate::looks::STATEMENTS,
        crate::migrate::STATEMENTS,
        crate::models::STATEMENTS,
        crate::outbox::STATEMENTS,
        crate::replicas::STATEMENTS,
        crate::rotas::STATEMENTS,
        crate::rotations::STATEMENTS,
        crate::routes::STATEMENTS,
        crate::runs::STATEMENTS,
        crate::tokens::STATEMENTS,
        crate::users::STATEMENTS,
        crate::studies::STATEMENTS,
        crate::surprises::STATEMENTS,
        crate::test_reports::STATEMENTS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of these tables are never changed and never removed.
    const APPEND_ONLY: [&str; 18] = [
        "audit_events",
        "approvals",
        "checks",
        "dataset_versions",
        "drawn_predictions",
        "duty_columns",
        "duty_events",
        "duty_verdicts",
        "estimates",
        "judgement_decisions",
        "judgements",
        "label_draws",
        "labels",
        "logged_answers",
        "rota_swaps",
        "route_changes",
        "studies",
        "test_reports",
    ];

    #[test]
    fn nothing_updates_or_deletes_what_is_append_only() {
        for statement in all() {
            let words: Vec<_> = statement.sql.split_whitespace().collect();
            let changed = words.windows(2).find_map(|pair| match pair {
                ["UPDATE", table] if *table != "SET" => Some(*table),
                ["DELETE", "FROM"] => words.get(2).copied(),
                _ => None,
            });
            let forbidden = changed.is_some_and(|table| APPEND_ONLY.contains(&table));
            assert!(!forbidden, "{} changes {changed:?}", statement.name);
            let upserts = statement.sql.contains("DO UPDATE");
            let into = words.iter().position(|word| *word == "INTO").and_then(|at| words.get(at + 1));
            let into_append_only = into.is_some_and(|table| APPEND_ONLY.contains(table));
            assert!(!(upserts && into_append_only), "{} overwrites a row of {into:?}", statement.name);
        }
    }
}
