//! The composition root: builds the parts of the house and hands them to the application.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use lamp_app::hooks::folder_of_lamp;
use lamp_app::{App, AppParts, RunSettings, workspace};
use lamp_core::access::AccessRole;
use lamp_core::actor::Actor;
use lamp_core::clock::Clock;
use lamp_engine::{Engine, EngineSettings};
use lamp_ledger::Ledger;
use lamp_runner::git::Repo;
use lamp_store::Store;

use crate::clock::{self, SystemIds};
use crate::failure::Failure;
use crate::sdk;

/// This binary's path as it was when the process began. Asked later, once a newer binary has taken
/// its place, the system names a file that is gone, and children could not be started any more.
pub fn own_path() -> std::io::Result<PathBuf> {
    static OWN: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = OWN.get() {
        return Ok(path.clone());
    }
    let path = std::env::current_exe()?;
    Ok(OWN.get_or_init(|| path).clone())
}

/// Opens the workspace that holds the current folder (or `directory`).
pub async fn open(directory: Option<&Path>) -> Result<App, Failure> {
    let here = match directory {
        Some(directory) => directory.to_owned(),
        None => std::env::current_dir().map_err(|error| Failure::operation(format!("no current folder: {error}")))?,
    };
    let root = workspace::find_root(&here)?;
    let clock = clock::for_workspace(&root)?;
    open_with(&root, clock).await
}

/// Opens the workspace at `root` with a given clock.
pub async fn open_with(root: &Path, clock: Arc<dyn Clock>) -> Result<App, Failure> {
    let repo = repository(root).await?;
    let lamp_exe = lamp_exe()?;
    let config = workspace::load(root)?;
    let lamp = root.join(".lamp");
    std::fs::create_dir_all(&lamp)
        .map_err(|error| Failure::operation(format!("cannot create `{}`: {error}", lamp.display())))?;
    let ledger = Ledger::open(&ledger_url(root, &config.root.ledger)).await?;
    let store = Store::open(&config.root.store, root, &lamp.join("cache")).await?;
    let engine = Engine::new(EngineSettings::default());
    let email = repo.user_email().await?;
    let no_email = || {
        Failure::operation("git does not know who you are, and every act is recorded with its actor")
            .with_hint("git config user.email you@example.com")
    };
    let actor = Actor::local(&email.ok_or_else(no_email)?);
    Ok(App::new(AppParts {
        root: root.to_owned(),
        workspace: config,
        ledger,
        store,
        engine,
        repo,
        clock,
        ids: Arc::new(SystemIds),
        actor,
        role: AccessRole::Admin,
        runs: RunSettings { lamp_exe, sdk: sdk::FILES },
    }))
}

/// The repository at `root`, whose hooks find this very `lamp`.
pub async fn repository(root: &Path) -> Result<Repo, Failure> {
    Ok(Repo::discover(root).await?.with_programs(folder_of_lamp(&lamp_exe()?)))
}

/// [`own_path`], as every command may need it.
pub fn lamp_exe() -> Result<PathBuf, Failure> {
    own_path().map_err(|error| Failure::operation(format!("cannot find myself: {error}")))
}

/// A relative SQLite path counts from the workspace's root, wherever the command was typed.
fn ledger_url(root: &Path, url: &str) -> String {
    match url.strip_prefix("sqlite:") {
        Some(path) if !path.starts_with('/') => {
            let absolute: PathBuf = root.join(path);
            format!("sqlite:{}", absolute.display())
        }
        _ => url.to_owned(),
    }
}
