//! What differs from the last commit, and from another branch.

use std::collections::BTreeSet;

use super::command::split_z;
use super::{GitError, Repo};

/// The state of the working tree against HEAD, paths relative to the root with `/` between
/// their parts, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeStatus {
    /// Tracked paths that differ, staged or not. A rename counts as both of its paths.
    pub changed: Vec<String>,
    /// Untracked files that are not ignored. A nested repository ends with `/`.
    pub untracked: Vec<String>,
}

impl TreeStatus {
    /// Whether nothing differs.
    pub fn is_clean(&self) -> bool {
        self.changed.is_empty() && self.untracked.is_empty()
    }
}

/// Reads `git status --porcelain=v2 -z`. Lines of a kind that we do not know are left out.
pub fn parse_status(bytes: &[u8]) -> TreeStatus {
    let mut changed = BTreeSet::new();
    let mut untracked = BTreeSet::new();
    let mut records = bytes.split(|byte| *byte == 0);
    while let Some(record) = records.next() {
        let line = String::from_utf8_lossy(record);
        // `1 XY sub mH mI mW hH hI path`; `2 … X<score> path`, then the old path as a record
        // of its own; `u XY sub m1 m2 m3 mW h1 h2 h3 path`; `? path`.
        let fields_before_path = match line.bytes().next() {
            Some(b'1') => 8,
            Some(b'2') => 9,
            Some(b'u') => 10,
            Some(b'?') => 1,
            _ => continue,
        };
        let Some(path) = line.splitn(fields_before_path + 1, ' ').nth(fields_before_path) else { continue };
        if line.starts_with('?') {
            untracked.insert(path.to_owned());
        } else {
            changed.insert(path.to_owned());
        }
        if line.starts_with('2') {
            changed.extend(records.next().map(|old| String::from_utf8_lossy(old).into_owned()));
        }
    }
    TreeStatus { changed: changed.into_iter().collect(), untracked: untracked.into_iter().collect() }
}

impl Repo {
    /// What differs from HEAD: changed tracked files (also inside submodules, as the
    /// submodule's path) and untracked files that are not ignored.
    pub async fn status(&self) -> Result<TreeStatus, GitError> {
        let bytes = self
            .git("status")
            .args(["--porcelain=v2", "-z", "--untracked-files=all", "--ignore-submodules=none", "--no-renames"])
            .run()
            .await?;
        Ok(parse_status(&bytes))
    }

    /// Hash of the commit where `base` and HEAD parted.
    pub async fn merge_base(&self, base: &str) -> Result<String, GitError> {
        let base_commit = self.resolve(base).await?;
        let head = self.head().await?.ok_or(GitError::NoHead)?;
        let parted = self.git("merge-base").args([&base_commit.hash, &head.hash]).find().await?;
        let parted = parted.ok_or_else(|| GitError::NoMergeBase { base: base.to_owned() })?;
        Ok(String::from_utf8_lossy(&parted).trim().to_owned())
    }

    /// Paths that differ between the working tree and the commit where `base` and HEAD parted,
    /// untracked files included; sorted. A rename counts as both of its paths.
    pub async fn changed_between(&self, base: &str) -> Result<Vec<String>, GitError> {
        let parted = self.merge_base(base).await?;
        let options = ["--name-only", "-z", "--no-renames", "--ignore-submodules=none", "--no-ext-diff"];
        let in_tree = self.git("diff").args(options).arg(&parted).arg("--").run().await?;
        let in_index = self.git("diff").arg("--cached").args(options).arg(&parted).arg("--").run().await?;
        let untracked = self.git("ls-files").args(["--others", "--exclude-standard", "-z"]).run().await?;
        let all: BTreeSet<String> = [in_tree, in_index, untracked].iter().flat_map(|bytes| split_z(bytes)).collect();
        Ok(all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_record_is_read() {
        let text = "# branch.oid x\0\
            1 .M N... 100644 100644 100644 a b projects/delay/my model.py\0\
            2 R. N... 100644 100644 100644 a b R100 new.py\0old.py\0\
            u UU N... 100644 100644 100644 100644 a b c both.py\0\
            1 .M SC.. 160000 160000 160000 a b vendor/lib\0\
            ? line\nbreak.txt\0! ignored.pyc\0";
        let status = parse_status(text.as_bytes());
        assert_eq!(status.changed, ["both.py", "new.py", "old.py", "projects/delay/my model.py", "vendor/lib"]);
        assert_eq!(status.untracked, ["line\nbreak.txt"]);
    }

    #[test]
    fn a_torn_answer_is_no_panic() {
        assert!(parse_status(b"1 .M N").is_clean());
        assert!(parse_status(b"").is_clean());
    }
}
