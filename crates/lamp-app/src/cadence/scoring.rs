//! One training of a study, and what its model loses on the blocks that follow.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use lamp_core::cadence::study::{StudyPlan, Window};
use lamp_core::dataset::FileEntry;
use lamp_core::ids::RunId;
use lamp_core::metric::{MetricError, row_losses};
use lamp_core::package::PACKAGE_FILE;
use lamp_core::partition::Days;
use lamp_core::run::Purpose;
use lamp_model::Model;
use lamp_runner::launch::{stop, wait};
use lamp_runner::run_folder::RunFolder;
use serde::{Deserialize, Serialize};

use super::CadenceError;
use super::study::Bench;
use crate::app::App;
use crate::data::lockfile::write_atomically;
use crate::data::resolve::{Slice, files_within};
use crate::parts::PartError;
use crate::training::RunError;
use crate::training::code::{Code, CodeChoice};
use crate::training::collect::with_last_words;
use crate::training::start::RunPlan;

/// What one training came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Scored {
    /// Wall time of the command in milliseconds.
    pub training_ms: u64,
    /// Rows scored.
    pub rows: u64,
    /// Mean loss on the block that it was trained for and those after it.
    pub losses: Vec<Option<f64>>,
    /// The loss of every row, block after block; kept beside the record.
    #[serde(skip)]
    pub row_losses: Vec<f32>,
    /// Number of rows of each block.
    pub rows_of_blocks: Vec<u64>,
}

/// What is kept of a study: `plan.json`, one record a training below `results/`, the losses of its rows below
/// `losses/` (32-bit floats, little-endian), and, while they run, run folders below `runs/`.
#[derive(Debug, Clone)]
pub(super) struct StudyFolder {
    path: PathBuf,
}

impl StudyFolder {
    pub(super) fn create(path: PathBuf, plan: &StudyPlan) -> Result<Self, PartError> {
        for part in ["results", "losses", "runs"] {
            let part = path.join(part);
            std::fs::create_dir_all(&part).map_err(PartError::file("create", &part))?;
        }
        let text = serde_json::to_vec_pretty(plan).unwrap_or_default();
        write_atomically(&path.join("plan.json"), &text)?;
        Ok(Self { path })
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.path.join("study.lock")
    }

    fn runs(&self) -> PathBuf {
        self.path.join("runs")
    }

    fn file(&self, folder: &str, window: Window, block: usize, suffix: &str) -> PathBuf {
        let window = window.to_string().replace(' ', "-");
        self.path.join(folder).join(format!("{window}.{block:03}.{suffix}"))
    }

    /// The trainings that are finished. A record that cannot be read is as none: its training is done again.
    pub(super) fn finished(&self, plan: &StudyPlan) -> HashMap<(Window, usize), Scored> {
        let mut finished = HashMap::new();
        for window in &plan.windows {
            for block in 0..plan.blocks.len() {
                let bytes = std::fs::read(self.file("results", *window, block, "json"));
                let scored = bytes.ok().and_then(|bytes| serde_json::from_slice::<Scored>(&bytes).ok());
                if let Some(scored) = scored {
                    finished.insert((*window, block), scored);
                }
            }
        }
        finished
    }

    /// Keeps what a training came to: its record last.
    pub(super) fn save(&self, window: Window, block: usize, scored: &Scored) -> Result<(), PartError> {
        let bytes: Vec<u8> = scored.row_losses.iter().flat_map(|loss| loss.to_le_bytes()).collect();
        write_atomically(&self.file("losses", window, block, "f32"), &bytes)?;
        let record = serde_json::to_vec(scored).unwrap_or_default();
        write_atomically(&self.file("results", window, block, "json"), &record)
    }

    /// The run folders that are there.
    fn run_folders(&self) -> Result<Vec<RunFolder>, CadenceError> {
        let runs = self.runs();
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(&runs).map_err(PartError::file("read", &runs))? {
            let entry = entry.map_err(PartError::file("read", &runs))?;
            let id = entry.file_name().to_str().and_then(RunId::parse);
            if let Some(id) = id {
                folders.push(RunFolder::open(&runs, id)?);
            }
        }
        Ok(folders)
    }
}

impl App {
    /// Stops what runs of a study, and removes its worktrees; folders and logs stay.
    pub(super) async fn stop_bench(&self, folder: &StudyFolder) -> Result<(), CadenceError> {
        for run in folder.run_folders()? {
            stop(&run).await?;
            self.discard_worktree(&self.layout().run_worktree(run.run())).await;
        }
        Ok(())
    }

    /// The same, and removes the folders.
    pub(super) async fn clear_bench(&self, folder: &StudyFolder) -> Result<(), CadenceError> {
        self.stop_bench(folder).await?;
        for run in folder.run_folders()? {
            run.remove()?;
        }
        Ok(())
    }

    /// Trains for one block, through the run protocol but unrecorded, and asks the model about the blocks.
    pub(super) async fn train_and_score(
        &self,
        bench: &Bench,
        window: Window,
        block: usize,
    ) -> Result<Scored, CadenceError> {
        let id = RunId::new(self.now(), &*self.ids());
        let folder = RunFolder::create(&bench.folder.runs(), id)?;
        let code = self.check_out(&CodeChoice::Rev(bench.commit.hash.clone()), None, id).await?;
        let training_ms = self.train_for(bench, &code, &folder, window, block).await?;
        let scored = self.score_blocks(bench, &folder, block).await?;
        self.discard_worktree(&code.worktree).await;
        folder.remove()?;
        Ok(Scored { training_ms, ..scored })
    }

    async fn train_for(
        &self,
        bench: &Bench,
        code: &Code,
        folder: &RunFolder,
        window: Window,
        block: usize,
    ) -> Result<u64, CadenceError> {
        let model = &bench.plan.model;
        let unknown = || RunError::UnknownModel { model: model.clone(), commit: Some(code.commit.hash.clone()) };
        let (project, config) = code.workspace.model(model).ok_or_else(unknown)?;
        let zone = code.workspace.root.time_zone.clone();
        let midnight = bench.plan.known_until(block).to_zoned(zone);
        let plan = RunPlan {
            id: folder.run(),
            purpose: Purpose::Train(model.clone()),
            code,
            project,
            command: config.train.clone(),
            inputs: Self::study_inputs(bench, window, block)?,
            params: config.params.clone(),
            seed: config.seed,
            as_of: midnight.map_or_else(|_| self.now(), |midnight| midnight.timestamp()),
            task: Some(config.task),
            target: Some(config.target.clone()),
        };
        self.launch_unrecorded(&plan, folder, &|_| {}).await?;
        let exit = wait(folder, &mut |_| {}).await?;
        let failed = |why: String| {
            let why = with_last_words(why, folder);
            let block = bench.plan.blocks[block].start;
            CadenceError::TrainingFailed { window: window.to_string(), block, why, log: folder.log_path() }
        };
        if !exit.is_success() {
            return Err(failed(exit.describe()));
        }
        if !folder.path().join("model").join(PACKAGE_FILE).exists() {
            return Err(failed("it saved no package".to_owned()));
        }
        Ok(exit.duration_ms)
    }

    /// What a training for a block is given, by role.
    pub(super) fn study_inputs(
        bench: &Bench,
        window: Window,
        block: usize,
    ) -> Result<BTreeMap<String, Slice>, CadenceError> {
        let mut inputs = BTreeMap::new();
        let config = bench.config().map(|(_, config)| config);
        for (role, slice) in config.iter().flat_map(|config| &config.data) {
            let Some((version, manifest)) = bench.data.get(role) else { continue };
            let days = bench.days(role, &slice.range, window, block);
            let files = files_within(manifest, days);
            if files.is_empty() {
                let block = bench.plan.blocks[block].start;
                return Err(CadenceError::EmptyWindow { window: window.to_string(), block });
            }
            let text = format!("{}[{}]", slice.dataset, in_words(days));
            inputs.insert(role.clone(), Slice { version: version.clone(), text, files });
        }
        Ok(inputs)
    }

    /// Asks the model that a training left about the block that it was trained for, and those after it.
    async fn score_blocks(&self, bench: &Bench, folder: &RunFolder, block: usize) -> Result<Scored, CadenceError> {
        let package_dir = folder.path().join("model");
        let package = lamp_model::read_package(&package_dir)?;
        let Some((project, config)) = bench.config() else {
            return Err(CadenceError::ModelGone { model: bench.plan.model.clone() });
        };
        let scratch = folder.path().join("worker");
        let model = self.mount_folder(package_dir, &bench.commit.hash, &project.name, &scratch).await?;
        let mut scored =
            Scored { training_ms: 0, rows: 0, losses: Vec::new(), row_losses: Vec::new(), rows_of_blocks: Vec::new() };
        for asked in bench.plan.asked(block) {
            let losses = self.losses_on(bench, &*model, &package, &config.target, asked, folder.run()).await?;
            let rows = losses.len();
            scored.rows += rows as u64;
            scored.rows_of_blocks.push(rows as u64);
            scored.losses.push(mean(&losses));
            #[expect(clippy::cast_possible_truncation, reason = "kept for a closer look, to seven digits")]
            scored.row_losses.extend(losses.iter().map(|loss| *loss as f32));
        }
        Ok(scored)
    }

    /// The loss of every labelled row of a block; none of a block without rows.
    async fn losses_on(
        &self,
        bench: &Bench,
        model: &dyn Model,
        package: &lamp_core::package::Package,
        target: &str,
        block: usize,
        run: RunId,
    ) -> Result<Vec<f64>, CadenceError> {
        let Some((_, manifest)) = bench.data.get(lamp_core::config::ROLE_VALID) else { return Ok(Vec::new()) };
        let files: Vec<FileEntry> = files_within(manifest, bench.plan.blocks[block].days());
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let files = self.data_files(&files).await?;
        match self.mark(model, package, target, &files, run).await {
            Ok(marked) => Ok(row_losses(package.task, &marked.targets, &marked.predictions)?),
            Err(RunError::Part(PartError::Metric(MetricError::Empty))) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "rows of a block")]
fn mean(losses: &[f64]) -> Option<f64> {
    (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
}

fn in_words(days: Days) -> String {
    let end = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
    format!("{}..{}", end(days.from), end(days.until))
}
