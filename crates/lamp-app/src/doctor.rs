//! `lamp doctor`: how this repository stands with the nine practices. One small function gathers the facts of
//! each; `lamp_core::doctor` judges them.

mod people;
mod registry;
mod repository;
mod serving;

use lamp_core::access::Permission;
use lamp_core::doctor::{Facts, Finding, TestFacts, diagnose};
use lamp_core::error::{Classified, Kind};
use lamp_core::names::DatasetName;

pub use repository::CloneFacts;

use crate::app::App;
use crate::data::DataError;
use crate::hooks::{Hooks, HooksError};
use crate::parts::{PartError, take_parts};
use crate::serving::ServingError;

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// Hooks.
    #[error(transparent)]
    Hooks(#[from] HooksError),
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Services.
    #[error(transparent)]
    Serving(#[from] ServingError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(DoctorError);

impl Classified for DoctorError {
    fn kind(&self) -> Kind {
        match self {
            Self::Hooks(e) => e.kind(),
            Self::Data(e) => e.kind(),
            Self::Serving(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Hooks(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Serving(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

/// How each practice stands where the ledger is elsewhere: `facts` are the ledger's, and of a clone beside it. What
/// lies in this clone, and what its lock pins, counts instead.
pub fn diagnose_clone(mut facts: Facts, here: CloneFacts, is_locked: impl Fn(&DatasetName) -> bool) -> Vec<Finding> {
    facts.hooks = here.hooks;
    facts.repository = here.repository;
    facts.tests.workflow = here.workflow;
    for dataset in &mut facts.data.datasets {
        dataset.is_locked = is_locked(&dataset.name);
    }
    diagnose(&facts)
}

impl App {
    /// How each practice stands, in order.
    pub async fn doctor(&self) -> Result<Vec<Finding>, DoctorError> {
        self.authorize(Permission::Look)?;
        Ok(diagnose(&self.doctor_facts().await?))
    }

    /// What [`App::doctor`] judges.
    pub async fn doctor_facts(&self) -> Result<Facts, DoctorError> {
        self.authorize(Permission::Look)?;
        let CloneFacts { hooks, repository, workflow } =
            CloneFacts::of(self.workspace(), self.repo(), &self.hooks()).await?;
        Ok(Facts {
            hooks,
            code: self.code_facts().await?,
            repository,
            data: self.data_facts().await?,
            quality: self.quality_facts().await?,
            labels: self.label_facts().await?,
            retraining: self.retraining_facts().await?,
            services: self.service_facts().await?,
            tests: TestFacts { workflow, ..self.test_facts().await? },
        })
    }

    /// The hooks of this workspace.
    pub fn hooks(&self) -> Hooks {
        let parts = &self.parts;
        Hooks::new(&parts.root, parts.repo.clone(), &parts.runs.lamp_exe, parts.runs.sdk)
    }
}
