//! Tables in memory, and their profiles.

use std::collections::HashMap;
use std::path::Path;

use lamp_core::partition::PartitionKey;
use lamp_core::profile::{ColumnBuilder, ColumnKind, ColumnProfile, Profile};

/// The cells of a column; none is null.
#[derive(Debug, Clone)]
pub enum Cells {
    /// Numbers; integers if all of them are whole.
    Numbers(Vec<Option<f64>>),
    /// Texts.
    Texts(Vec<Option<String>>),
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub cells: Cells,
}

/// One partition.
#[derive(Debug, Clone)]
pub struct Day {
    pub key: PartitionKey,
    pub columns: Vec<Column>,
}

impl Day {
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| match &column.cells {
            Cells::Numbers(cells) => cells.len(),
            Cells::Texts(cells) => cells.len(),
        })
    }

    pub fn profile(&self) -> Profile {
        Profile::new(self.rows() as u64, self.columns.iter().map(profile_of).collect())
    }

    pub fn find(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }
}

/// The profile of one column, as a file with these cells has it.
#[allow(clippy::cast_possible_truncation, reason = "whole numbers of the tables")]
pub fn profile_of(column: &Column) -> ColumnProfile {
    match &column.cells {
        Cells::Numbers(cells) => {
            let values: Vec<f64> = cells.iter().flatten().copied().collect();
            let nulls = (cells.len() - values.len()) as u64;
            let is_whole = values.iter().all(|value| value.fract() == 0.0);
            let (kind, data_type) = match (values.is_empty(), is_whole) {
                (true, _) => (ColumnKind::Null, "Null"),
                (false, true) => (ColumnKind::Int, "Int64"),
                (false, false) => (ColumnKind::Float, "Float64"),
            };
            let mut builder = ColumnBuilder::new(&column.name, data_type, kind);
            builder.nulls(nulls);
            if is_whole {
                builder.ints(&values.iter().map(|value| *value as i64).collect::<Vec<_>>());
            } else {
                builder.floats(&values);
            }
            builder.finish()
        }
        Cells::Texts(cells) => {
            let mut builder = ColumnBuilder::new(&column.name, "Utf8", ColumnKind::Text);
            let values: Vec<&str> = cells.iter().flatten().map(String::as_str).collect();
            builder.nulls((cells.len() - values.len()) as u64);
            builder.texts(values.iter().map(|value| (*value, 1)));
            builder.finish()
        }
    }
}

/// The rows of a CSV without quotes, with the places of its columns.
pub fn read_csv(path: &Path) -> (HashMap<String, usize>, Vec<Vec<String>>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let places = header.split(',').enumerate().map(|(at, name)| (name.to_owned(), at)).collect();
    (places, lines.map(|line| line.split(',').map(str::to_owned).collect()).collect())
}

/// A number, `NA` and an empty cell being null.
pub fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// A text, `NA` and an empty cell being null.
pub fn text(text: &str) -> Option<String> {
    (!text.is_empty() && text != "NA").then(|| text.to_owned())
}
