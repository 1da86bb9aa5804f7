//! Which files of an earlier version stay in the next one, and in which partition.

use std::collections::{BTreeSet, HashSet};

use lamp_core::dataset::{FileEntry, Manifest};
use lamp_core::names::DatasetName;
use lamp_core::partition::{PartitionBy, PartitionKey, Period};

use super::DataError;

/// Files of `before` whose partition (and path) the new files do not bring. When the dataset was cut
/// otherwise before, they are cut anew: or else a month and its days would stand side by side.
pub(super) fn carried_over(
    dataset: &DatasetName,
    before: &Manifest,
    incoming: &[FileEntry],
    partition_by: Option<&PartitionBy>,
) -> Result<Vec<FileEntry>, DataError> {
    let brought: BTreeSet<PartitionKey> = partitions_of(incoming).into_iter().collect();
    let period = partition_by.map(|by| by.by);
    let was_cut_alike = before.partition_by.as_ref().map(|by| by.by) == period;
    let paths: HashSet<&str> = incoming.iter().map(|entry| entry.path.as_str()).collect();
    let mut stay = Vec::new();
    for file in before.files.iter().filter(|file| !paths.contains(file.path.as_str())) {
        let mut file = file.clone();
        if !was_cut_alike {
            file.partition = period.map(|period| partition_of(dataset, &file.path, period)).transpose()?;
        }
        if file.partition.as_ref().is_none_or(|key| !brought.contains(key)) {
            stay.push(file);
        }
    }
    Ok(stay)
}

/// The partition that a file's path names.
pub(super) fn partition_of(dataset: &DatasetName, path: &str, period: Period) -> Result<PartitionKey, DataError> {
    PartitionKey::find_in_path(path, period).ok_or_else(|| DataError::NoPartition {
        file: path.to_owned(),
        period: match period {
            Period::Day => "day",
            Period::Month => "month",
        },
        dataset: dataset.clone(),
    })
}

/// The partitions of some files, in order, each once.
pub(super) fn partitions_of(entries: &[FileEntry]) -> Vec<PartitionKey> {
    let mut keys: Vec<_> = entries.iter().filter_map(|entry| entry.partition.clone()).collect();
    keys.sort();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use lamp_core::digest::Digest;

    use super::*;

    fn file(path: &str, period: Option<Period>) -> FileEntry {
        FileEntry {
            path: path.to_owned(),
            size: 1,
            digest: Digest::of(path.as_bytes()),
            sha256: String::new(),
            partition: period.and_then(|period| PartitionKey::find_in_path(path, period)),
            rows: None,
            link: None,
        }
    }

    fn by(period: Period) -> PartitionBy {
        PartitionBy { column: "at".to_owned(), by: period }
    }

    fn carried(before: &Manifest, incoming: &FileEntry, period: Period) -> Result<Vec<String>, DataError> {
        let dataset = DatasetName::parse("orders").expect("a name");
        let stay = carried_over(&dataset, before, std::slice::from_ref(incoming), Some(&by(period)))?;
        let line = |file: FileEntry| format!("{} in {}", file.path, file.partition.expect("a partition"));
        Ok(stay.into_iter().map(line).collect())
    }

    #[test]
    fn days_become_months_and_a_month_that_comes_replaces_its_days() {
        let day = |path| file(path, Some(Period::Day));
        let days = [day("2013-01-30.csv"), day("2013-01-31.csv"), day("2013-02-01.csv")];
        let before = Manifest::new(days.to_vec(), Some(by(Period::Day)), Vec::new());
        let month = file("2013-01.csv", Some(Period::Month));
        assert_eq!(carried(&before, &month, Period::Month).expect("a recut"), ["2013-02-01.csv in 2013-02"]);
    }

    #[test]
    fn what_had_no_partition_gets_the_one_that_its_path_names() {
        let before = Manifest::new(vec![file("2013-01-30.csv", None), file("2013-01-31.csv", None)], None, Vec::new());
        let next = file("x/2013-01-31.csv", Some(Period::Day));
        assert_eq!(carried(&before, &next, Period::Day).expect("a recut"), ["2013-01-30.csv in 2013-01-30"]);

        let before = Manifest::new(vec![file("all.csv", None)], None, Vec::new());
        let error = carried(&before, &next, Period::Day).expect_err("no date");
        assert_eq!(error.to_string(), "`all.csv` names no day in its path, but `orders` is partitioned by day");
    }
}
