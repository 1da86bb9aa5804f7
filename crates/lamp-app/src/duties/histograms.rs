//! `lamp duty histograms`: which columns to look at, and what there is to see of them.
//!
//! Of each dataset with a contract, the newest partition is held against its history, the partitions before it in
//! the same version. (A dataset without partitions: its latest version against the one before.) How far a column
//! has *moved* is its [distance](lamp_core::profile::distance) from that history, less the distance that the
//! history's own partitions usually have from it (their median): so identifiers, dates and small numbers of rows,
//! which are never like their history, do not crowd out what changed.
//!
//! The columns of a duty are chosen once, when a person first looks, and stay.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use lamp_core::access::Permission;
use lamp_core::config::{Every, ProjectConfig};
use lamp_core::dataset::VersionNumber;
use lamp_core::digest::Digest;
use lamp_core::duty::columns::{ChosenAs, ColumnToSee, choose};
use lamp_core::duty::look::{Look, PinnedColumn, Verdict};
use lamp_core::duty::{Duty, DutyKind};
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;
use lamp_core::period::CivilPeriod;
use lamp_core::profile::{
    ColumnKind, ColumnProfile, Note, PairedHistogram, Profile, Scalar, distance, merged, notes, side_by_side,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::DutyError;
use super::list::DutyView;
use crate::app::App;
use crate::profile::{Piece, pieces_of};

/// Partitions that make up a history: the latest ones before the one that is looked at.
pub const HISTORY_MAX: usize = 28;

/// A histograms duty, and all that there is to see.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HistogramTask {
    /// The duty.
    pub duty: DutyView,
    /// Its columns, in order.
    pub columns: Vec<HistogramColumn>,
}

/// One column of a histograms duty.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HistogramColumn {
    /// Its place in the duty, from 1.
    pub place: u32,
    /// What was looked at, with the digests of the profiles.
    #[serde(flatten)]
    pub look: Look,
    /// Why it was chosen.
    pub because: ChosenAs,
    /// How much further it is from its history than usual, from -1 to 1; none without a history.
    pub moved: Option<f64>,
    /// The partition, in numbers.
    pub today: ColumnFacts,
    /// Its history, in numbers. In JSON it is `before`, for `reference` is the digest of that history's profile.
    #[serde(rename = "before")]
    pub reference: Option<ColumnFacts>,
    /// Both as bars.
    pub histogram: PairedHistogram,
    /// What the history does not have.
    pub notes: Vec<Note>,
    /// What was said of it.
    pub verdict: Option<Verdict>,
}

/// A column in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnFacts {
    /// What sort of values it holds.
    pub kind: ColumnKind,
    /// Engine type name.
    pub data_type: String,
    /// Rows, nulls among them.
    pub rows: u64,
    /// Nulls.
    pub nulls: u64,
    /// Share of nulls, from 0 to 1.
    pub null_share: f64,
    /// The range in which the number of distinct values lies.
    pub distinct: (u64, u64),
    /// Smallest value.
    pub min: Option<Scalar>,
    /// Largest value.
    pub max: Option<Scalar>,
    /// Mean of the finite values; of instants, microseconds since the epoch.
    pub mean: Option<f64>,
    /// Their sample standard deviation.
    pub std: Option<f64>,
    /// The value below which a twentieth lies.
    pub p5: Option<f64>,
    /// The median.
    pub median: Option<f64>,
    /// The value below which all but a twentieth lies.
    pub p95: Option<f64>,
}

impl ColumnFacts {
    pub(crate) fn of(column: &ColumnProfile) -> Self {
        Self {
            kind: column.kind,
            data_type: column.data_type.clone(),
            rows: column.count,
            nulls: column.nulls,
            null_share: column.null_share(),
            distinct: column.distinct_range(),
            min: column.min.clone(),
            max: column.max.clone(),
            mean: column.mean(),
            std: column.std(),
            p5: column.quantile(0.05),
            median: column.median(),
            p95: column.quantile(0.95),
        }
    }
}

/// A partition (or version) and its history.
struct Sight {
    dataset: DatasetName,
    version: VersionNumber,
    partition: Option<PartitionKey>,
    today: Profile,
    history: Vec<Profile>,
}

/// One column of a sight.
struct SeenColumn {
    today: ColumnProfile,
    reference: Option<ColumnProfile>,
    moved: Option<f64>,
}

impl Sight {
    fn column(&self, name: &str) -> Option<SeenColumn> {
        let today = self.today.find(name)?.clone();
        let parts: Vec<_> = self.history.iter().filter_map(|profile| profile.find(name)).collect();
        // A history of several types is none that this could be held against.
        let reference = merged(parts.iter().copied()).ok().flatten();
        let moved = match &reference {
            Some(reference) => Some(distance(&today, reference) - usual_distance(&parts, reference)),
            None if self.history.is_empty() => None,
            None => Some(1.0),
        };
        Some(SeenColumn { today, reference, moved })
    }

    fn look(&self, name: &str, seen: &SeenColumn) -> Look {
        Look {
            dataset: self.dataset.clone(),
            version: self.version,
            partition: self.partition.clone(),
            column: name.to_owned(),
            profile: digest_of(&seen.today),
            reference: seen.reference.as_ref().map(digest_of),
        }
    }
}

fn digest_of(column: &ColumnProfile) -> Digest {
    // Everything in a profile has a JSON form.
    Digest::of(&serde_json::to_vec(column).unwrap_or_default())
}

fn usual_distance(parts: &[&ColumnProfile], reference: &ColumnProfile) -> f64 {
    let mut distances: Vec<_> = parts.iter().map(|part| distance(part, reference)).collect();
    distances.sort_by(f64::total_cmp);
    distances.get(distances.len() / 2).copied().unwrap_or(0.0)
}

impl App {
    /// The histograms duty that an id (or its start) names; without one, the actor's own that is due first, or
    /// else anybody's. With all that there is to see, histograms in at most `bins` bars. Who may do it also fixes
    /// its columns, by looking first.
    pub async fn histogram_task(&self, text: Option<&str>, bins: usize) -> Result<HistogramTask, DutyError> {
        let duty = self.histograms_duty(text).await?;
        let mut columns = self.ledger().pinned_columns(duty.id).await?;
        let waits = columns.is_empty() && duty.is_open_at(self.now());
        if waits {
            columns = self.choose_columns(&duty).await?;
            if self.role().may(Permission::Watch) {
                columns = self.fix_columns(&duty, columns).await?;
            }
        }
        let verdicts = self.ledger().column_verdicts(duty.id).await?;
        let mut sights = BTreeMap::new();
        let mut shown = Vec::with_capacity(columns.len());
        for column in columns {
            let verdict = verdicts.iter().find(|(place, _)| *place == column.place).map(|(_, verdict)| verdict.clone());
            let key = (column.look.dataset.clone(), column.look.version, column.look.partition.clone());
            let sight = match sights.entry(key) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let (dataset, version, partition) = entry.key().clone();
                    let sight = self.sight_of(&dataset, version, partition.as_ref()).await?;
                    entry.insert(sight)
                }
            };
            shown.push(show(column, sight.as_ref(), verdict, bins)?);
        }
        Ok(HistogramTask { duty: self.duty_view(duty).await?, columns: shown })
    }

    pub(crate) async fn histograms_duty(&self, text: Option<&str>) -> Result<Duty, DutyError> {
        let Some(text) = text else {
            self.acting_as_system().tend_duties().await?;
            let now = self.now();
            let open = self.ledger().open_duties().await?;
            let mut open = open.into_iter().filter(|duty| duty.kind == DutyKind::Histograms && duty.is_open_at(now));
            let first = open.next().ok_or(DutyError::NoHistograms)?;
            let is_mine = |duty: &Duty| duty.assignee.as_ref() == Some(&self.actor().name);
            if is_mine(&first) {
                return Ok(first);
            }
            return Ok(open.find(is_mine).unwrap_or(first));
        };
        let duty = self.find_duty(text).await?;
        match duty.kind {
            DutyKind::Histograms => Ok(duty),
            DutyKind::Labels | DutyKind::Validate => Err(DutyError::NotHistograms { duty: Box::new(duty) }),
        }
    }

    async fn choose_columns(&self, duty: &Duty) -> Result<Vec<PinnedColumn>, DutyError> {
        let Some(project) = self.workspace().project(&duty.project) else { return Ok(Vec::new()) };
        let mut to_see = Vec::new();
        let mut looks = BTreeMap::new();
        for sight in self.newest_sights(project).await? {
            let seen_at: BTreeMap<_, _> = self.ledger().columns_last_seen(&sight.dataset).await?.into_iter().collect();
            for name in sight.today.columns.iter().map(|column| column.name.clone()) {
                let Some(seen) = sight.column(&name) else { continue };
                let key = (sight.dataset.clone(), name.clone());
                looks.insert(key, sight.look(&name, &seen));
                to_see.push(ColumnToSee {
                    dataset: sight.dataset.clone(),
                    seen_at: seen_at.get(&name).copied(),
                    column: name,
                    moved: seen.moved,
                });
            }
        }
        let wanted = usize::try_from(duty.pieces).unwrap_or(usize::MAX);
        let chosen = choose(to_see, wanted, self.period_days(project));
        let pinned = (1..).zip(chosen).filter_map(|(place, chosen)| {
            let look = looks.remove(&(chosen.column.dataset, chosen.column.column))?;
            Some(PinnedColumn { place, look, because: chosen.because, moved: chosen.column.moved })
        });
        Ok(pinned.collect())
    }

    fn period_days(&self, project: &ProjectConfig) -> u32 {
        let every = self.workspace().duties_of(project).histograms.map_or(Every::DAY, |duty| duty.every);
        let days = CivilPeriod::containing(every, self.date_of(self.now())).days();
        u32::try_from(days).unwrap_or(u32::MAX)
    }

    /// Fixes the columns, unless somebody else has meanwhile.
    async fn fix_columns(&self, duty: &Duty, columns: Vec<PinnedColumn>) -> Result<Vec<PinnedColumn>, DutyError> {
        if columns.is_empty() {
            return Ok(columns);
        }
        let mut tx = self.ledger().begin().await?;
        let already = tx.pinned_columns(duty.id).await?;
        if !already.is_empty() {
            return Ok(already);
        }
        tx.pin_columns(duty.id, &columns).await?;
        let details = json!({"columns": columns.iter().map(|column| column.look.subject()).collect::<Vec<_>>()});
        self.note_duty(&mut tx, duty, "started", duty.on_behalf(self.actor()), details).await?;
        tx.commit().await?;
        Ok(columns)
    }

    /// The newest partition of each dataset with a contract and a version.
    async fn newest_sights(&self, project: &ProjectConfig) -> Result<Vec<Sight>, DutyError> {
        let mut sights = Vec::new();
        for (name, config) in &project.datasets {
            let latest = if config.contract.is_some() { self.ledger().latest_version(name).await? } else { None };
            let Some(latest) = latest else { continue };
            let newest = self.manifest(&latest).await?.partitions().pop();
            sights.extend(self.sight_of(name, latest.version, newest.as_ref()).await?);
        }
        Ok(sights)
    }

    /// A partition (or a whole version) with its history. None if the version has no such partition.
    async fn sight_of(
        &self,
        dataset: &DatasetName,
        number: VersionNumber,
        partition: Option<&PartitionKey>,
    ) -> Result<Option<Sight>, DutyError> {
        let version = self.exact_version(dataset, number).await?;
        let pieces = pieces_of(&self.manifest(&version).await?.files);
        let (today, before) = match partition {
            Some(key) => {
                let cut = pieces.into_iter().filter(|piece| piece.partition.is_some());
                let (mut before, mut rest): (Vec<_>, Vec<_>) =
                    cut.partition(|piece| piece.partition.as_ref().is_some_and(|one| one < key));
                rest.retain(|piece| piece.partition.as_ref() == Some(key));
                let oldest = before.len().saturating_sub(HISTORY_MAX);
                (rest, before.split_off(oldest))
            }
            None => (pieces, self.version_before(dataset, number).await?),
        };
        let Some(today) = self.profile_of_all(&today).await?.into_iter().next() else { return Ok(None) };
        let history = self.profile_of_all(&before).await?;
        let (dataset, partition) = (dataset.clone(), partition.cloned());
        Ok(Some(Sight { dataset, version: number, partition, today, history }))
    }

    async fn version_before(&self, dataset: &DatasetName, number: VersionNumber) -> Result<Vec<Piece>, DutyError> {
        let Some(before) = number.checked_sub(1).filter(|before| *before > 0) else { return Ok(Vec::new()) };
        let version = self.exact_version(dataset, before).await?;
        Ok(pieces_of(&self.manifest(&version).await?.files))
    }

    async fn profile_of_all(&self, pieces: &[Piece]) -> Result<Vec<Profile>, DutyError> {
        let mut profiles = Vec::with_capacity(pieces.len());
        for piece in pieces {
            profiles.push(self.piece_profile(piece).await?);
        }
        Ok(profiles)
    }
}

/// What there is to see of a column; the same as when it was chosen, or an error.
fn show(
    column: PinnedColumn,
    sight: Option<&Sight>,
    verdict: Option<Verdict>,
    bins: usize,
) -> Result<HistogramColumn, DutyError> {
    let PinnedColumn { place, look, because, moved } = column;
    let changed = || DutyError::ProfileChanged { column: look.subject() };
    let seen = sight.and_then(|sight| Some((sight, sight.column(&look.column)?)));
    let (sight, seen) = seen.ok_or_else(changed)?;
    if sight.look(&look.column, &seen) != look {
        return Err(changed());
    }
    Ok(HistogramColumn {
        place,
        because,
        moved,
        today: ColumnFacts::of(&seen.today),
        reference: seen.reference.as_ref().map(ColumnFacts::of),
        histogram: side_by_side(&seen.today, seen.reference.as_ref(), bins),
        notes: seen.reference.as_ref().map(|before| notes(&seen.today, before)).unwrap_or_default(),
        verdict,
        look,
    })
}
