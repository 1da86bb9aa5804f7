//! A clone that works on its team's server: it has the code and the files, and no ledger.

mod client;
pub mod credentials;
mod data;

use std::path::{Path, PathBuf};
use std::time::Duration;

use lamp_app::cadence::adopt::{self, AdoptStudy, Adopted};
use lamp_app::call::{BuiltVersion, FindAdvice, ReadLog, RecordAdoption};
use lamp_app::data::{lockfile, sources};
use lamp_core::config::Workspace;
use lamp_core::dataset::DatasetVersion;
use lamp_core::exposure::ServerUrl;
use lamp_core::ids::RunId;
use lamp_core::run::Run;
use lamp_runner::git::Repo;
use lamp_store::Store;

pub use client::Client;

use crate::failure::Failure;
use crate::open::limit_cache;

/// How often a run at the server is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often a look that fails is tried again, and how long it is waited before that: the run goes on
/// while the server is started anew.
const LOOKS_MISSED_MAX: u32 = 60;
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The clone, and its server.
pub struct Remote {
    root: PathBuf,
    workspace: Workspace,
    repo: Repo,
    /// Contents on their way to or from the server.
    store: Store,
    client: Client,
}

impl Remote {
    /// The clone at `root`, which works on `server`.
    pub async fn open(root: &Path, workspace: Workspace, server: &ServerUrl) -> Result<Self, Failure> {
        let repo = Repo::discover(root).await?;
        let lamp = root.join(".lamp");
        std::fs::create_dir_all(&lamp)
            .map_err(|error| Failure::operation(format!("cannot create `{}`: {error}", lamp.display())))?;
        let store = Store::open(".lamp/cache/contents", root, &lamp.join("cache")).await?;
        limit_cache(&store, &workspace);
        let client = Client::signed_in(server)?;
        Ok(Self { root: root.to_owned(), workspace, repo, store, client })
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Waits for a run at the server to end, with its log as it comes. The server may be away for a while.
    pub async fn follow(&self, run: RunId, on_log: &mut (dyn FnMut(&str) + Send)) -> Result<Run, Failure> {
        let (mut from, mut missed) = (0, 0);
        let mut rest = String::new();
        loop {
            let looked = match self.client.call(&ReadLog { run: run.to_string(), from }).await {
                Ok(answer) => answer?,
                Err(failure) => {
                    missed += 1;
                    if missed > LOOKS_MISSED_MAX {
                        return Err(failure.with_hint(format!("the run goes on: lamp runs logs {run} --follow")));
                    }
                    tokio::time::sleep(LOOK_AGAIN_AFTER).await;
                    continue;
                }
            };
            missed = 0;
            rest.push_str(&looked.text);
            while let Some((line, after)) = rest.split_once('\n') {
                on_log(line);
                rest = after.to_owned();
            }
            let is_read = looked.next == from;
            from = looked.next;
            if looked.run.state.is_final() && is_read {
                if !rest.is_empty() {
                    on_log(&rest);
                }
                return ended(looked.run);
            }
            if is_read {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }

    /// Pins the version that a finished build made in this clone's `lamp.lock`.
    pub async fn pin_built(&self, run: &Run, commit: bool) -> Result<Option<DatasetVersion>, Failure> {
        let Some(version) = self.client.call(&BuiltVersion { run: run.clone() }).await?? else { return Ok(None) };
        let guard = lockfile::guard(&self.root).await?;
        lockfile::pin(&guard, &self.root, &self.repo, &version, commit).await?;
        Ok(Some(version))
    }

    /// Writes what a study at the server advises into this clone's lamp.toml. The server records that it was done.
    pub async fn adopt_study(&self, request: AdoptStudy) -> Result<Adopted, Failure> {
        let AdoptStudy { study, commit } = request;
        let advice = self.client.call(&FindAdvice { study }).await??;
        let written = adopt::write(&advice, &self.workspace, &self.root, &self.repo, commit).await?;
        let record = RecordAdoption { advice: advice.clone(), file: written.file.clone() };
        self.client.call(&record).await??;
        Ok(adopt::adopted(advice, written, &self.repo, commit).await?)
    }

    /// Every dataset that `lamp.lock` pins and that has a home in this clone.
    pub fn locked_datasets(&self) -> Result<Vec<String>, Failure> {
        let lock = lockfile::read(&self.root)?;
        let at_home = lock.datasets.keys().filter(|name| sources::home(&self.workspace, &self.root, name).is_ok());
        Ok(at_home.map(ToString::to_string).collect())
    }
}

/// A run that failed is a failure of whoever waited for it.
fn ended(run: Run) -> Result<Run, Failure> {
    match &run.failure {
        Some(why) => {
            Err(Failure::operation(format!("run {} failed: {why}", run.id))
                .with_hint(format!("lamp runs logs {}", run.id)))
        }
        None => Ok(run),
    }
}
