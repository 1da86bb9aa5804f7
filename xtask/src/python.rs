//! The Python environments of the tests, made from lock files with hashes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::steps;

/// An environment that tests run on, made from a lock file.
#[derive(Debug)]
pub struct Environment {
    /// Names its interpreter to the Rust tests.
    pub variable: &'static str,
    /// What it holds.
    lock: &'static str,
    /// Its folder below `target/xtask`.
    folder: &'static str,
    /// Works when it is whole.
    probe: &'static str,
}

/// Models, checks and what the example needs.
pub const TESTS: Environment = Environment {
    variable: "LAMP_TEST_PYTHON",
    lock: "python/requirements-test.lock",
    folder: "python",
    probe: "import pytest",
};

/// Stock clients of the Open Inference Protocol.
pub const CLIENTS: Environment = Environment {
    variable: "LAMP_TEST_CLIENTS_PYTHON",
    lock: "python/requirements-clients.lock",
    folder: "python-clients",
    probe: "import tritonclient.grpc",
};

/// The interpreters of all environments.
#[derive(Debug)]
pub struct Interpreters {
    /// That of [`TESTS`].
    pub tests: PathBuf,
    /// That of [`CLIENTS`].
    pub clients: PathBuf,
}

impl Interpreters {
    /// The variables that name them.
    pub fn variables(&self) -> [(&'static str, &Path); 2] {
        [(TESTS.variable, &self.tests), (CLIENTS.variable, &self.clients)]
    }
}

/// Copy of the lock inside a finished environment: an environment without one was interrupted.
const RECEIPT: &str = "installed.lock";

/// The interpreter that environments are made with: `$LAMP_PYTHON`, or `python3`.
pub fn host_interpreter() -> Command {
    Command::new(std::env::var_os("LAMP_PYTHON").unwrap_or_else(|| "python3".into()))
}

/// Makes all environments, or finds those made before.
pub fn prepare(root: &Path) -> Result<Interpreters> {
    Ok(Interpreters { tests: prepare_one(root, &TESTS)?, clients: prepare_one(root, &CLIENTS)? })
}

/// Makes an environment, or finds the one made before from the same lock and interpreter, and
/// returns its interpreter.
fn prepare_one(root: &Path, wanted: &Environment) -> Result<PathBuf> {
    let Environment { lock: lock_file, folder, probe, .. } = wanted;
    let lock = std::fs::read_to_string(root.join(lock_file)).with_context(|| format!("cannot read {lock_file}"))?;
    let receipt = format!("# {}\n{lock}", host_version()?);
    let environment = crate::target_directory(root).join("xtask").join(folder);
    let interpreter = environment.join("bin").join("python");
    let is_current = std::fs::read_to_string(environment.join(RECEIPT)).is_ok_and(|text| text == receipt);
    if is_current && steps::succeeds(Command::new(&interpreter).args(["-c", probe])) {
        println!("the Python environment of {lock_file} is up to date");
        return Ok(interpreter);
    }
    if environment.exists() {
        std::fs::remove_dir_all(&environment).context("cannot remove the old Python environment")?;
    }
    steps::run(host_interpreter().args(["-m", "venv"]).arg(&environment))?;
    let mut install = Command::new(&interpreter);
    install.args(["-m", "pip", "install", "--quiet", "--require-hashes", "--requirement"]);
    steps::run(install.arg(root.join(lock_file)))?;
    std::fs::write(environment.join(RECEIPT), receipt).context("cannot finish the Python environment")?;
    Ok(interpreter)
}

/// Version of the host's interpreter, which must be 3.10 or newer.
fn host_version() -> Result<String> {
    let script = "import sys; print('.'.join(map(str, sys.version_info[:3])), sys.version_info >= (3, 10))";
    let output = host_interpreter().args(["-c", script]).output().context("cannot run python3")?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let Some((version, new_enough)) = text.split_once(' ') else {
        bail!("python3 does not work: {}", String::from_utf8_lossy(&output.stderr).trim());
    };
    if new_enough != "True" {
        bail!("Python {version} is too old; 3.10 or newer is needed: set LAMP_PYTHON to one");
    }
    Ok(version.to_owned())
}

/// The folders of Python code, relative to `root`: the SDK, and each project of each example. Code is
/// checked and tested from the folder that it is imported from, as in a run.
pub fn code_folders(root: &Path) -> Vec<PathBuf> {
    let examples = subfolders(&root.join("examples"));
    let projects = examples.iter().flat_map(|example| subfolders(&example.join("projects")));
    let folders = std::iter::once(root.join("python")).chain(projects);
    folders.filter_map(|folder| folder.strip_prefix(root).ok().map(Path::to_owned)).collect()
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_and_every_example_project_are_checked() {
        let folders = code_folders(&crate::workspace_root());
        assert!(folders.starts_with(&[PathBuf::from("python")]), "{folders:?}");
        assert!(folders.contains(&PathBuf::from("examples/flights/projects/delay")), "{folders:?}");
    }
}
