//! What a command left behind.

use std::fmt::Write as _;

use crate::filters::Filters;

/// Exit code and output of a command that has ended.
#[derive(Debug)]
pub struct Outcome {
    pub(super) command: String,
    /// Exit code; nothing when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    pub(super) filters: Filters,
}

impl Outcome {
    /// Command, output, errors and exit code in one block, as they were.
    pub fn text(&self) -> String {
        let mut text = format!("$ {}\n{}", self.command, self.stdout);
        end_line(&mut text);
        if !self.stderr.is_empty() {
            let _ = write!(text, "--- stderr ---\n{}", self.stderr);
            end_line(&mut text);
        }
        let code = self.code.map_or_else(|| "by a signal".to_owned(), |code| code.to_string());
        let _ = writeln!(text, "--- exit {code} ---");
        text
    }

    /// The same block with everything that changes between runs replaced.
    pub fn snapshot(&self) -> String {
        let filtered = self.filters.apply(&self.text());
        // Tables pad with blanks; editors and git strip them.
        let lines: Vec<&str> = filtered.lines().map(str::trim_end).collect();
        lines.join("\n") + "\n"
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is not JSON, with all that was printed.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}):\n{}", self.text()))
    }
}

fn end_line(text: &mut String) {
    if !text.ends_with('\n') {
        text.push('\n');
    }
}
