//! `cargo xtask docs`: builds the book.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::{pictures, steps};

/// Builds the book with mdbook, if it is installed.
pub fn run(root: &Path) -> Result<ExitCode> {
    if !steps::succeeds(Command::new("mdbook").arg("--version")) {
        bail!("mdbook is not installed; type `cargo install mdbook --locked`");
    }
    if !root.join(pictures::FOLDER).is_dir() {
        println!(
            "The book has no pictures yet; type `cargo xtask demo --no-serve`, then `cargo xtask pictures lamplighter-demo`"
        );
    }
    steps::run(Command::new("mdbook").args(["build", "docs"]).current_dir(root))?;
    println!("The book is in docs/book/index.html");
    Ok(ExitCode::SUCCESS)
}
