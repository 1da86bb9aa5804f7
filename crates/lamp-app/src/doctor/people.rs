//! Facts of practices 5 and 6: what people promised to look at, and whether they did.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lamp_core::check::Verdict;
use lamp_core::config::{Every, ProjectConfig};
use lamp_core::doctor::{ChecksFacts, LabelFacts, LookFacts, QualityFacts};
use lamp_core::duty::{DutyKind, DutyState};
use lamp_core::label::LabelSource;
use lamp_core::names::ServiceName;

use super::DoctorError;
use crate::app::App;

/// A person is given this many periods of a duty: the one that runs, and the one before it.
const PERIODS: u32 = 2;
/// Most duties that are looked through for the last one that was done.
const DUTIES_MAX: u32 = 1_000;
/// Most labels of a service that are looked through.
const LABELS_MAX: u32 = 1_000;

impl App {
    pub(super) async fn quality_facts(&self) -> Result<QualityFacts, DoctorError> {
        let mut facts = QualityFacts::default();
        for project in self.workspace().projects.values() {
            for (name, config) in &project.datasets {
                let newest_is_checked = match self.ledger().latest_version(name).await? {
                    Some(version) => {
                        let checks = self.ledger().checks(name, version.version).await?;
                        Some(checks.iter().any(|record| record.check.verdict != Verdict::NotEvaluated))
                    }
                    None => None,
                };
                let has_contract = config.contract.is_some();
                facts.datasets.push(ChecksFacts { name: name.clone(), has_contract, newest_is_checked });
            }
            if !project.datasets.is_empty() {
                facts.looks.push(self.look_facts(project).await?);
            }
        }
        Ok(facts)
    }

    async fn look_facts(&self, project: &ProjectConfig) -> Result<LookFacts, DoctorError> {
        let name = project.name.clone();
        let Some(duty) = self.workspace().duties_of(project).histograms else {
            return Ok(LookFacts { project: name, rota: None, last: None, within: Duration::ZERO });
        };
        let duties = self.ledger().duties(DUTIES_MAX).await?;
        let of_project = duties.iter().filter(|duty| duty.project == name && duty.kind == DutyKind::Histograms);
        let done = of_project.filter(|duty| duty.state == DutyState::Done);
        let last = done.filter_map(|duty| Some(duty.end.as_ref()?.at)).max();
        Ok(LookFacts {
            project: name,
            rota: Some(duty.rota.to_string()),
            last: last.map(|at| self.since(at)),
            within: self.periods_back(duty.every),
        })
    }

    pub(super) async fn label_facts(&self) -> Result<Vec<LabelFacts>, DoctorError> {
        let mut facts = Vec::new();
        for project in self.workspace().projects.values() {
            for service in project.services.keys() {
                facts.push(self.label_facts_of(project, service).await?);
            }
        }
        Ok(facts)
    }

    async fn label_facts_of(&self, project: &ProjectConfig, service: &ServiceName) -> Result<LabelFacts, DoctorError> {
        let duty = self.workspace().duties_of(project).labels;
        let within = self.periods_back(duty.as_ref().map_or(Every::DAY, |duty| duty.every));
        let labels = self.ledger().labels(Some(service), LABELS_MAX).await?;
        let by_hand = || labels.iter().filter(|record| record.label.source == LabelSource::Hand && record.is_current);
        let recent = by_hand().filter(|record| self.since(record.label.at) <= within).count();
        Ok(LabelFacts {
            service: service.clone(),
            rota: duty.map(|duty| duty.rota.to_string()),
            labels: u64::try_from(recent).unwrap_or(u64::MAX),
            last: by_hand().map(|record| record.label.at).max().map(|at| self.since(at)),
            is_measured: self.ledger().last_estimated(service).await?.is_some(),
        })
    }

    pub(super) fn since(&self, at: Timestamp) -> Duration {
        let passed = self.now().duration_since(at);
        // Something of the future is of now: clocks differ.
        Duration::try_from(passed.max(SignedDuration::ZERO)).unwrap_or(Duration::ZERO)
    }

    fn periods_back(&self, every: Every) -> Duration {
        let zone = self.workspace().root.time_zone.clone();
        let begun = self.now().to_zoned(zone).checked_sub(every.times(PERIODS).span());
        begun.map_or(Duration::MAX, |begun| self.since(begun.timestamp()))
    }
}
