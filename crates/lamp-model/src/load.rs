//! From a package's folder to a model that answers.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use lamp_core::error::{Classified, Kind};
use lamp_core::package::{Field, Flavour, PACKAGE_FILE, Package, Signature};

use crate::model::Model;
use crate::onnx::{OnnxModel, OnnxRuntime};
use crate::python::{PythonModel, WorkerCommand, WorkerLimits};
use crate::upstream::UpstreamModel;

/// The package format that this build reads.
pub const PACKAGE_FORMAT: u32 = 1;

/// Everything that is needed to bring a package to life; paths and commands are prepared by the caller.
#[derive(Debug, Clone)]
pub struct LoadSpec {
    /// The package's folder.
    pub package_dir: PathBuf,
    /// Its `model.json`, see [`read_package`].
    pub package: Package,
    /// `libonnxruntime.so`; needed by the `onnx` flavour. The first library that a process loads
    /// is the one it keeps.
    pub onnxruntime: Option<PathBuf>,
    /// Sessions, each on a thread of its own (`onnx`).
    pub onnx_threads: usize,
    /// How workers are started; needed by the `python` flavour.
    pub worker: Option<WorkerCommand>,
    /// Limits of workers.
    pub limits: WorkerLimits,
}

impl LoadSpec {
    /// A spec with one thread, no worker command and the usual limits.
    pub fn new(package_dir: impl Into<PathBuf>, package: Package) -> Self {
        Self {
            package_dir: package_dir.into(),
            package,
            onnxruntime: None,
            onnx_threads: 1,
            worker: None,
            limits: WorkerLimits::default(),
        }
    }
}

/// Why a package could not be brought to life.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// `model.json` cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// `model.json` is not a package description.
    #[error("{path} is not a package description: {problem}")]
    Package {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The signature contradicts itself.
    #[error("the signature is wrong: {0}")]
    Signature(String),
    /// The graph and the signature do not fit each other, or the graph cannot be read.
    #[error("the ONNX graph cannot be used: {0}")]
    Graph(String),
    /// The ONNX runtime library cannot be loaded.
    #[error("the ONNX runtime cannot be loaded: {0}")]
    Runtime(String),
    /// The worker process did not get ready.
    #[error("the worker did not get ready: {0}")]
    Worker(String),
    /// The server behind the model cannot be used.
    #[error("the upstream model cannot be used: {0}")]
    Upstream(String),
    /// The caller left out something that this flavour needs.
    #[error("a model of flavour `{flavour}` needs {what}")]
    Incomplete {
        /// The flavour.
        flavour: &'static str,
        /// What is missing.
        what: &'static str,
    },
}

impl Classified for LoadError {
    fn kind(&self) -> Kind {
        match self {
            Self::Package { .. } | Self::Signature(_) | Self::Graph(_) => Kind::Invalid,
            Self::Read { .. } | Self::Runtime(_) | Self::Worker(_) | Self::Upstream(_) => Kind::Unavailable,
            Self::Incomplete { .. } => Kind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Package { .. } | Self::Signature(_) => {
                Some("write the package with `lamplighter.save` and train again".to_owned())
            }
            Self::Graph(_) => Some(
                "name the graph's inputs as in the signature, each of shape [rows, 1], and convert classifiers \
                 with `zipmap` off"
                    .to_owned(),
            ),
            Self::Runtime(_) => Some("lamp doctor".to_owned()),
            Self::Worker(_) => Some("run the project's serving class by hand at the model's commit".to_owned()),
            Self::Upstream(_) => Some("start the server and ask its /v2/health/ready".to_owned()),
            Self::Read { .. } | Self::Incomplete { .. } => None,
        }
    }
}

/// Reads and checks `model.json` in a package's folder.
pub fn read_package(package_dir: &Path) -> Result<Package, LoadError> {
    let path = package_dir.join(PACKAGE_FILE);
    let text = std::fs::read_to_string(&path).map_err(|source| LoadError::Read { path: path.clone(), source })?;
    let package: Package = serde_json::from_str(&text)
        .map_err(|error| LoadError::Package { path: path.clone(), problem: error.to_string() })?;
    if package.format != PACKAGE_FORMAT {
        let problem = format!("format {} is not known; this version reads {PACKAGE_FORMAT}", package.format);
        return Err(LoadError::Package { path, problem });
    }
    check_signature(&package.signature)?;
    Ok(package)
}

/// Brings a package to life; returns when it can answer. Call it within a tokio runtime, which
/// must outlive the model.
pub async fn load(spec: LoadSpec) -> Result<Arc<dyn Model>, LoadError> {
    check_signature(&spec.package.signature)?;
    let signature = Arc::new(spec.package.signature);
    match &spec.package.flavour {
        Flavour::Onnx { file } => {
            let missing = LoadError::Incomplete { flavour: "onnx", what: "the path of the ONNX runtime library" };
            let runtime = OnnxRuntime::load(&spec.onnxruntime.ok_or(missing)?)?;
            let graph = inside(&spec.package_dir, file)?;
            let threads = spec.onnx_threads;
            let loaded = tokio::task::spawn_blocking(move || OnnxModel::load(&runtime, &graph, &signature, threads));
            let model = loaded.await.map_err(|error| LoadError::Graph(error.to_string()))??;
            Ok(Arc::new(model))
        }
        Flavour::Python { entry: _ } => {
            let missing = LoadError::Incomplete { flavour: "python", what: "a worker command" };
            let command = spec.worker.ok_or(missing)?;
            Ok(Arc::new(PythonModel::start(command, &spec.package_dir, signature, spec.limits).await?))
        }
        Flavour::Upstream { url, model } => Ok(Arc::new(UpstreamModel::connect(url, model, signature).await?)),
    }
}

/// A file of the package; paths that lead out of its folder are refused.
fn inside(package_dir: &Path, file: &str) -> Result<PathBuf, LoadError> {
    let path = Path::new(file);
    let is_plain = !file.is_empty() && path.components().all(|part| matches!(part, Component::Normal(_)));
    if is_plain {
        return Ok(package_dir.join(path));
    }
    let problem = format!("`{file}` is not a path inside the package");
    Err(LoadError::Package { path: package_dir.join(PACKAGE_FILE), problem })
}

fn check_signature(signature: &Signature) -> Result<(), LoadError> {
    for (what, fields) in [("input", &signature.inputs), ("output", &signature.outputs)] {
        if fields.is_empty() {
            return Err(LoadError::Signature(format!("it has no {what}")));
        }
        let mut seen = BTreeSet::new();
        for field in fields {
            if field.name.is_empty() || !seen.insert(&field.name) {
                return Err(LoadError::Signature(format!("{what} `{}` is empty or there twice", field.name)));
            }
            check_field(what, field)?;
        }
    }
    Ok(())
}

fn check_field(what: &str, field: &Field) -> Result<(), LoadError> {
    let name = &field.name;
    if field.shape.contains(&0) {
        return Err(LoadError::Signature(format!("{what} `{name}` has a dimension of 0")));
    }
    if let (Some(min), Some(max)) = (field.min, field.max)
        && min > max
    {
        return Err(LoadError::Signature(format!("{what} `{name}` allows nothing: min {min} is above max {max}")));
    }
    Ok(())
}
