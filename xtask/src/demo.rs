//! `cargo xtask demo`: builds `lamp` and runs its demo.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};

use crate::steps;

/// Builds `lamp` and runs `lamp demo ARGUMENTS`; its exit code is ours.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    // `--workspace` resolves features as the tests do, so that neither compiles for the other twice.
    steps::run(Command::new("cargo").args(["build", "--workspace", "--bin", "lamp"]).current_dir(root))?;
    let binary = crate::target_directory(root).join("debug").join("lamp");
    let status = Command::new(&binary)
        .arg("demo")
        .args(arguments)
        .status()
        .with_context(|| format!("cannot run {}", binary.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(2);
    Ok(ExitCode::from(code))
}
