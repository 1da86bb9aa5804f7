//! What a service answered on a civil day: in the day's Parquet file and in segments that wait for compaction.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;
use lamp_core::ids::PredictionId;
use lamp_core::names::{DatasetName, ServiceName};
use lamp_core::partition::{PartitionKey, Period};
use lamp_core::prediction::Prediction;
use lamp_engine::DataFile;
use lamp_gateway::segment;

use super::ServingError;
use crate::app::App;
use crate::parts::PartError;

impl App {
    /// The ids of all predictions of a day, each once.
    pub(crate) async fn logged_ids(
        &self,
        service: &ServiceName,
        day: Date,
    ) -> Result<HashSet<PredictionId>, ServingError> {
        // Segments first: a compaction that comes in between only moves rows to where we look next.
        let mut ids: HashSet<_> =
            self.waiting_rows(service, day).await?.into_iter().map(|prediction| prediction.id).collect();
        if let Some(file) = self.day_file(service, day).await? {
            ids.extend(self.engine().prediction_ids(&[file]).await?);
        }
        Ok(ids)
    }

    /// Predictions of a day by their ids; those that are not there are left out.
    pub(crate) async fn logged_predictions(
        &self,
        service: &ServiceName,
        day: Date,
        wanted: &HashSet<PredictionId>,
    ) -> Result<BTreeMap<PredictionId, Prediction>, ServingError> {
        let waiting = self.waiting_rows(service, day).await?.into_iter();
        let mut found: BTreeMap<_, _> = waiting
            .filter(|prediction| wanted.contains(&prediction.id))
            .map(|prediction| (prediction.id, prediction))
            .collect();
        if found.len() < wanted.len()
            && let Some(file) = self.day_file(service, day).await?
        {
            let picked = self.engine().pick_predictions(&[file], wanted).await?;
            found.extend(picked.into_iter().map(|prediction| (prediction.id, prediction)));
        }
        Ok(found)
    }

    async fn day_file(&self, service: &ServiceName, day: Date) -> Result<Option<DataFile>, ServingError> {
        let key = PartitionKey::containing(day, Period::Day);
        self.prediction_day(&DatasetName::predictions_of(service), &key).await
    }

    /// Rows of a day that no compaction has taken in yet.
    async fn waiting_rows(&self, service: &ServiceName, day: Date) -> Result<Vec<Prediction>, ServingError> {
        let files = self.segment_files(service);
        let folder = self.layout().service_log(service);
        let reading = tokio::task::spawn_blocking(move || {
            let reads = files.iter().filter_map(|path| {
                // An open segment may have been closed, and renamed, since it was listed.
                segment::read(path).or_else(|_| segment::read(&path.with_extension("seg"))).ok()
            });
            reads.flat_map(|read| read.predictions).collect::<Vec<_>>()
        });
        let rows = reading.await.map_err(|error| PartError::file("read", &folder)(std::io::Error::other(error)))?;
        Ok(rows.into_iter().filter(|prediction| self.date_of(prediction.served_at) == day).collect())
    }
}
