//! `lamp contract suggest`: a contract from the stored profiles of what came so far.

use std::collections::BTreeSet;

use lamp_core::check::Verdict;
use lamp_core::contract::suggest::{Arrivals, History, HistoryPiece, Settings, Suggestion, suggest, unique_candidates};
use lamp_core::contract::{Contract, Property, SchemaObject, newest_at};
use lamp_core::dataset::DatasetVersion;
use lamp_core::partition::{PartitionBy, Period};
use lamp_engine::CheckContext;

use super::{CheckError, declared};
use crate::app::App;
use crate::data::resolve::Slice;
use crate::profile::{OnPartition, Piece, pieces_of};

/// Newest versions that are asked when their rows came.
const ARRIVALS_MAX: u32 = 60;

impl App {
    /// The contract that the history of `NAME`, `NAME@V` or `NAME[RANGE]` bears: its partitions, or the versions of a
    /// dataset without partitions. Nothing but profiles is kept.
    pub async fn suggest_contract(
        &self,
        text: &str,
        settings: Settings,
        on_partition: OnPartition<'_>,
    ) -> Result<Suggestion, CheckError> {
        let slice = self.slice_of(text).await?;
        let dataset = slice.version.dataset.clone();
        let named = self.history_of(&slice).await?;
        let mut pieces = Vec::with_capacity(named.len());
        for (done, (label, piece)) in named.iter().enumerate() {
            pieces.push(HistoryPiece { label: label.clone(), profile: self.piece_profile(piece).await? });
            on_partition(done + 1, named.len());
        }
        let config = self.workspace().dataset(&dataset).map(|(_, config)| config);
        let key = config.map(|config| config.key.clone()).unwrap_or_default();
        let (unique, key_holds) = self.exact_uniqueness(&slice, &named, &pieces, &key).await?;
        let arrivals = match config.and_then(|config| config.partition.as_ref()) {
            Some(by) => Some(self.arrivals(&slice.version, by).await?),
            None => None,
        };
        let key = if key_holds { key } else { Vec::new() };
        Ok(suggest(&History { dataset: dataset.to_string(), pieces, unique, key, arrivals }, settings))
    }

    /// The pieces that promises are made from, oldest first, with what they are called.
    async fn history_of(&self, slice: &Slice) -> Result<Vec<(String, Piece)>, CheckError> {
        let pieces = pieces_of(&slice.files);
        if pieces.iter().any(|piece| piece.partition.is_some()) {
            let name =
                |piece: &Piece| piece.partition.as_ref().map_or_else(|| "no partition".to_owned(), ToString::to_string);
            return Ok(pieces.into_iter().map(|piece| (name(&piece), piece)).collect());
        }
        let mut named = Vec::new();
        let mut versions = self.ledger().versions(&slice.version.dataset).await?;
        versions.retain(|version| version.version <= slice.version.version);
        for version in versions.into_iter().rev() {
            let files = self.manifest(&version).await?.files;
            named.push((format!("version {}", version.version), Piece { partition: None, files }));
        }
        Ok(named)
    }

    /// The columns that repeat no value within any piece, and whether no piece repeats the declared key: counted, never
    /// sketched.
    async fn exact_uniqueness(
        &self,
        slice: &Slice,
        named: &[(String, Piece)],
        pieces: &[HistoryPiece],
        key: &[String],
    ) -> Result<(BTreeSet<String>, bool), CheckError> {
        let dataset = &slice.version.dataset;
        let mut unique: BTreeSet<String> = unique_candidates(pieces).into_iter().collect();
        let mut key_holds = !key.is_empty();
        let context = CheckContext {
            now: self.now(),
            time_zone: self.workspace().root.time_zone_name.clone(),
            dataset: Some(dataset.to_string()),
            newest_column: None,
            key: Vec::new(),
            history: Vec::new(),
            partition_end: None,
            others: Vec::new(),
        };
        for ((_, piece), known) in named.iter().zip(pieces) {
            if unique.is_empty() && !key_holds {
                break;
            }
            let files = self.data_files(&piece.files).await?;
            if !unique.is_empty() {
                let checks = self.engine().check(&files, &known.profile, &uniqueness(&unique), &context).await?;
                for check in checks.iter().filter(|check| check.verdict != Verdict::Passed) {
                    unique.retain(|column| check.column.as_ref() != Some(column));
                }
            }
            if key_holds {
                let contract = declared::key_contract(dataset, key, None);
                let checks = self.engine().check(&files, &known.profile, &contract, &context).await?;
                key_holds = declared::broken_key(checks, key).is_empty();
            }
        }
        Ok((unique, key_holds))
    }

    /// How old the newest row was each time that newer ones came.
    async fn arrivals(&self, version: &DatasetVersion, by: &PartitionBy) -> Result<Arrivals, CheckError> {
        const DAY: f64 = 86_400.0;
        let zone = &self.workspace().root.time_zone;
        let mut versions = self.ledger().versions_page(&version.dataset, 0, ARRIVALS_MAX).await?;
        versions.retain(|candidate| candidate.version <= version.version);
        let mut ages = Vec::new();
        let mut newest = None;
        for version in versions.iter().rev() {
            let files = self.manifest(version).await?.files;
            let Some(piece) = pieces_of(&files).pop() else { continue };
            let profile = self.piece_profile(&piece).await?;
            let Some(at) = profile.find(&by.column).and_then(|column| newest_at(column, zone)) else { continue };
            if let Some(before) = newest.filter(|before| at > *before) {
                ages.push(version.created_at.duration_since(before).as_secs_f64());
            }
            newest = newest.max(Some(at));
        }
        ages.extend(newest.map(|newest| self.now().duration_since(newest).as_secs_f64()));
        let period = match by.by {
            Period::Day => DAY,
            Period::Month => 31.0 * DAY,
        };
        Ok(Arrivals { column: by.column.clone(), ages, period: Some(period) })
    }
}

/// A contract that promises nothing but that these columns are unique.
fn uniqueness(columns: &BTreeSet<String>) -> Contract {
    let property = |name: &String| Property { name: name.clone(), unique: true, ..Property::default() };
    let object = SchemaObject { properties: columns.iter().map(property).collect(), ..SchemaObject::default() };
    Contract { objects: vec![object], ..Contract::default() }
}
