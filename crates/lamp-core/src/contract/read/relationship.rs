//! Foreign keys.

use super::fields::{Fields, Findings};
use crate::contract::types::Relationship;
use crate::contract::yaml::{Node, Yaml};

const KEYS: &[&str] = &["type", "from", "to", "customProperties"];

/// The relationships of a column, whose `from` is the column itself.
pub(super) fn of_column(fields: &mut Fields<'_>, column: &str, findings: &mut Findings) -> Vec<Relationship> {
    let nodes = fields.list("relationships", findings);
    nodes.iter().filter_map(|node| relationship(node, Some(column), findings)).collect()
}

/// The relationships of a table, each of which says where it comes from.
pub(super) fn of_table(fields: &mut Fields<'_>, findings: &mut Findings) -> Vec<Relationship> {
    fields.list("relationships", findings).iter().filter_map(|node| relationship(node, None, findings)).collect()
}

fn relationship(node: &Node, column: Option<&str>, findings: &mut Findings) -> Option<Relationship> {
    let mut fields = Fields::of(node, "a relationship", findings)?;
    fields.unknown(KEYS, findings);
    if let Some(other) = fields.text("type", findings).filter(|word| word != "foreignKey") {
        let hint = Some("type: foreignKey".to_owned());
        findings.error(fields.place("type"), format!("`{other}` is not a type of relationship"), hint);
        return None;
    }
    let from = match column {
        Some(column) => vec![column.to_owned()],
        None => references(&mut fields, "from", findings)?.into_iter().map(|(_, column)| column).collect(),
    };
    let to = references(&mut fields, "to", findings)?;
    if from.len() != to.len() {
        let message = format!("{} columns point to {}", from.len(), to.len());
        findings.error(fields.place("to"), message, Some("name one column in `to` for each in `from`".to_owned()));
        return None;
    }
    let table = to.first().map(|(table, _)| table.clone()).unwrap_or_default();
    if table.is_empty() || to.iter().any(|(other, _)| *other != table) {
        let hint = Some("to: other_table.column".to_owned());
        findings.error(fields.place("to"), "`to` names the columns of one other table".to_owned(), hint);
        return None;
    }
    let to = to.into_iter().map(|(_, column)| column).collect();
    Some(Relationship { from, table, to, line: node.place.line })
}

/// One reference or a list of them, each as table (empty when left out) and column.
fn references(fields: &mut Fields<'_>, key: &str, findings: &mut Findings) -> Option<Vec<(String, String)>> {
    let Some(node) = fields.take(key) else {
        findings.error(fields.start(), format!("a relationship needs `{key}`"), Some(format!("{key}: table.column")));
        return None;
    };
    let nodes = match &node.yaml {
        Yaml::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let mut found = Vec::new();
    for node in nodes {
        let reference = match &node.yaml {
            Yaml::Text(text) => split(text),
            _ => None,
        };
        let Some(reference) = reference else {
            let hint = Some(format!("{key}: table.column"));
            findings.error(node.place, format!("`{key}` names columns as table.column"), hint);
            return None;
        };
        found.push(reference);
    }
    Some(found)
}

/// `table.column`, or the standard's long way by identifiers: `schema/TABLE/properties/COLUMN`, also behind the
/// name of another file and `#/`.
fn split(text: &str) -> Option<(String, String)> {
    let text = text.rsplit_once("#/").map_or(text, |(_, fragment)| fragment);
    let text = text.trim_start_matches('/');
    if text.contains('/') {
        return match text.split('/').collect::<Vec<_>>().as_slice() {
            ["schema", table, "properties", column] => Some(((*table).to_owned(), (*column).to_owned())),
            _ => None,
        };
    }
    let (table, column) = text.rsplit_once('.').unwrap_or(("", text));
    (!column.is_empty()).then(|| (table.to_owned(), column.to_owned()))
}
