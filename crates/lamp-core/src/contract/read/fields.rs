//! Taking the entries of a mapping, one by one, with a finding for each that is not right.

use crate::contract::lint::{Lint, nearest};
use crate::contract::yaml::{Entry, Node, Place, Yaml};

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub lints: Vec<Lint>,
    /// For contracts of a later version of the standard.
    pub unknown_keys_are_warnings: bool,
}

impl Findings {
    pub(super) fn error(&mut self, place: Place, message: String, hint: Option<String>) {
        self.lints.push(Lint::error(place, message, hint));
    }

    pub(super) fn warning(&mut self, place: Place, message: String, hint: Option<String>) {
        self.lints.push(Lint::warning(place, message, hint));
    }
}

/// The entries of a mapping.
pub(super) struct Fields<'a> {
    what: &'static str,
    place: Place,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// The entries of `node`, which messages call `what`; none when it is not a mapping.
    pub(super) fn of(node: &'a Node, what: &'static str, findings: &mut Findings) -> Option<Self> {
        if let Yaml::Map(entries) = &node.yaml {
            return Some(Self { what, place: node.place, entries });
        }
        findings.error(node.place, format!("{what} is a mapping, and this is {}", node.word()), None);
        None
    }

    /// Where `key` is written; else where the mapping starts.
    pub(super) fn place(&self, key: &str) -> Place {
        self.entries.iter().find(|entry| entry.key == key).map_or(self.place, |entry| entry.key_place)
    }

    /// The mapping's own place.
    pub(super) fn start(&self) -> Place {
        self.place
    }

    pub(super) fn take(&mut self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    fn wrong(&self, node: &Node, key: &str, wanted: &str, findings: &mut Findings) {
        findings.error(node.place, format!("`{key}` of {} is {wanted}, and this is {}", self.what, node.word()), None);
    }

    pub(super) fn text(&mut self, key: &str, findings: &mut Findings) -> Option<String> {
        let node = self.take(key)?;
        let bare = match &node.yaml {
            Yaml::Null => return None,
            Yaml::Text(text) => return Some(text.clone()),
            Yaml::Int(value) => value.to_string(),
            Yaml::Float(value) => value.to_string(),
            Yaml::Bool(value) => value.to_string(),
            Yaml::List(_) | Yaml::Map(_) => {
                self.wrong(node, key, "text", findings);
                return None;
            }
        };
        let hint = Some(format!("{key}: \"{bare}\""));
        findings.warning(node.place, format!("`{key}` is text; without quotes this is {}", node.word()), hint);
        Some(bare)
    }

    pub(super) fn required_text(&mut self, key: &str, findings: &mut Findings) -> String {
        let text = self.text(key, findings).unwrap_or_default();
        let is_missing = self.take(key).is_none_or(|node| node.yaml == Yaml::Null);
        if is_missing {
            findings.error(self.place, format!("{} needs `{key}`", self.what), Some(format!("{key}: …")));
        } else if text.trim().is_empty() {
            findings.error(self.place(key), format!("`{key}` is empty"), None);
        }
        text
    }

    pub(super) fn boolean(&mut self, key: &str, findings: &mut Findings) -> bool {
        let Some(node) = self.take(key) else { return false };
        match &node.yaml {
            Yaml::Bool(value) => *value,
            Yaml::Null => false,
            _ => {
                findings.error(node.place, format!("`{key}` is true or false"), Some(format!("{key}: true")));
                false
            }
        }
    }

    pub(super) fn integer(&mut self, key: &str, findings: &mut Findings) -> Option<i64> {
        let node = self.take(key)?;
        match node.yaml {
            Yaml::Int(value) => Some(value),
            Yaml::Null => None,
            _ => {
                self.wrong(node, key, "a whole number", findings);
                None
            }
        }
    }

    pub(super) fn length(&mut self, key: &str, findings: &mut Findings) -> Option<u64> {
        let value = self.integer(key, findings)?;
        let length = u64::try_from(value).ok();
        if length.is_none() {
            findings.error(self.place(key), format!("`{key}` is not below zero"), None);
        }
        length
    }

    pub(super) fn number(&mut self, key: &str, findings: &mut Findings) -> Option<f64> {
        let node = self.take(key)?;
        let number = node.number();
        if number.is_none() && node.yaml != Yaml::Null {
            self.wrong(node, key, "a number", findings);
        }
        number
    }

    pub(super) fn list(&mut self, key: &str, findings: &mut Findings) -> &'a [Node] {
        match self.take(key).map(|node| (node, &node.yaml)) {
            None | Some((_, Yaml::Null)) => &[],
            Some((_, Yaml::List(items))) => items,
            Some((node, _)) => {
                self.wrong(node, key, "a list", findings);
                &[]
            }
        }
    }

    /// One finding for each key that is none of `known`.
    pub(super) fn unknown(&self, known: &[&str], findings: &mut Findings) {
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let message = format!("{} has no key `{}`", self.what, entry.key);
            let hint = match nearest(&entry.key, known) {
                Some(word) => format!("did you mean `{word}`?"),
                None => "put what the standard does not know under `customProperties`".to_owned(),
            };
            if findings.unknown_keys_are_warnings {
                findings.warning(entry.key_place, message, Some(hint));
            } else {
                findings.error(entry.key_place, message, Some(hint));
            }
        }
    }
}
