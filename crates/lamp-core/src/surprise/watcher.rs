//! A dataset over time.

use std::collections::{BTreeMap, VecDeque};

use super::column::{ColumnHistory, ColumnOutlook, ColumnScore};
use super::evidence;
use super::judgement::{ColumnJudgement, Judgement, Outcome, SchemaChange};
use super::robust::{Tail, adjusted};
use super::series::push;
use super::siblings::Siblings;
use super::summary::{ColumnSummary, Summary};
use super::{CALIBRATION_MIN, EVIDENCE_KEPT, ROWS, rows_column, season_of};
use crate::partition::PartitionKey;
use crate::profile::ColumnKind;

/// A tail of the evidence of all columns falls off by e at least every so much.
const EXCESS_MIN: f64 = 0.5;

/// Learns partition after partition, in order, and judges the next one.
#[derive(Debug, Clone)]
pub struct Watcher {
    alpha: f64,
    partitions: usize,
    columns: BTreeMap<String, ColumnHistory>,
    siblings: Siblings,
    evidence: VecDeque<f64>,
}

/// What a watcher expects of one partition.
#[derive(Debug)]
pub struct Outlook<'w> {
    watcher: &'w Watcher,
    columns: BTreeMap<&'w str, ColumnOutlook>,
    evidence: Tail,
}

/// A judgement with what the watcher needs to learn from it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What is said.
    pub judgement: Judgement,
    scores: BTreeMap<String, ColumnScore>,
}

impl Watcher {
    /// One that may call a share `alpha` of usual partitions surprising.
    pub fn new(alpha: f64) -> Self {
        Self {
            alpha,
            partitions: 0,
            columns: BTreeMap::new(),
            siblings: Siblings::default(),
            evidence: VecDeque::new(),
        }
    }

    /// What is expected of the partition `key`.
    pub fn outlook(&self, key: &PartitionKey) -> Outlook<'_> {
        let season = season_of(key);
        let columns = self.columns.iter().map(|(name, history)| (name.as_str(), history.outlook(season)));
        let evidence = Tail::of(self.evidence.iter().copied(), EXCESS_MIN);
        Outlook { watcher: self, columns: columns.collect(), evidence }
    }

    /// Judges the partition `key`.
    pub fn judge(&self, key: &PartitionKey, summary: &Summary) -> Judged {
        self.outlook(key).judge(summary)
    }

    /// Takes in a partition that was judged: from now on it is part of the history.
    pub fn learn(&mut self, key: &PartitionKey, summary: &Summary, judged: &Judged) {
        self.partitions += 1;
        let (season, number) = (season_of(key), self.partitions);
        let gaps = self.siblings.gaps(summary);
        for column in summary.columns.iter().chain([&rows_column(summary.rows)]) {
            let gap = gaps.get(&column.name).copied();
            let history = self.columns.entry(column.name.clone()).or_default();
            history.learn(season, number, (column, gap), judged.scores.get(&column.name));
        }
        self.siblings.learn(summary);
        // What nothing could be said of tells nothing of how large evidence is.
        if !judged.scores.is_empty() {
            push(&mut self.evidence, judged.judgement.evidence, EVIDENCE_KEPT);
        }
    }

    /// Forgets what some columns were: their history begins anew.
    pub fn forget(&mut self, columns: &[String]) {
        self.columns.retain(|name, _| !columns.contains(name));
    }

    fn changes(&self, summary: &Summary) -> Vec<SchemaChange> {
        if self.partitions == 0 {
            return Vec::new();
        }
        let mut changes = Vec::new();
        for column in &summary.columns {
            let name = || column.name.clone();
            match self.columns.get(&column.name) {
                None => changes.push(SchemaChange::New { column: name() }),
                Some(history) if !history.knows(column.kind) => {
                    let before = history.kind().unwrap_or(ColumnKind::Null);
                    changes.push(SchemaChange::OtherKind { column: name(), before, now: column.kind });
                }
                Some(_) => {}
            }
        }
        let was_there = self.columns.iter().filter(|(_, history)| history.last_seen == self.partitions);
        let gone = was_there.map(|(name, _)| name).filter(|name| *name != ROWS && summary.find(name).is_none());
        changes.extend(gone.map(|name| SchemaChange::Gone { column: name.clone() }));
        changes
    }
}

impl Outlook<'_> {
    /// Judges the partition that is there now.
    pub fn judge(&self, summary: &Summary) -> Judged {
        let changes = self.watcher.changes(summary);
        let gaps = self.watcher.siblings.gaps(summary);
        let mut scores = BTreeMap::new();
        for column in summary.columns.iter().chain([&rows_column(summary.rows)]) {
            if let Some(score) = self.score(column, gaps.get(&column.name).copied()) {
                scores.insert(column.name.clone(), score);
            }
        }
        let p_values: Vec<f64> = scores.values().map(|score| score.p).collect();
        let evidence = evidence::of_columns(scores.values().map(|score| score.evidence));
        let is_known = self.watcher.evidence.len() >= CALIBRATION_MIN;
        let p = if is_known { self.evidence.p_value(evidence) } else { 1.0 };
        let outcome = match () {
            () if !is_known => Outcome::NoVerdict,
            () if p <= self.watcher.alpha || !changes.is_empty() => Outcome::Surprising,
            () => Outcome::Usual,
        };
        let columns = ranked(&scores, &p_values);
        let history = self.watcher.partitions;
        let alpha = self.watcher.alpha;
        Judged { judgement: Judgement { outcome, history, evidence, p, alpha, changes, columns }, scores }
    }

    fn score(&self, column: &ColumnSummary, gap: Option<f64>) -> Option<ColumnScore> {
        let outlook = self.columns.get(column.name.as_str())?;
        let history = self.watcher.columns.get(&column.name)?;
        outlook.score(&history.measured(column, gap), column.rows)
    }
}

fn ranked(scores: &BTreeMap<String, ColumnScore>, p_values: &[f64]) -> Vec<ColumnJudgement> {
    let adjusted = adjusted(p_values);
    let mut columns: Vec<_> = scores
        .iter()
        .zip(adjusted)
        .map(|((column, score), q)| ColumnJudgement {
            column: column.clone(),
            p: score.p,
            q,
            rank: 0,
            features: score.features.clone(),
        })
        .collect();
    let ratio = |column: &ColumnJudgement| column.features.first().map_or(0.0, |feature| feature.ratio);
    columns.sort_by(|a, b| a.p.total_cmp(&b.p).then_with(|| ratio(b).total_cmp(&ratio(a))));
    for (rank, column) in (1..).zip(&mut columns) {
        column.rank = rank;
    }
    columns
}
