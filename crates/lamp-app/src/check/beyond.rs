//! What a check looks at beside the data itself: the partitions before, and other datasets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamp_core::contract::Contract;
use lamp_core::dataset::DatasetVersion;
use lamp_core::error::{Classified, Kind};
use lamp_core::partition::PartitionKey;
use lamp_core::profile::Profile;
use lamp_engine::DataFile;

use super::CheckError;
use crate::app::App;
use crate::data::DataError;
use crate::profile::{Piece, pieces_of};

/// What the rules of a contract look at beside a partition.
pub(super) struct Beyond {
    /// Every partition of the version, in order; of a dataset without partitions, the versions before, oldest first.
    past: Vec<Piece>,
    /// How many of them a rule looks at.
    needed: usize,
    /// Their profiles, by place.
    profiles: BTreeMap<usize, Profile>,
    /// The files of other datasets.
    others: Vec<(String, Vec<DataFile>)>,
}

impl App {
    pub(super) async fn beyond(&self, contract: &Contract, version: &DatasetVersion) -> Result<Beyond, CheckError> {
        let needed = contract.history_needed();
        let past = if needed > 0 { self.past_of(version, needed).await? } else { Vec::new() };
        let mut others = Vec::new();
        for name in contract.other_datasets() {
            match self.wanted_version(name).await {
                Ok(other) => {
                    let files = self.manifest(&other).await?.files;
                    others.push((name.to_owned(), self.data_files(&files).await?));
                }
                // Said of each rule that wanted it.
                Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Invalid) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Beyond { past, needed, profiles: BTreeMap::new(), others })
    }

    async fn past_of(&self, version: &DatasetVersion, needed: usize) -> Result<Vec<Piece>, DataError> {
        let pieces = pieces_of(&self.manifest(version).await?.files);
        if pieces.iter().any(|piece| piece.partition.is_some()) {
            return Ok(pieces);
        }
        let mut before = self.ledger().versions(&version.dataset).await?;
        before.retain(|other| other.version < version.version);
        before.sort_by_key(|other| other.version);
        let mut pieces = Vec::new();
        for other in before.iter().rev().take(needed).rev() {
            pieces.extend(pieces_of(&self.manifest(other).await?.files));
        }
        Ok(pieces)
    }

    /// The profiles before a partition, oldest first, as many as some rule looks at.
    pub(super) async fn profiles_before(&self, beyond: &mut Beyond, piece: &Piece) -> Result<Vec<Profile>, DataError> {
        let is_before = |other: &Piece| other.partition.is_none() || other.partition < piece.partition;
        let end = beyond.past.iter().filter(|other| is_before(other)).count();
        let places = end.saturating_sub(beyond.needed)..end;
        beyond.profiles.retain(|place, _| places.contains(place));
        let mut history = Vec::with_capacity(places.len());
        for place in places {
            let profile = match beyond.profiles.remove(&place) {
                Some(profile) => profile,
                None => self.piece_profile(&beyond.past[place]).await?,
            };
            history.push(profile.clone());
            beyond.profiles.insert(place, profile);
        }
        Ok(history)
    }

    /// The instant at which a partition ends, in the workspace's zone.
    pub(super) fn end_of(&self, partition: Option<&PartitionKey>) -> Option<Timestamp> {
        let end = partition?.end().to_zoned(self.workspace().root.time_zone.clone());
        end.ok().map(|end| end.timestamp())
    }
}

impl Beyond {
    pub(super) fn others(&self) -> Vec<(String, Vec<DataFile>)> {
        self.others.clone()
    }
}
