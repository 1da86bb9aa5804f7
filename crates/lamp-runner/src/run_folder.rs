//! The run folder: everything a command is told and everything it leaves behind.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use lamp_core::digest::Digest;
use lamp_core::error::{Classified, Kind};
use lamp_core::ids::RunId;
use lamp_core::run::{MetricLine, OutputFile};
use walkdir::WalkDir;

use crate::protocol::RunRequest;
use crate::{atomic, variables};

/// Most files that one run may put out.
const OUTPUT_FILES_MAX: usize = 100_000;
/// Bytes of `metrics.jsonl` that are read.
const METRIC_BYTES_MAX: u64 = 256 << 20;

/// Why a run folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RunFolderError {
    /// There is one already.
    #[error("the folder of run {0} exists already")]
    Exists(RunId),
    /// There is none.
    #[error("run {0} has no folder here")]
    Missing(RunId),
    /// A file in it is not what it should be.
    #[error("`{}` is damaged: {why}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An output cannot be taken.
    #[error("the run put out `{}`, which {why}", .path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
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
        source: io::Error,
    },
}

impl Classified for RunFolderError {
    fn kind(&self) -> Kind {
        match self {
            Self::Exists(_) => Kind::Conflict,
            Self::Missing(_) => Kind::NotFound,
            Self::Damaged { .. } | Self::Output { .. } => Kind::Invalid,
            Self::Io { .. } => Kind::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Output { .. } => Some("write plain files below the run's folder".to_owned()),
            Self::Missing(_) => Some("lamp runs".to_owned()),
            Self::Exists(_) | Self::Damaged { .. } | Self::Io { .. } => None,
        }
    }
}

/// The folder of one run (`LAMP_RUN`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
    run: RunId,
}

impl RunFolder {
    /// Creates the folder of `run` below `runs_dir`, which is created too if need be, with
    /// `model/`, `dataset/`, `predictions/` and scratch folders for HOME and TMPDIR in it.
    pub fn create(runs_dir: &Path, run: RunId) -> Result<Self, RunFolderError> {
        let io = |action| move |source| RunFolderError::Io { action, path: runs_dir.to_owned(), source };
        std::fs::create_dir_all(runs_dir).map_err(io("create"))?;
        let runs_dir = runs_dir.canonicalize().map_err(io("find"))?;
        let path = runs_dir.join(run.to_string());
        // Made under another name first: a folder of that name is always whole.
        let fresh =
            tempfile::Builder::new().prefix(".tmp-run-").tempdir_in(&runs_dir).map_err(io("create a run in"))?;
        for part in ["model", "dataset", "predictions"] {
            std::fs::create_dir(fresh.path().join(part)).map_err(io("create a run in"))?;
        }
        if path.exists() {
            return Err(RunFolderError::Exists(run));
        }
        let fresh = fresh.keep();
        if let Err(source) = std::fs::rename(&fresh, &path) {
            // The first error is the one to tell.
            let _ = std::fs::remove_dir_all(&fresh);
            let lost_a_race = path.exists();
            return Err(if lost_a_race { RunFolderError::Exists(run) } else { io("create a run in")(source) });
        }
        variables::create_scratch(&path).map_err(io("create a run in"))?;
        atomic::sync_dir(&runs_dir).map_err(io("create a run in"))?;
        Ok(Self { path, run })
    }

    /// The folder of `run` below `runs_dir`, as it is.
    pub fn open(runs_dir: &Path, run: RunId) -> Result<Self, RunFolderError> {
        let path = runs_dir.join(run.to_string());
        let path = path.canonicalize().map_err(|_| RunFolderError::Missing(run))?;
        Ok(Self { path, run })
    }

    /// A run folder by its own path, as the shim is given it.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        let run = RunId::parse(path.file_name()?.to_str()?)?;
        Some(Self { path, run })
    }

    /// Absolute path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Where the command's output goes.
    pub fn log_path(&self) -> PathBuf {
        self.path.join("log.txt")
    }

    /// Writes `run.json`.
    pub fn write_request(&self, request: &RunRequest) -> Result<(), RunFolderError> {
        self.write_json("run.json", request)
    }

    /// Reads `run.json` back.
    pub fn request(&self) -> Result<RunRequest, RunFolderError> {
        self.read_json("run.json")?.ok_or(RunFolderError::Missing(self.run))
    }

    /// Removes the folder and all that is in it.
    pub fn remove(self) -> Result<(), RunFolderError> {
        self.remove_scratch()?;
        std::fs::remove_dir_all(&self.path).map_err(|source| io_error("remove", &self.path, source))
    }

    /// Removes what only the command needed: its HOME and its TMPDIR. The shim does it when the
    /// command has ended.
    pub fn remove_scratch(&self) -> Result<(), RunFolderError> {
        variables::remove_scratch(&self.path).map_err(|source| io_error("remove the scratch of", &self.path, source))
    }

    /// The files below `part` (`model`, `dataset`, `predictions`), hashed, sorted by path;
    /// paths are relative to the run's folder and start with `part`. Reads every byte: call it
    /// where blocking is fine.
    ///
    /// A symbolic link to a file inside `part` counts as that file. Anything that is not a plain
    /// file, points elsewhere or has a name that is not UTF-8 is refused.
    pub fn outputs(&self, part: &str) -> Result<Vec<OutputFile>, RunFolderError> {
        let root = self.path.join(part);
        if !root.is_dir() {
            return Ok(Vec::new());
        }
        let inside = root.canonicalize().map_err(|source| io_error("find", &root, source))?;
        if !inside.starts_with(&self.path) {
            return Err(RunFolderError::Output { path: root, why: "points outside the run's folder" });
        }
        let mut outputs = Vec::new();
        for entry in WalkDir::new(&root).follow_links(false) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(&root).to_owned();
                let source = error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of folders"));
                io_error("read", &path, source)
            })?;
            if entry.file_type().is_dir() {
                continue;
            }
            let refused = |why| RunFolderError::Output { path: entry.path().to_owned(), why };
            if outputs.len() == OUTPUT_FILES_MAX {
                return Err(refused("is one file too many (more than 100,000)"));
            }
            let target = entry.path().canonicalize().map_err(|_| refused("is a link that points nowhere"))?;
            if !target.starts_with(&inside) {
                return Err(refused("is a link that points outside its folder"));
            }
            if !target.is_file() {
                return Err(refused("is not a plain file"));
            }
            let relative = entry.path().strip_prefix(&self.path).ok().and_then(Path::to_str);
            let path = relative.ok_or_else(|| refused("has a name that is not UTF-8"))?.to_owned();
            let (size, digest) = hash_file(&target).map_err(|source| io_error("read", &target, source))?;
            outputs.push(OutputFile { path, size, digest });
        }
        outputs.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(outputs)
    }

    /// The lines of `metrics.jsonl` so far. A torn last line, and any line that is not a JSON
    /// object, is left out; `NaN` and `Infinity`, which Python writes, are read as null.
    pub fn metrics(&self) -> Result<Vec<MetricLine>, RunFolderError> {
        let path = self.path.join("metrics.jsonl");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io_error("open", &path, source)),
        };
        let mut bytes = Vec::new();
        file.take(METRIC_BYTES_MAX).read_to_end(&mut bytes).map_err(|source| io_error("read", &path, source))?;
        Ok(String::from_utf8_lossy(&bytes).lines().filter_map(parse_metric).collect())
    }

    pub(crate) fn write_json(&self, name: &str, value: &impl serde::Serialize) -> Result<(), RunFolderError> {
        let path = self.path.join(name);
        let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| io_error("encode", &path, error.into()))?;
        bytes.push(b'\n');
        atomic::write(&path, &bytes).map_err(|source| io_error("write", &path, source))
    }

    pub(crate) fn read_json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RunFolderError> {
        let path = self.path.join(name);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_error("read", &path, source)),
        };
        let value = serde_json::from_slice(&bytes);
        value.map(Some).map_err(|error| RunFolderError::Damaged { path, why: error.to_string() })
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> RunFolderError {
    RunFolderError::Io { action, path: path.to_owned(), source }
}

fn hash_file(path: &Path) -> io::Result<(u64, Digest)> {
    let mut hasher = blake3::Hasher::new();
    let size = io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok((size, Digest::from_bytes(*hasher.finalize().as_bytes())))
}

fn parse_metric(line: &str) -> Option<MetricLine> {
    serde_json::from_str(line).ok().or_else(|| serde_json::from_str(&without_non_finite(line)).ok())
}

/// Replaces bare `NaN`, `Infinity` and `-Infinity` by `null`, outside of strings.
fn without_non_finite(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        let word = ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| !in_string && rest.starts_with(word));
        if let Some(word) = word {
            out.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        let escaped = if in_string && c == '\\' { rest[1..].chars().next().map_or(0, char::len_utf8) } else { 0 };
        let (taken, after) = rest.split_at(c.len_utf8() + escaped);
        in_string ^= c == '"';
        out.push_str(taken);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, RunFolder) {
        let temp = tempfile::tempdir().expect("a folder");
        let run = RunId::parse("01400000-0000-7000-8000-000000000001").expect("an id");
        let folder = RunFolder::create(temp.path(), run).expect("created");
        (temp, folder)
    }

    #[test]
    fn a_run_has_one_folder() {
        let (temp, folder) = folder();
        let again = RunFolder::create(temp.path(), folder.run());
        assert!(matches!(again, Err(RunFolderError::Exists(_))), "{again:?}");
        assert_eq!(RunFolder::open(temp.path(), folder.run()).expect("there"), folder);
        assert_eq!(std::fs::read_dir(temp.path()).expect("a folder").count(), 1, "nothing is left behind");
    }

    #[test]
    fn metrics_survive_a_torn_line_and_python_s_nan() {
        let (_temp, folder) = folder();
        assert!(folder.metrics().expect("none yet").is_empty());
        let text = "{\"step\": 1, \"loss\": 0.5}\nnot json\n{\"step\": 2, \"loss\": NaN, \"why\": \"NaN \\\" é\"}\n\
            {\"loss\": -Infinity}\n{\"step\": 3, \"lo";
        std::fs::write(folder.path().join("metrics.jsonl"), text).expect("written");
        let lines = folder.metrics().expect("metrics");
        assert_eq!(lines.iter().map(|line| line.step).collect::<Vec<_>>(), [Some(1), Some(2), None]);
        assert_eq!(lines[0].values["loss"], 0.5);
        assert!(lines[1].values["loss"].is_null());
        assert_eq!(lines[1].values["why"], "NaN \" é");
    }

    #[test]
    fn outputs_are_hashed_and_sorted() {
        let (_temp, folder) = folder();
        let model = folder.path().join("model");
        std::fs::create_dir(model.join("b")).expect("created");
        std::fs::write(model.join("b/weights"), b"12345").expect("written");
        std::fs::write(model.join("a.json"), b"{}").expect("written");
        std::os::unix::fs::symlink("a.json", model.join("c.json")).expect("linked");
        let outputs = folder.outputs("model").expect("outputs");
        let paths: Vec<_> = outputs.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["model/a.json", "model/b/weights", "model/c.json"]);
        assert_eq!((outputs[1].size, outputs[1].digest), (5, Digest::of(b"12345")));
        assert_eq!(outputs[0].digest, outputs[2].digest);
        assert!(folder.outputs("nothing").expect("no such part").is_empty());
    }

    #[test]
    fn an_output_that_escapes_is_refused() {
        let (temp, folder) = folder();
        let secret = temp.path().join("secret");
        std::fs::write(&secret, b"s").expect("written");
        let link = folder.path().join("model/weights");
        for target in [secret.as_path(), Path::new("../run.json"), Path::new("/dev/null"), Path::new("gone")] {
            std::os::unix::fs::symlink(target, &link).expect("linked");
            let refused = folder.outputs("model");
            assert!(matches!(refused, Err(RunFolderError::Output { .. })), "{target:?}: {refused:?}");
            std::fs::remove_file(&link).expect("removed");
        }
    }
}
