//! Facts of practices 5 and 6: what people promised to look at, and whether they did.

use lamp_core::doctor::{ChecksFacts, LabelFacts, QualityFacts};

use super::DoctorError;
use crate::app::App;

impl App {
    pub(super) async fn quality_facts(&self) -> Result<QualityFacts, DoctorError> {
        let mut facts = QualityFacts::default();
        for project in self.workspace().projects.values() {
            for (name, config) in &project.datasets {
                let newest_is_checked = match self.ledger().latest_version(name).await? {
                    Some(version) => Some(!self.ledger().checks(name, version.version).await?.is_empty()),
                    None => None,
                };
                let has_contract = config.contract.is_some();
                facts.datasets.push(ChecksFacts { name: name.clone(), has_contract, newest_is_checked });
            }
            let duty = self.workspace().duties_of(project).histograms;
            facts.rota = facts.rota.or(duty.map(|duty| duty.rota.to_string()));
        }
        Ok(facts)
    }

    #[expect(clippy::unused_async, reason = "the ledger is asked for labels")]
    pub(super) async fn label_facts(&self) -> Result<Vec<LabelFacts>, DoctorError> {
        let mut facts = Vec::new();
        for project in self.workspace().projects.values() {
            let duty = self.workspace().duties_of(project).labels;
            let rota = duty.map(|duty| duty.rota.to_string());
            facts.extend(project.services.keys().map(|service| LabelFacts {
                service: service.clone(),
                rota: rota.clone(),
                labels: 0,
                last: None,
                is_measured: false,
            }));
        }
        Ok(facts)
    }
}
