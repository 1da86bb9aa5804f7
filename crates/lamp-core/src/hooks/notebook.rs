//! Notebooks go into git without what their cells printed.

use serde_json::Value;

/// Why a notebook cannot be looked into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotebookError {
    /// Not JSON.
    #[error("not a notebook: {0}")]
    NotJson(String),
    /// JSON without cells.
    #[error("not a notebook: it has no `cells`")]
    NoCells,
}

/// Counts the code cells that kept an output or an execution count. Reads the notebook formats 3 (cells in
/// worksheets) and 4.
pub fn outputs_left(text: &str) -> Result<usize, NotebookError> {
    let notebook: Value = serde_json::from_str(text).map_err(|error| NotebookError::NotJson(error.to_string()))?;
    let cells_of = |value: &Value| value.get("cells").and_then(Value::as_array).cloned();
    let sheets = notebook.get("worksheets").and_then(Value::as_array);
    let in_sheets = || sheets.map(|sheets| sheets.iter().filter_map(cells_of).flatten().collect::<Vec<_>>());
    let cells = cells_of(&notebook).or_else(in_sheets).ok_or(NotebookError::NoCells)?;
    Ok(cells.iter().filter(|cell| keeps_output(cell)).count())
}

fn keeps_output(cell: &Value) -> bool {
    let has_outputs = cell.get("outputs").and_then(Value::as_array).is_some_and(|outputs| !outputs.is_empty());
    let counts = ["execution_count", "prompt_number"];
    let was_counted = counts.iter().any(|key| cell.get(key).is_some_and(|count| !count.is_null()));
    cell.get("cell_type").and_then(Value::as_str) == Some("code") && (has_outputs || was_counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_kept_something_are_counted() {
        let clean = r#"{"cell_type": "code", "execution_count": null, "outputs": [], "source": ["1"]}"#;
        let ran = r#"{"cell_type": "code", "execution_count": 3, "outputs": [], "source": ["1"]}"#;
        let printed = r#"{"cell_type": "code", "execution_count": null, "outputs": [{"text": "1"}], "source": []}"#;
        let words = r#"{"cell_type": "markdown", "source": ["outputs"], "execution_count": 1}"#;
        let count = |cells: &[&str]| outputs_left(&format!(r#"{{"nbformat": 4, "cells": [{}]}}"#, cells.join(",")));
        assert_eq!(count(&[]), Ok(0));
        assert_eq!(count(&[clean, words]), Ok(0));
        assert_eq!(count(&[clean, ran, printed, words]), Ok(2));
        let third =
            r#"{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "prompt_number": 1, "outputs": []}]}]}"#;
        assert_eq!(outputs_left(third), Ok(1));
    }

    #[test]
    fn what_is_no_notebook_is_said() {
        assert_eq!(outputs_left("{}"), Err(NotebookError::NoCells));
        assert!(matches!(outputs_left(""), Err(NotebookError::NotJson(_))));
    }
}
