//! Making commits and refs.

use std::collections::BTreeSet;

use jiff::Timestamp;
use lamp_core::ids::RunId;

use super::change::parse_status;
use super::command::split_z;
use super::{Commit, GitError, Repo};

impl Repo {
    /// Keeps `commit` from ever being collected: `refs/lamp/runs/ID`. Saying it twice is fine.
    pub async fn pin(&self, run: RunId, commit: &Commit) -> Result<(), GitError> {
        let name = format!("refs/lamp/runs/{run}");
        self.git("update-ref").args([&name, &commit.hash]).run().await.map(drop)
    }

    /// The same for the commit of a study: `refs/lamp/studies/ID`.
    pub async fn pin_study(&self, study: &str, commit: &Commit) -> Result<(), GitError> {
        let name = format!("refs/lamp/studies/{study}");
        self.git("update-ref").args([&name, &commit.hash]).run().await.map(drop)
    }

    /// A real commit of the whole working tree – tracked changes and untracked files that are
    /// not ignored, but nothing under `exclude` (paths relative to the root) – on
    /// `refs/lamp/wip/ID`. Branch, index and working tree stay as they are.
    pub async fn commit_wip(&self, run: RunId, message: &str, exclude: &[&str]) -> Result<Commit, GitError> {
        let head = self.head().await?;
        let scratch = self.scratch_index().await?;
        let index = scratch.path().join("index");
        let everything_but = exclude.iter().map(|path| format!(":(top,exclude,literal){}", path.trim_end_matches('/')));
        let add = self.git("add").args(["--all", "--", ":/"]).args(everything_but);
        add.env("GIT_INDEX_FILE", &index).run().await?;
        let tree = self.git("write-tree").env("GIT_INDEX_FILE", &index).line().await?;
        let parent = head.iter().flat_map(|head| ["-p", &head.hash]);
        let hash = self.git("commit-tree").arg(&tree).args(parent).args(["-m", message]).line().await?;
        let name = format!("refs/lamp/wip/{run}");
        self.git("update-ref").args([&name, &hash]).run().await?;
        Ok(Commit { hash, tree })
    }

    /// Lets go of what [`Repo::commit_wip`] keeps. Nothing there is fine.
    pub async fn forget_wip(&self, run: RunId) -> Result<(), GitError> {
        self.git("update-ref").args(["-d", &format!("refs/lamp/wip/{run}")]).run().await.map(drop)
    }

    /// A folder with a copy of the index, beside the real one: the copy knows which files are
    /// unchanged, so that only changed ones are hashed again.
    async fn scratch_index(&self) -> Result<tempfile::TempDir, GitError> {
        let args = ["--path-format=absolute", "--git-path", "index"];
        let index = std::path::PathBuf::from(self.git("rev-parse").args(args).line().await?);
        let dir = index.parent().unwrap_or(&self.root);
        let io = |action, source| GitError::Io { action, path: dir.to_owned(), source };
        let scratch = tempfile::Builder::new()
            .prefix("lamp-index-")
            .tempdir_in(dir)
            .map_err(|source| io("create a temporary index in", source))?;
        match std::fs::copy(&index, scratch.path().join("index")) {
            Ok(_) => {}
            // A repository without a first commit has no index yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(io("copy the index in", source)),
        }
        Ok(scratch)
    }

    /// Commits the working tree's state of `paths` (relative to the root; new files too) and
    /// nothing else: what else is staged stays staged. Runs the user's hooks. None when these
    /// paths do not differ from HEAD.
    pub async fn commit_only(&self, paths: &[&str], message: &str) -> Result<Option<Commit>, GitError> {
        if paths.is_empty() {
            return Ok(None);
        }
        let status = self
            .git("status")
            .args(["--porcelain=v2", "-z", "--untracked-files=all", "--no-renames"])
            .literal_paths(paths.iter().copied());
        let status = parse_status(&status.run().await?);
        if status.is_clean() {
            return Ok(None);
        }
        // `commit --only` knows tracked paths alone, so new files are announced first.
        let new: Vec<&str> = status.untracked.iter().map(String::as_str).collect();
        if !new.is_empty() {
            self.git("add").arg("--intent-to-add").literal_paths(new.iter().copied()).run().await?;
        }
        let differing: BTreeSet<&str> = status.changed.iter().map(String::as_str).chain(new.iter().copied()).collect();
        let commit = self.git_with_hooks("commit").args(["--quiet", "--only", "-m", message]);
        let committed = commit.literal_paths(differing).run().await;
        if committed.is_err() && !new.is_empty() {
            self.git("rm").args(["--cached", "--quiet", "--force"]).literal_paths(new.iter().copied()).run().await?;
        }
        committed?;
        self.head().await
    }

    /// Stages and commits everything that is not ignored, at the instant `at` (now, if none). Runs the
    /// user's hooks. None when there is nothing to commit. For the demo, which makes a repository of its
    /// own.
    pub async fn add_and_commit_all(&self, message: &str, at: Option<Timestamp>) -> Result<Option<Commit>, GitError> {
        self.git("add").args(["--all", "--", ":/"]).run().await?;
        let staged = self.git("diff").args(["--cached", "--name-only", "-z"]).run().await?;
        if split_z(&staged).is_empty() {
            return Ok(None);
        }
        let mut commit = self.git_with_hooks("commit").args(["--quiet", "-m", message]);
        if let Some(at) = at {
            let date = format!("@{} +0000", at.as_second());
            commit = commit.env("GIT_AUTHOR_DATE", date.clone()).env("GIT_COMMITTER_DATE", date);
        }
        commit.run().await?;
        self.head().await
    }

    /// Sets who commits in this repository alone.
    pub async fn set_identity(&self, name: &str, email: &str) -> Result<(), GitError> {
        self.git("config").args(["--local", "user.name", name]).run().await?;
        self.git("config").args(["--local", "user.email", email]).run().await.map(drop)
    }
}
