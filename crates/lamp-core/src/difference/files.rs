//! Files of two versions, told apart by their digests: nothing is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dataset::FileEntry;
use crate::digest::Digest;
use crate::partition::PartitionKey;

/// How many files of a version are what to those of an earlier one. Files are the same by path and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileChanges {
    /// Paths that the earlier version does not have.
    pub added: u64,
    /// Paths with other bytes.
    pub replaced: u64,
    /// Paths that the later version does not have.
    pub removed: u64,
    /// Paths with the same bytes.
    pub same: u64,
}

/// What sort of version one is to the version before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// There is none before it.
    First,
    /// Files came, and all that were there stayed as they were.
    Append,
    /// Something that was there is other or gone.
    Correction,
    /// The same files: only how they are cut into partitions, or what is known of them, is other.
    Recut,
}

impl Change {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Append => "append",
            Self::Correction => "correction",
            Self::Recut => "recut",
        }
    }
}

impl FileChanges {
    /// Compares files.
    pub fn between(before: &[FileEntry], after: &[FileEntry]) -> Self {
        let old: BTreeMap<&str, &FileEntry> = before.iter().map(|file| (file.path.as_str(), file)).collect();
        let mut changes = Self::default();
        for file in after {
            match old.get(file.path.as_str()) {
                None => changes.added += 1,
                Some(old) if old.digest == file.digest && old.link == file.link => changes.same += 1,
                Some(_) => changes.replaced += 1,
            }
        }
        changes.removed = old.len() as u64 - changes.same - changes.replaced;
        changes
    }

    /// What sort of change that is of a version that had files before.
    pub fn kind(&self) -> Change {
        if self.replaced + self.removed > 0 {
            Change::Correction
        } else if self.added > 0 {
            Change::Append
        } else {
            Change::Recut
        }
    }

    /// The counts that are not zero, for people: `1 added, 2 replaced`. Empty when all files are the same.
    pub fn summary(&self) -> String {
        let counts = [(self.added, "added"), (self.replaced, "replaced"), (self.removed, "removed")];
        let said = counts.iter().filter(|(count, _)| *count > 0);
        said.map(|(count, what)| format!("{} {what}", crate::human::count(*count))).collect::<Vec<_>>().join(", ")
    }
}

/// A partition whose files differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionChange {
    /// The partition.
    pub partition: PartitionKey,
    /// How its files differ.
    pub files: FileChanges,
}

/// The partitions whose files differ, in order.
pub fn changed_partitions(before: &[FileEntry], after: &[FileEntry]) -> Vec<PartitionChange> {
    let mut by_key: BTreeMap<&PartitionKey, [Vec<FileEntry>; 2]> = BTreeMap::new();
    for (side, files) in [before, after].into_iter().enumerate() {
        for file in files {
            if let Some(key) = &file.partition {
                by_key.entry(key).or_default()[side].push(file.clone());
            }
        }
    }
    let changes = by_key.into_iter().map(|(key, [before, after])| PartitionChange {
        partition: key.clone(),
        files: FileChanges::between(&before, &after),
    });
    changes.filter(|change| !change.files.summary().is_empty()).collect()
}

/// The files of each side whose bytes the other does not have, wherever: all that must be read to tell the rows of
/// the two apart. Bytes that are there twice on one side and once on the other are there once too often.
pub fn different_files(before: &[FileEntry], after: &[FileEntry]) -> (Vec<FileEntry>, Vec<FileEntry>) {
    let mut surplus: BTreeMap<Digest, i64> = BTreeMap::new();
    for (files, one) in [(before, 1), (after, -1)] {
        for file in files {
            *surplus.entry(file.digest).or_default() += one;
        }
    }
    let mut left = |files: &[FileEntry], sign: i64| {
        let is_surplus = |file: &&FileEntry| {
            let count = surplus.entry(file.digest).or_default();
            let is_over = *count * sign > 0;
            *count -= if is_over { sign } else { 0 };
            is_over
        };
        files.iter().filter(is_surplus).cloned().collect::<Vec<_>>()
    };
    (left(before, 1), left(after, -1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partition::Period;

    fn file(path: &str, content: &str) -> FileEntry {
        FileEntry {
            path: path.to_owned(),
            size: 1,
            digest: Digest::of(content.as_bytes()),
            sha256: String::new(),
            partition: PartitionKey::find_in_path(path, Period::Day),
            rows: None,
            link: None,
        }
    }

    #[test]
    fn a_version_appends_or_corrects() {
        let before = [file("2013-01-01.csv", "a"), file("2013-01-02.csv", "b")];
        let check = |after: &[FileEntry], change: Change, summary: &str, partitions: &[&str]| {
            let found = FileChanges::between(&before, after);
            assert_eq!((found.kind(), found.summary().as_str()), (change, summary));
            let by_partition = changed_partitions(&before, after);
            let named: Vec<_> =
                by_partition.iter().map(|c| format!("{}: {}", c.partition, c.files.summary())).collect();
            assert_eq!(named, partitions);
        };
        let added = [before.to_vec(), vec![file("2013-01-03.csv", "c")]].concat();
        check(&added, Change::Append, "1 added", &["2013-01-03: 1 added"]);
        check(
            &[file("2013-01-01.csv", "z"), before[1].clone()],
            Change::Correction,
            "1 replaced",
            &["2013-01-01: 1 replaced"],
        );
        check(&before[1..], Change::Correction, "1 removed", &["2013-01-01: 1 removed"]);
        check(&before, Change::Recut, "", &[]);
        let moved = [file("x/2013-01-01.csv", "a"), before[1].clone()];
        check(&moved, Change::Correction, "1 added, 1 removed", &["2013-01-01: 1 added, 1 removed"]);
    }

    #[test]
    fn only_bytes_that_one_side_lacks_are_read() {
        let names = |files: Vec<FileEntry>| files.into_iter().map(|file| file.path).collect::<Vec<_>>();
        let differ = |before: &[FileEntry], after: &[FileEntry]| {
            let (before, after) = different_files(before, after);
            (names(before), names(after))
        };
        let (a, b, moved) = (file("a", "1"), file("b", "2"), file("c", "1"));
        assert_eq!(differ(&[a.clone(), b.clone()], &[moved.clone(), b.clone()]), (vec![], vec![]), "moved");
        let only_a = std::slice::from_ref(&a);
        assert_eq!(differ(only_a, &[file("a", "3")]), (vec!["a".to_owned()], vec!["a".to_owned()]));
        assert_eq!(differ(only_a, &[a.clone(), moved]), (vec![], vec!["a".to_owned()]), "its rows came twice");
        assert_eq!(differ(&[a, b], &[]), (vec!["a".to_owned(), "b".to_owned()], vec![]));
    }
}
