//! `lamp doctor`: how this repository stands with the nine practices. One small function gathers the facts of
//! each; `lamp_core::doctor` judges them.

mod people;
mod registry;
mod repository;
mod serving;

use lamp_core::access::Permission;
use lamp_core::doctor::{Facts, Finding, diagnose};
use lamp_core::error::{Classified, Kind};

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

impl App {
    /// How each practice stands, in order.
    pub async fn doctor(&self) -> Result<Vec<Finding>, DoctorError> {
        self.authorize(Permission::Look)?;
        Ok(diagnose(&self.facts().await?))
    }

    async fn facts(&self) -> Result<Facts, DoctorError> {
        Ok(Facts {
            hooks: self.hooks_facts().await?,
            code: self.code_facts().await?,
            repository: self.repository_facts().await?,
            data: self.data_facts().await?,
            quality: self.quality_facts().await?,
            labels: self.label_facts().await?,
            retraining: self.retraining_facts().await?,
            services: self.service_facts().await?,
            tests: self.test_facts().await?,
        })
    }

    /// The hooks of this workspace.
    pub fn hooks(&self) -> Hooks {
        let parts = &self.parts;
        Hooks::new(&parts.root, parts.repo.clone(), &parts.runs.lamp_exe, parts.runs.sdk)
    }
}
