//! Building a locked environment, once, whatever happens in between.
//!
//! A virtual environment holds absolute paths, so it is built in place: the file `building`
//! says that it is not finished, `ready`, written last, that it is. A file lock beside the
//! folder lets one build at a time.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use lamp_core::digest::Digest;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use super::interpreter::Interpreter;
use super::{Environment, EnvironmentError};
use crate::{Progress, atomic, file_lock};

/// Lines of the installer's output that an error shows.
const LAST_LINES: usize = 12;

/// Variables that building an environment keeps: how to reach the package index, and where to
/// cache. Each is also kept in lower case.
const KEPT: [&str; 37] = [
    "HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NETRC",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "TMPDIR",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_PROXY",
    "PIP_TRUSTED_HOST",
    "PIP_CACHE_DIR",
    "PIP_NO_CACHE_DIR",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_RETRIES",
    "PIP_KEYRING_PROVIDER",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_INDEX",
    "UV_FIND_LINKS",
    "UV_CACHE_DIR",
    "UV_NATIVE_TLS",
    "UV_HTTP_TIMEOUT",
    "UV_CONFIG_FILE",
];

/// The variables that pip needs, taken from this process.
pub(crate) fn installer_variables() -> Vec<(String, String)> {
    let names = KEPT.iter().flat_map(|name| [(*name).to_owned(), name.to_lowercase()]);
    let kept = names.filter_map(|name| std::env::var(&name).ok().map(|value| (name, value)));
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
    let set = [
        ("PATH", path.as_str()),
        ("LANG", "C.UTF-8"),
        ("PIP_USER", "0"),
        ("PIP_NO_INPUT", "1"),
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        ("PYTHONUNBUFFERED", "1"),
    ];
    kept.chain(set.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}

/// The environment `digest` below `envs`: as it is if it is ready, else built.
pub(super) async fn ensure(
    envs: &Path,
    digest: Digest,
    lock: &[u8],
    interpreter: &Interpreter,
    progress: Progress<'_>,
) -> Result<Environment, EnvironmentError> {
    std::fs::create_dir_all(envs).map_err(io_in(envs, "create"))?;
    let envs = envs.canonicalize().map_err(io_in(envs, "find"))?;
    let dir = envs.join(digest.to_hex());
    let environment = Environment {
        python: dir.join("bin").join("python"),
        bin: dir.join("bin"),
        dir: Some(dir.clone()),
        digest: Some(digest),
        interpreter: interpreter.describe(),
    };
    if is_ready(&environment, &dir) {
        return Ok(environment);
    }
    let told = || progress("waiting for another process that builds the same environment");
    let _held = file_lock::hold(&envs.join(format!("{digest}.lock")), told).await.map_err(io_in(&envs, "lock"))?;
    // Another process may have built it while we waited.
    if is_ready(&environment, &dir) {
        return Ok(environment);
    }
    Build { dir: &dir, interpreter, progress }.run(lock, &environment).await?;
    Ok(environment)
}

/// Ready, in the place where it was built (a workspace may be moved, and scripts in the
/// environment hold its path), and its interpreter is still there (a system upgrade may have
/// taken it away).
fn is_ready(environment: &Environment, dir: &Path) -> bool {
    let marker = std::fs::read(dir.join("ready"));
    marker.is_ok_and(|marker| marker == ready_marker(environment)) && environment.python.is_file()
}

fn ready_marker(environment: &Environment) -> Vec<u8> {
    let dir = environment.dir.as_ref().map(|dir| dir.to_string_lossy());
    let marker = serde_json::json!({
        "dir": dir, "interpreter": environment.interpreter, "digest": environment.digest
    });
    marker.to_string().into_bytes()
}

struct Build<'a> {
    dir: &'a Path,
    interpreter: &'a Interpreter,
    progress: Progress<'a>,
}

impl Build<'_> {
    async fn run(&self, lock: &[u8], environment: &Environment) -> Result<(), EnvironmentError> {
        if self.dir.symlink_metadata().is_ok() {
            (self.progress)("removing an environment that is half-built or was moved");
            std::fs::remove_dir_all(self.dir).map_err(self.io("remove"))?;
        }
        std::fs::create_dir(self.dir).map_err(self.io("create"))?;
        let building = self.dir.join("building");
        atomic::write(&building, b"").map_err(self.io("write to"))?;
        let requirements = self.dir.join("requirements.lock");
        atomic::write(&requirements, lock).map_err(self.io("write to"))?;

        let uv = find_uv();
        (self.progress)(&format!("making an environment with {}", self.interpreter.describe()));
        let mut venv = Command::new(&self.interpreter.executable);
        venv.args(["-I", "-m", "venv"]).args(uv.is_some().then_some("--without-pip")).arg(self.dir);
        self.step("make a virtual environment", venv).await?;

        let mut install = uv.map_or_else(|| pip(environment), |uv| uv_pip(&uv, environment));
        install.arg("--require-hashes").arg("-r").arg(&requirements);
        self.step("install the locked packages", install).await?;

        atomic::write(&self.dir.join("ready"), &ready_marker(environment)).map_err(self.io("write to"))?;
        std::fs::remove_file(&building).map_err(self.io("write to"))
    }

    /// Runs one command with its output in the log; its lines are the progress.
    async fn step(&self, step: &'static str, mut command: Command) -> Result<(), EnvironmentError> {
        let log = self.dir.join("install.log");
        let file = File::options().create(true).append(true).open(&log).map_err(self.io("open the log in"))?;
        command
            .env_clear()
            .envs(installer_variables())
            .current_dir(self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let python = PathBuf::from(command.as_std().get_program());
        let mut child = command.spawn().map_err(|source| EnvironmentError::NoPython { python, source })?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (out, err, status) = tokio::join!(self.follow(out, &file), self.follow(err, &file), child.wait());
        out.and(err).map_err(self.io("write the log in"))?;
        if status.map_err(self.io("wait for the installer in"))?.success() {
            return Ok(());
        }
        let text = std::fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let last_lines = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        Err(EnvironmentError::Install { step, log, last_lines })
    }

    async fn follow(&self, stream: Option<impl AsyncRead + Unpin>, mut log: &File) -> std::io::Result<()> {
        let Some(stream) = stream else { return Ok(()) };
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).await? > 0 {
            log.write_all(&line)?;
            let text = String::from_utf8_lossy(&line);
            let text = text.trim();
            if !text.is_empty() {
                (self.progress)(text);
            }
            line.clear();
        }
        Ok(())
    }

    fn io(&self, action: &'static str) -> impl FnOnce(std::io::Error) -> EnvironmentError {
        io_in(self.dir, action)
    }
}

fn io_in(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> EnvironmentError {
    let path = path.to_owned();
    move |source| EnvironmentError::Io { action, path, source }
}

fn pip(environment: &Environment) -> Command {
    let mut command = Command::new(&environment.python);
    command.args(["-I", "-m", "pip", "install", "--no-input", "--progress-bar", "off"]);
    command
}

fn uv_pip(uv: &Path, environment: &Environment) -> Command {
    let mut command = Command::new(uv);
    command.args(["pip", "install", "--no-progress", "--python"]).arg(&environment.python);
    command
}

/// uv, when it is on PATH and would look for packages where pip does: it does not read pip's
/// variables, so with one of those set pip is asked.
fn find_uv() -> Option<PathBuf> {
    let pip_is_configured = std::env::vars_os().any(|(name, _)| {
        let name = name.to_string_lossy();
        ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONFIG_FILE"]
            .contains(&name.as_ref())
    });
    if pip_is_configured {
        return None;
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join("uv")).find(|candidate| candidate.is_file())
}
