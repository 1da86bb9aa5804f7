//! `lamp check`: does the data keep its contract?

mod beyond;
mod declared;
mod suggest;

use std::path::PathBuf;

use lamp_core::access::Permission;
use lamp_core::check::{Check, CheckRecord, Verdict};
use lamp_core::contract::Contract;
use lamp_core::dataset::DatasetVersion;
use lamp_core::digest::Digest;
use lamp_core::error::{Classified, Kind};
use lamp_core::ids::IncidentId;
use lamp_core::incident::{CONTRACT_BROKEN, Incident};
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;
use lamp_engine::CheckContext;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::App;
use crate::data::DataError;
use crate::parts::{PartError, take_parts};
use crate::profile::{OnPartition, Piece, pieces_of};
use crate::surprise::PieceJudgement;

/// Why there is no verdict at all.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The dataset promises nothing.
    #[error("dataset `{dataset}` has no contract")]
    NoContract {
        /// The dataset.
        dataset: DatasetName,
    },
    /// Nothing in the workspace promises anything.
    #[error("no dataset with a version has a contract")]
    NothingToCheck,
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(CheckError);

impl Classified for CheckError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoContract { .. } | Self::NothingToCheck => Kind::NotFound,
            Self::Data(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoContract { dataset } => Some(format!(
                "lamp contract suggest {dataset} writes one; name it as `contract` in [datasets.{dataset}] of lamp.toml"
            )),
            Self::NothingToCheck => Some("lamp data add NAME; then set `contract` in lamp.toml".to_owned()),
            Self::Data(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

/// The checks of one partition, or of a dataset without partitions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PieceChecks {
    /// The partition.
    pub partition: Option<PartitionKey>,
    /// Rows looked at.
    pub rows: u64,
    /// Every rule's verdict.
    pub checks: Vec<Check>,
}

/// The checks of one version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckReport {
    /// The version.
    pub version: DatasetVersion,
    /// The contract's file.
    pub contract: String,
    /// By partition, in order.
    pub pieces: Vec<PieceChecks>,
    /// Partitions beside their history, in order; empty for a dataset without partitions.
    #[serde(default)]
    pub judged: Vec<PieceJudgement>,
    /// Incidents that this opened.
    pub incidents: Vec<Incident>,
}

impl CheckReport {
    /// Whether every rule that could be evaluated holds, but for warnings.
    pub fn is_kept(&self) -> bool {
        self.broken().next().is_none()
    }

    /// The rules that do not hold, but for warnings.
    pub fn broken(&self) -> impl Iterator<Item = (&PieceChecks, &Check)> {
        self.all().filter(|(_, check)| check.is_breaking())
    }

    /// Number of rules that do not hold, of which the contract says that this is no error.
    pub fn warnings(&self) -> usize {
        self.all().filter(|(_, check)| check.is_warning()).count()
    }

    fn all(&self) -> impl Iterator<Item = (&PieceChecks, &Check)> {
        self.pieces.iter().flat_map(|piece| piece.checks.iter().map(move |check| (piece, check)))
    }

    /// Number of verdicts of one kind.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.pieces.iter().flat_map(|piece| &piece.checks).filter(|check| check.verdict == verdict).count()
    }
}

impl App {
    /// Every dataset that has a contract and a version.
    pub async fn checkable(&self) -> Result<Vec<String>, CheckError> {
        let mut names = Vec::new();
        for project in self.workspace().projects.values() {
            for (name, config) in &project.datasets {
                if config.contract.is_some() && self.ledger().latest_version(name).await?.is_some() {
                    names.push(name.to_string());
                }
            }
        }
        if names.is_empty() { Err(CheckError::NothingToCheck) } else { Ok(names) }
    }

    /// Checks `NAME`, `NAME@V` or `NAME[RANGE]` against its contract, records every verdict and
    /// opens an incident for each partition that breaks its promise. Then each partition is judged beside its history.
    pub async fn check(&self, text: &str, on_partition: OnPartition<'_>) -> Result<CheckReport, CheckError> {
        self.authorize(Permission::Watch)?;
        let slice = self.slice_of(text).await?;
        let dataset = slice.version.dataset.clone();
        let (contract, label, digest) = self.contract_of(&dataset)?;
        let pieces = pieces_of(&slice.files);
        let newest = self.manifest(&slice.version).await?.partitions().pop();
        let mut beyond = self.beyond(&contract, &slice.version).await?;
        let mut checked = Vec::with_capacity(pieces.len());
        for (done, piece) in pieces.iter().enumerate() {
            checked.push(self.check_piece(piece, &contract, &mut beyond, &dataset, piece.partition == newest).await?);
            on_partition(done + 1, pieces.len());
        }
        let mut report = CheckReport {
            version: slice.version,
            contract: label,
            pieces: checked,
            judged: Vec::new(),
            incidents: Vec::new(),
        };
        report.incidents = self.record_checks(&report, digest).await?;
        let keys = pieces.into_iter().filter_map(|piece| piece.partition).collect();
        let (judged, surprises) = self.judge(&report.version, &keys).await?;
        report.judged = judged;
        report.incidents.extend(surprises);
        Ok(report)
    }

    /// The contract of a dataset, its label for people, and the digest of its text.
    pub fn contract_of(&self, dataset: &DatasetName) -> Result<(Contract, String, Digest), CheckError> {
        let (path, label) = self.contract_path(dataset)?;
        let text = std::fs::read_to_string(&path).map_err(PartError::file("read", &path))?;
        Ok((Contract::parse(&text, &label)?, label, Digest::of(text.as_bytes())))
    }

    fn contract_path(&self, dataset: &DatasetName) -> Result<(PathBuf, String), CheckError> {
        let none = || CheckError::NoContract { dataset: dataset.clone() };
        let (project, config) = self.workspace().dataset(dataset).ok_or_else(none)?;
        let file = config.contract.as_ref().ok_or_else(none)?;
        let label = format!("{}/{file}", project.dir);
        Ok((self.root().join(&label), label))
    }

    /// Freshness is a promise of the whole dataset: only its newest piece is asked.
    async fn check_piece(
        &self,
        piece: &Piece,
        contract: &Contract,
        beyond: &mut beyond::Beyond,
        dataset: &DatasetName,
        is_newest: bool,
    ) -> Result<PieceChecks, CheckError> {
        let profile = self.piece_profile(piece).await?;
        let files = self.data_files(&piece.files).await?;
        let config = self.workspace().dataset(dataset).map(|(_, config)| config);
        let partition_by = config.and_then(|config| config.partition.as_ref());
        let context = CheckContext {
            now: self.now(),
            time_zone: self.workspace().root.time_zone_name.clone(),
            dataset: Some(dataset.to_string()),
            newest_column: partition_by.map(|partition| partition.column.clone()),
            key: config.map(|config| config.key.clone()).unwrap_or_default(),
            history: self.profiles_before(beyond, piece).await?,
            partition_end: self.end_of(piece.partition.as_ref()),
            others: beyond.others(),
        };
        let mut checks = self.engine().check(&files, &profile, contract, &context).await?;
        if let (Some(by), Some(key)) = (partition_by, &piece.partition) {
            let column = profile.find(&by.column);
            checks.extend(column.and_then(|column| declared::outside(column, key, &self.workspace().root.time_zone)));
        }
        let key = config.map(|config| &config.key[..]).unwrap_or_default();
        if !key.is_empty() {
            let key_contract = declared::key_contract(dataset, key, contract.find_object(Some(dataset.as_str())));
            let of_key = self.engine().check(&files, &profile, &key_contract, &context).await?;
            checks.extend(declared::broken_key(of_key, key));
        }
        if !is_newest {
            checks.retain(|check| !check.rule.starts_with("sla."));
        }
        Ok(PieceChecks { partition: piece.partition.clone(), rows: profile.rows, checks })
    }

    async fn record_checks(&self, report: &CheckReport, contract: Digest) -> Result<Vec<Incident>, CheckError> {
        let version = &report.version;
        let record = |piece: &PieceChecks, check: &Check| CheckRecord {
            dataset: version.dataset.clone(),
            version: version.version,
            partition: piece.partition.clone(),
            contract,
            checked_at: self.now(),
            check: check.clone(),
        };
        let records: Vec<_> =
            report.pieces.iter().flat_map(|piece| piece.checks.iter().map(|check| record(piece, check))).collect();
        let mut opened = Vec::new();
        let mut tx = self.ledger().begin().await?;
        tx.record_checks(&records).await?;
        for piece in &report.pieces {
            let broken: Vec<_> = piece.checks.iter().filter(|check| check.is_breaking()).collect();
            let Some(first) = broken.first() else { continue };
            let incident = self.incident_of(version, piece, first, broken.len());
            if self.open_incident(&mut tx, &incident).await? == incident.id {
                opened.push(incident);
            }
        }
        let subject = format!("{}@{}", version.dataset, version.version);
        let details = json!({
            "contract": contract, "failed": report.broken().count(), "passed": report.count(Verdict::Passed),
            "warnings": report.warnings(), "not_evaluated": report.count(Verdict::NotEvaluated),
        });
        tx.audit(&self.entry("data.checked", subject, details)).await?;
        tx.commit().await?;
        Ok(opened)
    }

    fn incident_of(&self, version: &DatasetVersion, piece: &PieceChecks, first: &Check, count: usize) -> Incident {
        let subject = match &piece.partition {
            Some(partition) => format!("{}[{partition}]", version.dataset),
            None => version.dataset.to_string(),
        };
        let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
        let id = IncidentId::new(self.now(), &*self.ids());
        let title = format!("{subject}: {}{more}", first.message);
        let project = self.workspace().dataset(&version.dataset).map(|(project, _)| &project.name);
        Incident::open(id, CONTRACT_BROKEN, subject, title, self.now()).of(project)
    }
}
