//! Switching at one replica while the ledger is away, and telling the ledger afterwards.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lamp_core::ids::{IncidentId, uuid_v7};
use lamp_core::incident::{Incident, SERVICE_SWITCHED};
use lamp_core::route::{BrokenGlass, Reconciled};
use serde_json::json;

use super::ServingError;
use crate::app::App;

/// Switches that the ledger does not know yet, each a file, so that they outlive the process.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    /// Those that could not be written: they last as long as the process.
    unwritten: Vec<BrokenGlass>,
}

impl Journal {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder, unwritten: Vec::new() }
    }

    /// Notes a switch; `false` when it is on no disk. It is made in any case.
    pub(super) fn note(&mut self, app: &App, glass: &BrokenGlass) -> bool {
        let name = format!("{}.json", uuid_v7(glass.at, app.ids().random()));
        match write(&self.folder, &name, glass) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(service = %glass.service, %error, "a switch without the ledger could not be written down");
                self.unwritten.push(glass.clone());
                false
            }
        }
    }

    /// What waits, the oldest first. A file that cannot be read stays for a person.
    fn waiting(&self) -> Vec<(Option<PathBuf>, BrokenGlass)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ext| ext == "json"));
        let mut waiting: Vec<_> = paths
            .filter_map(|path| match read(&path) {
                Ok(glass) => Some((Some(path), glass)),
                Err(error) => {
                    tracing::error!(path = %path.display(), %error, "a switch without the ledger cannot be read");
                    None
                }
            })
            .collect();
        waiting.extend(self.unwritten.iter().map(|glass| (None, glass.clone())));
        waiting.sort_by_key(|(_, glass)| glass.at);
        waiting
    }

    /// The ledger knows it now.
    fn is_told(&mut self, path: Option<&Path>, glass: &BrokenGlass) {
        match path {
            // One that is told twice says what the ledger says already.
            Some(path) => fs::remove_file(path).unwrap_or_else(|error| {
                tracing::warn!(path = %path.display(), %error, "cannot be removed");
            }),
            None => self.unwritten.retain(|unwritten| unwritten != glass),
        }
    }
}

/// Tells the ledger what waits, the oldest first; stops at the first that cannot be told now. The journal is not
/// held meanwhile: whoever switches again does not wait for the ledger.
pub(super) async fn tell(journal: &Mutex<Journal>, app: &App) {
    let waiting = lock(journal).waiting();
    for (path, glass) in waiting {
        match app.reconcile(&glass).await {
            Ok(()) => lock(journal).is_told(path.as_deref(), &glass),
            Err(error) => {
                tracing::warn!(service = %glass.service, %error, "the ledger cannot be told of a switch yet");
                return;
            }
        }
    }
}

/// What is behind this lock is whole at any moment.
pub(super) fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(folder: &Path, name: &str, glass: &BrokenGlass) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!("{name}.new"));
    let mut file = File::create(&unfinished)?;
    file.write_all(&serde_json::to_vec(glass)?)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all()
}

fn read(path: &Path) -> io::Result<BrokenGlass> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

impl App {
    /// Saves a switch that was made without the ledger, or says in the audit log what overtook it.
    async fn reconcile(&self, glass: &BrokenGlass) -> Result<(), ServingError> {
        let mut tx = self.ledger().begin().await?;
        let Some(standing) = tx.find_route(&glass.service).await? else {
            tracing::error!(service = %glass.service, "a switch without the ledger is of a service that it does not know");
            return Ok(());
        };
        // Whoever could open the replica's own socket was let in then.
        let person = self.acting_as(glass.by.clone(), self.role());
        let details = |epoch: u64| json!({"to": glass.to, "why": glass.why, "at": glass.at, "epoch": epoch, "without_ledger": true});
        match glass.reconcile(&standing) {
            Reconciled::Saved(route) => {
                tx.save_route(&route).await?;
                let title = format!(
                    "{} was switched to its {} by {} while the ledger was away: {}",
                    route.service, route.active, route.changed_by, route.why
                );
                let subject = format!("{} epoch {}", route.service, route.epoch);
                let id = IncidentId::new(self.now(), &*self.ids());
                let project = self.workspace().service(&route.service).map(|(project, _)| &project.name);
                let incident = Incident::open(id, SERVICE_SWITCHED, subject, title, self.now()).of(project);
                self.open_incident(&mut tx, &incident).await?;
                tx.audit(&person.entry("service.switched", &glass.service, details(route.epoch))).await?;
            }
            Reconciled::Overtaken(why) => {
                tracing::warn!(service = %glass.service, why, "a switch without the ledger was overtaken");
                let mut details = details(standing.epoch);
                details["overtaken"] = json!(why);
                tx.audit(&person.entry("service.switch_overtaken", &glass.service, details)).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
