//! What is wrong with the text of a contract.

use std::fmt;

use serde::Serialize;

use super::read;
use super::yaml::Place;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The contract cannot be used.
    Error,
    /// It can be used, but may not mean what its author thinks.
    Warning,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lint {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1; 0 when there is no place to point at.
    pub line: u64,
    /// Column, from 1.
    pub column: u64,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Lint {
    fn new(place: Place, severity: Severity, message: String, hint: Option<String>) -> Self {
        Self { file: String::new(), line: place.line, column: place.column, severity, message, hint }
    }

    pub(super) fn error(place: Place, message: String, hint: Option<String>) -> Self {
        Self::new(place, Severity::Error, message, hint)
    }

    pub(super) fn warning(place: Place, message: String, hint: Option<String>) -> Self {
        Self::new(place, Severity::Warning, message, hint)
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}: {}", self.file, self.line, self.column, self.severity, self.message)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Everything that is wrong with a contract, in the order of the text. No error among the findings
/// means that [`super::Contract::parse`] takes it. `file_label` is what they call the file.
pub fn lint(text: &str, file_label: &str) -> Vec<Lint> {
    let (_, mut lints) = read::read(text);
    for lint in &mut lints {
        file_label.clone_into(&mut lint.file);
    }
    lints.sort_by_key(|lint| (lint.line, lint.column));
    lints
}

/// The known word that `found` was probably meant to be.
pub(super) fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let found = found.to_lowercase();
    let distance = |word: &str| edit_distance(&found, &word.to_lowercase());
    let best = known.iter().copied().min_by_key(|word| distance(word))?;
    let is_close = distance(best) <= (best.len() / 4).max(1);
    is_close.then_some(best)
}

/// Levenshtein's distance, by rows.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
