//! Questions to the history.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::command::{Git, split_z, text};
use super::{Commit, CommitInfo, GitError, Repo};

/// Commits, newest first over all branches, in which a tree is looked for.
const TREE_SEARCH_MAX: u32 = 20_000;

impl Repo {
    /// The repository that `start` (a folder) is in. Refuses a bare one.
    pub async fn discover(start: &Path) -> Result<Self, GitError> {
        let bare = Git::new(start, "rev-parse").arg("--is-bare-repository").line().await?;
        if bare == "true" {
            return Err(GitError::Bare(start.to_owned()));
        }
        let root = Git::new(start, "rev-parse").arg("--show-toplevel").line().await?;
        Ok(Self { root: PathBuf::from(root), programs: Vec::new() })
    }

    /// Makes `at` (created if missing) a repository whose first branch is `main`. An existing
    /// repository is left as it is.
    pub async fn init(at: &Path) -> Result<Self, GitError> {
        std::fs::create_dir_all(at).map_err(|source| GitError::Io { action: "create", path: at.to_owned(), source })?;
        Git::new(at, "init").args(["--quiet", "--initial-branch=main"]).run().await?;
        Self::discover(at).await
    }

    /// The folder that all worktrees of this repository share (`.git`), absolute.
    pub async fn common_dir(&self) -> Result<PathBuf, GitError> {
        let dir = self.git("rev-parse").args(["--path-format=absolute", "--git-common-dir"]).line().await?;
        Ok(PathBuf::from(dir))
    }

    /// The folder of the hooks that git calls when people commit (`core.hooksPath`, or `.git/hooks`), absolute.
    pub async fn hooks_dir(&self) -> Result<PathBuf, GitError> {
        let args = ["--path-format=absolute", "--git-path", "hooks"];
        Ok(PathBuf::from(self.git_with_hooks("rev-parse").args(args).line().await?))
    }

    /// Paths of the tracked files, relative to the root.
    pub async fn tracked(&self) -> Result<Vec<String>, GitError> {
        Ok(split_z(&self.git("ls-files").args(["-z", "--cached"]).run().await?))
    }

    /// The commit that is checked out; none before the first commit.
    pub async fn head(&self) -> Result<Option<Commit>, GitError> {
        self.find_commit("HEAD").await
    }

    /// The name of the branch that is checked out; none when HEAD is detached.
    pub async fn branch(&self) -> Result<Option<String>, GitError> {
        let name = self.git("symbolic-ref").args(["--quiet", "--short", "HEAD"]).find().await?;
        Ok(name.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()))
    }

    /// The commit that `rev` (a branch, a tag, a hash or its start, `HEAD~1`, …) names.
    pub async fn resolve(&self, rev: &str) -> Result<Commit, GitError> {
        self.find_commit(rev).await?.ok_or_else(|| GitError::NoCommit(rev.to_owned()))
    }

    async fn find_commit(&self, rev: &str) -> Result<Option<Commit>, GitError> {
        let name = format!("{rev}^{{commit}}");
        let found = self.git("rev-parse").args(["--verify", "--quiet", "--end-of-options", &name]).find().await;
        let hash = match found {
            Ok(Some(bytes)) => text("rev-parse", bytes)?.trim().to_owned(),
            // An ambiguous or malformed name makes git die instead of saying no.
            Ok(None) | Err(GitError::Failed { .. }) => return Ok(None),
            Err(other) => return Err(other),
        };
        let tree = self.git("rev-parse").args(["--verify", &format!("{hash}^{{tree}}")]).line().await?;
        Ok(Some(Commit { hash, tree }))
    }

    /// Names of the branches, local (`main`) and remote-tracking (`origin/main`), that reach
    /// `commit`. The side refs under `refs/lamp` do not count.
    pub async fn branches_reaching(&self, commit: &Commit) -> Result<Vec<String>, GitError> {
        let contains = format!("--contains={}", commit.hash);
        let refs = self
            .git("for-each-ref")
            .args([&contains, "--format=%(refname) %(symref)", "refs/heads", "refs/remotes"])
            .run()
            .await?;
        let refs = text("for-each-ref", refs)?;
        Ok(refs.lines().filter_map(branch_name).collect())
    }

    /// A branch that has a commit with exactly this tree: how a work-in-progress run or a
    /// squash merge is found again. Looks at the newest 20,000 commits of all branches.
    pub async fn branch_with_tree(&self, tree: &str) -> Result<Option<String>, GitError> {
        let count = format!("--max-count={TREE_SEARCH_MAX}");
        let log = self.git("log").args(["--branches", "--remotes", &count, "--format=%T %H"]).run().await?;
        let log = text("log", log)?;
        for hash in log.lines().filter_map(|line| line.strip_prefix(tree)?.strip_prefix(' ')) {
            let commit = Commit { hash: hash.to_owned(), tree: tree.to_owned() };
            if let Some(branch) = self.branches_reaching(&commit).await?.into_iter().next() {
                return Ok(Some(branch));
            }
        }
        Ok(None)
    }

    /// The bytes of the file at `path` (relative to the root) in `rev`; none if there is no
    /// such file.
    pub async fn show(&self, rev: &str, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        let commit = self.resolve(rev).await?;
        let listed = self.git("ls-tree").args(["-z", "--full-tree", &commit.hash]).literal_paths([path]).run().await?;
        // `100644 blob HASH\tpath`
        let entry = split_z(&listed).into_iter().next();
        let Some(blob) = entry.as_deref().and_then(|entry| {
            let (mode_and_hash, _) = entry.split_once('\t')?;
            let mut fields = mode_and_hash.split(' ').skip(1);
            (fields.next()? == "blob").then(|| fields.next().map(str::to_owned)).flatten()
        }) else {
            return Ok(None);
        };
        self.git("cat-file").args(["blob", &blob]).run().await.map(Some)
    }

    /// The hash of the tree at `folder` (relative to the root; empty for all) in `rev`; none if there is no such
    /// folder. Equal hashes are equal contents.
    pub async fn find_folder(&self, rev: &str, folder: &str) -> Result<Option<String>, GitError> {
        let commit = self.resolve(rev).await?;
        let name = format!("{}:{folder}", commit.hash);
        let found = self.git("rev-parse").args(["--verify", "--quiet", "--end-of-options", &name]).find().await;
        match found {
            Ok(Some(bytes)) => Ok(Some(text("rev-parse", bytes)?.trim().to_owned())),
            // A path that is not there makes git die instead of saying no.
            Ok(None) | Err(GitError::Failed { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Paths of the files under `prefix` (a folder or a file, relative to the root; empty for
    /// all) in `rev`, sorted.
    pub async fn list(&self, rev: &str, prefix: &str) -> Result<Vec<String>, GitError> {
        let commit = self.resolve(rev).await?;
        let prefix = prefix.trim_end_matches('/');
        let prefix = (!prefix.is_empty() && prefix != ".").then_some(prefix);
        let command = self.git("ls-tree").args(["-r", "-z", "--name-only", "--full-tree", &commit.hash]);
        let mut paths = split_z(&command.literal_paths(prefix).run().await?);
        paths.sort();
        Ok(paths)
    }

    /// Who wrote the commit, when and why.
    pub async fn log1(&self, rev: &str) -> Result<CommitInfo, GitError> {
        let commit = self.resolve(rev).await?;
        let format = "--format=%H%x00%an%x00%ae%x00%ct%x00%s";
        let bytes = self.git("log").args(["-1", "--no-show-signature", format, &commit.hash]).run().await?;
        let line = String::from_utf8_lossy(&bytes).into_owned();
        let unexpected = || GitError::Answer { command: "log".to_owned(), answer: line.chars().take(200).collect() };
        let mut fields = line.trim_end_matches('\n').splitn(5, '\0').map(str::to_owned);
        let mut next = || fields.next().ok_or_else(unexpected);
        let (hash, author, email, seconds, subject) = (next()?, next()?, next()?, next()?, next()?);
        let seconds = seconds.parse().map_err(|_| unexpected())?;
        let at = Timestamp::from_second(seconds).map_err(|_| unexpected())?;
        Ok(CommitInfo { hash, author, email, at, subject })
    }

    /// The e-mail address that git would commit with, as configured.
    pub async fn user_email(&self) -> Result<Option<String>, GitError> {
        for variable in ["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
            if let Some(email) = std::env::var(variable).ok().filter(|email| !email.trim().is_empty()) {
                return Ok(Some(email.trim().to_owned()));
            }
        }
        let email = self.git("config").args(["--get", "user.email"]).find().await?;
        let email = email.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        Ok(email.filter(|email| !email.is_empty()))
    }

    /// Whether history is cut off (a shallow clone, as CI makes them).
    pub async fn is_shallow(&self) -> Result<bool, GitError> {
        Ok(self.git("rev-parse").arg("--is-shallow-repository").line().await? == "true")
    }

    /// Whether git ignores `path` (relative to the root, existing or not).
    pub async fn ignores(&self, path: &str) -> Result<bool, GitError> {
        // check-ignore knows no literal pathspecs; `./` keeps a leading `-` or `:` harmless.
        let path = format!("./{path}");
        Ok(self.git("check-ignore").args(["--quiet", "--no-index", "--", &path]).find().await?.is_some())
    }
}

/// `refs/heads/main ` → `main`; a symbolic ref such as `origin/HEAD` is no branch.
fn branch_name(line: &str) -> Option<String> {
    let (name, symref) = line.split_once(' ')?;
    if !symref.is_empty() {
        return None;
    }
    let name = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/remotes/"))?;
    Some(name.to_owned())
}
