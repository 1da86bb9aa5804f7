//! `cargo xtask tidy`: the house rules as code.
//!
//! Each rule is a function from the text of a file to its findings, tested below on text that
//! breaks it and text that keeps it.

mod edges;
mod links;
mod rust;
mod words;

use std::fmt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

/// Longest source file, in lines.
const FILE_LINES_MAX: usize = 500;
/// Kinds of file that are held to that length.
const SOURCE_ENDINGS: &[&str] = &["rs", "py", "html", "css", "js"];

/// A file of the repository.
#[derive(Debug, Clone)]
pub struct File {
    /// Path from the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A rule that is broken, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the root.
    pub path: String,
    /// Line, from 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Prints all findings; exits 1 when there are any.
pub fn run(root: &Path) -> Result<ExitCode> {
    let findings = findings(&read_files(root)?);
    report(&findings);
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Prints all findings and fails when there are any.
pub fn check(root: &Path) -> Result<()> {
    let findings = findings(&read_files(root)?);
    report(&findings);
    if !findings.is_empty() {
        bail!("{} house rules are broken", findings.len());
    }
    Ok(())
}

fn report(findings: &[Finding]) {
    for finding in findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy");
    }
}

/// All findings in all files, in order of path and line.
fn findings(files: &[File]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files.iter().flat_map(check_file).collect();
    findings.extend(links::check(files));
    findings.sort();
    findings
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = check_shape(file);
    findings.extend(words::check(file));
    if file.path.ends_with("Cargo.toml") {
        findings.extend(edges::check(file));
    }
    if has_ending(&file.path, "rs") {
        findings.extend(rust::check(file));
    }
    findings
}

/// Rules on a file's name and length.
fn check_shape(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if file.path.ends_with("/mod.rs") {
        findings.push(Finding::new(&file.path, 0, "a module `x` lives in `x.rs`, not in `x/mod.rs`: move it"));
    }
    let lines = file.text.lines().count();
    let is_source = SOURCE_ENDINGS.iter().any(|ending| has_ending(&file.path, ending));
    if is_source && lines > FILE_LINES_MAX {
        findings.push(Finding::new(&file.path, 0, format!("{lines} lines; split it at {FILE_LINES_MAX}")));
    }
    findings
}

fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == ending)
}

/// Every text file that git tracks or would track.
fn read_files(root: &Path) -> Result<Vec<File>> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    let output = Command::new("git").args(arguments).current_dir(root).output().context("cannot run git")?;
    if !output.status.success() {
        bail!("git cannot list the files: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let listing = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let mut files = Vec::new();
    for path in listing.split_terminator('\0') {
        // Tracked but deleted, or a link to a folder: nothing to read.
        let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
        // What is not UTF-8 is a picture or data.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        files.push(File { path: path.to_owned(), text });
    }
    Ok(files)
}

/// What `check` says of a text, one finding a line.
#[cfg(test)]
fn said(check: impl Fn(&File) -> Vec<Finding>, path: &str, text: &str) -> String {
    let file = File { path: path.to_owned(), text: text.to_owned() };
    check(&file).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_live_beside_their_folder() {
        assert_eq!(said(check_shape, "crates/a/src/x.rs", ""), "");
        let found = said(check_shape, "crates/a/src/x/mod.rs", "");
        assert_eq!(found, "crates/a/src/x/mod.rs: a module `x` lives in `x.rs`, not in `x/mod.rs`: move it");
    }

    #[test]
    fn source_files_are_short() {
        let long = "x\n".repeat(501);
        assert_eq!(said(check_shape, "a.rs", &"x\n".repeat(500)), "");
        assert_eq!(said(check_shape, "a.py", &long), "a.py: 501 lines; split it at 500");
        assert_eq!(said(check_shape, "a.sql", &long), "");
    }

    #[test]
    fn findings_come_in_order_of_place() {
        let file = |path: &str| File { path: path.to_owned(), text: "x\n".repeat(501) };
        let paths: Vec<String> = findings(&[file("b.py"), file("a.py")]).into_iter().map(|f| f.path).collect();
        assert_eq!(paths, ["a.py", "b.py"]);
    }
}
