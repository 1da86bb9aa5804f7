//! The shim: a small process between Lamplighter and a project's command.
//!
//! It owns the process group, the log, the limits and the exit record, so that training
//! outlives a restart of whoever started it, and nothing that the command started outlives the
//! command. It runs in two stages: the first watches; the second, a child of the first, asks
//! the kernel to be killed if the first dies, then becomes the command's shell.

mod supervise;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::launch::ChildFile;
use crate::run_folder::{RunFolder, RunFolderError};

/// Set for the second stage alone, to the process id of the first; removed before the command
/// starts.
const STAGE_VARIABLE: &str = "LAMP_CHILD_OF";

/// Why a shim could not do its work. Goes to the log.
#[derive(Debug, thiserror::Error)]
enum ShimError {
    #[error("`{}` is not a run folder", .0.display())]
    NoFolder(PathBuf),
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    #[error("this run was started before")]
    AlreadyStarted,
    #[error("could not {action}: {source}")]
    Io {
        action: &'static str,
        #[source]
        source: std::io::Error,
    },
}

fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> ShimError {
    move |source| ShimError::Io { action, source }
}

/// Runs the command of the run folder `folder` and records how it ended. This is all of
/// `lamp __child FOLDER`; call it before any thread or runtime is started.
///
/// The exit code is the shim's own: 0 when the exit record was written, 2 otherwise.
pub fn main(folder: &Path) -> ExitCode {
    let done = match std::env::var(STAGE_VARIABLE) {
        Ok(watcher) => become_command(folder, &watcher),
        Err(_) => supervise::run(folder),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // stderr is the run's log.
            eprintln!("lamp: {error}");
            ExitCode::from(2)
        }
    }
}

/// The second stage: turns this process into the command's shell. Returns only on failure.
fn become_command(folder: &Path, watcher: &str) -> Result<(), ShimError> {
    let folder = RunFolder::at(folder).ok_or_else(|| ShimError::NoFolder(folder.to_owned()))?;
    let child: ChildFile = folder.read_json("child.json")?.ok_or(RunFolderError::Missing(folder.run()))?;
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .map_err(|error| io("tie the command to its shim")(error.into()))?;
    // The watcher may have died before the kernel knew.
    let parent_is_watcher = nix::unistd::getppid().to_string() == watcher;
    if !parent_is_watcher {
        return Err(io("start the command")(std::io::Error::other("its shim is gone")));
    }
    let failure = Command::new("sh").arg("-c").arg(&child.command).env_remove(STAGE_VARIABLE).exec();
    Err(io("start the shell")(failure))
}
