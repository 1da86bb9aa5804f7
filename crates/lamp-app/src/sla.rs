//! `lamp sla`: what a contract promises over time, and what is left of its error budget.

mod watch;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::ToSpan as _;
use lamp_core::access::Permission;
use lamp_core::check::{Check, Verdict};
use lamp_core::contract::budget::{Budget, BudgetState, Objective, Outcome};
use lamp_core::contract::response::{Case, ResponseTimes, response_times};
use lamp_core::contract::{Contract, Measure, Sla, SlaProperty};
use lamp_core::dataset::DatasetVersion;
use lamp_core::incident::{CONTRACT_BROKEN, Incident, SLA_LATE};
use lamp_core::names::DatasetName;
use lamp_core::registry::ExhaustedBudget;
use lamp_core::run::RunManifest;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::check::CheckError;
use crate::data::DataError;
use crate::profile::pieces_of;

/// Incidents of so many days are measured for the times of a contract.
const RESPONSE_DAYS: i64 = 90;

/// Most incidents that are measured.
const RESPONSE_INCIDENTS_MAX: u32 = 1_000;

/// Versions that are looked through for the one that an incident is about.
const VERSIONS_MAX: u32 = 1_000;

/// One promise of service and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// The verdict, with what was measured, in the promise's own unit.
    #[serde(flatten)]
    pub check: Check,
    /// For times to detect, notify and repair: what they were.
    pub times: Option<ResponseTimes>,
    /// For a promise of freshness: the instant of the newest row or version.
    pub newest_at: Option<Timestamp>,
}

/// What a contract promises over time, and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceLevel {
    /// The dataset.
    pub dataset: DatasetName,
    /// The contract's file.
    pub contract: String,
    /// The error budget, where there is an objective.
    pub budget: Option<Budget>,
    /// The other promises of service, in the contract's order.
    pub promises: Vec<Promise>,
}

impl ServiceLevel {
    /// Whether nothing that could be measured is broken.
    pub fn is_kept(&self) -> bool {
        let is_exhausted = self.budget.as_ref().is_some_and(|budget| budget.state == BudgetState::Exhausted);
        !is_exhausted && self.promises.iter().all(|promise| promise.check.verdict != Verdict::Failed)
    }
}

/// What one look needs of a dataset.
struct Looked {
    dataset: DatasetName,
    contract: Contract,
    latest: DatasetVersion,
}

impl App {
    /// How the promises of service of one dataset stand, or of all that have any.
    pub async fn service_levels(&self, only: Option<&DatasetName>) -> Result<Vec<ServiceLevel>, CheckError> {
        self.authorize(Permission::Look)?;
        let mut levels = Vec::new();
        if let Some(dataset) = only {
            let no_version = || DataError::NoVersion { dataset: dataset.clone() };
            levels.push(self.service_level(dataset).await?.ok_or_else(no_version)?);
            return Ok(levels);
        }
        for dataset in self.promising_datasets() {
            levels.extend(self.service_level(&dataset).await?);
        }
        levels.retain(|level| level.budget.is_some() || !level.promises.is_empty());
        Ok(levels)
    }

    /// How the promises of service of one dataset stand; none before it has a version.
    async fn service_level(&self, dataset: &DatasetName) -> Result<Option<ServiceLevel>, CheckError> {
        let (contract, label, _) = self.contract_of(dataset)?;
        let Some(latest) = self.ledger().latest_version(dataset).await? else { return Ok(None) };
        let looked = Looked { dataset: dataset.clone(), contract, latest };
        let budget = self.budget_of(&looked).await?;
        let promises = self.promises_of(&looked).await?;
        Ok(Some(ServiceLevel { dataset: dataset.clone(), contract: label, budget, promises }))
    }

    /// The error budget of one dataset, for pages; none without an objective or a version.
    pub(crate) async fn find_budget(&self, dataset: &DatasetName) -> Result<Option<Budget>, CheckError> {
        let has_contract = self.workspace().dataset(dataset).is_some_and(|(_, config)| config.contract.is_some());
        if !has_contract {
            return Ok(None);
        }
        let Some(latest) = self.ledger().latest_version(dataset).await? else { return Ok(None) };
        let (contract, _, _) = self.contract_of(dataset)?;
        self.budget_of(&Looked { dataset: dataset.clone(), contract, latest }).await
    }

    /// The datasets that a run's inputs come from, through all builds, whose error budget is exhausted now.
    pub(crate) async fn exhausted_budgets(&self, manifest: &RunManifest) -> Result<Vec<ExhaustedBudget>, CheckError> {
        let inputs = self.inputs_through_builds(manifest).await?;
        let names: BTreeSet<DatasetName> = inputs.into_iter().flatten().map(|input| input.dataset).collect();
        let mut exhausted = Vec::new();
        for dataset in names {
            let budget = self.find_budget(&dataset).await?;
            if let Some(budget) = budget.filter(|budget| budget.state == BudgetState::Exhausted) {
                exhausted.push(ExhaustedBudget { dataset, sentence: budget.standing() });
            }
        }
        Ok(exhausted)
    }

    fn promising_datasets(&self) -> Vec<DatasetName> {
        let datasets = self.workspace().projects.values().flat_map(|project| &project.datasets);
        datasets.filter(|(_, config)| config.contract.is_some()).map(|(name, _)| name.clone()).collect()
    }

    async fn budget_of(&self, looked: &Looked) -> Result<Option<Budget>, CheckError> {
        let Some(objective) = looked.contract.sla.iter().find_map(Objective::of) else { return Ok(None) };
        let today = self.date_of(self.now());
        let outcomes = self.outcomes(looked, &objective).await?;
        Ok(Some(Budget::of(objective, today, &outcomes)))
    }

    /// What became of each partition of the window; or of each version, where there are no partitions.
    async fn outcomes(&self, looked: &Looked, objective: &Objective) -> Result<Vec<Outcome>, CheckError> {
        let today = self.date_of(self.now());
        let since = objective.since(today);
        let checked = self.ledger().partition_outcomes(&looked.dataset, since).await?;
        let partitions = self.manifest(&looked.latest).await?.partitions();
        let mut outcomes = BTreeMap::new();
        if partitions.is_empty() {
            for version in self.ledger().versions_page(&looked.dataset, 0, VERSIONS_MAX).await? {
                let day = self.date_of(version.created_at);
                let said = checked.iter().find(|one| one.partition.is_none() && one.version == version.version);
                let label = format!("version {}", version.version);
                let outcome = Outcome { label, day, is_good: said.map(|one| one.failed == 0) };
                outcomes.insert((day, u64::from(version.version)), outcome);
            }
        }
        for (place, key) in (0u64..).zip(&partitions) {
            // A month counts on its last day, the present one today.
            let day = key.end().saturating_sub(1.day()).min(today);
            let said = checked.iter().find(|one| one.partition.as_ref() == Some(key));
            let outcome = Outcome { label: key.to_string(), day, is_good: said.map(|one| one.failed == 0) };
            outcomes.insert((day, place), outcome);
        }
        Ok(outcomes.into_values().collect())
    }

    async fn promises_of(&self, looked: &Looked) -> Result<Vec<Promise>, CheckError> {
        let mut promises = Vec::new();
        let mut cases = None;
        for sla in looked.contract.sla.iter().filter(|sla| Objective::of(sla).is_none()) {
            let bare = |check| Promise { check, times: None, newest_at: None };
            promises.push(match &sla.property {
                SlaProperty::Latency => self.latency(looked, sla).await?,
                SlaProperty::Frequency => self.frequency(looked, sla),
                SlaProperty::TimeToDetect | SlaProperty::TimeToNotify | SlaProperty::TimeToRepair => {
                    if cases.is_none() {
                        cases = Some(self.cases(looked).await?);
                    }
                    let times = response_times(&sla.property, cases.as_deref().unwrap_or_default(), self.now());
                    Promise { check: sla.judge_times(times.as_ref()), times, newest_at: None }
                }
                SlaProperty::Availability => {
                    bare(sla.not_evaluated("the objective cannot be read: see lamp contract lint".to_owned()))
                }
                SlaProperty::Other(name) => bare(sla.not_evaluated(format!("promises of `{name}` are not measured"))),
            });
        }
        Ok(promises)
    }

    /// The age of the newest row, from the profile of the newest partition.
    async fn latency(&self, looked: &Looked, sla: &Sla) -> Result<Promise, CheckError> {
        let files = self.manifest(&looked.latest).await?.files;
        let Some(piece) = pieces_of(&files).pop() else {
            let check = sla.not_evaluated("the version has no files".to_owned());
            return Ok(Promise { check, times: None, newest_at: None });
        };
        let profile = self.piece_profile(&piece).await?;
        let config = self.workspace().dataset(&looked.dataset).map(|(_, config)| config);
        let partition = config.and_then(|config| config.partition.as_ref());
        let measure = Measure {
            dataset: Some(looked.dataset.as_str()),
            profile: &profile,
            newest_column: partition.map(|partition| partition.column.as_str()),
            zone: &self.workspace().root.time_zone,
            now: self.now(),
        };
        let newest_at = looked.contract.newest_row(sla, &measure).ok();
        Ok(Promise { check: looked.contract.service_check(sla, &measure), times: None, newest_at })
    }

    /// The time since the newest version came.
    fn frequency(&self, looked: &Looked, sla: &Sla) -> Promise {
        let newest_at = looked.latest.created_at;
        Promise { check: sla.judge_frequency(newest_at, self.now()), times: None, newest_at: Some(newest_at) }
    }

    /// The dataset's incidents, with the instants since which there was something to see.
    async fn cases(&self, looked: &Looked) -> Result<Vec<Case>, CheckError> {
        let since = self.now() - (24 * RESPONSE_DAYS).hours();
        let incidents = self.ledger().incidents_of_dataset(&looked.dataset, since, RESPONSE_INCIDENTS_MAX).await?;
        let versions = self.ledger().versions_page(&looked.dataset, 0, VERSIONS_MAX).await?;
        let began = |incident: &Incident| match incident.cause.as_str() {
            // Newest first: the first one that was there when the incident opened.
            CONTRACT_BROKEN => {
                versions.iter().map(|version| version.created_at).find(|created_at| *created_at <= incident.opened_at)
            }
            SLA_LATE => late_since(&incident.subject, &looked.contract),
            _ => None,
        };
        Ok(incidents.into_iter().map(|incident| Case { began_at: began(&incident), incident }).collect())
    }
}

/// When what `flights after INSTANT` waited for should have come.
fn late_since(subject: &str, contract: &Contract) -> Option<Timestamp> {
    let newest: Timestamp = subject.rsplit_once(' ')?.1.parse().ok()?;
    let is_fresh = |sla: &&Sla| matches!(sla.property, SlaProperty::Latency | SlaProperty::Frequency);
    let seconds = contract.sla.iter().filter(is_fresh).filter_map(Sla::seconds).min_by(f64::total_cmp)?;
    newest.checked_add(jiff::SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
}
