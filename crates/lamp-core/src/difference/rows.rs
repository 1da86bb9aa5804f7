//! Rows of two versions, told apart by a key.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::check::MASK;

/// How the rows of two versions differ.
///
/// Rows with the same key are the same, or else one is the other changed. Where several rows of one side share a key,
/// equal rows are set off against each other first; of the others as many count as changed as there are on both
/// sides. Without a key each row is its own, and none is changed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RowDifference {
    /// The columns that tell rows apart; none when whole rows were compared.
    pub key: Vec<String>,
    /// Rows that only the later version has.
    pub added: u64,
    /// Rows that only the earlier version has.
    pub removed: u64,
    /// Rows with the same key and other values.
    pub changed: u64,
    /// Rows that both have, among the files that were read.
    pub same: u64,
    /// Keys that several rows of one version share.
    pub shared_keys: u64,
    /// How many of the changed rows differ in each column, most first.
    pub columns: Vec<(String, u64)>,
    /// Changed rows that were looked at for that: all of them, unless there are very many.
    pub looked_at: u64,
    /// Columns that only one of the versions has, or whose types have nothing in common: rows are compared without
    /// them.
    pub not_compared: Vec<String>,
    /// Some of the added rows.
    pub some_added: Vec<SampleRow>,
    /// Some of the removed rows.
    pub some_removed: Vec<SampleRow>,
    /// Some of the changed rows.
    pub some_changed: Vec<ChangedRow>,
}

/// A value with its column. Instants are RFC 3339 text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The column.
    pub column: String,
    /// The value.
    pub value: Value,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleRow {
    /// Its values: those of the key first.
    pub cells: Vec<Cell>,
}

/// A value that is another now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangedCell {
    /// The column.
    pub column: String,
    /// In the earlier version.
    pub before: Value,
    /// In the later one.
    pub after: Value,
}

/// A row that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangedRow {
    /// Its key.
    pub key: Vec<Cell>,
    /// The values that differ.
    pub cells: Vec<ChangedCell>,
}

impl RowDifference {
    /// Whether no row differs.
    pub fn is_nothing(&self) -> bool {
        self.added + self.removed + self.changed == 0
    }

    /// Hides the values of columns that are not to be shown. That a row or a value changed is still said.
    pub fn mask(&mut self, is_sensitive: impl Fn(&str) -> bool) {
        let hide = |column: &str, value: &mut Value| {
            if is_sensitive(column) && !value.is_null() {
                *value = Value::String(MASK.to_owned());
            }
        };
        let rows = self.some_added.iter_mut().chain(&mut self.some_removed).flat_map(|row| &mut row.cells);
        let keys = self.some_changed.iter_mut().flat_map(|row| &mut row.key);
        rows.chain(keys).for_each(|cell| hide(&cell.column, &mut cell.value));
        for cell in self.some_changed.iter_mut().flat_map(|row| &mut row.cells) {
            hide(&cell.column, &mut cell.before);
            hide(&cell.column, &mut cell.after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_sensitive_columns_are_hidden_wherever_they_stand() {
        let cell = |column: &str| Cell { column: column.to_owned(), value: Value::from(7) };
        let row = || SampleRow { cells: vec![cell("id"), cell("salary")] };
        let changed = ChangedRow {
            key: vec![cell("id")],
            cells: vec![
                ChangedCell { column: "salary".to_owned(), before: Value::from(7), after: Value::Null },
                ChangedCell { column: "id".to_owned(), before: Value::from(7), after: Value::from(8) },
            ],
        };
        let mut rows = RowDifference {
            some_added: vec![row()],
            some_removed: vec![row()],
            some_changed: vec![changed],
            ..RowDifference::default()
        };
        rows.mask(|column| column == "salary");
        let text = serde_json::to_string(&rows).expect("JSON");
        assert_eq!(text.matches(MASK).count(), 3, "{text}");
        assert_eq!(rows.some_changed[0].cells[0].after, Value::Null, "nothing is no secret");
        assert_eq!(rows.some_changed[0].cells[1].before, Value::from(7));
        rows.mask(|column| column == "id");
        assert!(!serde_json::to_string(&rows).expect("JSON").contains('7'));
    }
}
