//! `lamp cadence adopt STUDY`: the cadence that a study advises, written into the project's lamp.toml with its
//! evidence, and nothing else touched.

use lamp_core::access::Permission;
use lamp_core::config::{self, ProjectConfig};
use serde::Serialize;
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

impl App {
    /// Writes `[cadence.MODEL]` into the project's lamp.toml.
    pub async fn adopt_study(&self, request: &AdoptStudy) -> Result<Adopted, CadenceError> {
        self.authorize(Permission::Work)?;
        let record = self.study_record(&request.study).await?;
        let study = &record.study;
        let model = &study.plan.model;
        let Some(advice) = &study.recommendation else {
            let reason = study.reason.clone().unwrap_or_else(|| "it compared nothing".to_owned());
            return Err(CadenceError::NothingToAdopt { id: record.id, reason });
        };
        let gone = || CadenceError::ModelGone { model: model.clone() };
        let (project, _) = self.workspace().model(model).ok_or_else(gone)?;
        let file = format!("{}/{CONFIG_FILE}", project.dir);
        if request.commit {
            let status = self.repo().status().await?;
            if status.changed.contains(&file) || status.untracked.contains(&file) {
                return Err(CadenceError::ConfigDirty { file });
            }
        }
        let path = self.root().join(&file);
        let before = std::fs::read_to_string(&path).map_err(PartError::file("read", &path))?;
        let after = config::set_cadence(&before, &file, model, advice.every, &study.evidence())?;
        // What is written must be read again as what was meant.
        ProjectConfig::parse(&after, &file, &project.dir)?;
        let changed = before != after;
        if changed {
            write_atomically(&path, after.as_bytes())?;
        }
        let every = advice.every.in_words();
        let details = json!({"study": record.id, "digest": record.digest, "every": every, "file": file});
        let mut tx = self.ledger().begin().await?;
        tx.audit(&self.entry("cadence.adopted", model, details)).await?;
        tx.commit().await?;
        let commit = if request.commit {
            let message = format!("lamp: train {model} every {every}, as study {} advises", record.id);
            self.repo().commit_only(&[file.as_str()], &message).await?.map(|commit| commit.hash)
        } else {
            None
        };
        Ok(Adopted { study: record.id, file, every, changed, commit })
    }
}
