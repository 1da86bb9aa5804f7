//! Files of labels: CSV, TSV, Parquet or JSON lines with `prediction_id`, `value` and, where it is known, `event_at`.

use std::path::Path;

use lamp_core::package::Datatype;
use lamp_core::table::Values;
use lamp_engine::{DataFile, Engine, FileFormat};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LabelingError;
use super::import::IMPORT_ROWS_MAX;
use crate::app::App;
use crate::parts::PartError;

const PREDICTION_ID: &str = "prediction_id";
const VALUE: &str = "value";
const EVENT_AT: &str = "event_at";

/// One row of a file, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenLabel {
    /// The line in the file, from 1, the header counted; for Parquet the row, from 1.
    pub line: usize,
    /// The prediction's id.
    pub prediction_id: String,
    /// The truth.
    pub value: String,
    /// When the truth came to be, RFC 3339.
    pub event_at: Option<String>,
}

/// A row that is no label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadRow {
    /// The line in the file.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl App {
    /// See [`read`].
    pub async fn read_label_file(&self, path: &Path) -> Result<Vec<WrittenLabel>, LabelingError> {
        read(path, self.engine()).await
    }
}

/// Reads a file of labels; its extension says the format (`.csv`, `.tsv`, `.parquet`, `.jsonl`).
pub async fn read(path: &Path, engine: &Engine) -> Result<Vec<WrittenLabel>, LabelingError> {
    let is_json = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "ndjson");
    if is_json {
        let text = std::fs::read_to_string(path).map_err(PartError::file("read", path))?;
        return json_lines(&text, path);
    }
    read_table(path, engine).await
}

async fn read_table(path: &Path, engine: &Engine) -> Result<Vec<WrittenLabel>, LabelingError> {
    let file = DataFile::at(path);
    let first_line = match file.format()? {
        FileFormat::Csv | FileFormat::Tsv => 2,
        FileFormat::Parquet => 1,
    };
    let facts = engine.inspect(&file).await?;
    let rows = usize::try_from(facts.rows.unwrap_or_default()).unwrap_or(usize::MAX);
    if rows > IMPORT_ROWS_MAX {
        return Err(LabelingError::TooMany { rows });
    }
    let has = |name: &str| facts.schema.iter().any(|column| column.name == name);
    for name in [PREDICTION_ID, VALUE] {
        if !has(name) {
            return Err(no_file(path, &format!("it has no column `{name}`")));
        }
    }
    let names = [PREDICTION_ID, VALUE, EVENT_AT].into_iter().filter(|name| has(name));
    let columns: Vec<_> = names.map(|name| (name.to_owned(), Datatype::Bytes)).collect();
    let table = engine.read_table(&[file], &columns, None).await?.inputs;
    let text = |name: &str, row: usize| {
        let Some(Values::Text(texts)) = table.find(name) else { return None };
        texts.get(row).cloned().flatten()
    };
    let written = (0..table.rows()).map(|row| WrittenLabel {
        line: row + first_line,
        prediction_id: text(PREDICTION_ID, row).unwrap_or_default(),
        value: text(VALUE, row).unwrap_or_default(),
        event_at: text(EVENT_AT, row),
    });
    Ok(written.collect())
}

fn no_file(path: &Path, why: &str) -> LabelingError {
    LabelingError::File { file: path.display().to_string(), why: why.to_owned() }
}

/// A row of a JSON lines file, or of the API's body: the value may be a text, a number or a truth.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonLabel {
    /// The prediction's id.
    pub prediction_id: String,
    /// The truth.
    pub value: Value,
    /// When the truth came to be, RFC 3339.
    #[serde(default)]
    pub event_at: Option<String>,
}

impl JsonLabel {
    /// The row as a file would have it.
    pub fn written(self, line: usize) -> WrittenLabel {
        let value = match self.value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        WrittenLabel { line, prediction_id: self.prediction_id, value, event_at: self.event_at }
    }
}

fn json_lines(text: &str, path: &Path) -> Result<Vec<WrittenLabel>, LabelingError> {
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let rows = lines.map(|(line, number)| {
        let row: Result<JsonLabel, _> = serde_json::from_str(line);
        row.map(|row| row.written(number)).map_err(|error| no_file(path, &format!("line {number}: {error}")))
    });
    let rows: Vec<WrittenLabel> = rows.collect::<Result<_, _>>()?;
    if rows.len() > IMPORT_ROWS_MAX {
        return Err(LabelingError::TooMany { rows: rows.len() });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_take_values_of_any_kind() {
        let text = "{\"prediction_id\": \"a\", \"value\": true}\n\n{\"prediction_id\": \"b\", \"value\": \"elm\", \
                    \"event_at\": \"2013-04-01T10:00:00Z\"}\n{\"prediction_id\": \"c\", \"value\": 2.5}\n";
        let rows = json_lines(text, Path::new("x.jsonl")).expect("labels");
        let shown: Vec<_> = rows.iter().map(|row| (row.line, row.value.as_str(), row.event_at.is_some())).collect();
        assert_eq!(shown, [(1, "true", false), (3, "elm", true), (4, "2.5", false)]);
        let refused = json_lines("{\"prediction_id\": \"a\", \"valve\": 1}", Path::new("x.jsonl"));
        assert!(refused.expect_err("a slip").to_string().contains("line 1"), "the line is named");
    }
}
