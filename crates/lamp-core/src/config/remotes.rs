//! `[remotes.NAME]`: other stores, to push to and to pull from.

use std::collections::BTreeMap;

use super::reader::Table;
use super::rules;
use crate::names::RemoteName;

/// Another store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// A folder relative to the root, or `s3://…`, `gs://…`, `az://…`.
    pub url: String,
}

/// Reads all `[remotes.NAME]`.
pub(super) fn read(file: &Table<'_>) -> BTreeMap<RemoteName, Remote> {
    let remotes = file.tables("remotes").into_iter().filter_map(|(name, table)| {
        let parsed = table.accept(&name.span, RemoteName::parse(name.value));
        if !table.has("url") {
            table.missing("url", "url = \"s3://BUCKET/PREFIX\"");
        }
        let url = table.parsed("url", rules::store);
        table.report_unknown_keys();
        Some((parsed?, Remote { url: url? }))
    });
    remotes.collect()
}
