//! The check that needs no thresholds: partitions beside their history.
//!
//! The rules are those of [`lamp_core::surprise`]. Here the history is read (the profiles that are stored anyway),
//! judgements are kept, and one incident is opened where several partitions in a row have the same cause.

use std::collections::{BTreeMap, BTreeSet};

use lamp_core::config::DatasetConfig;
use lamp_core::dataset::DatasetVersion;
use lamp_core::digest::Digest;
use lamp_core::ids::IncidentId;
use lamp_core::incident::{DATA_SURPRISING, Incident};
use lamp_core::names::DatasetName;
use lamp_core::partition::{PartitionKey, Period};
use lamp_core::surprise::{Decision, DecisionRecord, Judgement, Outcome, Summary, Watcher, alpha};
use lamp_ledger::{JudgementRecord, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::App;
use crate::check::CheckError;
use crate::profile::{Piece, pieces_of};

/// Most partitions that are learnt from before one is judged.
const HISTORY_MAX: usize = 90;

/// Days in a month, on average.
const MONTH_DAYS: f64 = 30.44;

/// One partition beside its history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PieceJudgement {
    /// The partition.
    pub partition: PartitionKey,
    /// What is said of it.
    pub judgement: Judgement,
    /// What a person said of it.
    pub decision: Option<Decision>,
}

/// A judgement that may be news.
struct Fresh {
    content: Digest,
    piece: PieceJudgement,
}

impl App {
    /// Judges the partitions of `version` that `wanted` names beside the partitions before them, keeps what is new, and
    /// opens an incident for what is new and surprising. Nothing for a dataset without partitions.
    pub(crate) async fn judge(
        &self,
        version: &DatasetVersion,
        wanted: &BTreeSet<PartitionKey>,
    ) -> Result<(Vec<PieceJudgement>, Vec<Incident>), CheckError> {
        let config = self.workspace().dataset(&version.dataset).map(|(_, config)| config);
        let Some(by) = config.and_then(|config| config.partition.as_ref()) else { return Ok(Default::default()) };
        let pieces = pieces_of(&self.manifest(version).await?.files);
        let decisions = self.ledger().judgement_decisions(&version.dataset).await?;
        let fresh = self.judge_pieces(&pieces, wanted, by.by, &decisions).await?;
        let newest = pieces.iter().filter_map(|piece| piece.partition.as_ref()).next_back();
        let opened = self.keep_judgements(version, &fresh, newest).await?;
        Ok((fresh.into_iter().map(|fresh| fresh.piece).collect(), opened))
    }

    async fn judge_pieces(
        &self,
        pieces: &[Piece],
        wanted: &BTreeSet<PartitionKey>,
        period: Period,
        decisions: &[DecisionRecord],
    ) -> Result<Vec<Fresh>, CheckError> {
        let is_wanted = |piece: &Piece| piece.partition.as_ref().is_some_and(|key| wanted.contains(key));
        let Some(first) = pieces.iter().position(is_wanted) else { return Ok(Vec::new()) };
        let last = pieces.iter().rposition(is_wanted).unwrap_or(first);
        let decided: BTreeMap<_, _> = decisions.iter().map(|decision| (&decision.partition, decision)).collect();
        let mut watcher = Watcher::new(self.alpha(period));
        let mut fresh = Vec::new();
        for piece in &pieces[first.saturating_sub(HISTORY_MAX)..=last] {
            let Some(key) = &piece.partition else { continue };
            let profile = self.piece_profile(piece).await?;
            let summary = Summary::of(&profile, key, &self.workspace().root.time_zone);
            let judged = watcher.judge(key, &summary);
            let decision = decided.get(key);
            match decision.map(|record| record.decision) {
                Some(Decision::Reject) => {}
                Some(Decision::ExpectedChange) => {
                    watcher.forget(decision.map(|record| &record.columns[..]).unwrap_or_default());
                    watcher.learn(key, &summary, &judged);
                }
                Some(Decision::Accept) | None => watcher.learn(key, &summary, &judged),
            }
            if wanted.contains(key) {
                fresh.push(Fresh {
                    content: piece.content(),
                    piece: PieceJudgement {
                        partition: key.clone(),
                        judgement: judged.judgement.shortened(),
                        decision: decision.map(|record| record.decision),
                    },
                });
            }
        }
        Ok(fresh)
    }

    /// The budget of one dataset: that of the workspace, shared by all datasets that are judged.
    fn alpha(&self, period: Period) -> f64 {
        let is_judged = |config: &&DatasetConfig| config.partition.is_some() && config.contract.is_some();
        let configs = self.workspace().projects.values().flat_map(|project| project.datasets.values());
        let days = match period {
            Period::Day => 1.0,
            Period::Month => MONTH_DAYS,
        };
        alpha(self.workspace().root.checks.pages_per_week, configs.filter(is_judged).count(), days)
    }

    /// Keeps judgements of partitions that were not judged before with this content. The first time a dataset is
    /// judged, its past is no news: then only its newest partition can open an incident.
    async fn keep_judgements(
        &self,
        version: &DatasetVersion,
        fresh: &[Fresh],
        newest: Option<&PartitionKey>,
    ) -> Result<Vec<Incident>, CheckError> {
        let mut opened = Vec::new();
        let mut tx = self.ledger().begin().await?;
        let mut known: BTreeMap<_, _> = tx.latest_judgements(&version.dataset).await?.into_iter().map(by_key).collect();
        let last_known = known.keys().next_back().cloned();
        for one in fresh {
            let PieceJudgement { partition, judgement, decision } = &one.piece;
            let before = known.get(partition);
            if before.is_some_and(|before| before.content == one.content) {
                continue;
            }
            let is_news = before.is_some()
                || last_known.as_ref().map_or_else(|| newest == Some(partition), |last| partition > last);
            let mut incident = None;
            if judgement.outcome == Outcome::Surprising && is_news && decision.is_none() {
                let open = self.open_for(&mut tx, version, &known, one).await?;
                incident = Some(open.0);
                opened.extend(open.1);
            }
            let record = JudgementRecord {
                dataset: version.dataset.clone(),
                version: version.version,
                partition: partition.clone(),
                content: one.content,
                judged_at: self.now(),
                judgement: judgement.clone(),
                incident,
            };
            tx.add_judgement(&record).await?;
            known.insert(partition.clone(), record);
        }
        if !opened.is_empty() {
            let subjects: Vec<_> = opened.iter().map(|incident: &Incident| &incident.subject).collect();
            let subject = format!("{}@{}", version.dataset, version.version);
            tx.audit(&self.entry("data.surprising", subject, json!({"incidents": subjects}))).await?;
        }
        tx.commit().await?;
        Ok(opened)
    }

    /// The incident of a surprising partition: that of the partition before, where it is still open and about one of
    /// the same columns, or a new one.
    async fn open_for(
        &self,
        tx: &mut Tx,
        version: &DatasetVersion,
        known: &BTreeMap<PartitionKey, JudgementRecord>,
        one: &Fresh,
    ) -> Result<(IncidentId, Option<Incident>), CheckError> {
        let PieceJudgement { partition, judgement, .. } = &one.piece;
        let before = known.range(..partition.clone()).next_back().map(|(_, record)| record);
        if let Some((before, id)) = before.and_then(|before| Some((before, before.incident?))) {
            let named = before.judgement.named();
            let is_same = judgement.named().iter().any(|column| named.contains(column));
            let goes_on = tx.find_incident(id).await?.is_some_and(|incident| incident.resolved.is_none());
            if is_same && goes_on {
                return Ok((id, None));
            }
        }
        let incident = self.surprise_of(&version.dataset, partition, judgement);
        let open = self.open_incident(tx, &incident).await?;
        Ok((open, (open == incident.id).then_some(incident)))
    }

    fn surprise_of(&self, dataset: &DatasetName, partition: &PartitionKey, judgement: &Judgement) -> Incident {
        let subject = format!("{dataset}[{partition}]");
        let mut reasons = judgement.reasons().into_iter();
        let first = reasons.next().unwrap_or_default();
        let others = judgement.named().len().saturating_sub(1);
        let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
        let title = format!("{subject} is unlike its history: {first}{more}");
        let id = IncidentId::new(self.now(), &*self.ids());
        let project = self.workspace().dataset(dataset).map(|(project, _)| &project.name);
        Incident::open(id, DATA_SURPRISING, subject, title, self.now()).of(project)
    }

    /// Keeps what a person said of the partitions of an incident.
    pub(crate) async fn decide_judgements(
        &self,
        tx: &mut Tx,
        incident: &Incident,
        decision: Decision,
    ) -> Result<(), lamp_ledger::LedgerError> {
        let mut decided = BTreeSet::new();
        for judged in tx.judgements_of_incident(incident.id).await?.into_iter().rev() {
            if !decided.insert(judged.partition.clone()) {
                continue;
            }
            let columns = judged.judgement.named().into_iter().map(str::to_owned).collect();
            tx.add_judgement_decision(&DecisionRecord {
                dataset: judged.dataset,
                partition: judged.partition,
                decision,
                columns,
                incident: incident.id,
                by: self.actor().clone(),
                at: self.now(),
            })
            .await?;
        }
        Ok(())
    }
}

fn by_key(record: JudgementRecord) -> (PartitionKey, JudgementRecord) {
    (record.partition.clone(), record)
}
