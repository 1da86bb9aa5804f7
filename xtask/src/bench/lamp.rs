//! The binary that is measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::measure::Invocation;
use crate::steps;

/// The binary: the one that was given, or the release build, made now with the decoder that it is measured against.
pub(super) fn binary(root: &Path, given: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = given {
        return path.canonicalize().with_context(|| format!("there is no {}", path.display()));
    }
    let what = ["build", "--release", "--workspace", "--bin", "lamp", "--example", DECODER];
    steps::run(Command::new("cargo").args(what).current_dir(root))?;
    let built = crate::target_directory(root).join("release").join("lamp");
    built.canonicalize().with_context(|| format!("there is no {}", built.display()))
}

/// The example of `lamp-engine` that only decodes.
const DECODER: &str = "decode";

/// The decoder that was built with the binary; none beside a binary that was built alone.
pub(super) fn find_decoder(lamp: &Path) -> Option<PathBuf> {
    let path = lamp.parent()?.join("examples").join(DECODER);
    path.is_file().then_some(path)
}

/// What the binary says of its version.
pub(super) fn version(lamp: &Path) -> Result<String> {
    Invocation::new(lamp, Path::new("/")).args(["--version"]).output()
}

/// Whether the help of `words` mentions `what`: benches measure what the binary can do.
pub(super) fn knows(lamp: &Path, words: &[&str], what: &str) -> bool {
    let help = Invocation::new(lamp, Path::new("/")).args(words.iter().copied()).args(["--help"]).output();
    help.is_ok_and(|text| text.split(|c: char| c.is_whitespace() || c == ',').any(|word| word == what))
}

/// Makes a workspace in `folder`, which is a git repository already.
pub(super) fn make_workspace(lamp: &Path, folder: &Path) -> Result<()> {
    Invocation::new(lamp, folder).args(["init", "--yes"]).run()?;
    if !folder.join("lamp.toml").is_file() {
        bail!("`lamp init` made no workspace in {}", folder.display());
    }
    Ok(())
}
