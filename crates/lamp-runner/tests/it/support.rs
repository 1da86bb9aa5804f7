//! What the tests share.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use lamp_core::ids::RunId;
use lamp_runner::git::{Commit, Repo};
use lamp_runner::launch::{LaunchSpec, Limits, ShimCommand};
use lamp_runner::run_folder::RunFolder;
use tempfile::TempDir;

pub fn run_id() -> RunId {
    RunId::parse("01400000-0000-7000-8000-00000000000a").expect("an id")
}

pub fn run_folder(dir: &Path) -> RunFolder {
    RunFolder::create(dir, run_id()).expect("a run folder")
}

/// This test binary, started again as the shim.
pub fn shim() -> ShimCommand {
    let args = ["--exact", "shim_entry", "--nocapture", "--quiet"].map(Into::into).to_vec();
    ShimCommand { program: std::env::current_exe().expect("this binary"), args }
}

pub fn spec(folder: &RunFolder, command: &str, limits: Limits) -> LaunchSpec {
    let run = folder.path().display().to_string();
    let env = [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LAMP_RUN", &run), ("GREETING", "hello there")];
    LaunchSpec {
        folder: folder.clone(),
        command: command.to_owned(),
        cwd: folder.path().to_owned(),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        limits,
    }
}

/// Waits until `condition` holds; fails the test if it never does.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let clock = Instant::now();
    while !condition() {
        assert!(clock.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs git as a person would, and returns what it says.
pub fn git(at: &Path, args: &[&str]) -> String {
    let output = Command::new("git").arg("-C").arg(at).args(args).output().expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(path, text).expect("written");
}

/// A repository with one commit: a project, a `.gitignore` and a lock.
pub async fn repository() -> (TempDir, Repo, Commit) {
    let temp = tempfile::tempdir().expect("a folder");
    let root = temp.path().canonicalize().expect("a path").join("work");
    let repo = Repo::init(&root).await.expect("a repository");
    repo.set_identity("Ada", "ada@example.com").await.expect("an identity");
    write(&root, ".gitignore", ".lamp/\n*.parquet\n__pycache__/\n");
    write(&root, "lamp.toml", "[workspace]\n");
    write(&root, "projects/delay/train.py", "print('one')\n");
    write(&root, "projects/other/x.py", "pass\n");
    let commit = repo.add_and_commit_all("first", None).await.expect("committed").expect("a commit");
    (temp, repo, commit)
}
