//! `lamp cadence study MODEL`: a back-test of many trainings from one commit. Nothing is registered. What is finished
//! is kept below `.lamp/studies/ID`, so that the same command goes on where it was cut short.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::ToSpan as _;
use jiff::civil::Date;
use lamp_core::access::Permission;
use lamp_core::cadence::choice::comparable;
use lamp_core::cadence::report::{Costs, Measured, Study, StudyRecord};
use lamp_core::cadence::study::{Block, StudiedData, StudyPlan, Window, cut};
use lamp_core::config::{Every, EveryUnit, ModelConfig, ROLE_TRAIN, ROLE_VALID, Workspace};
use lamp_core::dataset::{DatasetVersion, Manifest};
use lamp_core::names::ModelName;
use lamp_core::partition::{Days, PartitionRange};
use lamp_runner::git::Commit;
use serde_json::json;

use super::CadenceError;
use super::scoring::{Scored, StudyFolder};
use crate::app::App;
use crate::parts::try_lock_file;
use crate::workspace;

/// What to study.
#[derive(Debug, Clone)]
pub struct StudyRequest {
    /// The model.
    pub model: ModelName,
    /// The commit; HEAD if none.
    pub rev: Option<String>,
    /// First day to be scored; a quarter into the history if none.
    pub from: Option<Date>,
    /// The day after the last to be scored; the end of the data if none.
    pub to: Option<Date>,
    /// Length of a block.
    pub every: Every,
    /// Windows to compare; if none, what lamp.toml says, or all there is where its ranges are fixed.
    pub windows: Vec<Window>,
    /// Days until labels are known.
    pub label_lag_days: u32,
    /// What is weighed against age.
    pub costs: Costs,
    /// Trainings at once.
    pub jobs: usize,
}

/// How far a study is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyProgress {
    /// Its name.
    pub id: String,
    /// Finished trainings.
    pub done: usize,
    /// Of these, how many were there before.
    pub kept: usize,
    /// All of them.
    pub all: usize,
}

/// Most trainings at once: each is a process with the whole of its data.
pub const JOBS_MAX: usize = 2;

/// Everything that each training of a study needs.
pub(super) struct Bench {
    pub plan: StudyPlan,
    pub commit: Commit,
    pub workspace: Workspace,
    pub data: BTreeMap<String, (DatasetVersion, Manifest)>,
    pub folder: StudyFolder,
}

impl Bench {
    pub(super) fn config(&self) -> Option<(&lamp_core::config::ProjectConfig, &ModelConfig)> {
        self.workspace.model(&self.plan.model)
    }

    /// The days that a training for a block takes of one role.
    pub(super) fn days(&self, role: &str, range: &PartitionRange, window: Window, block: usize) -> Days {
        let until = self.plan.known_until(block);
        match (role, self.plan.training_days(window, block)) {
            (ROLE_TRAIN, Some(days)) => days,
            (ROLE_VALID, Some(_)) => self.plan.held_out_days(block),
            (_, Some(_) | None) => {
                let days = range.resolve(until);
                Days { until: Some(days.until.map_or(until, |end| end.min(until))), ..days }
            }
        }
    }
}

impl App {
    /// Does a study and keeps its result. When `until` completes first, the trainings that run are stopped; what is
    /// finished is kept.
    pub async fn study(
        &self,
        request: &StudyRequest,
        on_progress: &(dyn Fn(&StudyProgress) + Send + Sync),
        until: impl Future<Output = ()>,
    ) -> Result<StudyRecord, CadenceError> {
        self.authorize(Permission::Work)?;
        let bench = self.bench(request).await?;
        let id = bench.plan.id();
        let lock = try_lock_file(&bench.folder.lock())?;
        let Some(_held) = lock else { return Err(CadenceError::StudyBusy { id }) };
        self.repo().pin_study(&id, &bench.commit).await?;
        // What a process that was killed left running.
        self.clear_bench(&bench.folder).await?;
        let worked = tokio::select! {
            worked = self.work(&bench, request.jobs, on_progress) => worked,
            () = until => {
                let (done, all) = (bench.folder.finished(&bench.plan).len(), all_of(&bench.plan).len());
                Err(CadenceError::Interrupted { id: id.clone(), done, all })
            }
        };
        if worked.is_err() {
            self.stop_bench(&bench.folder).await?;
        }
        let measured = worked?;
        let study = Study::conclude(bench.plan, request.costs, measured);
        self.keep_study(study).await
    }

    async fn keep_study(&self, study: Study) -> Result<StudyRecord, CadenceError> {
        let record = StudyRecord {
            id: study.plan.id(),
            digest: study.digest(),
            by: self.actor().clone(),
            at: self.now(),
            study,
        };
        let advice = record.study.recommendation.as_ref().map(|advice| advice.every.in_words());
        let details = json!({"study": record.id, "digest": record.digest, "every": advice});
        let mut tx = self.ledger().begin().await?;
        if tx.add_study(&record).await? {
            tx.audit(&self.entry("study.finished", &record.study.plan.model, details)).await?;
            tx.commit().await?;
        }
        Ok(record)
    }

    /// Every training that is not finished, some at once; then what all of them measured, window by window.
    async fn work(
        &self,
        bench: &Bench,
        jobs: usize,
        on_progress: &(dyn Fn(&StudyProgress) + Send + Sync),
    ) -> Result<Vec<Measured>, CadenceError> {
        let all = all_of(&bench.plan);
        let finished = bench.folder.finished(&bench.plan);
        let kept = finished.len();
        let say = |done| on_progress(&StudyProgress { id: bench.plan.id(), done, kept, all: all.len() });
        say(kept);
        let missing = all.iter().copied().filter(|place| !finished.contains_key(place));
        let trainings = stream::iter(missing).map(|(window, block)| async move {
            let scored = self.train_and_score(bench, window, block).await?;
            bench.folder.save(window, block, &scored)?;
            Ok::<_, CadenceError>(())
        });
        let mut done = kept;
        let mut trainings = trainings.buffer_unordered(jobs.clamp(1, JOBS_MAX));
        while trainings.try_next().await?.is_some() {
            done += 1;
            say(done);
        }
        drop(trainings);
        Ok(measured(&bench.plan, &bench.folder.finished(&bench.plan)))
    }

    /// Plans the study, and refuses one that cannot come to anything before anything is trained.
    async fn bench(&self, request: &StudyRequest) -> Result<Bench, CadenceError> {
        let commit = self.repo().resolve(request.rev.as_deref().unwrap_or("HEAD")).await?;
        let unknown = || CadenceError::UnknownModel { model: request.model.clone(), commit: commit.short().to_owned() };
        let workspace = workspace::load_at(self.repo(), &commit.hash).await?.ok_or_else(unknown)?;
        let (_, config) = workspace.model(&request.model).ok_or_else(unknown)?;
        let mut data = BTreeMap::new();
        for (role, slice) in &config.data {
            let none = || crate::data::DataError::NoVersion { dataset: slice.dataset.clone() };
            let version = self.ledger().latest_version(&slice.dataset).await?.ok_or_else(none)?;
            let manifest = self.manifest(&version).await?;
            data.insert(role.clone(), (version, manifest));
        }
        let windows = windows_of(request, config)?;
        let blocks = blocks_of(request, &windows, &data)?;
        let rhythms = comparable(blocks.len())?;
        let studied = |(role, (version, _)): (&String, &(DatasetVersion, Manifest))| {
            let (dataset, version, digest) = (version.dataset.clone(), version.version, version.digest);
            (role.clone(), StudiedData { dataset, version, digest })
        };
        let plan = StudyPlan {
            format: 1,
            model: request.model.clone(),
            task: config.task,
            commit: commit.hash.clone(),
            data: data.iter().map(studied).collect(),
            every: request.every,
            blocks,
            windows,
            label_lag_days: request.label_lag_days,
            ages: rhythms.last().and_then(|slowest| u32::try_from(*slowest).ok()).unwrap_or(1),
        };
        let folder = StudyFolder::create(self.layout().study(&plan.id()), &plan)?;
        let bench = Bench { plan, commit, workspace, data, folder };
        for window in &bench.plan.windows {
            // The first block has the least behind it.
            Self::study_inputs(&bench, *window, 0)?;
        }
        Ok(bench)
    }
}

/// Every training of a study, block by block, so that what is finished early is of all windows.
fn all_of(plan: &StudyPlan) -> Vec<(Window, usize)> {
    (0..plan.blocks.len()).flat_map(|block| plan.windows.iter().map(move |window| (*window, block))).collect()
}

fn measured(plan: &StudyPlan, finished: &HashMap<(Window, usize), Scored>) -> Vec<Measured> {
    let of_window = |window: &Window| {
        let scored: Vec<&Scored> = (0..plan.blocks.len()).filter_map(|block| finished.get(&(*window, block))).collect();
        let training_ms = scored.iter().map(|scored| scored.training_ms).sum::<u64>() / (scored.len() as u64).max(1);
        Measured {
            window: *window,
            training_ms,
            rows: scored.iter().map(|scored| scored.rows).sum(),
            losses: scored.iter().map(|scored| scored.losses.clone()).collect(),
        }
    };
    plan.windows.iter().map(of_window).collect()
}

fn windows_of(request: &StudyRequest, config: &ModelConfig) -> Result<Vec<Window>, CadenceError> {
    let train = config.data.get(ROLE_TRAIN);
    let end = |day: Date| train.and_then(|slice| slice.range.resolve(day).until);
    let (early, late) = (end(jiff::civil::date(1950, 1, 1)), end(jiff::civil::date(2050, 1, 1)));
    let is_fixed = early.is_some() && early == late;
    if request.windows.is_empty() {
        return Ok(vec![if is_fixed { Window::All } else { Window::Configured }]);
    }
    if is_fixed && request.windows.contains(&Window::Configured) {
        let range = train.map(|slice| slice.text.clone()).unwrap_or_default();
        return Err(CadenceError::FixedRange { model: request.model.clone(), range });
    }
    let mut windows = Vec::new();
    for window in &request.windows {
        if !windows.contains(window) {
            windows.push(*window);
        }
    }
    Ok(windows)
}

/// The blocks to be scored: within the data that is held out, and late enough that there is something to learn from.
fn blocks_of(
    request: &StudyRequest,
    windows: &[Window],
    data: &BTreeMap<String, (DatasetVersion, Manifest)>,
) -> Result<Vec<Block>, CadenceError> {
    let mut spans = Vec::new();
    for role in [ROLE_TRAIN, ROLE_VALID] {
        let Some((version, manifest)) = data.get(role) else { continue };
        let partitions = manifest.partitions();
        let (Some(first), Some(last)) = (partitions.first(), partitions.last()) else {
            return Err(CadenceError::NoPartitions { dataset: version.dataset.clone() });
        };
        spans.push((first.start(), last.end()));
    }
    let start = spans.iter().map(|span| span.0).max().unwrap_or(Date::MIN);
    let end = spans.iter().map(|span| span.1).min().unwrap_or(Date::MIN);
    let history = start.until(end).map_or(0, |span| span.get_days());
    let longest = windows.iter().filter_map(|window| match window {
        Window::Last(length) => Some(start.saturating_add(length.span())),
        Window::Configured | Window::All => None,
    });
    let lag = i64::from(request.label_lag_days).days();
    let quarter = start.saturating_add((history / 4).days());
    let earliest = longest.map(|day| day.saturating_add(lag)).max().map_or(quarter, |day| day.max(quarter));
    let first = match request.every.unit {
        EveryUnit::Day | EveryUnit::Week => earliest,
        EveryUnit::Month if earliest.day() == 1 => earliest,
        EveryUnit::Month => earliest.last_of_month().saturating_add(1.day()),
    };
    let to = request.to.map_or(end, |to| to.min(end));
    Ok(cut(request.from.unwrap_or(first), to, request.every))
}

impl crate::layout::Layout {
    /// What is kept of a study.
    pub fn study(&self, id: &str) -> PathBuf {
        self.lamp().join("studies").join(id)
    }
}
