//! Finding one prediction: in the day's Parquet file, or in segments that wait for compaction.

use lamp_core::dataset::DatasetVersion;
use lamp_core::ids::PredictionId;
use lamp_core::names::{DatasetName, ServiceName};
use lamp_core::partition::{PartitionKey, Period};
use lamp_core::prediction::Prediction;
use lamp_gateway::segment;

use super::ServingError;
use crate::app::App;

/// A prediction and where it is kept.
#[derive(Debug, Clone)]
pub struct FoundPrediction {
    /// The prediction.
    pub prediction: Prediction,
    /// The version of `predictions/SERVICE` that holds it; none while it waits in a segment.
    pub kept_in: Option<DatasetVersion>,
}

impl App {
    /// Finds a prediction by its id, which carries its time.
    pub async fn prediction(&self, id: PredictionId) -> Result<FoundPrediction, ServingError> {
        let services: Vec<ServiceName> =
            self.workspace().projects.values().flat_map(|project| project.services.keys().cloned()).collect();
        for service in &services {
            if let Some(found) = self.in_parquet(service, id).await? {
                return Ok(found);
            }
            if let Some(prediction) = self.in_segments(service, id) {
                return Ok(FoundPrediction { prediction, kept_in: None });
            }
            // A compaction may have moved it from a segment into the day's file while we looked.
            if let Some(found) = self.in_parquet(service, id).await? {
                return Ok(found);
            }
        }
        Err(ServingError::UnknownPrediction { id })
    }

    async fn in_parquet(
        &self,
        service: &ServiceName,
        id: PredictionId,
    ) -> Result<Option<FoundPrediction>, ServingError> {
        let dataset = DatasetName::predictions_of(service);
        let Some(at) = id.at() else { return Ok(None) };
        let day = PartitionKey::containing(self.date_of(at), Period::Day);
        let Some(file) = self.prediction_day(&dataset, &day).await? else { return Ok(None) };
        let Some(prediction) = self.engine().find_prediction(&[file], id).await? else { return Ok(None) };
        let kept_in = self.ledger().latest_version(&dataset).await?;
        Ok(Some(FoundPrediction { prediction, kept_in }))
    }

    fn in_segments(&self, service: &ServiceName, id: PredictionId) -> Option<Prediction> {
        let files = self.segment_files(service);
        let reads = files.iter().filter_map(|path| {
            // An open segment may have been closed, and renamed, since it was listed.
            segment::read(path).or_else(|_| segment::read(&path.with_extension("seg"))).ok()
        });
        reads.flat_map(|read| read.predictions).find(|prediction| prediction.id == id)
    }
}
