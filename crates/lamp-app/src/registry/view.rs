//! `lamp models ls|show|compare`.

use std::collections::BTreeMap;

use lamp_core::digest::Digest;
use lamp_core::names::{ModelName, ServiceName};
use lamp_core::reference::{Reference, Selector};
use lamp_core::registry::{Approval, ModelVersion};
use lamp_core::route::{ModelRef, Role};
use lamp_core::run::Run;
use serde::{Deserialize, Serialize};

use super::RegistryError;
use crate::app::App;

/// A model version with what stands around it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModelView {
    /// The version.
    pub model: ModelVersion,
    /// Where it serves.
    pub serving: Vec<(ServiceName, Role)>,
    /// Decisions on it.
    pub approvals: Vec<Approval>,
    /// The run that made it.
    pub run: Option<Run>,
}

/// Two versions side by side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Comparison {
    /// The first.
    pub a: ModelView,
    /// The second.
    pub b: ModelView,
    /// Metric → value of each.
    pub metrics: BTreeMap<String, (Option<f64>, Option<f64>)>,
    /// Whether both were measured on the same held-out data.
    pub same_data: bool,
    /// What else differs: name → value of each.
    pub differences: BTreeMap<String, (String, String)>,
}

impl App {
    /// The version that `delay@12`, `delay@latest` or `delay@production` names.
    pub async fn model_version(&self, text: &str) -> Result<ModelVersion, RegistryError> {
        let reference = Reference::parse(text)?;
        let model = ModelName::parse(&reference.name)?;
        match reference.selector {
            Selector::Number(version) => {
                let id = ModelRef { model, version };
                self.ledger().find_model(&id).await?.ok_or(RegistryError::UnknownVersion { model: id })
            }
            Selector::Latest => self.ledger().latest_model(&model).await?.ok_or(RegistryError::NoVersion { model }),
            Selector::Production => self.serving_version(&model).await?.ok_or(RegistryError::NotServing { model }),
        }
    }

    /// The version of `model` that the routes serve, as a primary if there is one.
    pub(crate) async fn serving_version(
        &self,
        model: &ModelName,
    ) -> Result<Option<ModelVersion>, lamp_ledger::LedgerError> {
        let routes = self.ledger().routes().await?;
        let in_place = |role: Role| {
            let mut placed = routes.iter().filter_map(move |route| route.model(role));
            placed.find(|placed| &placed.model == model).cloned()
        };
        match in_place(Role::Primary).or_else(|| in_place(Role::Shadow)) {
            Some(id) => self.ledger().find_model(&id).await,
            None => Ok(None),
        }
    }

    /// Versions of one model, or of all, newest first.
    pub async fn list_models(&self, model: Option<&ModelName>) -> Result<Vec<ModelView>, RegistryError> {
        let mut views = Vec::new();
        for version in self.ledger().model_versions(model).await? {
            views.push(self.view_of(version).await?);
        }
        Ok(views)
    }

    /// One version with what stands around it.
    pub async fn show_model(&self, text: &str) -> Result<ModelView, RegistryError> {
        let version = self.model_version(text).await?;
        self.view_of(version).await
    }

    async fn view_of(&self, model: ModelVersion) -> Result<ModelView, RegistryError> {
        Ok(ModelView {
            serving: self.ledger().routes_serving(&model.id).await?,
            approvals: self.ledger().approvals(&model.id).await?,
            run: self.ledger().find_run(model.run).await?,
            model,
        })
    }

    /// Two versions side by side: metrics, code, data, parameters.
    pub async fn compare_models(&self, a: &str, b: &str) -> Result<Comparison, RegistryError> {
        let (a, b) = (self.show_model(a).await?, self.show_model(b).await?);
        let (of_a, of_b) = (&a.model.evidence.metrics, &b.model.evidence.metrics);
        let names = of_a.keys().chain(of_b.keys()).cloned();
        let metrics = names.map(|name| (name.clone(), (of_a.get(&name).copied(), of_b.get(&name).copied()))).collect();
        let same_data =
            a.model.evidence.valid == b.model.evidence.valid && a.model.evidence.rows == b.model.evidence.rows;
        let (facts_a, facts_b) = (facts(&a), facts(&b));
        let keys = facts_a.keys().chain(facts_b.keys()).cloned();
        let value = |facts: &BTreeMap<String, String>, key: &String| facts.get(key).cloned().unwrap_or_default();
        let differences = keys
            .map(|key| (key.clone(), (value(&facts_a, &key), value(&facts_b, &key))))
            .filter(|(_, (a, b))| a != b)
            .collect();
        Ok(Comparison { a, b, metrics, same_data, differences })
    }
}

fn facts(view: &ModelView) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::from([
        ("commit".to_owned(), view.model.commit.clone()),
        ("flavour".to_owned(), view.model.flavour.clone()),
        ("held-out data".to_owned(), view.model.evidence.valid.clone()),
    ]);
    if let Some(manifest) = view.run.as_ref().and_then(|run| run.manifest.as_ref()) {
        facts.insert("seed".to_owned(), manifest.seed.to_string());
        facts.insert("command".to_owned(), manifest.command.clone());
        facts.insert("environment".to_owned(), manifest.environment.map(Digest::short).unwrap_or_default());
        for (role, input) in &manifest.inputs {
            facts.insert(format!("data {role}"), format!("{}@{} as {}", input.dataset, input.version, input.slice));
        }
        for (key, value) in &manifest.params {
            facts.insert(format!("parameter {key}"), value.to_string());
        }
    }
    facts
}
