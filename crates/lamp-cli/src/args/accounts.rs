//! Arguments about users and their tokens.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use lamp_core::access::AccessRole;
use lamp_core::account::Email;

use super::Json;

#[derive(Debug, Subcommand)]
pub enum Users {
    Add(UsersAdd),
    /// List users
    Ls(Json),
    Role(UsersRole),
    /// Shut a user out
    ///
    /// At once: their sessions end and their tokens let nobody in. Their name stays on what they did.
    Disable(UsersNamed),
    /// Let a disabled user in again
    Enable(UsersNamed),
    Password(UsersPassword),
}

fn role_parser() -> impl clap::builder::TypedValueParser<Value = AccessRole> {
    PossibleValuesParser::new(AccessRole::ALL.map(AccessRole::as_str))
        .try_map(|text| AccessRole::parse(&text).ok_or("this is not a role"))
}

/// Add a user
///
/// The first one is an admin. Asks for a password, twice, unless told otherwise.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp users add ada@example.com --role admin\n  lamp users add ci@example.com --role approver --no-password"
)]
pub struct UsersAdd {
    /// Their e-mail address, as in git's `user.email`.
    pub email: Email,
    /// What they are trusted with; each role may also do what the ones before it may.
    #[arg(long, value_parser = role_parser(), default_value = "viewer")]
    pub role: AccessRole,
    /// Read the password from the first line of standard input.
    #[arg(long, conflicts_with = "no_password")]
    pub password_stdin: bool,
    /// No password: only tokens let them in.
    #[arg(long)]
    pub no_password: bool,
}

/// Give a user another role
///
/// It counts from their next request on. One admin always remains.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp users role grace@example.com approver")]
pub struct UsersRole {
    /// The user.
    pub email: Email,
    /// What they are trusted with.
    #[arg(value_parser = role_parser())]
    pub role: AccessRole,
}

#[derive(Debug, Args)]
pub struct UsersNamed {
    /// The user.
    pub email: Email,
}

/// Give a user a new password
///
/// Their sessions end; their tokens stay.
#[derive(Debug, Args)]
pub struct UsersPassword {
    /// The user.
    pub email: Email,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    pub password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub enum Tokens {
    Create(TokensCreate),
    Ls(TokensLs),
    /// Take a token back
    Revoke(TokensRevoke),
}

/// Make a personal token
///
/// Its secret is shown once. It lets programs do what its owner may, as `LAMP_TOKEN` or as
/// `Authorization: Bearer …`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lamp tokens create laptop\n  lamp tokens create ci --user ci@example.com --days 30"
)]
pub struct TokensCreate {
    /// What it is for.
    pub name: String,
    /// Whose; yours by default.
    #[arg(long, value_name = "EMAIL")]
    pub user: Option<Email>,
    /// Days for which it is good.
    #[arg(long, value_name = "N", default_value_t = lamp_core::account::TOKEN_DAYS_DEFAULT)]
    pub days: u16,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// List tokens, without their secrets
#[derive(Debug, Args)]
pub struct TokensLs {
    /// Of this user; of everybody by default.
    #[arg(long, value_name = "EMAIL")]
    pub user: Option<Email>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct TokensRevoke {
    /// Its id, or the start of it.
    pub token: String,
}

/// Sign in to the team's server
///
/// Asks for your password, and keeps a personal token of the server that `[workspace] server` names on this
/// machine, where only you can read it. CI sets `LAMP_TOKEN` instead.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lamp login\n  lamp login --email ada@example.com --password-stdin < password.txt")]
pub struct Login {
    /// Your e-mail address at the server; git's `user.email` by default.
    #[arg(long, value_name = "EMAIL")]
    pub email: Option<Email>,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    pub password_stdin: bool,
}
