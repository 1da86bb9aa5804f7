//! Compaction: closed segments of the prediction log become versions of `predictions/SERVICE`.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

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
    /// Takes the closed segments of a service in. Segments are removed only after the version
    /// stands; a crash in between takes them in twice, and the prediction ids make that harmless.
    pub async fn compact(&self, service: &ServiceName) -> Result<Option<Compacted>, ServingError> {
        let _one_at_a_time = self.lock_log(service).await?;
        let closed = segment::list_closed(&self.layout().log(), service)
            .map_err(PartError::file("read", &self.layout().service_log(service)))?;
        let mut by_day: BTreeMap<PartitionKey, Vec<Prediction>> = BTreeMap::new();
        let mut rows = 0;
        for path in &closed {
            let read =
                segment::read(path).map_err(|error| PartError::file("read", path)(std::io::Error::other(error)))?;
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
        for path in &closed {
            std::fs::remove_file(path).map_err(PartError::file("remove", path))?;
        }
        Ok(Some(Compacted { version, rows, segments: closed.len() }))
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
