//! `lamp why REF`: the lineage of a model, a dataset version, a run, a service or a prediction.
//!
//! The answer is a tree of facts, the same for the terminal, the JSON output and the page.

mod build;

use std::collections::BTreeSet;

use lamp_core::error::{Classified, Kind};
use lamp_core::ids::{PredictionId, RunId};
use lamp_core::names::{DatasetName, ModelName, ServiceName};
use lamp_core::reference::Reference;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::data::DataError;
use crate::parts::{PartError, take_parts};
use crate::registry::RegistryError;
use crate::serving::ServingError;
use crate::training::RunError;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    /// Nothing of that name.
    #[error("`{text}` names no model, dataset, service, run or prediction of this workspace")]
    Unknown {
        /// As given.
        text: String,
    },
    /// Both a model and a dataset.
    #[error("`{text}` names a model and a dataset")]
    Ambiguous {
        /// As given.
        text: String,
    },
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Serving.
    #[error(transparent)]
    Serving(#[from] ServingError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(WhyError);

impl Classified for WhyError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unknown { .. } => Kind::NotFound,
            Self::Ambiguous { .. } => Kind::Invalid,
            Self::Data(e) => e.kind(),
            Self::Registry(e) => e.kind(),
            Self::Run(e) => e.kind(),
            Self::Serving(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } => {
                Some("try `delay@1`, `trips@3`, a run's id or the prediction id from an answer".to_owned())
            }
            Self::Ambiguous { text } => Some(format!("lamp why model:{text}, or lamp why data:{text}")),
            Self::Data(e) => e.hint(),
            Self::Registry(e) => e.hint(),
            Self::Run(e) => e.hint(),
            Self::Serving(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

/// What a node of the tree stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// One answered row.
    Prediction,
    /// A service.
    Service,
    /// A model version.
    Model,
    /// A signed decision.
    Approval,
    /// A run.
    Run,
    /// A commit.
    Commit,
    /// A dataset version.
    Dataset,
    /// A file of a dataset version.
    File,
}

/// One node: what it is, facts about it, and what it came from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Node {
    /// What it stands for.
    pub kind: NodeKind,
    /// Its name: a reference, an id, a hash.
    pub title: String,
    /// How it relates to the node above: `answered by`, `trained by`, `input train`, …
    pub relation: String,
    /// Facts, in reading order.
    pub facts: Vec<(String, String)>,
    /// What it came from.
    pub from: Vec<Node>,
}

impl Node {
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over what they have at hand, text or value")]
    fn new(kind: NodeKind, relation: &str, title: impl ToString) -> Self {
        Self { kind, title: title.to_string(), relation: relation.to_owned(), facts: Vec::new(), from: Vec::new() }
    }

    /// Cuts the second telling of a dataset version or run short: its story stands above.
    fn fold_repeats(&mut self, told: &mut BTreeSet<String>) {
        let has_a_story = matches!(self.kind, NodeKind::Dataset | NodeKind::Run) && !self.from.is_empty();
        if has_a_story && !told.insert(self.title.clone()) {
            self.from.clear();
            self.facts.retain(|(name, _)| name == "used");
            self.fact("story", "as told above");
            return;
        }
        for node in &mut self.from {
            node.fold_repeats(told);
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers hand over what they have at hand, text or value")]
    fn fact(&mut self, name: &str, value: impl ToString) {
        self.facts.push((name.to_owned(), value.to_string()));
    }
}

impl App {
    /// Answers for anything that has a name or an id.
    pub async fn why(&self, text: &str) -> Result<Node, WhyError> {
        let mut node = self.trace(text).await?;
        node.fold_repeats(&mut BTreeSet::new());
        Ok(node)
    }

    async fn trace(&self, text: &str) -> Result<Node, WhyError> {
        if let Some(reference) = text.strip_prefix("model:") {
            return self.why_model(reference, "").await;
        }
        if let Some(reference) = text.strip_prefix("data:") {
            return self.why_dataset(reference).await;
        }
        if let Some(id) = PredictionId::parse(text) {
            return match self.ledger().find_run(RunId(id.0)).await? {
                Some(run) => self.why_run(&run, "").await,
                None => self.why_prediction(id).await,
            };
        }
        let reference = Reference::parse(text)?;
        let is_model = match ModelName::parse(&reference.name) {
            Ok(name) => self.ledger().latest_model(&name).await?.is_some(),
            Err(_) => false,
        };
        let is_dataset = match DatasetName::parse(&reference.name) {
            Ok(name) => self.ledger().latest_version(&name).await?.is_some(),
            Err(_) => false,
        };
        let names_a_version = text.contains('@');
        let service = ServiceName::parse(text).ok().filter(|name| self.workspace().service(name).is_some());
        match (is_model, is_dataset, service) {
            (_, _, Some(service)) if !names_a_version => self.why_service(&service).await,
            (true, true, _) => Err(WhyError::Ambiguous { text: text.to_owned() }),
            (true, false, _) => self.why_model(text, "").await,
            (false, true, _) => self.why_dataset(text).await,
            (false, false, _) => self.why_run_prefix(text).await,
        }
    }

    async fn why_run_prefix(&self, text: &str) -> Result<Node, WhyError> {
        match self.find_run(text).await {
            Ok(run) => self.why_run(&run, "").await,
            Err(RunError::UnknownRun { .. }) => Err(WhyError::Unknown { text: text.to_owned() }),
            Err(error) => Err(error.into()),
        }
    }
}
