//! `lamp.lock`: the dataset versions that a commit was written against.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{ConfigError, Place, Refusal, Table, read};
use crate::dataset::VersionNumber;
use crate::digest::Digest;
use crate::names::DatasetName;

/// Name of the file, at the workspace's root.
pub const LOCK_FILE: &str = "lamp.lock";

const HEADER: &str =
    "# Written by `lamp data`; commit it. It pins each dataset to the version that this commit works with.\n";

/// What to do when two branches pinned different versions.
const MERGE_REMEDY: &str = "keep the entry with the higher version, then run `lamp data get`";

/// The pinned version of one dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockEntry {
    /// Number of the version.
    pub version: VersionNumber,
    /// Digest of its manifest.
    pub digest: Digest,
}

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockFile {
    /// The pinned versions.
    pub datasets: BTreeMap<DatasetName, LockEntry>,
}

impl LockFile {
    /// Parses the file; `file` labels it in errors. Conflict markers of a merge get an error of their own.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        if let Some(error) = find_conflict(text, file) {
            return Err(error);
        }
        let (datasets, _) = read(text, file, |root| Some(read_pins(root))).map_err(explain_twice)?;
        Ok(Self { datasets })
    }

    /// The file's text: sorted, so that the same pins give the same bytes.
    pub fn render(&self) -> String {
        let mut text = HEADER.to_owned();
        for (name, LockEntry { version, digest }) in &self.datasets {
            let quote = if name.as_str().contains('/') { "\"" } else { "" };
            let entry = format!("\n[datasets.{quote}{name}{quote}]\nversion = {version}\ndigest = \"{digest}\"\n");
            text.push_str(&entry);
        }
        text
    }

    /// Finds the pinned version of a dataset.
    pub fn find(&self, dataset: &DatasetName) -> Option<&LockEntry> {
        self.datasets.get(dataset)
    }

    /// The datasets whose pin differs from `base`: changed, added or removed.
    pub fn changed_since(&self, base: &Self) -> BTreeSet<DatasetName> {
        let names = self.datasets.keys().chain(base.datasets.keys());
        names.filter(|name| self.find(name) != base.find(name)).cloned().collect()
    }
}

fn find_conflict(text: &str, file: &str) -> Option<ConfigError> {
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let shown = line.trim_end();
        let marker = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].into_iter().find(|marker| shown.starts_with(marker));
        if marker.is_some() {
            let place = Place { line: index + 1, column: 1, span: (start, start + shown.len()) };
            return Some(ConfigError::at(file, place, "this is a merge conflict", Some(MERGE_REMEDY.to_owned())));
        }
        start += line.len();
    }
    None
}

/// A conflict of which only the markers were removed leaves both sides' entries.
fn explain_twice(mut error: ConfigError) -> ConfigError {
    let is_there_twice = error.message.contains("duplicate key");
    if is_there_twice && error.hint.is_none() {
        error.hint = Some(MERGE_REMEDY.to_owned());
    }
    error
}

fn read_pins(file: &Table<'_>) -> BTreeMap<DatasetName, LockEntry> {
    let entries = file.tables("datasets").into_iter().filter_map(|(name, table)| {
        let parsed = table.accept(&name.span, DatasetName::parse(name.value));
        let entry = read_entry(&table);
        Some((parsed?, entry?))
    });
    entries.collect()
}

fn read_entry(table: &Table<'_>) -> Option<LockEntry> {
    const REMEDY: &str = "take the line from the last commit, or run `lamp data add` again";
    if !table.has("version") {
        table.missing("version", "version = 1");
    }
    let version = table.whole("version", 1..=u64::from(VersionNumber::MAX));
    let digest = table.required_text("digest", "digest = \"…\"").and_then(|text| {
        let parsed = Digest::parse(text.value).map_err(|error| Refusal::new(error.to_string(), REMEDY));
        table.accept(&text.span, parsed)
    });
    table.report_unknown_keys();
    Some(LockEntry { version: version.and_then(|number| VersionNumber::try_from(number).ok())?, digest: digest? })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn pins(pins: &[(&str, u32)]) -> LockFile {
        let entry = |(name, version): &(&str, u32)| {
            let digest = Digest::of(format!("{name}@{version}").as_bytes());
            (DatasetName::parse(name).expect("a name"), LockEntry { version: *version, digest })
        };
        LockFile { datasets: pins.iter().map(entry).collect() }
    }

    fn refused(text: &str, expected: &Expect) {
        let error = LockFile::parse(text, "lamp.lock").expect_err("it is refused");
        expected.assert_eq(&format!("{error}\nhint: {}", error.hint.clone().unwrap_or_default()));
    }

    #[test]
    fn what_was_written_is_read_back() {
        let lock = pins(&[("weather", 3), ("flights", 7), ("predictions/delay", 1)]);
        let text = lock.render();
        expect![[r#"
            # Written by `lamp data`; commit it. It pins each dataset to the version that this commit works with.

            [datasets.flights]
            version = 7
            digest = "DIGEST"

            [datasets."predictions/delay"]
            version = 1
            digest = "DIGEST"

            [datasets.weather]
            version = 3
            digest = "DIGEST"
        "#]]
        .assert_eq(&without_digests(&text));
        assert_eq!(LockFile::parse(&text, "lamp.lock"), Ok(lock));
        assert_eq!(LockFile::parse("", "lamp.lock"), Ok(LockFile::default()));
    }

    fn without_digests(text: &str) -> String {
        let line = |line: &str| match line.strip_prefix("digest = ") {
            Some(_) => "digest = \"DIGEST\"\n".to_owned(),
            None => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    }

    #[test]
    fn a_merge_conflict_is_named_with_its_line() {
        refused(
            "[datasets.flights]\n<<<<<<< HEAD\nversion = 7\n=======\nversion = 8\n>>>>>>> other\n",
            &expect![[r#"
            lamp.lock:2:1: this is a merge conflict
            hint: keep the entry with the higher version, then run `lamp data get`"#]],
        );
    }

    #[test]
    fn a_merge_of_which_only_the_markers_were_removed_has_the_same_remedy() {
        refused(
            "[datasets.flights]\nversion = 7\nversion = 8\n",
            &expect![[r#"
            lamp.lock:3:1: not valid TOML at `version`: duplicate key
            hint: keep the entry with the higher version, then run `lamp data get`"#]],
        );
    }

    #[test]
    fn a_damaged_entry_is_refused() {
        refused(
            "[datasets.flights]\nversion = 0\ndigest = \"12\"\n",
            &expect![[r#"
            lamp.lock:2:11: `version` must be a whole number from 1 to 4294967295
            lamp.lock:3:10: `12` is not a digest of 64 hexadecimal digits
            hint: "#]],
        );
        refused(
            "[datasets.flights]\nversion = 1\n",
            &expect![[r#"
            lamp.lock:1:11: [datasets.flights] has no `digest`
            hint: add `digest = "…"`"#]],
        );
        refused(
            "[dataset.flights]\nversion = 1\n",
            &expect![[r#"
            lamp.lock:1:2: unknown key `dataset` in the file
            hint: did you mean `datasets`?"#]],
        );
    }

    #[test]
    fn a_pin_that_moved_came_or_went_has_changed() {
        let base = pins(&[("flights", 7), ("weather", 3), ("gone", 1)]);
        let after = pins(&[("flights", 8), ("weather", 3), ("new", 1)]);
        let changed: Vec<_> = after.changed_since(&base).into_iter().map(String::from).collect();
        assert_eq!(changed, ["flights", "gone", "new"]);
    }

    #[test]
    fn a_wrong_digest_has_a_remedy() {
        refused(
            "[datasets.flights]\nversion = 1\ndigest = \"12\"\n",
            &expect![[r#"
            lamp.lock:3:10: `12` is not a digest of 64 hexadecimal digits
            hint: take the line from the last commit, or run `lamp data add` again"#]],
        );
    }

    proptest! {
        #[test]
        fn any_pins_survive_the_file(names in prop::collection::btree_map("(predictions/)?[a-z][a-z0-9_-]{0,20}", 1_u32.., 0..20)) {
            let pins: Vec<(&str, u32)> = names.iter().map(|(name, version)| (name.as_str(), *version)).collect();
            let lock = self::pins(&pins);
            prop_assert_eq!(LockFile::parse(&lock.render(), "lamp.lock"), Ok(lock));
        }
    }
}
