//! What changed from one version of a dataset to another: files, partitions, columns, rows.

mod files;
mod rows;

use serde::{Deserialize, Serialize};

pub use files::{Change, FileChanges, PartitionChange, changed_partitions, different_files};
pub use rows::{Cell, ChangedCell, ChangedRow, RowDifference, SampleRow};

use crate::profile::Profile;

/// How one column differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "change")]
pub enum ColumnChange {
    /// Only the later version has it.
    Added {
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
    },
    /// Only the earlier version has it.
    Removed {
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
    },
    /// It has another type.
    Retyped {
        /// The column.
        column: String,
        /// Its type in the earlier version.
        before: String,
        /// Its type in the later one.
        after: String,
    },
}

/// The columns that differ, those of the later version first.
pub fn column_changes(before: &Profile, after: &Profile) -> Vec<ColumnChange> {
    let mut changes = Vec::new();
    for column in &after.columns {
        let (name, data_type) = (column.name.clone(), column.data_type.clone());
        match before.find(&column.name) {
            None => changes.push(ColumnChange::Added { column: name, data_type }),
            Some(old) if old.data_type != data_type => {
                changes.push(ColumnChange::Retyped { column: name, before: old.data_type.clone(), after: data_type });
            }
            Some(_) => {}
        }
    }
    for column in before.columns.iter().filter(|column| after.find(&column.name).is_none()) {
        let (column, data_type) = (column.name.clone(), column.data_type.clone());
        changes.push(ColumnChange::Removed { column, data_type });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{ColumnBuilder, ColumnKind};

    #[test]
    fn columns_are_added_removed_and_retyped() {
        let profile = |columns: &[(&str, &str, ColumnKind)]| {
            let build = |(name, data_type, kind): &(&str, &str, ColumnKind)| {
                ColumnBuilder::new(name, data_type, *kind).finish()
            };
            Profile::new(0, columns.iter().map(build).collect())
        };
        let before = profile(&[
            ("id", "Int64", ColumnKind::Int),
            ("x", "Int64", ColumnKind::Int),
            ("old", "Utf8", ColumnKind::Text),
        ]);
        let after = profile(&[
            ("new", "Utf8", ColumnKind::Text),
            ("x", "Float64", ColumnKind::Float),
            ("id", "Int64", ColumnKind::Int),
        ]);
        assert_eq!(
            column_changes(&before, &after),
            [
                ColumnChange::Added { column: "new".to_owned(), data_type: "Utf8".to_owned() },
                ColumnChange::Retyped {
                    column: "x".to_owned(),
                    before: "Int64".to_owned(),
                    after: "Float64".to_owned()
                },
                ColumnChange::Removed { column: "old".to_owned(), data_type: "Utf8".to_owned() },
            ]
        );
        assert_eq!(column_changes(&after, &after), []);
    }
}
