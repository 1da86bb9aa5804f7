//! Set-up, demo, tests, documentation and house rules: `cargo xtask COMMAND`.

mod bench;
mod demo;
mod docs;
mod pictures;
mod python;
mod setup;
mod steps;
mod test;
mod tidy;
mod wheel;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
Usage: cargo xtask COMMAND

  setup              install what the tests need: Postgres, Chromium, a Python environment
  test [OPTIONS]     set up, then run every check and every test
      --skip-browser     leave out what drives Chromium
      --skip-postgres    leave out what runs on Postgres
      --skip-python      leave out what runs Python
      --skip-clippy      leave out the lints, which compile everything once more
  demo [ARGUMENTS]   build `lamp` and run `lamp demo ARGUMENTS`
  bench WHAT         measure beside other tools: `data` or `profile`; `cargo xtask bench` says more
  tidy               check the house rules
  docs               build the book in docs/
  pictures FOLDER    take the book's pictures from the pages of the demo in FOLDER
  wheel              build and install the wheel as `pip install .` does
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let root = workspace_root();
    let Some((command, rest)) = arguments.split_first() else {
        print!("{HELP}");
        return Ok(ExitCode::from(2));
    };
    match command.as_str() {
        "test" => Ok(test::run(&root, &test::Options::parse(rest)?)),
        "demo" => demo::run(&root, rest),
        "bench" => bench::run(&root, rest),
        "pictures" => pictures::run(&root, rest),
        "setup" | "tidy" | "docs" | "wheel" if !rest.is_empty() => bail!("`cargo xtask {command}` takes no arguments"),
        "setup" => setup::run(&root),
        "tidy" => tidy::run(&root),
        "docs" => docs::run(&root),
        "wheel" => wheel::check(&root).map(|()| ExitCode::SUCCESS),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("there is no `cargo xtask {other}`\n\n{HELP}"),
    }
}

fn workspace_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Where cargo builds, and where xtask keeps what it makes.
fn target_directory(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}
