//! The ONNX Runtime library, from one pinned wheel, in Lamplighter's own cache.
//!
//! The wheel for one version of CPython is fetched whatever Python is here: only the shared
//! library in it is used, and that does not depend on Python.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use lamp_core::error::{Classified, Kind};
use tokio::process::Command;

use crate::environment::installer_variables;
use crate::{Progress, atomic};

/// The pinned version: the newest that has wheels for Linux and macOS on both processors.
pub const ONNXRUNTIME_VERSION: &str = "1.23.2";

/// A wheel of the pinned version.
struct Wheel {
    os: &'static str,
    arch: &'static str,
    /// Platform tags that pip may ask for.
    tags: [&'static str; 2],
    sha256: &'static str,
}

const WHEELS: [Wheel; 4] = [
    Wheel {
        os: "linux",
        arch: "x86_64",
        tags: ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64"],
        sha256: "0f9b4ae77f8e3c9bee50c27bc1beede83f786fe1d52e99ac85aa8d65a01e9b77",
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        tags: ["manylinux_2_28_aarch64", "manylinux_2_27_aarch64"],
        sha256: "76ff670550dc23e58ea9bc53b5149b99a44e63b34b524f7b8547469aaa0dcb8c",
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        tags: ["macosx_14_0_arm64", "macosx_13_0_arm64"],
        sha256: "b8f029a6b98d3cf5be564d52802bb50a8489ab73409fa9db0bf583eabb7c2321",
    },
    Wheel {
        os: "macos",
        arch: "x86_64",
        tags: ["macosx_14_0_x86_64", "macosx_13_0_x86_64"],
        sha256: "218295a8acae83905f6f1aed8cacb8e3eb3bd7513a13fe4ba3b2664a19fc4a6b",
    },
];

/// Why there is no ONNX Runtime.
#[derive(Debug, thiserror::Error)]
pub enum OnnxRuntimeError {
    /// No wheel for this system.
    #[error("there is no ONNX Runtime {ONNXRUNTIME_VERSION} for {os} on {arch}")]
    NoWheel {
        /// Operating system.
        os: &'static str,
        /// Processor.
        arch: &'static str,
    },
    /// The wheel could not be fetched or unpacked.
    #[error("could not {step} ONNX Runtime {ONNXRUNTIME_VERSION}: {message}")]
    Step {
        /// What was being done.
        step: &'static str,
        /// The last lines of what was said.
        message: String,
    },
    /// A file operation failed.
    #[error("{action} `{}`", .path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which path.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl Classified for OnnxRuntimeError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoWheel { .. } => Kind::Invalid,
            Self::Step { .. } | Self::Io { .. } => Kind::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoWheel { .. } => Some("serve this model with a Python worker: serve = \"module:Class\"".to_owned()),
            Self::Step { .. } => {
                Some("needs `python3` with pip, and the package index or a mirror (PIP_INDEX_URL)".to_owned())
            }
            Self::Io { .. } => None,
        }
    }
}

/// The shared library below `cache` (`.lamp/cache`): found there, or fetched and unpacked. The
/// second time it needs neither network nor Python.
pub async fn library(cache: &Path, progress: Progress<'_>) -> Result<PathBuf, OnnxRuntimeError> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let wheel = WHEELS.iter().find(|wheel| wheel.os == os && wheel.arch == arch);
    let wheel = wheel.ok_or(OnnxRuntimeError::NoWheel { os, arch })?;
    let io = |action, path: &Path| {
        let path = path.to_owned();
        move |source| OnnxRuntimeError::Io { action, path, source }
    };
    let dir = cache.join(format!("onnxruntime-{ONNXRUNTIME_VERSION}-{os}-{arch}"));
    if let Some(library) = find_library(&dir) {
        return std::path::absolute(&library).map_err(io("find", &library));
    }
    std::fs::create_dir_all(cache).map_err(io("create", cache))?;
    let work = tempfile::Builder::new().prefix(".tmp-onnxruntime-").tempdir_in(cache).map_err(io("write to", cache))?;
    progress(&format!("fetching ONNX Runtime {ONNXRUNTIME_VERSION}"));
    fetch(wheel, work.path()).await?;
    progress("unpacking ONNX Runtime");
    let unpacked = unpack(work.path()).await?;

    let capi = unpacked.join("onnxruntime").join("capi");
    let library = find_library(&capi).ok_or_else(|| OnnxRuntimeError::Step {
        step: "find the library of",
        message: "the wheel holds no libonnxruntime".to_owned(),
    })?;
    let keep = work.path().join("keep");
    std::fs::create_dir(&keep).map_err(io("create", &keep))?;
    let name = library.file_name().unwrap_or_default();
    std::fs::rename(&library, keep.join(name)).map_err(io("move", &library))?;
    for notice in ["LICENSE", "ThirdPartyNotices.txt"] {
        // Not every wheel has both; the library works without.
        let _ = std::fs::rename(unpacked.join("onnxruntime").join(notice), keep.join(notice));
    }
    std::fs::File::open(keep.join(name)).and_then(|file| file.sync_all()).map_err(io("write", &keep))?;
    atomic::publish_dir(&keep, &dir).map_err(io("write", &dir))?;
    let library = dir.join(name);
    std::path::absolute(&library).map_err(io("find", &library))
}

/// `libonnxruntime.so.1.23.2` or `libonnxruntime.1.23.2.dylib` in `dir`. Not the providers'
/// libraries beside it.
fn find_library(dir: &Path) -> Option<PathBuf> {
    let names =
        [format!("libonnxruntime.so.{ONNXRUNTIME_VERSION}"), format!("libonnxruntime.{ONNXRUNTIME_VERSION}.dylib")];
    names.iter().map(|name| dir.join(name)).find(|path| path.is_file())
}

async fn fetch(wheel: &Wheel, work: &Path) -> Result<(), OnnxRuntimeError> {
    let requirements = work.join("requirements.txt");
    let text = format!("onnxruntime=={ONNXRUNTIME_VERSION} --hash=sha256:{}\n", wheel.sha256);
    atomic::write(&requirements, text.as_bytes()).map_err(|source| OnnxRuntimeError::Io {
        action: "write",
        path: requirements.clone(),
        source,
    })?;
    let mut pip = Command::new("python3");
    pip.args(["-I", "-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--require-hashes"])
        .args(["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.12", "--abi", "cp312"])
        .args(wheel.tags.iter().flat_map(|tag| ["--platform", tag]))
        .arg("--dest")
        .arg(work)
        .arg("-r")
        .arg(&requirements);
    run("fetch", pip).await
}

/// Unpacks the one wheel in `work` and returns where.
async fn unpack(work: &Path) -> Result<PathBuf, OnnxRuntimeError> {
    let entries = std::fs::read_dir(work);
    let entries = entries.map_err(|source| OnnxRuntimeError::Io { action: "read", path: work.to_owned(), source })?;
    let mut paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let wheel = paths.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let message = "pip fetched no wheel".to_owned();
    let wheel = wheel.ok_or(OnnxRuntimeError::Step { step: "fetch", message })?;
    let unpacked = work.join("unpacked");
    let mut unzip = Command::new("python3");
    unzip.args(["-I", "-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked);
    run("unpack", unzip).await?;
    Ok(unpacked)
}

async fn run(step: &'static str, mut command: Command) -> Result<(), OnnxRuntimeError> {
    command.env_clear().envs(installer_variables()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await;
    let output = output.map_err(|error| OnnxRuntimeError::Step { step, message: error.to_string() })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    Err(OnnxRuntimeError::Step { step, message: lines[lines.len().saturating_sub(5)..].join("\n") })
}
