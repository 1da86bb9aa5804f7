//! May this working tree be trained from? A pure decision.
//!
//! A run uses the commit alone, in a worktree of its own; so what is not committed would be
//! left out silently. Hence a run is refused as long as something in the folders that it draws
//! on is not committed. Changes elsewhere do not matter.

use std::fmt::Write;

use lamp_core::error::{Classified, Kind};

use crate::git::TreeStatus;

/// Files that an error names before it says how many more there are.
const FILES_SHOWN_MAX: usize = 10;

/// What a run draws on, relative to the root with `/` between the parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The project's folder and those of the projects that it uses. `""` or `.` is the whole
    /// repository.
    pub dirs: Vec<String>,
    /// Files elsewhere: the root's `lamp.toml` and `lamp.lock`, an environment's lock.
    pub files: Vec<String>,
}

impl Scope {
    /// The scope of a project: its folder, the folders of what it uses, and the root's
    /// `lamp.toml` and `lamp.lock`.
    pub fn new(dirs: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let files = ["lamp.toml", "lamp.lock"].map(str::to_owned).to_vec();
        Self { dirs: dirs.into_iter().map(Into::into).collect(), files }
    }

    /// Whether a run in this scope would see `path`.
    pub fn holds(&self, path: &str) -> bool {
        if path == ".lamp" || path.starts_with(".lamp/") {
            return false;
        }
        let in_dir = |dir: &String| {
            let dir = dir.trim_start_matches("./").trim_end_matches('/');
            let whole_repository = dir.is_empty() || dir == ".";
            let below = path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            whole_repository || below
        };
        self.dirs.iter().any(in_dir) || self.files.iter().any(|file| file == path)
    }
}

/// The refusal: what is not committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", describe(changed, untracked))]
pub struct DirtyTree {
    /// Tracked files in scope that differ from the commit.
    pub changed: Vec<String>,
    /// Files in scope that git does not know.
    pub untracked: Vec<String>,
}

impl Classified for DirtyTree {
    fn kind(&self) -> Kind {
        Kind::Conflict
    }

    fn hint(&self) -> Option<String> {
        let all: Vec<_> = self.changed.iter().chain(&self.untracked).collect();
        let what = match all.as_slice() {
            files if files.len() <= 3 => files.iter().map(|file| quoted(file)).collect::<Vec<_>>().join(" "),
            _ => "…".to_owned(),
        };
        Some(format!("git add {what} && git commit; or `lamp train --wip` for a run that cannot be approved"))
    }
}

/// Refuses when something in scope is not committed.
pub fn require_clean(status: &TreeStatus, scope: &Scope) -> Result<(), DirtyTree> {
    let in_scope = |paths: &[String]| paths.iter().filter(|path| scope.holds(path)).cloned().collect::<Vec<_>>();
    let (changed, untracked) = (in_scope(&status.changed), in_scope(&status.untracked));
    if changed.is_empty() && untracked.is_empty() {
        return Ok(());
    }
    Err(DirtyTree { changed, untracked })
}

fn describe(changed: &[String], untracked: &[String]) -> String {
    let count = changed.len() + untracked.len();
    let noun = if count == 1 { "file is" } else { "files are" };
    let mut text = format!("{count} {noun} not committed:");
    let marked = changed.iter().map(|path| ("changed", path)).chain(untracked.iter().map(|path| ("new", path)));
    for (what, path) in marked.take(FILES_SHOWN_MAX) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {what:<8} {}", path.escape_debug());
    }
    if count > FILES_SHOWN_MAX {
        let _ = write!(text, "\n  … and {} more", count - FILES_SHOWN_MAX);
    }
    text
}

/// A path as one would type it in a shell.
fn quoted(path: &str) -> String {
    let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+@".contains(c)) && !path.starts_with('-');
    if plain { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(changed: &[&str], untracked: &[&str]) -> TreeStatus {
        let own = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect();
        TreeStatus { changed: own(changed), untracked: own(untracked) }
    }

    #[test]
    fn only_what_the_run_would_see_blocks_it() {
        let scope = Scope::new(["projects/delay", "projects/common/"]);
        let cases = [
            ("projects/delay/delay/train.py", true),
            ("projects/delay/notes.txt", true),
            ("projects/common/x.py", true),
            ("lamp.toml", true),
            ("lamp.lock", true),
            ("projects/delay-simple/train.py", false),
            ("projects/other/lamp.toml", false),
            ("README.md", false),
            (".lamp/ledger.db", false),
        ];
        for (path, blocks) in cases {
            assert_eq!(require_clean(&status(&[path], &[]), &scope).is_err(), blocks, "changed {path}");
            assert_eq!(require_clean(&status(&[], &[path]), &scope).is_err(), blocks, "untracked {path}");
        }
    }

    #[test]
    fn a_project_at_the_root_sees_everything_but_our_own_folder() {
        for root in ["", ".", "./"] {
            let scope = Scope::new([root]);
            assert!(scope.holds("train.py"), "{root:?}");
            assert!(!scope.holds(".lamp/runs/x"), "{root:?}");
        }
    }

    #[test]
    fn the_refusal_names_ten_files_and_the_remedy() {
        let many: Vec<String> = (0..12).map(|n| format!("p/{n:02}.py")).collect();
        let status = TreeStatus { changed: many, untracked: Vec::new() };
        let error = require_clean(&status, &Scope::new(["p"])).expect_err("dirty");
        let text = error.to_string();
        assert!(text.starts_with("12 files are not committed:"), "{text}");
        assert!(text.contains("p/09.py") && !text.contains("p/10.py") && text.ends_with("and 2 more"), "{text}");
        assert!(error.hint().is_some_and(|hint| hint.contains("--wip")));
    }

    #[test]
    fn the_remedy_can_be_pasted() {
        let error = require_clean(&status(&[], &["p/it's new.py"]), &Scope::new(["p"])).expect_err("dirty");
        assert!(error.hint().is_some_and(|hint| hint.starts_with(r"git add 'p/it'\''s new.py' && git commit")));
    }
}
