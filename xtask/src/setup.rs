//! `cargo xtask setup`: installs what the tests need.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::{python, steps};

/// What of the machine a run of the tests needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Chromium and its driver.
    pub browser: bool,
    /// The Postgres server.
    pub postgres: bool,
    /// A Python interpreter with `venv`.
    pub python: bool,
}

impl Needs {
    /// Everything.
    pub const ALL: Self = Self { browser: true, postgres: true, python: true };
}

/// Installs everything and makes the Python environments.
pub fn run(root: &Path) -> Result<ExitCode> {
    install_system_packages(Needs::ALL)?;
    let interpreters = python::prepare(root)?;
    println!("\nReady. To run single tests that use Python:");
    for (variable, interpreter) in interpreters.variables() {
        println!("export {variable}={}", interpreter.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Installs Debian packages for whatever is missing, or says what to install.
pub fn install_system_packages(needs: Needs) -> Result<()> {
    for component in ["fmt", "clippy"] {
        if !steps::succeeds(Command::new("cargo").args([component, "--version"])) {
            bail!("`cargo {component}` does not work; type `rustup component add rustfmt clippy`");
        }
    }
    let missing = missing_packages(needs);
    if missing.is_empty() {
        println!("all programs that the tests need are installed");
        return Ok(());
    }
    install_debian_packages(&missing)?;
    let still_missing = missing_packages(needs);
    if !still_missing.is_empty() {
        bail!("{} installed, but still not found", still_missing.join(", "));
    }
    Ok(())
}

/// Installs packages as root on Debian; elsewhere the error says what to do.
pub fn install_debian_packages(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    let is_debian = Path::new("/etc/debian_version").exists();
    if !is_debian {
        bail!("this needs what Debian calls: {list}; install it, or leave it out (see `cargo xtask help`)");
    }
    if !is_root() {
        bail!("this needs more packages; type `sudo apt-get install --no-install-recommends {list}`");
    }
    steps::run(Command::new("apt-get").args(["update", "--quiet"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(packages);
    steps::run(install.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Debian's names for what is not there.
fn missing_packages(needs: Needs) -> Vec<&'static str> {
    let probes: [(bool, bool, &'static str); 7] = [
        (true, on_path("git"), "git"),
        (true, on_path("cc"), "build-essential"),
        (needs.python, has_venv(), "python3-venv"),
        (needs.postgres, has_postgres(), "postgresql"),
        (needs.browser, on_path("chromium"), "chromium"),
        (needs.browser, on_path("chromedriver"), "chromium-driver"),
        // Without any font, Chromium draws empty boxes and text has no width.
        (needs.browser, Path::new("/usr/share/fonts/truetype/dejavu").is_dir(), "fonts-dejavu-core"),
    ];
    probes.into_iter().filter(|(needed, present, _)| *needed && !present).map(|(_, _, package)| package).collect()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn has_venv() -> bool {
    steps::succeeds(python::host_interpreter().args(["-c", "import venv, ensurepip"]))
}

/// Debian keeps the server's programs off `PATH`, in a folder for each version.
fn has_postgres() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders = versions.map(|version| version.path().join("bin"));
    folders.any(|folder| folder.join("initdb").is_file()) || on_path("initdb")
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder: PathBuf| folder.join(program)).any(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_is_not_asked_for() {
        let nothing = Needs { browser: false, postgres: false, python: false };
        let asked = missing_packages(nothing);
        assert!(asked.iter().all(|package| ["git", "build-essential"].contains(package)), "{asked:?}");
    }

    #[test]
    fn programs_are_looked_up_on_the_path() {
        assert!(on_path("sh"));
        assert!(!on_path("no-such-program-anywhere"));
    }
}
