//! Reading a workspace's configuration from a folder: the working tree, or a worktree of a commit.

use std::io;
use std::path::{Path, PathBuf};

use lamp_core::config::{ProjectConfig, RootConfig, Workspace};
use lamp_core::error::{Classified, Kind};
use lamp_runner::git::Repo;

use crate::parts::{PartError, take_parts};

/// Name of the configuration files.
pub const CONFIG_FILE: &str = "lamp.toml";

/// Most folders that the `members` globs may match.
const MEMBERS_MAX: usize = 1_000;

/// Why a workspace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// No `lamp.toml` with a `[workspace]` here or above.
    #[error("`{}` is not inside a Lamplighter workspace", from.display())]
    NotFound {
        /// Where the search began.
        from: PathBuf,
    },
    /// A `members` glob that cannot be read.
    #[error("`{pattern}` in [workspace] members is not a glob: {why}")]
    BadGlob {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// Too many members.
    #[error("[workspace] members match more than {MEMBERS_MAX} folders")]
    TooManyMembers,
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(WorkspaceError);

impl Classified for WorkspaceError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound { .. } => Kind::NotFound,
            Self::BadGlob { .. } | Self::TooManyMembers => Kind::Invalid,
            Self::Part(part) => part.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => Some("lamp init".to_owned()),
            Self::BadGlob { .. } | Self::TooManyMembers => Some("write members = [\"projects/*\"]".to_owned()),
            Self::Part(part) => part.hint(),
        }
    }
}

/// The nearest folder at or above `from` whose `lamp.toml` has a `[workspace]`.
pub fn find_root(from: &Path) -> Result<PathBuf, WorkspaceError> {
    let absolute = std::path::absolute(from).map_err(PartError::file("find", from))?;
    let is_root = |folder: &&Path| {
        let text = std::fs::read_to_string(folder.join(CONFIG_FILE)).unwrap_or_default();
        text.lines().any(|line| line.trim_start().starts_with("[workspace]"))
    };
    let found = absolute.ancestors().find(is_root).map(Path::to_owned);
    found.ok_or(WorkspaceError::NotFound { from: absolute })
}

/// Reads and checks the configuration of the workspace at `root`.
pub fn load(root: &Path) -> Result<Workspace, WorkspaceError> {
    let config = RootConfig::parse(&read(&root.join(CONFIG_FILE))?, CONFIG_FILE)?;
    let mut projects = Vec::new();
    for folder in members(root, &config.members)? {
        let label = format!("{folder}/{CONFIG_FILE}");
        let text = read(&root.join(&label))?;
        projects.push(ProjectConfig::parse(&text, &label, &folder)?);
    }
    Ok(Workspace::assemble(config, projects)?)
}

/// The same as it stands in a commit; none if that has no configuration.
pub async fn load_at(repo: &Repo, rev: &str) -> Result<Option<Workspace>, WorkspaceError> {
    let show = async |path: &str| {
        let bytes = repo.show(rev, path).await?;
        Ok::<_, WorkspaceError>(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let Some(root) = show(CONFIG_FILE).await? else { return Ok(None) };
    let config = RootConfig::parse(&root, CONFIG_FILE)?;
    let paths = repo.list(rev, "").await?;
    let mut projects = Vec::new();
    for folder in committed_members(&paths, &config.members)? {
        let label = format!("{folder}/{CONFIG_FILE}");
        let Some(text) = show(&label).await? else { continue };
        projects.push(ProjectConfig::parse(&text, &label, &folder)?);
    }
    Ok(Some(Workspace::assemble(config, projects)?))
}

/// Folders among `paths` that have a configuration and that the globs match, in order.
fn committed_members(paths: &[String], patterns: &[String]) -> Result<Vec<String>, WorkspaceError> {
    let globs = patterns.iter().map(|pattern| member_glob(pattern)).collect::<Result<Vec<_>, _>>()?;
    let suffix = format!("/{CONFIG_FILE}");
    let folders = paths.iter().filter_map(|path| path.strip_suffix(&suffix));
    let is_member = |folder: &&str| {
        let is_hidden = folder.split('/').any(|part| part.starts_with('.'));
        !is_hidden && globs.iter().any(|glob| glob.is_match(folder))
    };
    let found: Vec<String> = folders.filter(is_member).map(str::to_owned).collect();
    if found.len() > MEMBERS_MAX { Err(WorkspaceError::TooManyMembers) } else { Ok(found) }
}

fn member_glob(pattern: &str) -> Result<globset::GlobMatcher, WorkspaceError> {
    let bad = |why: String| WorkspaceError::BadGlob { pattern: pattern.to_owned(), why };
    if pattern.starts_with('/') || pattern.split('/').any(|part| part == "..") {
        return Err(bad("it leaves the workspace".to_owned()));
    }
    let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build();
    Ok(glob.map_err(|error| bad(error.to_string()))?.compile_matcher())
}

fn read(path: &Path) -> Result<String, PartError> {
    std::fs::read_to_string(path).map_err(PartError::file("read", path))
}

/// Folders with a `lamp.toml` that the globs match, relative to the root, in order.
fn members(root: &Path, patterns: &[String]) -> Result<Vec<String>, WorkspaceError> {
    let mut found = Vec::new();
    for pattern in patterns {
        let glob = member_glob(pattern)?;
        let depth = pattern.split('/').count();
        for entry in walkdir::WalkDir::new(root).min_depth(1).max_depth(depth).into_iter().filter_entry(is_visible) {
            let entry = match entry {
                Ok(entry) => entry,
                // A folder on no member's way may be as closed as it likes.
                Err(error) if error.path().is_some_and(|path| !may_lead_to_member(root, path, pattern)) => continue,
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    return Err(PartError::file("read", &path)(error.into()).into());
                }
            };
            let relative = entry.path().strip_prefix(root).unwrap_or(entry.path());
            if glob.is_match(relative) && has_config(entry.path())? {
                found.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found.dedup();
    if found.len() > MEMBERS_MAX {
        return Err(WorkspaceError::TooManyMembers);
    }
    Ok(found)
}

/// Whether a folder matches the first parts of a pattern, so that members may lie in it.
fn may_lead_to_member(root: &Path, folder: &Path, pattern: &str) -> bool {
    let relative = folder.strip_prefix(root).unwrap_or(folder);
    let parts: Vec<&str> = pattern.split('/').take(relative.components().count()).collect();
    let glob = globset::GlobBuilder::new(&parts.join("/")).literal_separator(true).build();
    glob.is_ok_and(|glob| glob.compile_matcher().is_match(relative))
}

/// Whether a folder is a project. One that cannot be looked into is an error: skipped, its datasets
/// and models would be gone without a word.
fn has_config(folder: &Path) -> Result<bool, PartError> {
    match folder.join(CONFIG_FILE).metadata() {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(PartError::file("read", folder)(error)),
    }
}

fn is_visible(entry: &walkdir::DirEntry) -> bool {
    !entry.file_name().to_string_lossy().starts_with('.')
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_that_may_hold_members_is_on_their_way() {
        let leads = |folder: &str| may_lead_to_member(Path::new("/w"), Path::new(folder), "teams/*/projects/*");
        assert!(leads("/w/teams") && leads("/w/teams/a/projects/b"));
        assert!(!leads("/w/other") && !leads("/w/teams/a/data"));
    }

    #[test]
    fn members_of_a_commit_are_those_of_its_tree() {
        let paths = ["lamp.toml", "projects/a/lamp.toml", "projects/a/b/lamp.toml", "other/lamp.toml"];
        let hidden = ["projects/.old/lamp.toml", "projects/c/README.md"];
        let paths: Vec<String> = paths.iter().chain(&hidden).map(ToString::to_string).collect();
        let found = |pattern: &str| committed_members(&paths, &[pattern.to_owned()]).expect("members");
        assert_eq!(found("projects/*"), ["projects/a"]);
        assert_eq!(found("projects/**"), ["projects/a", "projects/a/b"]);
        assert!(committed_members(&paths, &["../*".to_owned()]).is_err());
    }

    #[test]
    fn a_member_that_cannot_be_read_is_an_error_and_not_skipped() {
        let root = tempfile::tempdir().expect("a folder");
        let member = root.path().join("projects/closed");
        std::fs::create_dir_all(&member).expect("a member");
        std::fs::write(member.join(CONFIG_FILE), "").expect("its file");
        let patterns = ["projects/*".to_owned()];
        assert_eq!(members(root.path(), &patterns).expect("members"), ["projects/closed"]);

        std::fs::set_permissions(&member, std::fs::Permissions::from_mode(0o000)).expect("closed");
        let is_closed_to_us = std::fs::read_dir(&member).is_err();
        let found = members(root.path(), &patterns);
        std::fs::set_permissions(&member, std::fs::Permissions::from_mode(0o755)).expect("opened");
        // The superuser reads everything.
        assert_eq!(found.is_err(), is_closed_to_us, "{found:?}");
    }
}
