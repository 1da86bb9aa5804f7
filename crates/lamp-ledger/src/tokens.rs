//! Personal tokens and sessions, by the digests of their secrets.

use jiff::Timestamp;
use jiff::civil::Date;
use lamp_core::account::{Email, Session, Token};
use lamp_core::digest::Digest;
use lamp_core::ids::TokenId;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

macro_rules! columns {
    () => {
        "id, email, name, created_at, expires_at, last_used_on, revoked_at"
    };
}

statements! {
    ADD = concat!(
        "INSERT INTO tokens (seq, secret, ", columns!(), ") ",
        "VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM tokens), $1, $2, $3, $4, $5, $6, NULL, NULL)"
    );
    BY_ID = concat!("SELECT ", columns!(), " FROM tokens WHERE id = $1");
    BY_SECRET = concat!("SELECT ", columns!(), " FROM tokens WHERE secret = $1");
    ALL = concat!("SELECT ", columns!(), " FROM tokens ORDER BY seq DESC");
    OF_USER = concat!("SELECT ", columns!(), " FROM tokens WHERE email = $1 ORDER BY seq DESC");
    USED = "UPDATE tokens SET last_used_on = $2 WHERE id = $1";
    REVOKE = "UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    BEGIN = "INSERT INTO sessions (secret, email, created_at, seen_at) VALUES ($1, $2, $3, $4)";
    SESSION = "SELECT email, created_at, seen_at FROM sessions WHERE secret = $1";
    SEEN = "UPDATE sessions SET seen_at = $2 WHERE secret = $1 AND seen_at < $2";
    END = "DELETE FROM sessions WHERE secret = $1";
    END_OF_USER = "DELETE FROM sessions WHERE email = $1";
    END_OLD = "DELETE FROM sessions WHERE created_at < $1 OR seen_at < $2";
}

reads! {
    /// A token by id.
    fn find_token(id: TokenId) -> Option<Token>;
    /// The token whose secret has this digest.
    fn find_token_by_secret(secret: Digest) -> Option<Token>;
    /// Tokens, newest first; everybody's, or one user's.
    fn tokens(of: Option<&Email>) -> Vec<Token>;
    /// The session whose secret has this digest.
    fn find_session(secret: Digest) -> Option<Session>;
}

writes! {
    /// Adds a token.
    fn add_token(token: &Token, secret: Digest) -> ();
    /// Notes the day on which a token was used.
    fn token_used(id: TokenId, on: Date) -> ();
    /// Takes a token back. One that was taken back already is a conflict.
    fn revoke_token(id: TokenId, at: Timestamp) -> ();
    /// Begins a session.
    fn begin_session(session: &Session, secret: Digest) -> ();
    /// Notes that a session was used.
    fn session_seen(secret: Digest, at: Timestamp) -> ();
    /// Ends a session; says whether there was one.
    fn end_session(secret: Digest) -> bool;
    /// Ends every session of a user; says how many.
    fn end_sessions_of(email: &Email) -> u64;
    /// Forgets sessions that began before the first instant or were last used before the second.
    fn end_old_sessions(begun_before: Timestamp, seen_before: Timestamp) -> u64;
}

fn email(record: Record<'_>) -> Result<Email> {
    record.parse("email", |text| Email::parse(text).ok())
}

fn token(row: &AnyRow) -> Result<Token> {
    let record = Record::new(row, "token");
    Ok(Token {
        id: record.parse("id", TokenId::parse)?,
        email: email(record)?,
        name: record.text("name")?,
        created_at: record.time("created_at")?,
        expires_at: record.time("expires_at")?,
        last_used_on: record.optional_parse("last_used_on", |text| text.parse().ok())?,
        revoked_at: record.optional_time("revoked_at")?,
    })
}

async fn add_token(connection: &mut AnyConnection, token: &Token, secret: Digest) -> Result<()> {
    ADD.query()
        .bind(secret.to_hex())
        .bind(token.id.to_string())
        .bind(token.email.as_str())
        .bind(row::text("a token's name", &token.name)?)
        .bind(row::micros(token.created_at))
        .bind(row::micros(token.expires_at))
        .execute(connection)
        .await?;
    Ok(())
}

async fn find_token(connection: &mut AnyConnection, id: TokenId) -> Result<Option<Token>> {
    let row = BY_ID.query().bind(id.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(token).transpose()
}

async fn find_token_by_secret(connection: &mut AnyConnection, secret: Digest) -> Result<Option<Token>> {
    let row = BY_SECRET.query().bind(secret.to_hex()).fetch_optional(connection).await?;
    row.as_ref().map(token).transpose()
}

async fn tokens(connection: &mut AnyConnection, of: Option<&Email>) -> Result<Vec<Token>> {
    let query = match of {
        Some(email) => OF_USER.query().bind(email.as_str()),
        None => ALL.query(),
    };
    query.fetch_all(connection).await?.iter().map(token).collect()
}

async fn token_used(connection: &mut AnyConnection, id: TokenId, on: Date) -> Result<()> {
    USED.query().bind(id.to_string()).bind(on.to_string()).execute(connection).await?;
    Ok(())
}

async fn revoke_token(connection: &mut AnyConnection, id: TokenId, at: Timestamp) -> Result<()> {
    let query = REVOKE.query().bind(id.to_string()).bind(row::micros(at));
    let revoked = query.execute(&mut *connection).await?.rows_affected();
    if revoked == 1 {
        return Ok(());
    }
    match find_token(connection, id).await? {
        Some(_) => Err(LedgerError::conflict(format!("token {id} was revoked before"))),
        None => Err(LedgerError::not_found(format!("there is no token {id}"))),
    }
}

async fn begin_session(connection: &mut AnyConnection, session: &Session, secret: Digest) -> Result<()> {
    BEGIN
        .query()
        .bind(secret.to_hex())
        .bind(session.email.as_str())
        .bind(row::micros(session.created_at))
        .bind(row::micros(session.seen_at))
        .execute(connection)
        .await?;
    Ok(())
}

async fn find_session(connection: &mut AnyConnection, secret: Digest) -> Result<Option<Session>> {
    let Some(row) = SESSION.query().bind(secret.to_hex()).fetch_optional(connection).await? else { return Ok(None) };
    let record = Record::new(&row, "session");
    Ok(Some(Session {
        email: email(record)?,
        created_at: record.time("created_at")?,
        seen_at: record.time("seen_at")?,
    }))
}

async fn session_seen(connection: &mut AnyConnection, secret: Digest, at: Timestamp) -> Result<()> {
    SEEN.query().bind(secret.to_hex()).bind(row::micros(at)).execute(connection).await?;
    Ok(())
}

async fn end_session(connection: &mut AnyConnection, secret: Digest) -> Result<bool> {
    Ok(END.query().bind(secret.to_hex()).execute(connection).await?.rows_affected() > 0)
}

async fn end_sessions_of(connection: &mut AnyConnection, email: &Email) -> Result<u64> {
    Ok(END_OF_USER.query().bind(email.as_str()).execute(connection).await?.rows_affected())
}

async fn end_old_sessions(
    connection: &mut AnyConnection,
    begun_before: Timestamp,
    seen_before: Timestamp,
) -> Result<u64> {
    let query = END_OLD.query().bind(row::micros(begun_before)).bind(row::micros(seen_before));
    Ok(query.execute(connection).await?.rows_affected())
}
