//! What the columns of some data look like over a reference: the page that a person signs off.

use lamp_core::dataset::{DatasetVersion, VersionNumber};
use lamp_core::error::{Classified, Kind};
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;
use lamp_core::profile::{
    ColumnKind, ColumnProfile, Merging, Note, PairedHistogram, Profile, distance, notes, side_by_side,
};
use serde::Serialize;

use crate::app::App;
use crate::data::DataError;
use crate::duties::histograms::{ColumnFacts, HISTORY_MAX};
use crate::parts::{PartError, take_parts};
use crate::profile::{Piece, pieces_of};

/// Bars of one histogram of numbers.
pub const BARS_MAX: usize = 24;

/// Bars of one histogram of single values.
pub const VALUES_MAX: usize = 12;

/// Most partitions that are put together for one look.
pub const PIECES_MAX: usize = 31;

/// Most bytes of files without a stored profile that one look may read.
const READ_MAX: u64 = 256 * 1024 * 1024;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The dataset.
    pub dataset: DatasetName,
    /// The version; the newest unless told.
    pub version: Option<VersionNumber>,
    /// One partition, or the newest [`PIECES_MAX`] together; the newest one unless told.
    pub at: LookAt,
    /// What it is held against.
    pub over: Over,
}

/// Which part of a version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LookAt {
    /// The newest partition; everything where there are no partitions.
    #[default]
    Newest,
    /// One partition.
    Partition(PartitionKey),
    /// The newest [`PIECES_MAX`] partitions together.
    All,
}

/// What some data is held against.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Over {
    /// The [`HISTORY_MAX`] partitions before it, as for the histograms duty; or, where everything is looked at, the version before.
    #[default]
    Before,
    /// The same part of another version.
    Version(VersionNumber),
    /// Another partition of the same version.
    Partition(PartitionKey),
}

/// The data that another is held against.
#[derive(Debug, Clone, Serialize)]
pub struct ReferenceData {
    /// Its version.
    pub version: VersionNumber,
    /// Its partitions, in order; empty where there are none.
    pub partitions: Vec<PartitionKey>,
    /// Its rows.
    pub rows: u64,
}

/// One column over its reference.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnOver {
    /// The column.
    pub name: String,
    /// As it is now.
    pub now: ColumnFacts,
    /// As it is in the reference.
    pub before: Option<ColumnFacts>,
    /// One over the other.
    pub histogram: PairedHistogram,
    /// How far it is from its reference, from 0 to 1: see [`distance`]. None without a reference, and for dates
    /// and instants.
    pub moved: Option<f64>,
    /// What the reference does not have.
    pub notes: Vec<Note>,
}

/// Every column over its reference.
#[derive(Debug, Clone, Serialize)]
pub struct HistogramView {
    /// The version looked at.
    pub version: DatasetVersion,
    /// The partitions looked at, in order; empty where there are none.
    pub partitions: Vec<PartitionKey>,
    /// The partition before and the one after, for a look at one.
    pub neighbours: (Option<PartitionKey>, Option<PartitionKey>),
    /// Rows looked at.
    pub rows: u64,
    /// What it is held against; none for the first of its kind.
    pub reference: Option<ReferenceData>,
    /// The columns, in the order of the files.
    pub columns: Vec<ColumnOver>,
    /// Columns that only the reference has.
    pub gone: Vec<String>,
}

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// The version has no such partition.
    #[error("{dataset}@{version} has no partition {partition}")]
    NoPartition {
        /// The dataset.
        dataset: DatasetName,
        /// The version.
        version: VersionNumber,
        /// The partition.
        partition: PartitionKey,
    },
    /// Too many bytes for one look.
    #[error("{} of {dataset} were never profiled: too much for a page", lamp_core::human::bytes(*bytes))]
    NotProfiled {
        /// The dataset.
        dataset: DatasetName,
        /// Bytes of files without a profile.
        bytes: u64,
    },
    /// Data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(HistogramError);

impl Classified for HistogramError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoPartition { .. } => Kind::NotFound,
            Self::NotProfiled { .. } => Kind::Conflict,
            Self::Data(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPartition { dataset, .. } => Some(format!("lamp data log {dataset}")),
            Self::NotProfiled { dataset, .. } => Some(format!("lamp profile {dataset}")),
            Self::Data(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

/// The pieces of a version that are looked at, or held against.
struct Part {
    version: DatasetVersion,
    pieces: Vec<Piece>,
}

impl Part {
    fn partitions(&self) -> Vec<PartitionKey> {
        self.pieces.iter().filter_map(|piece| piece.partition.clone()).collect()
    }
}

impl App {
    /// Every column of what `look` names over its reference. Profiles are read from the store; what has none
    /// yet is profiled now, up to a bound.
    pub async fn histograms(&self, look: &Look) -> Result<HistogramView, HistogramError> {
        let reference = match look.version {
            Some(version) => format!("{}@{version}", look.dataset),
            None => look.dataset.to_string(),
        };
        let version = self.dataset_version(&reference).await?;
        let all = pieces_of(&self.manifest(&version).await?.files);
        let now = Part { pieces: looked_at(&version, &all, &look.at)?, version };
        let before = self.held_against(&now, &all, &look.over).await?;
        let profile = self.profile_of(&now).await?;
        let reference = match &before {
            Some(part) => Some(self.profile_of(part).await?),
            None => None,
        };
        let columns = profile.columns.iter().map(|column| over(column, reference.as_ref())).collect();
        let of_reference = reference.iter().flat_map(|profile| &profile.columns);
        let gone = of_reference.map(|column| column.name.clone()).filter(|name| profile.find(name).is_none());
        let reference_rows = reference.as_ref().map_or(0, |profile| profile.rows);
        Ok(HistogramView {
            partitions: now.partitions(),
            neighbours: neighbours(&all, &now),
            rows: profile.rows,
            gone: gone.collect(),
            columns,
            reference: before.map(|part| ReferenceData {
                version: part.version.version,
                partitions: part.partitions(),
                rows: reference_rows,
            }),
            version: now.version,
        })
    }

    async fn held_against(&self, now: &Part, all: &[Piece], over: &Over) -> Result<Option<Part>, HistogramError> {
        let same = |pieces: Vec<Piece>| Part { version: now.version.clone(), pieces };
        match over {
            Over::Partition(key) => Ok(Some(same(vec![piece_of(&now.version, all, key)?]))),
            Over::Version(version) => {
                let dataset = &now.version.dataset;
                let version = self.dataset_version(&format!("{dataset}@{version}")).await?;
                self.same_part(version, now).await.map(Some)
            }
            Over::Before => {
                let is_one = matches!(&now.pieces[..], [Piece { partition: Some(_), .. }]);
                if is_one {
                    let pieces = before(all, &now.pieces[0]);
                    return Ok((!pieces.is_empty()).then(|| same(pieces)));
                }
                match self.ledger().find_version(&now.version.dataset, now.version.version.saturating_sub(1)).await? {
                    Some(version) => self.same_part(version, now).await.map(Some),
                    None => Ok(None),
                }
            }
        }
    }

    /// The part of another version that corresponds to `now`: the partition itself, or as much as is looked at.
    async fn same_part(&self, version: DatasetVersion, now: &Part) -> Result<Part, HistogramError> {
        let all = pieces_of(&self.manifest(&version).await?.files);
        let pieces = match &now.pieces[..] {
            [Piece { partition: Some(key), .. }] => vec![piece_of(&version, &all, key)?],
            _ => newest(&all),
        };
        Ok(Part { version, pieces })
    }

    async fn profile_of(&self, part: &Part) -> Result<Profile, HistogramError> {
        let mut merging = Merging::default();
        let mut unread = 0;
        for piece in &part.pieces {
            let stored = self.stored_profile(piece).await?;
            if stored.is_none() {
                unread += piece.files.iter().map(|file| file.size).sum::<u64>();
            }
            if unread > READ_MAX {
                let dataset = part.version.dataset.clone();
                return Err(HistogramError::NotProfiled { dataset, bytes: unread });
            }
            merging.push(match stored {
                Some(profile) => profile,
                None => self.piece_profile(piece).await?,
            })?;
        }
        Ok(merging.finish()?.unwrap_or_else(|| Profile::new(0, Vec::new())))
    }
}

fn over(column: &ColumnProfile, reference: Option<&Profile>) -> ColumnOver {
    let before = reference.and_then(|profile| profile.find(&column.name));
    let bars = if column.kind.is_ordered_number() { BARS_MAX } else { VALUES_MAX };
    let is_time = matches!(column.kind, ColumnKind::Date | ColumnKind::Instant);
    let notes = match (reference, before) {
        (None, _) => Vec::new(),
        (Some(_), None) => vec![Note::NewColumn],
        (Some(_), Some(before)) => notes(column, before),
    };
    ColumnOver {
        name: column.name.clone(),
        now: ColumnFacts::of(column),
        before: before.map(ColumnFacts::of),
        histogram: side_by_side(column, before, bars),
        moved: before.filter(|_| !is_time).map(|before| distance(column, before)),
        notes,
    }
}

fn looked_at(version: &DatasetVersion, all: &[Piece], at: &LookAt) -> Result<Vec<Piece>, HistogramError> {
    match at {
        LookAt::Partition(key) => Ok(vec![piece_of(version, all, key)?]),
        LookAt::All => Ok(newest(all)),
        LookAt::Newest => match all.last() {
            Some(piece) if piece.partition.is_some() => Ok(vec![piece.clone()]),
            _ => Ok(newest(all)),
        },
    }
}

fn piece_of(version: &DatasetVersion, all: &[Piece], key: &PartitionKey) -> Result<Piece, HistogramError> {
    let found = all.iter().find(|piece| piece.partition.as_ref() == Some(key)).cloned();
    found.ok_or_else(|| HistogramError::NoPartition {
        dataset: version.dataset.clone(),
        version: version.version,
        partition: key.clone(),
    })
}

/// The last [`PIECES_MAX`] pieces.
fn newest(all: &[Piece]) -> Vec<Piece> {
    all[all.len().saturating_sub(PIECES_MAX)..].to_vec()
}

/// The [`HISTORY_MAX`] partitions before a piece.
fn before(all: &[Piece], piece: &Piece) -> Vec<Piece> {
    let earlier: Vec<&Piece> =
        all.iter().filter(|one| one.partition.is_some() && one.partition < piece.partition).collect();
    earlier[earlier.len().saturating_sub(HISTORY_MAX)..].iter().map(|piece| (*piece).clone()).collect()
}

fn neighbours(all: &[Piece], now: &Part) -> (Option<PartitionKey>, Option<PartitionKey>) {
    let [Piece { partition: Some(key), .. }] = &now.pieces[..] else { return (None, None) };
    let keys = all.iter().filter_map(|piece| piece.partition.as_ref());
    let before = keys.clone().rfind(|other| *other < key).cloned();
    (before, keys.clone().find(|other| *other > key).cloned())
}
