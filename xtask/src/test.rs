//! `cargo xtask test`: every check and every test.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::python::Interpreters;
use crate::setup::Needs;
use crate::steps::{self, Steps};
use crate::{python, setup, tidy, wheel};

/// A part of the tests that can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Browser,
    Postgres,
    Python,
    Clippy,
}

impl Part {
    const ALL: [Self; 4] = [Self::Browser, Self::Postgres, Self::Python, Self::Clippy];

    const fn flag(self) -> &'static str {
        match self {
            Self::Browser => "--skip-browser",
            Self::Postgres => "--skip-postgres",
            Self::Python => "--skip-python",
            Self::Clippy => "--skip-clippy",
        }
    }

    /// What the Rust tests are told: where it is set, tests that ask pass early and say so.
    const fn variable(self) -> Option<&'static str> {
        match self {
            Self::Browser => Some("LAMP_TEST_SKIP_BROWSER"),
            Self::Postgres => Some("LAMP_TEST_SKIP_POSTGRES"),
            Self::Python => Some("LAMP_TEST_SKIP_PYTHON"),
            Self::Clippy => None,
        }
    }
}

/// What to leave out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    skipped: Vec<Part>,
}

impl Options {
    /// Parses the arguments after `test`.
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let mut skipped = Vec::new();
        for argument in arguments {
            match Part::ALL.into_iter().find(|part| part.flag() == argument) {
                Some(part) => skipped.push(part),
                None => bail!("`cargo xtask test` has no `{argument}`; see `cargo xtask help`"),
            }
        }
        Ok(Self { skipped })
    }

    fn skips(&self, part: Part) -> bool {
        self.skipped.contains(&part)
    }

    fn needs(&self) -> Needs {
        Needs {
            browser: !self.skips(Part::Browser),
            postgres: !self.skips(Part::Postgres),
            python: !self.skips(Part::Python),
        }
    }

    fn skip_variables(&self) -> Vec<(&'static str, &'static str)> {
        self.skipped.iter().filter_map(|part| part.variable()).map(|variable| (variable, "1")).collect()
    }
}

/// Sets up and runs everything; exits 1 when anything failed.
pub fn run(root: &Path, options: &Options) -> ExitCode {
    let mut steps = Steps::default();
    let is_ready = steps.step("set up programs", || setup::install_system_packages(options.needs()));
    if is_ready {
        let interpreters = prepare_python(root, options, &mut steps);
        check_sources(root, options, &mut steps);
        test_rust(root, options, interpreters.as_ref(), &mut steps);
        test_wheel(root, options, &mut steps);
        test_python(root, interpreters.as_ref().map(|all| all.tests.as_path()), &mut steps);
    }
    println!("\n{}", steps.summary());
    if steps.all_passed() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn prepare_python(root: &Path, options: &Options, steps: &mut Steps) -> Option<Interpreters> {
    if options.skips(Part::Python) {
        steps.skip("set up Python", Part::Python.flag());
        return None;
    }
    let mut interpreters = None;
    steps.step("set up Python", || {
        interpreters = Some(python::prepare(root)?);
        Ok(())
    });
    interpreters
}

fn check_sources(root: &Path, options: &Options, steps: &mut Steps) {
    steps.step("cargo fmt --check", || steps::run(cargo(root).args(["fmt", "--all", "--check"])));
    steps.step("cargo xtask tidy", || tidy::check(root));
    if options.skips(Part::Clippy) {
        steps.skip("cargo clippy", Part::Clippy.flag());
        return;
    }
    let lints = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    steps.step("cargo clippy", || steps::run(cargo(root).args(lints)));
}

fn test_rust(root: &Path, options: &Options, interpreters: Option<&Interpreters>, steps: &mut Steps) {
    let build = || steps::run(cargo(root).args(["test", "--workspace", "--no-run"]));
    if !steps.step("cargo test --no-run (build)", build) {
        return;
    }
    steps.step("cargo test", || {
        let mut command = cargo(root);
        command.args(["test", "--workspace", "--no-fail-fast"]).envs(options.skip_variables());
        if let Some(interpreters) = interpreters {
            command.envs(interpreters.variables());
        }
        steps::run(&mut command)
    });
    for (part, name) in [(Part::Browser, "tests in Chromium"), (Part::Postgres, "tests on Postgres")] {
        if options.skips(part) {
            steps.skip(name, part.flag());
        }
    }
}

fn test_wheel(root: &Path, options: &Options, steps: &mut Steps) {
    if options.skips(Part::Python) {
        steps.skip("pip install .", Part::Python.flag());
        return;
    }
    steps.step("pip install .", || wheel::check(root));
}

fn test_python(root: &Path, interpreter: Option<&Path>, steps: &mut Steps) {
    let Some(interpreter) = interpreter else {
        steps.skip("Python tests and checks", "there is no Python environment");
        return;
    };
    let env = Python { root, interpreter };
    for folder in python::code_folders(root) {
        let shown = folder.display().to_string();
        for (tool, arguments) in CHECKERS {
            steps.step(&format!("{tool} {shown}"), || steps::run(env.module(&folder, tool).args(*arguments)));
        }
        if root.join(&folder).join("tests").is_dir() {
            let arguments = ["-p", "no:cacheprovider", "tests"];
            steps.step(&format!("pytest {shown}"), || steps::run(env.module(&folder, "pytest").args(arguments)));
        }
    }
}

/// What every folder of Python code must pass; their settings are in `pyproject.toml`.
const CHECKERS: &[(&str, &[&str])] = &[
    ("black", &["--check", "--diff", "--quiet", "."]),
    ("isort", &["--check-only", "--diff", "."]),
    ("pydocstyle", &["."]),
    ("mypy", &["."]),
];

/// The test environment.
struct Python<'a> {
    root: &'a Path,
    interpreter: &'a Path,
}

impl Python<'_> {
    /// A Python module run in `folder`, importing from it and from our SDK, as a run does.
    fn module(&self, folder: &Path, module: &str) -> Command {
        let (folder, sdk) = (self.root.join(folder), self.root.join("python"));
        let mut command = Command::new(self.interpreter);
        command.args(["-m", module]).current_dir(&folder);
        let path = std::env::join_paths([folder, sdk.clone()]).unwrap_or_default();
        command.env("PYTHONPATH", path).env("MYPYPATH", sdk).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("MYPY_CACHE_DIR", crate::target_directory(self.root).join("xtask").join("mypy"));
        command.env(python::TESTS.variable, self.interpreter);
        command
    }
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options> {
        Options::parse(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_skipped_is_neither_installed_nor_run() {
        let options = parse(&["--skip-browser", "--skip-postgres"]).expect("known options");
        assert_eq!(options.needs(), Needs { browser: false, postgres: false, python: true });
        let told: Vec<&str> = options.skip_variables().into_iter().map(|(name, _)| name).collect();
        assert_eq!(told, ["LAMP_TEST_SKIP_BROWSER", "LAMP_TEST_SKIP_POSTGRES"]);
        assert_eq!(parse(&[]).expect("no options").needs(), Needs::ALL);
    }

    #[test]
    fn a_misspelt_option_is_refused() {
        let error = parse(&["--skip-brower"]).expect_err("misspelt");
        assert_eq!(error.to_string(), "`cargo xtask test` has no `--skip-brower`; see `cargo xtask help`");
    }
}
