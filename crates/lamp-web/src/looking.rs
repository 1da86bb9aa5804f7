//! Which histograms, as the page and the API both ask for them.

use std::fmt::Write as _;

use lamp_app::histograms::{Look, LookAt, Over};
use lamp_core::error::Kind;
use lamp_core::names::DatasetName;
use lamp_core::partition::PartitionKey;
use serde::Deserialize;

use crate::failure::Failure;

/// What is looked at and how.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    pub(crate) version: Option<u32>,
    /// A partition, or `all`.
    #[serde(default)]
    pub(crate) at: String,
    /// `before`, `@6` or a partition.
    #[serde(default)]
    pub(crate) over: String,
    /// `file` for the order of the files.
    #[serde(default)]
    pub(crate) sort: String,
    pub(crate) page: Option<u32>,
}

impl Asked {
    pub(crate) fn look(&self, dataset: &DatasetName) -> Result<Look, Failure> {
        let partition = |text: &str| PartitionKey::parse(text).map_err(Failure::from);
        let at = match self.at.trim() {
            "" => LookAt::Newest,
            "all" => LookAt::All,
            text => LookAt::Partition(partition(text)?),
        };
        let over = match self.over.trim() {
            "" | "before" => Over::Before,
            text => match text.strip_prefix('@') {
                Some(number) => Over::Version(number.parse().map_err(|_| {
                    let mut failure = Failure::new(Kind::Invalid, format!("`{text}` is not a version"));
                    failure.hint = Some("write `@6`, a partition such as 2013-01-31, or `before`".to_owned());
                    failure
                })?),
                None => Over::Partition(partition(text)?),
            },
        };
        Ok(Look { dataset: dataset.clone(), version: self.version, at, over })
    }

    /// The address of the same look with other words in it.
    pub(crate) fn address(&self, dataset: &DatasetName, version: u32, at: &str) -> String {
        let mut address = format!("/histograms/{dataset}?version={version}&at={at}");
        for (name, value) in [("over", &self.over), ("sort", &self.sort)] {
            let is_plain =
                !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'@');
            if is_plain {
                // Writing to a string does not fail.
                let _ = write!(address, "&{name}={value}");
            }
        }
        address
    }
}
