//! One file as it stands at the tip of every ref.

use std::collections::BTreeMap;

use super::command::text;
use super::{GitError, Repo};

/// The content of a file at some refs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAtRefs {
    /// The refs that have this content, by their full names; `HEAD` is one.
    pub refs: Vec<String>,
    /// The content.
    pub bytes: Vec<u8>,
}

impl Repo {
    /// The different contents of the file at `path` (relative to the root, no line break in it) at the tips of all
    /// refs: branches, remote-tracking branches, tags, the stash, the refs of Lamplighter, and `HEAD`. Refs
    /// without the file are left out.
    pub async fn file_at_every_ref(&self, path: &str) -> Result<Vec<FileAtRefs>, GitError> {
        let names = text("for-each-ref", self.git("for-each-ref").arg("--format=%(refname)").run().await?)?;
        let names: Vec<&str> = names.lines().chain(["HEAD"]).collect();
        let mut asked = String::new();
        for name in &names {
            asked.extend([name, ":", path, "\n"]);
        }
        let format = "--batch-check=%(objecttype) %(objectname)";
        let found = text("cat-file", self.git("cat-file").arg(format).answer(asked.as_bytes()).await?)?;
        // One line for each, in the order asked; that of a missing one ends in `missing`.
        let mut blobs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (name, line) in names.iter().zip(found.lines()) {
            if let Some(blob) = line.strip_prefix("blob ") {
                blobs.entry(blob).or_default().push((*name).to_owned());
            }
        }
        let mut files = Vec::new();
        for (blob, refs) in blobs {
            files.push(FileAtRefs { refs, bytes: self.git("cat-file").args(["blob", blob]).run().await? });
        }
        Ok(files)
    }
}
