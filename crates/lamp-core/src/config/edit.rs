//! Writing into a `lamp.toml` that a person wrote: one table, and nothing else touched.

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::duty::Every;
use crate::error::{Classified, Kind};
use crate::names::ModelName;

/// Why a file cannot be written into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Not TOML.
    #[error("`{file}` cannot be read: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// Something else is where the table belongs.
    #[error("`cadence` in `{file}` is not a table")]
    NotATable {
        /// The file.
        file: String,
    },
}

impl Classified for EditError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => None,
            Self::NotATable { .. } => Some("write `[cadence.MODEL]` with its keys below it".to_owned()),
        }
    }
}

/// The text of a project's file with `[cadence.MODEL]` set to `every` and `evidence`. Comments, order and layout stay,
/// and other keys of the table too. A new table goes to the end.
pub fn set_cadence(
    text: &str,
    file: &str,
    model: &ModelName,
    every: Every,
    evidence: &str,
) -> Result<String, EditError> {
    let unreadable =
        |error: toml_edit::TomlError| EditError::Unreadable { file: file.to_owned(), why: error.to_string() };
    let mut document: DocumentMut = text.parse().map_err(unreadable)?;
    let not_a_table = || EditError::NotATable { file: file.to_owned() };
    let cadences = document.as_table_mut().entry("cadence").or_insert_with(|| {
        let mut table = Table::new();
        // No `[cadence]` line of its own.
        table.set_implicit(true);
        Item::Table(table)
    });
    let cadences = cadences.as_table_like_mut().ok_or_else(not_a_table)?;
    if cadences.get(model.as_str()).is_none() {
        cadences.insert(model.as_str(), Item::Table(Table::new()));
    }
    let cadence = cadences.get_mut(model.as_str()).and_then(Item::as_table_like_mut).ok_or_else(not_a_table)?;
    set(cadence, "every", &every.in_words());
    set(cadence, "evidence", evidence);
    Ok(document.to_string())
}

/// Sets a key to a text; what surrounds the old value (a comment behind it) stays.
fn set(table: &mut dyn TableLike, key: &str, text: &str) {
    let mut value = Value::from(text);
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let model = ModelName::parse("late").expect("a name");
        let every = "2 weeks".parse().expect("a period");
        match set_cadence(text, "lamp.toml", &model, every, "study:abc 123") {
            Ok(edited) => expected.assert_eq(&edited),
            Err(error) => expected.assert_eq(&format!("{error}\n")),
        }
    }

    #[test]
    fn a_new_table_goes_to_the_end_and_the_rest_stays() {
        check(
            "# The bakery.\n[project]\nname   = \"bakery\"   # ours\n\n[models.late]  # whether it comes late\ntask = \"binary\"\n",
            &expect![[r##"
                # The bakery.
                [project]
                name   = "bakery"   # ours

                [models.late]  # whether it comes late
                task = "binary"

                [cadence.late]
                every = "2 weeks"
                evidence = "study:abc 123"
            "##]],
        );
    }

    #[test]
    fn a_table_that_is_there_keeps_its_place_its_comments_and_its_other_keys() {
        check(
            "[cadence.late]   # agreed in May\nevery    = \"1 month\"    # for now\nat       = \"06:30\"\n\n[tests.all]\ncommand = \"true\"\n",
            &expect![[r#"
                [cadence.late]   # agreed in May
                every    = "2 weeks"    # for now
                at       = "06:30"
                evidence = "study:abc 123"

                [tests.all]
                command = "true"
            "#]],
        );
    }

    #[test]
    fn the_cadence_of_another_model_is_left_alone() {
        check(
            "[cadence.early]\nevery = \"day\"\n\n[duties]\n",
            &expect![[r#"
            [cadence.early]
            every = "day"

            [cadence.late]
            every = "2 weeks"
            evidence = "study:abc 123"

            [duties]
        "#]],
        );
        check(
            "[cadence]\nearly = { every = \"day\" }\nlate = { every = \"day\" } # often\n",
            &expect![[r#"
            [cadence]
            early = { every = "day" }
            late = { every = "2 weeks" , evidence = "study:abc 123" } # often
        "#]],
        );
    }

    #[test]
    fn what_is_no_table_is_refused() {
        check(
            "cadence = \"monthly\"\n",
            &expect![[r#"
            `cadence` in `lamp.toml` is not a table
        "#]],
        );
        check(
            "cadence = [\n",
            &expect![[r#"
            `lamp.toml` cannot be read: TOML parse error at line 1, column 12
              |
            1 | cadence = [
              |            ^
            unclosed array, expected `]`

        "#]],
        );
    }
}
