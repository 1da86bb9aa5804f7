//! What the log keeps of a row that came in.

use std::collections::{BTreeMap, BTreeSet};

use lamp_core::digest::Digest;
use serde_json::Value;

/// What a service's log keeps of the inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptInputs {
    /// Nothing but a hash of the whole row.
    pub hash_only: bool,
    /// Columns that are left out. Where there are any, the hash of the whole row is kept too.
    pub redact: BTreeSet<String>,
}

impl KeptInputs {
    /// The part of `row` that is kept, and the hash of all of it where that is less. `is_tight`: the disk has
    /// no room for more than the hash.
    pub(crate) fn keep(
        &self,
        mut row: BTreeMap<String, Value>,
        is_tight: bool,
    ) -> (BTreeMap<String, Value>, Option<String>) {
        if !self.hash_only && !is_tight && self.redact.is_empty() {
            return (row, None);
        }
        let hash = hash(&row);
        if self.hash_only || is_tight {
            return (BTreeMap::new(), Some(hash));
        }
        row.retain(|name, _| !self.redact.contains(name));
        (row, Some(hash))
    }
}

/// BLAKE3 of the row as JSON without spaces, its inputs in the order of their names.
fn hash(row: &BTreeMap<String, Value>) -> String {
    // A map of JSON values can always be written.
    Digest::of(&serde_json::to_vec(row).unwrap_or_default()).to_hex()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row() -> BTreeMap<String, Value> {
        [("name", json!("Ann")), ("age", json!(41))].map(|(name, value)| (name.to_owned(), value)).into()
    }

    #[test]
    fn a_row_is_kept_whole_unless_the_service_says_otherwise() {
        assert_eq!(KeptInputs::default().keep(row(), false), (row(), None));
    }

    #[test]
    fn what_is_left_out_is_still_part_of_the_hash() {
        let whole = hash(&row());
        let redacting = KeptInputs { redact: ["name".to_owned()].into(), ..KeptInputs::default() };
        let (kept, redacted_hash) = redacting.keep(row(), false);
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["age"]);
        assert_eq!(redacted_hash.as_deref(), Some(whole.as_str()));
        let hashing = KeptInputs { hash_only: true, ..KeptInputs::default() };
        assert_eq!(hashing.keep(row(), false), (BTreeMap::new(), Some(whole.clone())));
        assert_eq!(KeptInputs::default().keep(row(), true), (BTreeMap::new(), Some(whole)));
        let mut other = row();
        other.insert("name".to_owned(), json!("Bob"));
        assert_ne!(redacting.keep(other, false).1, redacted_hash);
    }
}
