//! Models for a page: a page of versions, and those that wait for a person.

use lamp_core::names::{ModelName, ServiceName};
use lamp_core::registry::{Approval, ModelVersion};
use lamp_core::route::Role;
use serde::Serialize;

use super::RegistryError;
use crate::app::App;
use crate::paging::{Page, PageNumber};

/// Candidates shown as waiting for a person.
pub const WAITING_SHOWN: u32 = 10;

/// A version in a listing.
#[derive(Debug, Clone, Serialize)]
pub struct ModelLine {
    /// The version.
    pub model: ModelVersion,
    /// Where it serves.
    pub serving: Vec<(ServiceName, Role)>,
    /// The last decision on it.
    pub decided: Option<Approval>,
}

impl App {
    /// A page of the versions of one model, or of all, newest first.
    pub async fn models_page(
        &self,
        model: Option<&ModelName>,
        page: PageNumber,
    ) -> Result<Page<ModelLine>, RegistryError> {
        let found = self.ledger().models_page(model, page.skip(), PageNumber::limit()).await?;
        let page = Page::of(found, page);
        let items = self.lines_of(page.items).await?;
        Ok(Page { items, number: page.number, has_more: page.has_more })
    }

    /// The newest versions that wait for a person; at most [`WAITING_SHOWN`].
    pub async fn waiting_models(&self) -> Result<Vec<ModelLine>, RegistryError> {
        let found = self.ledger().candidates(WAITING_SHOWN).await?;
        self.lines_of(found).await
    }

    async fn lines_of(&self, versions: Vec<ModelVersion>) -> Result<Vec<ModelLine>, RegistryError> {
        let mut lines = Vec::with_capacity(versions.len());
        for model in versions {
            lines.push(ModelLine {
                serving: self.ledger().routes_serving(&model.id).await?,
                decided: self.ledger().approvals(&model.id).await?.pop(),
                model,
            });
        }
        Ok(lines)
    }
}
