//! `lamp login` and `lamp logout`: this machine's token of the team's server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use console::style;
use lamp_app::call::RevokeToken;
use lamp_app::workspace;
use lamp_core::account::Email;
use lamp_core::exposure::ServerUrl;
use lamp_runner::git::Repo;

use super::users::read_password;
use crate::args::Login;
use crate::failure::Failure;
use crate::open::{find_root, server_of};
use crate::remote::{Client, credentials};
use crate::ui::{self, out};

/// Where Linux tells the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

pub async fn run(directory: Option<&Path>, args: &Login) -> Result<ExitCode, Failure> {
    let (root, server) = server_here(directory)?;
    let email = match &args.email {
        Some(email) => email.clone(),
        None => email_of_git(&root).await?,
    };
    let password = read_password(&format!("Password of {email} at {server}: "), args.password_stdin)?;
    let signed_in = Client::nobody(&server)?.sign_in(&email, &password, &token_name()).await?;
    let token = signed_in.token;
    let zone = workspace::load(&root)?.root.time_zone;
    let until = ui::instant(token.expires_at, &zone);
    let kept_at = credentials::keep(&server, email, token.id, signed_in.secret)?;
    out!("signed in to {server} as {}, until {until}", style(&token.email).bold());
    out!("the token is in {}, where only you can read it", kept_at.display());
    Ok(ExitCode::SUCCESS)
}

pub async fn end(directory: Option<&Path>) -> Result<ExitCode, Failure> {
    let (_, server) = server_here(directory)?;
    let nobody = || Failure::operation(format!("you are not signed in to {server}")).with_hint("lamp login");
    let kept = credentials::find(&server)?.ok_or_else(nobody)?;
    // It is forgotten here whether or not the server can be told.
    let told = match Client::kept(&server) {
        Ok(client) => client.call(&RevokeToken { token: kept.token.to_string() }).await,
        Err(failure) => Err(failure),
    };
    credentials::forget(&server)?;
    match told {
        Ok(Ok(_)) => {
            out!("signed out of {server}; the token lets nobody in any more");
            Ok(ExitCode::SUCCESS)
        }
        Ok(Err(error)) => Err(Failure::from(error)),
        Err(failure) => Err(failure.with_hint(format!("on the server: lamp tokens revoke {}", kept.token))),
    }
}

fn server_here(directory: Option<&Path>) -> Result<(PathBuf, ServerUrl), Failure> {
    let root = find_root(directory)?;
    let config = workspace::load(&root)?;
    let alone = || {
        Failure::operation("this clone works on its own ledger, and there is nothing to sign in to")
            .with_hint("add server = \"https://…\" to [workspace] in lamp.toml")
    };
    let server = server_of(&root, &config)?.ok_or_else(alone)?;
    Ok((root, server))
}

async fn email_of_git(root: &Path) -> Result<Email, Failure> {
    let unknown = || Failure::operation("git does not know your e-mail address").with_hint("lamp login --email EMAIL");
    let email = Repo::discover(root).await?.user_email().await?.ok_or_else(unknown)?;
    Ok(Email::parse(&email)?)
}

/// What the token is for, so that its owner knows it again among others.
fn token_name() -> String {
    let host = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
    let host = if host.trim().is_empty() { "some machine" } else { host.trim() };
    let name = format!("lamp login on {host}");
    name.chars().filter(|c| !c.is_control()).take(lamp_core::account::TOKEN_NAME_MAX).collect()
}
