//! Labels that clients sent to the gateway, on their way into the ledger.

use std::path::Path;

use lamp_core::error::{Classified as _, Kind};
use lamp_core::label::LabelSource;
use lamp_core::names::ServiceName;
use lamp_gateway::waiting_labels;
use serde::Deserialize;

use super::ServingError;
use crate::app::App;
use crate::labels::file::JsonLabel;
use crate::parts::PartError;

#[derive(Deserialize)]
struct Sent {
    labels: Vec<JsonLabel>,
}

impl App {
    /// Takes in what clients sent of a service's predictions, oldest first, and says what that was. A request with a
    /// label that is none is put aside (`.refused`) for a person.
    pub async fn take_in_sent_labels(&self, service: &ServiceName) -> Result<Vec<String>, ServingError> {
        let folder = self.layout().service_log(service);
        let mut said = Vec::new();
        for path in waiting_labels(&folder).map_err(PartError::file("read", &folder))? {
            said.push(self.take_in_sent(service, &path).await?);
        }
        Ok(said)
    }

    async fn take_in_sent(&self, service: &ServiceName, path: &Path) -> Result<String, ServingError> {
        let text = std::fs::read(path).map_err(PartError::file("read", path))?;
        let sent: Sent = match serde_json::from_slice(&text) {
            Ok(sent) => sent,
            Err(error) => return refuse(service, path, &error.to_string()),
        };
        let rows: Vec<_> = sent.labels.into_iter().zip(1..).map(|(label, number)| label.written(number)).collect();
        let imported = match self.import_labels(&rows, LabelSource::Api).await {
            Ok(imported) => imported,
            Err(error) if error.kind() == Kind::Invalid => return refuse(service, path, &error.to_string()),
            Err(error) => return Err(ServingError::Labels(Box::new(error))),
        };
        // Taken in twice, they change nothing.
        std::fs::remove_file(path).map_err(PartError::file("put away", path))?;
        let unknown = match imported.unknown {
            0 => String::new(),
            unknown => format!(", {unknown} of predictions that are in no log"),
        };
        Ok(format!("{} labels of {service} taken in, {} known{unknown}", imported.added, imported.unchanged))
    }
}

fn refuse(service: &ServiceName, path: &Path, why: &str) -> Result<String, ServingError> {
    tracing::error!(path = %path.display(), why, "labels that a client sent are put aside as .refused");
    std::fs::rename(path, path.with_extension("refused")).map_err(PartError::file("put aside", path))?;
    Ok(format!("labels of {service} refused: {why}"))
}
