//! The runner with real git, real Python and real processes.

mod commands;
mod environments;
mod onnxruntimes;
mod protocol;
mod repositories;
mod support;

use std::path::PathBuf;
use std::time::Duration;

use lamp_runner::git::Repo;
use lamp_runner::{launch, shim};

/// The last argument, when this binary was started again as one of the entries below.
fn argument() -> Option<PathBuf> {
    std::env::args_os().next_back().map(PathBuf::from).filter(|path| path.is_absolute() && path.is_dir())
}

/// Not a test by itself: what `lamp __child FOLDER` is to the real binary.
#[test]
fn shim_entry() {
    if let Some(folder) = argument() {
        let code = shim::main(&folder);
        std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
    }
}

/// Not a test by itself: a process that starts a run and hangs around until it is killed.
#[tokio::test]
async fn launcher_entry() {
    if let Some(dir) = argument() {
        let folder = support::run_folder(&dir);
        let spec = support::spec(&folder, "echo begun; sleep 2; echo done > model/out", launch::Limits::default());
        launch::launch(&spec, &support::shim()).await.expect("launched");
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
}

/// Not a test by itself: what runs inside a git hook, given another repository.
#[tokio::test]
async fn hook_entry() {
    if let Some(other) = argument() {
        assert!(std::env::var_os("GIT_INDEX_FILE").is_some(), "git tells its hooks which index it uses");
        let repo = Repo::discover(&other).await.expect("the other repository");
        let status = repo.status().await.expect("its status");
        let wip = repo.commit_wip(support::run_id(), "from a hook", &[]).await.expect("committed");
        let files = repo.list(&wip.hash, "").await.expect("listed");
        let seen = format!("{}\n{:?}\n{files:?}", repo.root().display(), status.untracked);
        std::fs::write(other.join(".git/seen"), seen).expect("written");
    }
}
