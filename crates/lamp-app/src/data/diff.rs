//! `lamp data diff`: what changed between two versions of a dataset.

use std::collections::BTreeSet;

use lamp_core::dataset::{DatasetVersion, FileEntry};
use lamp_core::difference::{
    ColumnChange, FileChanges, PartitionChange, RowDifference, changed_partitions, column_changes, different_files,
};
use lamp_core::names::DatasetName;
use lamp_core::profile::{ColumnContrast, contrast};
use lamp_engine::EngineError;
use serde::{Deserialize, Serialize};

use super::DataError;
use super::add::is_table;
use super::resolve::Slice;
use crate::app::App;
use crate::check::CheckError;
use crate::parts::PartError;
use crate::profile::OnPartition;

/// One side of a comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ComparedSide {
    /// The version.
    pub version: DatasetVersion,
    /// As written, where it was written.
    pub text: String,
    /// Rows, where every file says how many it has.
    pub rows: Option<u64>,
}

/// What changed from one version to another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VersionDifference {
    /// The earlier side.
    pub before: ComparedSide,
    /// The later side.
    pub after: ComparedSide,
    /// Files, by path and digest.
    pub files: FileChanges,
    /// The partitions whose files differ, in order.
    pub partitions: Vec<PartitionChange>,
    /// The columns that differ.
    pub schema: Vec<ColumnChange>,
    /// Rows of files that differ; none when they could not be compared.
    pub rows: Option<RowDifference>,
    /// Rows of files that are the same on both sides, which are not read.
    pub rows_not_read: Option<u64>,
    /// Every column side by side, those furthest apart first.
    pub columns: Vec<ColumnContrast>,
    /// Columns whose values are not shown, by the contract.
    pub masked: BTreeSet<String>,
    /// What could not be compared, and why.
    pub notes: Vec<String>,
}

impl App {
    /// Compares two versions of a dataset (or slices of them); without `before`, a version with the one before it.
    /// Only files whose bytes the other side does not have are read row by row.
    pub async fn difference(
        &self,
        before: Option<&str>,
        after: &str,
        on_partition: OnPartition<'_>,
    ) -> Result<VersionDifference, CheckError> {
        let after = self.slice_of(after).await?;
        let before = match before {
            Some(text) => self.slice_of(text).await?,
            None => self.slice_before(&after.version).await?,
        };
        let (dataset, other) = (&after.version.dataset, &before.version.dataset);
        if dataset != other {
            return Err(DataError::TwoDatasets { before: other.clone(), after: dataset.clone() }.into());
        }
        let masked = self.sensitive_columns(dataset)?;
        let mut found = VersionDifference {
            files: FileChanges::between(&before.files, &after.files),
            partitions: changed_partitions(&before.files, &after.files),
            schema: Vec::new(),
            rows: None,
            rows_not_read: None,
            columns: Vec::new(),
            masked,
            notes: Vec::new(),
            before: side(&before),
            after: side(&after),
        };
        self.compare_columns(&before, &after, on_partition, &mut found).await?;
        self.compare_rows(before, after, &mut found).await?;
        Ok(found)
    }

    async fn slice_before(&self, version: &DatasetVersion) -> Result<Slice, DataError> {
        let first = || DataError::NothingBefore { dataset: version.dataset.clone(), version: version.version };
        let number = version.version.checked_sub(1).filter(|number| *number > 0).ok_or_else(first)?;
        self.slice_of(&format!("{}@{number}", version.dataset)).await
    }

    /// The columns whose values its contract says are sensitive.
    fn sensitive_columns(&self, dataset: &DatasetName) -> Result<BTreeSet<String>, CheckError> {
        let contract = match self.contract_of(dataset) {
            Ok((contract, ..)) => contract,
            Err(CheckError::NoContract { .. }) => return Ok(BTreeSet::new()),
            Err(error) => return Err(error),
        };
        let properties = contract.find_object(Some(dataset.as_str())).map(|object| &object.properties[..]);
        let sensitive = properties.unwrap_or_default().iter().filter(|property| property.sensitive);
        Ok(sensitive.map(|property| property.column().to_owned()).collect())
    }

    async fn compare_columns(
        &self,
        before: &Slice,
        after: &Slice,
        on_partition: OnPartition<'_>,
        found: &mut VersionDifference,
    ) -> Result<(), DataError> {
        let mut profiles = Vec::new();
        for slice in [before, after] {
            let tables = Slice { files: tables(&slice.files), ..slice.clone() };
            if tables.files.is_empty() {
                continue;
            }
            match self.slice_profile(&tables, on_partition).await {
                Ok(profile) => profiles.push(profile),
                Err(
                    error
                    @ DataError::Part(PartError::Profile(_) | PartError::Engine(EngineError::TypeConflict { .. })),
                ) => {
                    found.notes.push(format!("columns are not compared: in {}, {error}", slice.text));
                }
                Err(error) => return Err(error),
            }
        }
        if let [before, after] = &profiles[..] {
            found.schema = column_changes(before, after);
            found.columns = contrast(before, after);
        }
        Ok(())
    }

    async fn compare_rows(&self, before: Slice, after: Slice, found: &mut VersionDifference) -> Result<(), DataError> {
        let (old, new) = (tables(&before.files), tables(&after.files));
        if old.is_empty() && new.is_empty() {
            found.notes.push("there are no tables: only files are compared".to_owned());
            return Ok(());
        }
        let (old, differing) = different_files(&old, &new);
        let rows = |files: &[FileEntry]| files.iter().map(|file| file.rows).sum::<Option<u64>>();
        found.rows_not_read = rows(&new).zip(rows(&differing)).map(|(all, read)| all.saturating_sub(read));
        let config = self.workspace().dataset(&after.version.dataset).map(|(_, config)| config);
        let key = config.map(|config| &config.key[..]).unwrap_or_default();
        let (old, new) = (self.data_files(&old).await?, self.data_files(&differing).await?);
        match self.engine().row_difference(&old, &new, key).await {
            Ok(mut rows) => {
                rows.mask(|column| found.masked.contains(column));
                found.rows = Some(rows);
            }
            Err(
                error @ (EngineError::TypeConflict { .. } | EngineError::NoSuchColumn { .. } | EngineError::Memory(_)),
            ) => found.notes.push(format!("rows are not compared: {error}")),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

fn tables(files: &[FileEntry]) -> Vec<FileEntry> {
    files.iter().filter(|file| file.link.is_none() && is_table(&file.path)).cloned().collect()
}

fn side(slice: &Slice) -> ComparedSide {
    ComparedSide {
        version: slice.version.clone(),
        text: slice.text.clone(),
        rows: slice.files.iter().map(|file| file.rows).sum(),
    }
}
