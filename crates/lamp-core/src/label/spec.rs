//! What a label of a service may be, and how it is written.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LabelValue;
use crate::error::{Classified, Kind};
use crate::package::Task;

/// What is asked of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelSpec {
    /// What the service's models predict.
    pub task: Task,
    /// The target in `lamp.toml`: what is to be found out.
    pub target: String,
    /// Multiclass: the classes, as the signature writes them. Empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Value>,
}

/// A text that is no label of this service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Neither yes nor no.
    #[error("`{text}` is neither yes nor no")]
    NotATruth {
        /// As given.
        text: String,
    },
    /// Not one of the classes.
    #[error("`{text}` is not one of the classes")]
    UnknownClass {
        /// As given.
        text: String,
        /// What there is.
        known: String,
    },
    /// Not a finite number.
    #[error("`{text}` is not a number")]
    NotANumber {
        /// As given.
        text: String,
    },
}

impl Classified for LabelError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotATruth { .. } => "write yes or no (or true, false, 1, 0)".to_owned(),
            Self::UnknownClass { known, .. } => format!("write one of {known}"),
            Self::NotANumber { .. } => "write a number, such as 12.5".to_owned(),
        })
    }
}

impl LabelSpec {
    /// Parses a label as a person or a file writes it.
    pub fn parse(&self, text: &str) -> Result<LabelValue, LabelError> {
        let trimmed = text.trim();
        match self.task {
            Task::Binary => truth(trimmed).map(LabelValue::Truth),
            Task::Multiclass => self.class(trimmed).map(LabelValue::Class),
            Task::Regression => number(trimmed).map(LabelValue::Number),
        }
    }

    /// The place of a class among the classes; none for a class that the model does not know.
    pub fn place(classes: &[Value], class: &Value) -> Option<usize> {
        classes.iter().position(|known| is_same(known, class))
    }

    fn class(&self, text: &str) -> Result<Value, LabelError> {
        let found = self.classes.iter().find(|class| match class {
            Value::String(name) => name == text,
            other => serde_json::from_str(text).is_ok_and(|value| is_same(other, &value)),
        });
        found.cloned().ok_or_else(|| LabelError::UnknownClass {
            text: text.to_owned(),
            known: self.classes.iter().map(shown).collect::<Vec<_>>().join(", "),
        })
    }
}

/// `1` and `1.0` are the same class; `1` and `"1"` are not.
fn is_same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a))
}

fn shown(class: &Value) -> String {
    class.as_str().map_or_else(|| class.to_string(), str::to_owned)
}

fn truth(text: &str) -> Result<bool, LabelError> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" | "t" | "1" | "1.0" | "positive" => Ok(true),
        "no" | "n" | "false" | "f" | "0" | "0.0" | "negative" => Ok(false),
        _ => Err(LabelError::NotATruth { text: text.to_owned() }),
    }
}

fn number(text: &str) -> Result<f64, LabelError> {
    let parsed = text.parse::<f64>().ok().filter(|number| number.is_finite());
    parsed.ok_or_else(|| LabelError::NotANumber { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(task: Task) -> LabelSpec {
        LabelSpec { task, target: "late = 1".to_owned(), classes: vec![json!("elm"), json!("oak"), json!(3)] }
    }

    #[test]
    fn labels_are_read_by_task() {
        let said = |task, text: &str| spec(task).parse(text).map(|value| value.to_string()).unwrap_or_default();
        for (task, text, expected) in [
            (Task::Binary, "yes", "yes"),
            (Task::Binary, " N ", "no"),
            (Task::Binary, "1", "yes"),
            (Task::Binary, "0.0", "no"),
            (Task::Binary, "TRUE", "yes"),
            (Task::Binary, "perhaps", ""),
            (Task::Binary, "2", ""),
            (Task::Binary, "", ""),
            (Task::Multiclass, "elm", "elm"),
            (Task::Multiclass, "3", "3"),
            (Task::Multiclass, "3.0", "3"),
            (Task::Multiclass, "Elm", ""),
            (Task::Multiclass, "4", ""),
            (Task::Regression, "-12.5", "-12.5"),
            (Task::Regression, "1e3", "1000"),
            (Task::Regression, "NaN", ""),
            (Task::Regression, "inf", ""),
            (Task::Regression, "twelve", ""),
        ] {
            assert_eq!(said(task, text), expected, "{task} `{text}`");
        }
    }

    #[test]
    fn a_refusal_says_what_would_do() {
        let refused = spec(Task::Multiclass).parse("ash").expect_err("no such street");
        assert_eq!(refused.hint().as_deref(), Some("write one of elm, oak, 3"));
    }

    #[test]
    fn labels_survive_their_json() {
        for value in [
            LabelValue::Truth(true),
            LabelValue::Class(json!("elm")),
            LabelValue::Class(json!(3)),
            LabelValue::Number(0.1 + 0.2),
            LabelValue::CannotTell,
        ] {
            let text = serde_json::to_string(&value).expect("it serialises");
            assert_eq!(serde_json::from_str::<LabelValue>(&text).expect("it comes back"), value, "{text}");
        }
    }
}
