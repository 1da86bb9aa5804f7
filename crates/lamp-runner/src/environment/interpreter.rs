//! Which Python this is, asked of Python itself.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use lamp_core::digest::Digest;
use serde::Deserialize;
use tokio::process::Command;

use super::{Environment, EnvironmentError, PYTHON_MIN};

/// Prints what we want to know as JSON. Runs on any Python 3.
const QUESTION: &str = "
import importlib.util, json, platform, sys, sysconfig
print(json.dumps({
    'executable': sys.executable,
    'major': sys.version_info[0],
    'minor': sys.version_info[1],
    'version': platform.python_version(),
    'implementation': platform.python_implementation(),
    'platform': sysconfig.get_platform(),
    'venv': importlib.util.find_spec('venv') is not None,
    'ensurepip': importlib.util.find_spec('ensurepip') is not None,
}))
";

/// What an interpreter says of itself.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Interpreter {
    pub(crate) executable: PathBuf,
    major: u32,
    minor: u32,
    version: String,
    implementation: String,
    platform: String,
    venv: bool,
    ensurepip: bool,
}

/// Asks `python` (or `python3` on PATH) what it is; refuses one that is too old.
pub(crate) async fn probe(python: Option<&Path>) -> Result<Interpreter, EnvironmentError> {
    let python = python.unwrap_or_else(|| Path::new("python3")).to_owned();
    // `-I`: no PYTHON* variables, no user packages, not the current folder.
    let output = Command::new(&python)
        .args(["-I", "-c", QUESTION])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| EnvironmentError::NoPython { python: python.clone(), source })?;
    let answer: Result<Interpreter, _> = serde_json::from_slice(&output.stdout);
    let interpreter = answer.map_err(|_| {
        let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
        let answer = String::from_utf8_lossy(said).trim().chars().take(500).collect();
        EnvironmentError::NotPython { python: python.clone(), answer }
    })?;
    if (interpreter.major, interpreter.minor) < PYTHON_MIN {
        let (python, version) = (interpreter.executable, interpreter.version);
        return Err(EnvironmentError::OldPython { python, version });
    }
    Ok(interpreter)
}

impl Interpreter {
    /// Implementation, version and platform in one line.
    pub(crate) fn describe(&self) -> String {
        format!("{} {} {}", self.implementation, self.version, self.platform)
    }

    /// The interpreter as it is, without an environment of its own.
    pub(crate) fn as_environment(&self) -> Environment {
        let bin = self.executable.parent().map_or_else(|| PathBuf::from("/usr/bin"), Path::to_owned);
        Environment { dir: None, python: self.executable.clone(), bin, digest: None, interpreter: self.describe() }
    }

    /// Refuses an interpreter that cannot make virtual environments.
    pub(crate) fn require_venv(&self) -> Result<(), EnvironmentError> {
        let missing = match (self.venv, self.ensurepip) {
            (true, true) => return Ok(()),
            (false, _) => "venv",
            (true, false) => "ensurepip",
        };
        let version = format!("{}.{}", self.major, self.minor);
        Err(EnvironmentError::NoVenv { python: self.executable.clone(), version, module: missing })
    }

    /// The digest that names the environment made from `lock` with this interpreter.
    pub(crate) fn digest_with(&self, lock: &[u8]) -> Digest {
        let mut hasher = blake3::Hasher::new();
        // The format number changes when environments come to be built differently.
        for part in [b"lamplighter-environment-1".as_slice(), self.describe().as_bytes(), lock] {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part);
        }
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }
}
