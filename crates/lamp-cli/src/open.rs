//! The composition root: builds the parts of the house and hands them to the application.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use lamp_app::hooks::folder_of_lamp;
use lamp_app::{App, AppParts, RunSettings, workspace};
use lamp_core::access::AccessRole;
use lamp_core::actor::Actor;
use lamp_core::clock::Clock;
use lamp_core::config::{SERVER_FILE, ServerFile, Workspace};
use lamp_core::exposure::ServerUrl;
use lamp_engine::{Engine, EngineSettings};
use lamp_ledger::Ledger;
use lamp_runner::git::Repo;
use lamp_store::Store;

use crate::clock::{self, SystemIds};
use crate::desk::{Desk, works_on_the_server_only};
use crate::failure::Failure;
use crate::remote::Remote;
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

/// The root of the workspace that holds the current folder (or `directory`).
pub fn find_root(directory: Option<&Path>) -> Result<PathBuf, Failure> {
    let here = match directory {
        Some(directory) => directory.to_owned(),
        None => std::env::current_dir().map_err(|error| Failure::operation(format!("no current folder: {error}")))?,
    };
    Ok(workspace::find_root(&here)?)
}

/// Opens the workspace that holds the current folder (or `directory`), for a command that needs its ledger.
pub async fn open(directory: Option<&Path>) -> Result<App, Failure> {
    let root = find_root(directory)?;
    let clock = clock::for_workspace(&root)?;
    open_with(&root, clock).await
}

/// The desk of the clone that holds the current folder (or `directory`), for a command that travels.
pub async fn desk(directory: Option<&Path>) -> Result<Desk, Failure> {
    let root = find_root(directory)?;
    let config = workspace::load(&root)?;
    match server_of(&root, &config)? {
        Some(server) => Ok(Desk::Server(Box::new(Remote::open(&root, config, &server).await?))),
        None => Ok(Desk::Here(Box::new(open_with(&root, clock::for_workspace(&root)?).await?))),
    }
}

/// The server that a clone works on; none if it works alone, or is the server.
pub fn server_of(root: &Path, config: &Workspace) -> Result<Option<ServerUrl>, Failure> {
    let is_the_server = read_server_file(root)?.is_some();
    Ok(config.root.server.clone().filter(|_| !is_the_server))
}

fn read_server_file(root: &Path) -> Result<Option<ServerFile>, Failure> {
    let path = root.join(SERVER_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(ServerFile::parse(&text)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::operation(format!("cannot read `{}`: {error}", path.display()))),
    }
}

/// Opens the workspace at `root` with a given clock.
pub async fn open_with(root: &Path, clock: Arc<dyn Clock>) -> Result<App, Failure> {
    let repo = repository(root).await?;
    let lamp_exe = lamp_exe()?;
    let config = workspace::load(root)?;
    if let Some(server) = server_of(root, &config)? {
        return Err(works_on_the_server_only(&server));
    }
    let ServerFile { ledger, store } = read_server_file(root)?.unwrap_or_default();
    let (ledger, store) =
        (ledger.unwrap_or_else(|| config.root.ledger.clone()), store.unwrap_or_else(|| config.root.store.clone()));
    let lamp = root.join(".lamp");
    std::fs::create_dir_all(&lamp)
        .map_err(|error| Failure::operation(format!("cannot create `{}`: {error}", lamp.display())))?;
    let ledger = Ledger::open(&ledger_url(root, &ledger)).await?;
    let store = Store::open(&store, root, &lamp.join("cache")).await?;
    limit_cache(&store, &config);
    let email = repo.user_email().await?;
    let no_email = || {
        Failure::operation("git does not know who you are, and every act is recorded with its actor")
            .with_hint("git config user.email you@example.com")
    };
    let actor = Actor::local(&email.ok_or_else(no_email)?);
    Ok(put_together(Parts { root, config, repo, lamp_exe, ledger, store, clock, actor }))
}

/// Bounds the whole files that are kept here, as lamp.toml says.
pub fn limit_cache(store: &Store, config: &Workspace) {
    if let Some(bytes) = config.root.cache {
        store.limit_cache(bytes);
    }
}

/// The application of a clone that works on a server, for what is done here and recorded there: on the clone's own
/// contents, with an empty ledger in `scratch`.
pub async fn open_without_ledger(remote: &Remote, scratch: &Path) -> Result<App, Failure> {
    let root = remote.root();
    let ledger = Ledger::open(&format!("sqlite:{}", scratch.join("ledger.db").display())).await?;
    Ok(put_together(Parts {
        root,
        config: remote.workspace().clone(),
        repo: repository(root).await?,
        lamp_exe: lamp_exe()?,
        ledger,
        store: remote.store().clone(),
        clock: clock::for_workspace(root)?,
        // Nothing is recorded here: whoever asks the server to is known there.
        actor: Actor::system(),
    }))
}

/// What one way of opening a workspace has, and another has differently.
struct Parts<'r> {
    root: &'r Path,
    config: Workspace,
    repo: Repo,
    lamp_exe: PathBuf,
    ledger: Ledger,
    store: Store,
    clock: Arc<dyn Clock>,
    actor: Actor,
}

fn put_together(parts: Parts<'_>) -> App {
    let Parts { root, config, repo, lamp_exe, ledger, store, clock, actor } = parts;
    App::new(AppParts {
        root: root.to_owned(),
        workspace: config,
        ledger,
        store,
        engine: Engine::new(EngineSettings::default()),
        repo,
        clock,
        ids: Arc::new(SystemIds),
        actor,
        role: AccessRole::Admin,
        runs: RunSettings { lamp_exe, sdk: sdk::FILES },
    })
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
