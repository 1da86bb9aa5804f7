//! Tokens that `lamp login` keeps: one file a person, readable by them alone.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use lamp_core::account::{Email, Secret};
use lamp_core::exposure::ServerUrl;
use lamp_core::ids::TokenId;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Environment variable that holds a token, for CI.
pub const TOKEN_VARIABLE: &str = "LAMP_TOKEN";

/// Readable and writable by its owner alone.
const OWNER_ONLY: u32 = 0o600;

/// Permission bits of everybody else.
const OTHERS: u32 = 0o077;

/// What is kept of one server.
#[derive(Clone, Serialize, Deserialize)]
pub struct Kept {
    /// Who signed in.
    pub email: Email,
    /// The token's id, to take it back.
    pub token: TokenId,
    /// Its secret.
    secret: String,
}

impl Kept {
    /// The secret, if it is one.
    pub fn secret(&self) -> Option<Secret> {
        Secret::parse(&self.secret)
    }
}

type All = BTreeMap<String, Kept>;

/// The token to send to a server: that of the environment, or the one that was kept.
pub fn token_for(server: &ServerUrl) -> Result<Option<Secret>, Failure> {
    if let Ok(text) = std::env::var(TOKEN_VARIABLE) {
        let not_a_token = || {
            Failure::operation(format!("{TOKEN_VARIABLE} does not hold a token of lamp"))
                .with_hint("lamp tokens create NAME, on the server; a token begins with lamp_")
        };
        return Secret::parse(text.trim()).map(Some).ok_or_else(not_a_token);
    }
    Ok(find(server)?.and_then(|kept| kept.secret()))
}

/// What is kept of a server.
pub fn find(server: &ServerUrl) -> Result<Option<Kept>, Failure> {
    Ok(read(&path()?)?.remove(&server.to_string()))
}

/// Keeps a token of a server in place of the one before.
pub fn keep(server: &ServerUrl, email: Email, token: TokenId, secret: String) -> Result<PathBuf, Failure> {
    let path = path()?;
    let mut all = read(&path)?;
    all.insert(server.to_string(), Kept { email, token, secret });
    write(&path, &all)?;
    Ok(path)
}

/// Forgets the token of a server.
pub fn forget(server: &ServerUrl) -> Result<(), Failure> {
    let path = path()?;
    let mut all = read(&path)?;
    if all.remove(&server.to_string()).is_some() {
        write(&path, &all)?;
    }
    Ok(())
}

/// `lamplighter/credentials.json` in the person's folder for configuration.
fn path() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
    let folder = folder.or_else(|| Some(set("HOME")?.join(".config")));
    let homeless = || Failure::operation("neither XDG_CONFIG_HOME nor HOME is set").with_hint("set LAMP_TOKEN");
    Ok(folder.ok_or_else(homeless)?.join("lamplighter/credentials.json"))
}

fn read(path: &Path) -> Result<All, Failure> {
    let failed = |why: String| Failure::operation(format!("cannot read `{}`: {why}", path.display()));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(All::new()),
        Err(error) => return Err(failed(error.to_string())),
    };
    let mode = path.metadata().map_err(|error| failed(error.to_string()))?.permissions().mode();
    if mode & OTHERS != 0 {
        let message = format!("others on this machine may read your tokens in `{}`", path.display());
        return Err(Failure::operation(message).with_hint(format!("chmod 600 {}; then lamp login", path.display())));
    }
    serde_json::from_str(&text).map_err(|error| {
        failed(error.to_string()).with_hint(format!("remove it and sign in again: rm {}", path.display()))
    })
}

/// Whole or not at all, and never readable by others on the way.
fn write(path: &Path, all: &All) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let partial = path.with_extension(format!("partial-{}", std::process::id()));
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER_ONLY).open(&partial)?;
        file.write_all(&serde_json::to_vec_pretty(all)?)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    };
    write().map_err(|error| Failure::operation(format!("cannot write `{}`: {error}", path.display())))
}
