//! Which columns hold values that must not be shown.

use crate::contract::read::fields::{Fields, Findings};
use crate::contract::yaml::{Node, Yaml};

/// Words of `classification` for values that anybody who reads a report may see. The standard leaves the words
/// open, so any other one masks.
const OPEN_CLASSES: &[&str] = &["public", "open", "unclassified", "internal", "general", "none", "1"];

/// Tags and names of custom properties that say that a column is sensitive.
const SENSITIVE_WORDS: &[&str] = &[
    "sensitive",
    "pii",
    "phi",
    "pci",
    "personal",
    "personaldata",
    "confidential",
    "restricted",
    "secret",
    "masked",
    "mask",
];

/// Whether a report must not show the values of the property with these fields.
pub(super) fn is_sensitive(fields: &mut Fields<'_>, classification: Option<&str>, findings: &mut Findings) -> bool {
    let is_classified = classification.is_some_and(|word| !OPEN_CLASSES.contains(&word.trim().to_lowercase().as_str()));
    let is_critical = fields.boolean("criticalDataElement", findings);
    let is_encrypted = fields.text("encryptedName", findings).is_some_and(|name| !name.is_empty());
    let is_tagged =
        fields.list("tags", findings).iter().any(|tag| matches!(&tag.yaml, Yaml::Text(word) if is_word(word)));
    let is_custom = fields.list("customProperties", findings).iter().any(|custom| says_so(custom, findings));
    is_classified || is_critical || is_encrypted || is_tagged || is_custom
}

fn is_word(word: &str) -> bool {
    let bare: String = word.chars().filter(char::is_ascii_alphabetic).collect();
    SENSITIVE_WORDS.contains(&bare.to_lowercase().as_str())
}

/// `{property: pii, value: true}`; any value but a plain no says yes.
fn says_so(custom: &Node, findings: &mut Findings) -> bool {
    let Some(mut fields) = Fields::of(custom, "a custom property", findings) else { return false };
    let is_named = fields.text("property", findings).is_some_and(|name| is_word(&name));
    let is_denied = match fields.take("value").map(|node| &node.yaml) {
        None | Some(Yaml::Null | Yaml::Bool(false)) => true,
        Some(Yaml::Text(word)) => ["", "no", "none", "false", "public"].contains(&word.to_lowercase().as_str()),
        Some(Yaml::Bool(true) | Yaml::Int(_) | Yaml::Float(_) | Yaml::List(_) | Yaml::Map(_)) => false,
    };
    is_named && !is_denied
}
