//! Where things lie under `.lamp/`.

use std::path::{Path, PathBuf};

use lamp_core::digest::Digest;
use lamp_core::ids::RunId;
use lamp_core::names::{RemoteName, ServiceName};

/// The folder that git ignores and Lamplighter owns.
#[derive(Debug, Clone)]
pub struct Layout {
    lamp: PathBuf,
}

impl Layout {
    /// The layout of the workspace at `root`.
    pub fn of(root: &Path) -> Self {
        Self { lamp: root.join(".lamp") }
    }

    /// `.lamp` itself.
    pub fn lamp(&self) -> &Path {
        &self.lamp
    }

    /// Rebuildable things.
    pub fn cache(&self) -> PathBuf {
        self.lamp.join("cache")
    }

    /// What is kept here of another store.
    pub fn remote_cache(&self, remote: &RemoteName) -> PathBuf {
        self.cache().join("remotes").join(remote.as_str())
    }

    /// A model package laid out as files.
    pub fn package(&self, package: &Digest) -> PathBuf {
        self.cache().join("packages").join(package.to_hex())
    }

    /// Locked Python environments.
    pub fn envs(&self) -> PathBuf {
        self.lamp.join("envs")
    }

    /// The Python package that goes with this binary.
    pub fn sdk(&self) -> PathBuf {
        self.lamp.join("sdk").join(env!("CARGO_PKG_VERSION"))
    }

    /// Run folders.
    pub fn runs(&self) -> PathBuf {
        self.lamp.join("runs")
    }

    /// The worktree of one run, removed when the run ends.
    pub fn run_worktree(&self, run: RunId) -> PathBuf {
        self.lamp.join("worktrees").join(format!("run-{run}"))
    }

    /// What `lamp test` works with: a folder for each call of it, removed when it ends.
    pub fn tests(&self) -> PathBuf {
        self.lamp.join("tests")
    }

    /// The worktree from which one package is served: its own, since what is written there has it made anew.
    pub fn model_worktree(&self, package: &Digest, commit: &str) -> PathBuf {
        self.lamp.join("worktrees").join(format!("model-{}-{commit}", package.short()))
    }

    /// The worktree in which models of one commit are measured.
    pub fn commit_worktree(&self, commit: &str) -> PathBuf {
        self.lamp.join("worktrees").join(commit)
    }

    /// Home, temporary folder and log of the workers of one package.
    pub fn worker_scratch(&self, package: &Digest) -> PathBuf {
        self.lamp.join("workers").join(package.short())
    }

    /// The prediction log's segments, one folder a service.
    pub fn log(&self) -> PathBuf {
        self.lamp.join("log")
    }

    /// The segments of one service.
    pub fn service_log(&self, service: &ServiceName) -> PathBuf {
        self.log().join(service.as_str())
    }

    /// Switches that were made while the ledger was away.
    pub fn broken_glass(&self) -> PathBuf {
        self.lamp.join("break-glass")
    }

    /// Contents that clients have sent and not added yet.
    pub fn incoming(&self) -> PathBuf {
        self.lamp.join("incoming")
    }

    /// Sockets of workers and of the gateway's admin endpoint.
    pub fn sockets(&self) -> PathBuf {
        self.lamp.join("sock")
    }

    /// The gateway's admin socket.
    pub fn admin_socket(&self) -> PathBuf {
        self.sockets().join("gateway.sock")
    }
}
