//! `lamp cadence adopt STUDY`: the cadence that a study advises, written into the project's lamp.toml with its
//! evidence, and nothing else touched.

use std::path::Path;

use lamp_core::access::Permission;
use lamp_core::cadence::report::StudyRecord;
use lamp_core::config::{self, Every, ProjectConfig, Workspace};
use lamp_core::digest::Digest;
use lamp_core::names::ModelName;
use lamp_runner::git::Repo;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::CadenceError;
use crate::app::App;
use crate::data::lockfile::write_atomically;
use crate::parts::PartError;
use crate::workspace::CONFIG_FILE;

/// Which study.
#[derive(Debug, Clone)]
pub struct AdoptStudy {
    /// Its id, or the start of one.
    pub study: String,
    /// Commit the file, and it alone.
    pub commit: bool,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// The study.
    pub study: String,
    /// The file, relative to the root.
    pub file: String,
    /// The cadence.
    pub every: String,
    /// Whether the file is another than before.
    pub changed: bool,
    /// The commit that was made.
    pub commit: Option<String>,
}

/// What a study advises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The study.
    pub study: String,
    /// Digest of its document.
    pub digest: Digest,
    /// The model.
    pub model: ModelName,
    /// The cadence.
    pub every: Every,
    /// What `lamp.toml` is to name as evidence.
    pub evidence: String,
}

impl Advice {
    fn of(record: &StudyRecord) -> Result<Self, CadenceError> {
        let study = &record.study;
        let Some(advice) = &study.recommendation else {
            let reason = study.reason.clone().unwrap_or_else(|| "it compared nothing".to_owned());
            return Err(CadenceError::NothingToAdopt { id: record.id.clone(), reason });
        };
        Ok(Self {
            study: record.id.clone(),
            digest: record.digest,
            model: study.plan.model.clone(),
            every: advice.every,
            evidence: study.evidence(),
        })
    }
}

/// What became of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file, relative to the root.
    pub file: String,
    /// Whether it is another than before.
    pub changed: bool,
}

impl App {
    /// Writes `[cadence.MODEL]` into the project's lamp.toml.
    pub async fn adopt_study(&self, request: &AdoptStudy) -> Result<Adopted, CadenceError> {
        self.authorize(Permission::Work)?;
        let advice = self.find_advice(&request.study).await?;
        let written = write(&advice, self.workspace(), self.root(), self.repo(), request.commit).await?;
        self.record_adoption(&advice, &written.file).await?;
        adopted(advice, written, self.repo(), request.commit).await
    }

    /// What a study advises, for somebody who may adopt it.
    pub async fn find_advice(&self, study: &str) -> Result<Advice, CadenceError> {
        self.authorize(Permission::Work)?;
        Advice::of(&self.study_record(study).await?)
    }

    /// Records that the advice of a study was written into `file`, of whichever clone.
    pub async fn record_adoption(&self, advice: &Advice, file: &str) -> Result<(), CadenceError> {
        self.authorize(Permission::Work)?;
        let known = self.ledger().find_studies(&advice.study).await?;
        let record = known.iter().find(|record| record.digest == advice.digest);
        let unknown = || CadenceError::UnknownStudy { text: advice.study.clone() };
        let Advice { study, digest, model, every, .. } = Advice::of(record.ok_or_else(unknown)?)?;
        let details = json!({"study": study, "digest": digest, "every": every.in_words(), "file": file});
        let mut tx = self.ledger().begin().await?;
        tx.audit(&self.entry("cadence.adopted", &model, details)).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Writes what a study advises into the lamp.toml of the project, in the clone at `root`. A file that is to be
/// committed must have no other changes.
pub async fn write(
    advice: &Advice,
    workspace: &Workspace,
    root: &Path,
    repo: &Repo,
    commit: bool,
) -> Result<Written, CadenceError> {
    let gone = || CadenceError::ModelGone { model: advice.model.clone() };
    let (project, _) = workspace.model(&advice.model).ok_or_else(gone)?;
    let file = format!("{}/{CONFIG_FILE}", project.dir);
    if commit {
        let status = repo.status().await?;
        if status.changed.contains(&file) || status.untracked.contains(&file) {
            return Err(CadenceError::ConfigDirty { file });
        }
    }
    let path = root.join(&file);
    let before = std::fs::read_to_string(&path).map_err(PartError::file("read", &path))?;
    let after = config::set_cadence(&before, &file, &advice.model, advice.every, &advice.evidence)?;
    // What is written must be read again as what was meant.
    ProjectConfig::parse(&after, &file, &project.dir)?;
    let changed = before != after;
    if changed {
        write_atomically(&path, after.as_bytes())?;
    }
    Ok(Written { file, changed })
}

/// What was done, with its commit if one is asked for.
pub async fn adopted(advice: Advice, written: Written, repo: &Repo, commit: bool) -> Result<Adopted, CadenceError> {
    let (Advice { study, model, every, .. }, Written { file, changed }) = (advice, written);
    let every = every.in_words();
    let commit = if commit {
        let message = format!("lamp: train {model} every {every}, as study {study} advises");
        repo.commit_only(&[file.as_str()], &message).await?.map(|commit| commit.hash)
    } else {
        None
    };
    Ok(Adopted { study, file, every, changed, commit })
}
