//! Compaction: closed segments of the prediction log become versions of `predictions/SERVICE`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lamp_core::dataset::DatasetVersion;
use lamp_core::names::{DatasetName, ServiceName};
use lamp_core::partition::{PartitionBy, PartitionKey, Period};
use lamp_core::prediction::Prediction;
use lamp_engine::DataFile;
use lamp_gateway::segment;
use lamp_store::{NoProgress, SourceFile};

use super::ServingError;
use crate::app::App;
use crate::data::add::Incoming;
use crate::parts::{PartError, lock_file};

/// Most segments taken in at once: what they hold is in memory together.
const SEGMENTS_MAX: usize = 64;

/// Closed segments of so many bytes are due.
const DUE_BYTES: u64 = 64 * 1024 * 1024;

/// A closed segment of this age is due.
const DUE_AFTER: Duration = Duration::from_mins(10);

/// What a compaction did.
#[derive(Debug, Clone)]
pub struct Compacted {
    /// The new version of `predictions/SERVICE`.
    pub version: DatasetVersion,
    /// Rows taken in from segments.
    pub rows: u64,
    /// Segments taken in.
    pub segments: usize,
}

impl App {
    /// Compacts once there is enough to be worth a version: each one writes the day's file again.
    pub async fn compact_when_due(&self, service: &ServiceName) -> Result<Option<Compacted>, ServingError> {
        let (mut bytes, mut oldest) = (0, Duration::ZERO);
        for facts in self.closed_segments(service)?.iter().filter_map(|path| path.metadata().ok()) {
            bytes += facts.len();
            oldest = oldest.max(facts.modified().ok().and_then(|at| at.elapsed().ok()).unwrap_or_default());
        }
        let is_due = bytes >= DUE_BYTES || oldest >= DUE_AFTER;
        if is_due { self.compact(service).await } else { Ok(None) }
    }

    fn closed_segments(&self, service: &ServiceName) -> Result<Vec<PathBuf>, ServingError> {
        let listed = segment::list_closed(&self.layout().log(), service);
        Ok(listed.map_err(PartError::file("read", &self.layout().service_log(service)))?)
    }

    /// Takes closed segments of a service in, the oldest first. Segments are removed only after the
    /// version stands; a crash in between takes them in twice, and the prediction ids make that
    /// harmless. A segment that cannot be read stays; one with a damaged end is kept for a person,
    /// since whole rows may lie behind the damage.
    pub async fn compact(&self, service: &ServiceName) -> Result<Option<Compacted>, ServingError> {
        let _one_at_a_time = self.lock_log(service).await?;
        let mut by_day: BTreeMap<PartitionKey, Vec<Prediction>> = BTreeMap::new();
        let (mut rows, mut taken) = (0, Vec::new());
        for path in self.closed_segments(service)?.into_iter().take(SEGMENTS_MAX) {
            let Some(read) = read_segment(&path).await? else { continue };
            taken.push((path, read.torn_tail));
            for prediction in read.predictions {
                let key = PartitionKey::containing(self.date_of(prediction.served_at), Period::Day);
                by_day.entry(key).or_default().push(prediction);
                rows += 1;
            }
        }
        if rows == 0 {
            return Ok(None);
        }
        let version = self.take_in_days(service, &by_day).await?;
        for (path, is_damaged) in &taken {
            let put_away = if *is_damaged {
                tracing::error!(path = %path.display(), "a segment of the prediction log is damaged; kept as .damaged");
                std::fs::rename(path, path.with_extension("damaged"))
            } else {
                std::fs::remove_file(path)
            };
            put_away.map_err(PartError::file("put away", path))?;
        }
        Ok(Some(Compacted { version, rows, segments: taken.len() }))
    }

    /// One compaction of a service at a time, also across processes.
    async fn lock_log(&self, service: &ServiceName) -> Result<File, ServingError> {
        let folder = self.layout().service_log(service);
        std::fs::create_dir_all(&folder).map_err(PartError::file("create", &folder))?;
        Ok(lock_file(&folder.join("compact.lock")).await?)
    }

    async fn take_in_days(
        &self,
        service: &ServiceName,
        by_day: &BTreeMap<PartitionKey, Vec<Prediction>>,
    ) -> Result<DatasetVersion, ServingError> {
        let dataset = DatasetName::predictions_of(service);
        let work =
            tempfile::tempdir_in(self.layout().lamp()).map_err(PartError::file("write", self.layout().lamp()))?;
        let mut files = Vec::new();
        for (day, predictions) in by_day {
            let name = format!("{day}.parquet");
            let path = work.path().join(&name);
            let existing = self.prediction_day(&dataset, day).await?;
            self.engine().merge_predictions(existing.as_ref(), predictions, &path).await?;
            files.push(SourceFile { path, name });
        }
        let incoming = Incoming {
            dataset,
            files,
            partition_by: Some(PartitionBy { column: "served_at".to_owned(), by: Period::Day }),
            replace: false,
            run: None,
            note: None,
        };
        Ok(self.take_in(incoming, Arc::new(NoProgress)).await?.version)
    }

    /// The log's Parquet file of one day, as it stands.
    pub(super) async fn prediction_day(
        &self,
        dataset: &DatasetName,
        day: &PartitionKey,
    ) -> Result<Option<DataFile>, ServingError> {
        let Some(version) = self.ledger().latest_version(dataset).await? else { return Ok(None) };
        let manifest = self.manifest(&version).await?;
        let of_day: Vec<_> = manifest.files.into_iter().filter(|file| file.partition.as_ref() == Some(day)).collect();
        Ok(self.data_files(&of_day).await?.into_iter().next())
    }

    /// Segment files of a service that are not yet compacted, closed or open.
    pub(super) fn segment_files(&self, service: &ServiceName) -> Vec<PathBuf> {
        let folder = self.layout().service_log(service);
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let is_segment = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "seg" || ext == "open");
        entries.map(|entry| entry.path()).filter(is_segment).collect()
    }
}

/// Reads a segment off the runtime's threads; none, and a word in the log, when it cannot be read.
async fn read_segment(path: &Path) -> Result<Option<segment::SegmentRead>, ServingError> {
    let reading = tokio::task::spawn_blocking({
        let path = path.to_owned();
        move || segment::read(&path)
    });
    match reading.await.map_err(|error| PartError::file("read", path)(std::io::Error::other(error)))? {
        Ok(read) => Ok(Some(read)),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "left in place");
            Ok(None)
        }
    }
}
