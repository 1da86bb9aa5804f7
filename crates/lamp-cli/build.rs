//! Embeds the Python package and the demo's repository, so that one binary carries all it needs.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    let root = here.join("../..").canonicalize()?;
    embed(&root.join("python"), "lamplighter", &out.join("sdk_files.rs"))?;
    embed(&root.join("examples"), "flights", &out.join("flights_files.rs"))
}

/// Writes a Rust array of `(path, bytes)` of the files below `base/folder`; the example's paths are
/// relative to its own folder, the package's to its parent.
fn embed(base: &Path, folder: &str, target: &Path) -> io::Result<()> {
    let top = base.join(folder);
    println!("cargo::rerun-if-changed={}", top.display());
    let mut files = Vec::new();
    collect(&top, &mut files)?;
    files.sort();
    let mut text = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(base).map_err(io::Error::other)?;
        let (name, file) = (name.display().to_string(), file.display().to_string());
        writeln!(text, "    ({name:?}, include_bytes!({file:?})),").map_err(io::Error::other)?;
    }
    text.push_str("]\n");
    fs::write(target, text)
}

/// Files below `folder`, without what tools leave behind.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_leftover = path.extension().is_some_and(|extension| extension == "pyc")
            || ["__pycache__", ".mypy_cache", ".pytest_cache", ".venv", ".lamp", "data"].contains(&name.as_str());
        if is_leftover {
            continue;
        }
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
