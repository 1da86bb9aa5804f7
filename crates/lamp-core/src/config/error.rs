//! What is wrong in a configuration file, and where.

use std::fmt;

use crate::error::{Classified, Kind};

/// Where in a file: lines and columns count from 1, columns in characters; the span is in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) span: (usize, usize),
}

/// A problem in `lamp.toml` or `lamp.lock`, with the place where it stands.
///
/// `Display` alone is enough for people: `projects/delay/lamp.toml:12:3: unknown key …`, one line a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was labelled when parsed.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// First byte and the one after the last, in the file's text.
    pub span: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Further problems found in the same pass, each with `more` empty. They may be in other files.
    pub more: Vec<Self>,
}

impl ConfigError {
    /// A problem at `place` of `file`.
    pub(crate) fn at(file: &str, place: Place, message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: place.line,
            column: place.column,
            span: Some(place.span),
            message: message.into(),
            hint,
            more: Vec::new(),
        }
    }

    /// One error of many problems, in the order of files and lines; `Ok` when there is none.
    pub(crate) fn from_problems(mut problems: Vec<Self>) -> Result<(), Self> {
        problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        let mut problems = problems.into_iter();
        let Some(mut first) = problems.next() else { return Ok(()) };
        first.more = problems.collect();
        Err(first)
    }

    /// This problem and the further ones, in order.
    pub fn problems(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.more)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl Classified for ConfigError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
