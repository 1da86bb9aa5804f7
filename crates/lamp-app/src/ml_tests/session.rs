//! One call of `lamp test`: the checked-out code, and everything that must be gone afterwards.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use lamp_core::dataset::DatasetVersion;
use lamp_core::ids::RunId;
use lamp_core::ml_test::TestReport;
use lamp_core::names::DatasetName;
use lamp_runner::Progress;
use lamp_runner::git::Commit;
use lamp_runner::launch::stop;
use lamp_runner::run_folder::RunFolder;

use super::TestError;
use super::select::Chosen;
use crate::app::App;
use crate::parts::{PartError, lock_file, try_lock_file};
use crate::training::code::{Code, CodeChoice};

/// Held for as long as a session's folder is in use, by the kernel: a folder that nobody holds was left behind.
const HELD: &str = "held.lock";

/// A session.
pub(super) struct Session<'a> {
    pub app: &'a App,
    pub say: Progress<'a>,
    pub code: Code,
    /// Versions of the data, where no ledger tells.
    pub versions: Option<&'a BTreeMap<DatasetName, DatasetVersion>>,
    /// The commit that is checked out in the working tree.
    pub head: Option<Commit>,
    id: RunId,
    dir: PathBuf,
    launched: Mutex<Vec<RunFolder>>,
    _held: File,
}

impl<'a> Session<'a> {
    /// Commits the working tree on a side ref and checks it out. Also clears up after sessions that were killed.
    pub async fn open(
        app: &'a App,
        versions: Option<&'a BTreeMap<DatasetName, DatasetVersion>>,
        say: Progress<'a>,
    ) -> Result<Self, TestError> {
        say("checking out the working tree");
        let id = RunId::new(app.now(), &*app.ids());
        let tests = app.layout().tests();
        let dir = tests.join(id.to_string());
        std::fs::create_dir_all(&tests).map_err(PartError::file("create", &tests))?;
        let opening = lock_file(&tests.join("opening.lock")).await?;
        sweep(app, &tests).await?;
        std::fs::create_dir_all(dir.join("runs")).map_err(PartError::file("create", &dir))?;
        let in_use = lock_file(&dir.join(HELD)).await?;
        drop(opening);
        let checked_out = async {
            let head = app.repo().head().await?;
            let code = app.check_out(&CodeChoice::Wip, None, id).await?;
            Ok::<_, TestError>((head, code))
        };
        match checked_out.await {
            Ok((head, code)) => {
                let launched = Mutex::default();
                Ok(Self { app, say, code, versions, head, id, dir, launched, _held: in_use })
            }
            Err(error) => {
                clear(app, id, &dir).await;
                Err(error)
            }
        }
    }

    /// A folder for data of this name.
    pub fn data_dir(&self, name: &str) -> Result<PathBuf, TestError> {
        let dir = self.dir.join("data").join(name);
        std::fs::create_dir_all(&dir).map_err(PartError::file("create", &dir))?;
        Ok(dir)
    }

    /// A new run folder, which is stopped and removed when the session ends.
    pub fn run_folder(&self) -> Result<RunFolder, TestError> {
        let run = RunId::new(self.app.now(), &*self.app.ids());
        let folder = RunFolder::create(&self.dir.join("runs"), run)?;
        self.launched.lock().unwrap_or_else(PoisonError::into_inner).push(folder.clone());
        Ok(folder)
    }

    /// Tests one after the other.
    pub async fn test(
        &self,
        chosen: &Chosen,
        on_report: &mut (dyn FnMut(&TestReport) + Send),
    ) -> Result<Vec<TestReport>, TestError> {
        let mut reports = Vec::new();
        for model in &chosen.models {
            let report = self.test_model(model, &chosen.tests).await?;
            on_report(&report);
            reports.push(report);
        }
        for (project, name) in &chosen.own {
            let report = self.test_own(project, name).await?;
            on_report(&report);
            reports.push(report);
        }
        Ok(reports)
    }

    /// Stops what still runs and removes everything. What cannot be removed costs space and nothing else, and the
    /// next session tries again.
    pub async fn close(self) {
        let launched = std::mem::take(&mut *self.launched.lock().unwrap_or_else(PoisonError::into_inner));
        for folder in launched {
            discard(folder).await;
        }
        clear(self.app, self.id, &self.dir).await;
    }
}

async fn discard(folder: RunFolder) {
    if let Err(error) = stop(&folder).await {
        tracing::warn!(run = %folder.run(), %error, "cannot stop a test's command");
        return;
    }
    if let Err(error) = folder.remove() {
        tracing::warn!(%error, "cannot remove a test's run folder");
    }
}

async fn clear(app: &App, id: RunId, dir: &Path) {
    app.discard_worktree(&app.layout().run_worktree(id)).await;
    if let Err(error) = app.repo().forget_wip(id).await {
        tracing::warn!(%error, "cannot let go of a test's commit");
    }
    if let Err(error) = std::fs::remove_dir_all(dir) {
        tracing::warn!(dir = %dir.display(), %error, "cannot remove a test's folder");
    }
}

/// Clears up after sessions whose process is gone.
async fn sweep(app: &App, tests: &Path) -> Result<(), TestError> {
    let entries = std::fs::read_dir(tests).map_err(PartError::file("read", tests))?;
    for dir in entries.flatten().map(|entry| entry.path()) {
        let id = dir.file_name().and_then(|name| name.to_str()).and_then(RunId::parse);
        let Some(id) = id.filter(|_| dir.is_dir()) else { continue };
        let Some(_held) = try_lock_file(&dir.join(HELD))? else { continue };
        let runs = dir.join("runs");
        let left = std::fs::read_dir(&runs).into_iter().flatten().flatten();
        for run in left.filter_map(|entry| RunId::parse(entry.file_name().to_str()?)) {
            if let Ok(folder) = RunFolder::open(&runs, run) {
                discard(folder).await;
            }
        }
        clear(app, id, &dir).await;
    }
    Ok(())
}
