//! The wheel: `pip install .` gives the command and the Python package, both of one version.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{python, steps};

/// Builds the wheel as pip does, in the profile of the tests so that nothing is compiled twice, installs it into
/// an environment of its own, and asks both halves for their version.
pub fn check(root: &Path) -> Result<()> {
    let target = crate::target_directory(root);
    let environment = target.join("xtask").join("wheel");
    if environment.exists() {
        std::fs::remove_dir_all(&environment).context("cannot remove the old environment")?;
    }
    steps::run(python::host_interpreter().args(["-m", "venv"]).arg(&environment))?;
    let bin = environment.join("bin");
    let mut install = Command::new(bin.join("python"));
    install.args(["-m", "pip", "install", "--quiet", "--no-deps"]).arg(root);
    install.env("MATURIN_PEP517_ARGS", "--profile dev").env("CARGO_TARGET_DIR", &target);
    steps::run(&mut install)?;
    let command = said(Command::new(bin.join("lamp")).arg("--version"))?;
    let package = said(Command::new(bin.join("python")).args(["-c", "import lamplighter as l; print(l.__version__)"]))?;
    if command.strip_prefix("lamp ") != Some(package.as_str()) {
        bail!("the wheel has `{command}` and the package `{package}`");
    }
    println!("the wheel gives {command} and the package lamplighter {package}");
    // The binary is large, and the next run builds the environment anew.
    std::fs::remove_dir_all(&environment).context("cannot remove the environment")
}

/// What a command that must succeed prints.
fn said(command: &mut Command) -> Result<String> {
    // Elsewhere than in the repository, where `import lamplighter` could find the sources.
    let output = command.current_dir("/").output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
