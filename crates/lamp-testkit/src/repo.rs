//! A real git repository in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use tempfile::TempDir;

/// Name of the author of every commit.
pub const AUTHOR_NAME: &str = "Ada Example";
/// E-mail address of the author of every commit, and so Lamplighter's local actor.
pub const AUTHOR_EMAIL: &str = "ada@example.com";

/// First commit's date in seconds since the epoch: 2013-01-01T05:00:00Z. Each further commit is a
/// minute later, so the same files and messages always make the same hashes.
const FIRST_COMMIT_AT: i64 = 1_357_016_400;

/// A git repository on branch `main`, cut off from the user's and the system's configuration,
/// with a home folder of its own beside it. Both go when it is dropped.
#[derive(Debug)]
pub struct TempRepo {
    root: TempDir,
    commits: AtomicI64,
}

impl Default for TempRepo {
    fn default() -> Self {
        Self::new()
    }
}

impl TempRepo {
    /// An empty repository whose user is [`AUTHOR_EMAIL`].
    ///
    /// # Panics
    /// When git is missing or the temporary folder cannot be written.
    pub fn new() -> Self {
        let repo = Self::without_git();
        repo.git(&["init", "--quiet", "--initial-branch=main"]);
        repo.git(&["config", "user.name", AUTHOR_NAME]);
        repo.git(&["config", "user.email", AUTHOR_EMAIL]);
        repo.git(&["config", "commit.gpgsign", "false"]);
        repo
    }

    /// An empty folder that is no repository yet.
    ///
    /// # Panics
    /// When the temporary folder cannot be written.
    pub fn without_git() -> Self {
        let root = tempfile::Builder::new().prefix("lamp-test-").tempdir().expect("a temporary folder");
        for folder in ["repo", "home", "tmp"] {
            std::fs::create_dir(root.path().join(folder)).expect("a folder in the temporary folder");
        }
        Self { root, commits: AtomicI64::new(0) }
    }

    /// The working tree.
    pub fn path(&self) -> PathBuf {
        self.root.path().join("repo")
    }

    /// The home folder that its commands see.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// The folder for temporary files that its commands see.
    pub fn temporary(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// Writes a file, and the folders above it, in the working tree.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        let folder = path.parent().expect("a path inside the working tree");
        std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("cannot make {}: {error}", folder.display()));
        std::fs::write(&path, contents).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        path
    }

    /// The text of a file of the working tree.
    ///
    /// # Panics
    /// When the file cannot be read.
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.path().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }

    /// Copies a folder's files into the working tree, below `to`.
    ///
    /// # Panics
    /// When something cannot be copied.
    pub fn copy_from(&self, from: &Path, to: impl AsRef<Path>) {
        copy_folder(from, &self.path().join(to));
    }

    /// Commits everything in the working tree and returns the commit's full hash.
    ///
    /// # Panics
    /// When git refuses.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.head()
    }

    /// Full hash of the commit that is checked out.
    ///
    /// # Panics
    /// When there is no commit.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git in the working tree and returns what it printed, trimmed.
    ///
    /// # Panics
    /// When git fails, with what it said.
    pub fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(self.path());
        self.isolate(&mut command);
        let output = command.output().unwrap_or_else(|error| panic!("cannot run git: {error}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {} failed:\n{errors}", arguments.join(" "));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Cuts a command off from the environment of whoever runs the tests.
    #[expect(clippy::missing_panics_doc, reason = "no test makes commits for a hundred years")]
    pub fn isolate(&self, command: &mut Command) {
        let date = Timestamp::from_second(FIRST_COMMIT_AT + 60 * self.commits.load(Ordering::Relaxed))
            .expect("a date of the 21st century")
            .to_string();
        command.env_clear();
        command.envs(KEPT_VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("HOME", self.home()).env("TMPDIR", self.temporary());
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        command.env("LANG", "C.UTF-8").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    }
}

/// What commands in tests still see of the caller's environment: where programs are, and what
/// `pip` needs to reach its index.
const KEPT_VARIABLES: &[&str] = &[
    "PATH",
    "PYENV_ROOT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "PIP_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "LAMP_TEST_PYTHON",
];

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap_or_else(|error| panic!("cannot make {}: {error}", to.display()));
    let entries = std::fs::read_dir(from).unwrap_or_else(|error| panic!("cannot list {}: {error}", from.display()));
    for entry in entries {
        let entry = entry.expect("a folder entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a file type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target)
                .unwrap_or_else(|error| panic!("cannot copy to {}: {error}", target.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_commits() -> (TempRepo, Vec<String>) {
        let repo = TempRepo::new();
        repo.write("projects/delay/train.py", "print('one')\n");
        let first = repo.commit("One");
        repo.write("projects/delay/train.py", "print('two')\n");
        let second = repo.commit("Two");
        (repo, vec![first, second])
    }

    #[test]
    fn the_same_files_make_the_same_hashes() {
        let (repo, hashes) = two_commits();
        assert_eq!(hashes, two_commits().1);
        assert_eq!(repo.head(), hashes[1]);
        assert_eq!(repo.git(&["status", "--porcelain"]), "");
        assert_eq!(repo.git(&["log", "--format=%ae %s"]), "ada@example.com Two\nada@example.com One");
    }

    #[test]
    fn the_callers_git_configuration_is_not_seen() {
        let repo = TempRepo::new();
        let origins = repo.git(&["config", "--list", "--show-origin"]);
        assert!(origins.lines().all(|line| line.starts_with("file:.git/config")), "{origins}");
    }

    #[test]
    #[should_panic(expected = "git rev-parse HEAD failed")]
    fn a_failing_git_command_fails_the_test() {
        TempRepo::new().head();
    }
}
