//! `lamp retire`: a decided version is taken out of use. Its record stays.

use lamp_core::access::Permission;
use lamp_core::registry::ModelVersion;
use serde_json::json;

use super::RegistryError;
use crate::app::App;

impl App {
    /// Retires a version that serves nowhere.
    pub async fn retire(&self, reference: &str, note: &str) -> Result<ModelVersion, RegistryError> {
        self.authorize(Permission::Sign)?;
        let model = self.model_version(reference).await?;
        let mut tx = self.ledger().begin().await?;
        // Asked inside the transaction: nobody deploys it in between.
        let serving = tx.routes_serving(&model.id).await?;
        if let Some((service, role)) = serving.into_iter().next() {
            return Err(RegistryError::StillServing { model: model.id, service, role });
        }
        tx.retire_model(&model.id).await?;
        tx.audit(&self.entry("model.retired", &model.id, json!({"note": note}))).await?;
        tx.commit().await?;
        self.model_version(&model.id.to_string()).await
    }
}
