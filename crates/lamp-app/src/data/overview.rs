//! Every dataset with what was last said of its newest version.

use lamp_core::contract::budget::Budget;
use serde::Serialize;

use super::DataError;
use super::list::DatasetLine;
use super::view::{Verdicts, total};
use crate::app::App;

/// A dataset in the list.
#[derive(Debug, Clone, Serialize)]
pub struct DatasetCard {
    /// The dataset at a glance.
    #[serde(flatten)]
    pub line: DatasetLine,
    /// Whether it promises anything.
    pub has_contract: bool,
    /// What the contract's rules said of the newest version, all partitions together.
    pub verdicts: Option<Verdicts>,
    /// Its error budget; none without an objective, or where the contract cannot be read.
    pub budget: Option<Budget>,
}

impl App {
    /// Every dataset that is declared or has a version, by name, with its newest verdicts.
    pub async fn datasets_overview(&self) -> Result<Vec<DatasetCard>, DataError> {
        let mut cards = Vec::new();
        for line in self.list_datasets().await? {
            let verdicts = match &line.latest {
                Some(latest) => total(&self.ledger().check_counts(&line.dataset, latest.version).await?),
                None => None,
            };
            let declared = self.workspace().dataset(&line.dataset);
            let has_contract = declared.is_some_and(|(_, config)| config.contract.is_some());
            let budget = self.find_budget(&line.dataset).await.ok().flatten();
            cards.push(DatasetCard { line, has_contract, verdicts, budget });
        }
        Ok(cards)
    }
}
