//! How a command says no: what happened, why, and the next command to type.
//!
//! Exit codes: 0 yes; 1 a verdict of no; 2 usage, configuration or operation went wrong; 130 interrupted.

use std::fmt::Write as _;
use std::process::ExitCode;

use console::style;
use lamp_core::error::{Classified, Kind};

/// A verdict of no: a contract, gate or test failed. CI can tell it from a tool that broke.
pub const VERDICT_NO: u8 = 1;

/// Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// A failure on its way to the terminal.
#[derive(Debug)]
pub struct Failure {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
    exit: u8,
    is_unavailable: bool,
}

/// Usage, configuration or operation went wrong.
pub const WENT_WRONG: u8 = 2;

impl Failure {
    /// A failure of this command itself.
    pub fn operation(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), hint: None, exit: WENT_WRONG, is_unavailable: false }
    }

    /// Something that is needed did not answer.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { is_unavailable: true, ..Self::operation(message) }
    }

    /// Whether something that is needed did not answer.
    pub fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }

    /// Makes it a verdict of no instead of something that went wrong.
    pub fn into_verdict(mut self) -> Self {
        self.exit = VERDICT_NO;
        self
    }

    /// Adds the next thing to type.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What happened, without causes and hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The text as it stands on stderr, without colour.
    pub fn text(&self) -> String {
        let mut text = format!("error: {}", self.message);
        for cause in &self.causes {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  because: {cause}");
        }
        if let Some(hint) = &self.hint {
            let _ = write!(text, "\nhint: {hint}");
        }
        text
    }

    /// Prints the failure and gives the exit code.
    pub fn report(&self) -> ExitCode {
        let text = self.text();
        for (number, line) in text.lines().enumerate() {
            match line.split_once(": ") {
                Some(("error", rest)) if number == 0 => {
                    eprintln!("{}: {rest}", style("error").for_stderr().red().bold());
                }
                Some(("hint", rest)) => eprintln!("{}: {rest}", style("hint").for_stderr().cyan().bold()),
                _ => eprintln!("{line}"),
            }
        }
        ExitCode::from(self.exit)
    }
}

impl<E: Classified> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // A message often quotes its cause already.
            if !message.contains(&text) {
                causes.push(text);
            }
            source = cause.source();
        }
        if error.kind() == Kind::Internal {
            message.push_str(" (this is a defect of Lamplighter)");
        }
        let is_unavailable = error.kind() == Kind::Unavailable;
        Self { message, causes, hint: error.hint(), exit: WENT_WRONG, is_unavailable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lamp_core::names::ModelName;

    #[test]
    fn an_error_says_what_and_what_to_do() {
        let failure = Failure::from(ModelName::parse("Delay").expect_err("upper case"));
        assert_eq!(
            failure.text(),
            "error: `Delay` is not a model name: it does not start with a lower-case letter\n\
             hint: use lower-case letters, digits, `-` and `_`, starting with a letter"
        );
    }
}
