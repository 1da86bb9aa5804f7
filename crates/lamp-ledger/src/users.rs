//! Users.

use lamp_core::access::AccessRole;
use lamp_core::account::{Email, User};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

macro_rules! columns {
    () => {
        "email, role, disabled, created_by, created_auth, created_at"
    };
}

macro_rules! select {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            ", CAST(CASE WHEN password IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_password FROM users"
        )
    };
}

statements! {
    ADD = concat!(
        "INSERT INTO users (seq, password, ", columns!(), ") ",
        "VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM users), $1, $2, $3, 0, $4, $5, $6)"
    );
    FIND = concat!(select!(), " WHERE email = $1");
    ALL = concat!(select!(), " ORDER BY seq");
    COUNT_ADMINS = "SELECT COUNT(*) AS admins FROM users WHERE role = 'admin' AND disabled = 0";
    PASSWORD = "SELECT password FROM users WHERE email = $1";
    SET_ROLE = "UPDATE users SET role = $2 WHERE email = $1";
    SET_DISABLED = "UPDATE users SET disabled = $2 WHERE email = $1";
    SET_PASSWORD = "UPDATE users SET password = $2 WHERE email = $1";
}

reads! {
    /// A user by address.
    fn find_user(email: &Email) -> Option<User>;
    /// Every user, in the order in which they were added.
    fn users() -> Vec<User>;
    /// How many users can keep users: admins that are not disabled.
    fn count_admins() -> u64;
    /// The hash of a user's password, as it was given; none without a password, or without such a user.
    fn find_password(email: &Email) -> Option<String>;
}

writes! {
    /// Adds a user. The same address again is a conflict.
    fn add_user(user: &User, password: Option<&str>) -> ();
    /// Gives a user another role.
    fn set_user_role(email: &Email, role: AccessRole) -> ();
    /// Shuts a user out, or lets them in again.
    fn set_user_disabled(email: &Email, is_disabled: bool) -> ();
    /// Replaces the hash of a user's password.
    fn set_password(email: &Email, password: &str) -> ();
}

fn user(row: &AnyRow) -> Result<User> {
    let record = Record::new(row, "user");
    Ok(User {
        email: record.parse("email", |text| Email::parse(text).ok())?,
        role: record.parse("role", AccessRole::parse)?,
        is_disabled: record.flag("disabled")?,
        has_password: record.flag("has_password")?,
        created_at: record.time("created_at")?,
        created_by: record.actor("created_by", "created_auth")?,
    })
}

async fn add_user(connection: &mut AnyConnection, user: &User, password: Option<&str>) -> Result<()> {
    if find_user(connection, &user.email).await?.is_some() {
        return Err(LedgerError::conflict(format!("there is a user {} already", user.email)));
    }
    ADD.query()
        .bind(row::optional_text("a password's hash", password)?)
        .bind(user.email.as_str())
        .bind(user.role.as_str())
        .bind(row::text("an actor's name", &user.created_by.name)?)
        .bind(user.created_by.auth.as_str())
        .bind(row::micros(user.created_at))
        .execute(connection)
        .await?;
    Ok(())
}

async fn find_user(connection: &mut AnyConnection, email: &Email) -> Result<Option<User>> {
    let row = FIND.query().bind(email.as_str()).fetch_optional(connection).await?;
    row.as_ref().map(user).transpose()
}

async fn users(connection: &mut AnyConnection) -> Result<Vec<User>> {
    ALL.query().fetch_all(connection).await?.iter().map(user).collect()
}

async fn count_admins(connection: &mut AnyConnection) -> Result<u64> {
    let row = COUNT_ADMINS.query().fetch_one(connection).await?;
    Record::new(&row, "count").number("admins")
}

async fn find_password(connection: &mut AnyConnection, email: &Email) -> Result<Option<String>> {
    let row = PASSWORD.query().bind(email.as_str()).fetch_optional(connection).await?;
    Ok(row.map(|row| Record::new(&row, "user").optional_text("password")).transpose()?.flatten())
}

async fn set_user_role(connection: &mut AnyConnection, email: &Email, role: AccessRole) -> Result<()> {
    let query = SET_ROLE.query().bind(email.as_str()).bind(role.as_str());
    require_one(email, query.execute(connection).await?.rows_affected())
}

async fn set_user_disabled(connection: &mut AnyConnection, email: &Email, is_disabled: bool) -> Result<()> {
    let query = SET_DISABLED.query().bind(email.as_str()).bind(i64::from(is_disabled));
    require_one(email, query.execute(connection).await?.rows_affected())
}

async fn set_password(connection: &mut AnyConnection, email: &Email, password: &str) -> Result<()> {
    let query = SET_PASSWORD.query().bind(email.as_str()).bind(row::text("a password's hash", password)?);
    require_one(email, query.execute(connection).await?.rows_affected())
}

fn require_one(email: &Email, found: u64) -> Result<()> {
    if found == 1 { Ok(()) } else { Err(LedgerError::not_found(format!("there is no user {email}"))) }
}
