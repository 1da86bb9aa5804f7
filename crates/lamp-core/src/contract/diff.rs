//! What changed between two contracts, and whether it breaks those who read the data.
//!
//! A reader relies on what was promised. So a change breaks when something that was there is gone or has another
//! shape, or when a promise became weaker: values, nulls, repetitions or delays may now come that could not come
//! before. A stronger promise and a new column break no reader; whoever *writes* the data must keep it, and `lamp
//! check` says whether they do.

mod promise;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::types::{Contract, Property, SchemaObject};

/// What a change does to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It is gone.
    Removed,
    /// It is there under another name.
    Renamed,
    /// Its values have another type.
    Retyped,
    /// Less is promised.
    Loosened,
    /// Something else is promised, neither less nor more.
    Changed,
    /// It is new.
    Added,
    /// More is promised.
    Tightened,
    /// Other words for the same.
    Described,
}

impl Effect {
    /// Whether a reader can be broken by it.
    pub const fn is_breaking(self) -> bool {
        match self {
            Self::Removed | Self::Renamed | Self::Retyped | Self::Loosened | Self::Changed => true,
            Self::Added | Self::Tightened | Self::Described => false,
        }
    }

    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Retyped => "retyped",
            Self::Loosened => "loosened",
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Tightened => "tightened",
            Self::Described => "described",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is about: `flights.carrier.required`, `sla.latency`.
    pub subject: String,
    /// What it does to a reader.
    pub effect: Effect,
    /// Whether it can break one.
    pub breaking: bool,
    /// One sentence for people.
    pub message: String,
    /// Its line in the new contract; in the old one for what is gone.
    pub line: u64,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn push(&mut self, subject: String, effect: Effect, message: String, line: u64) {
        self.0.push(Change { subject, effect, breaking: effect.is_breaking(), message, line });
    }
}

/// The changes from `old` to `new`, those that break first.
pub fn diff(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut changes = Changes::default();
    for before in &old.objects {
        match new.objects.iter().find(|object| object.name == before.name) {
            Some(after) => object(before, after, &mut changes),
            None => changes.push(before.name.clone(), Effect::Removed, "the table is gone".to_owned(), before.line),
        }
    }
    for after in new.objects.iter().filter(|after| !old.objects.iter().any(|object| object.name == after.name)) {
        changes.push(after.name.clone(), Effect::Added, "the table is new".to_owned(), after.line);
    }
    promise::service(old, new, &mut changes);
    changes.0.sort_by_key(|change| !change.breaking);
    changes.0
}

/// What a reader must be told besides: a change that breaks, under a version that does not say so.
pub fn version_advice(old: &Contract, new: &Contract, changes: &[Change]) -> Option<String> {
    let major =
        |version: &str| version.trim_start_matches('v').split('.').next().and_then(|text| text.parse::<u64>().ok());
    let is_breaking = changes.iter().any(|change| change.breaking);
    let (Some(before), Some(after)) = (major(&old.version), major(&new.version)) else { return None };
    (is_breaking && after <= before).then(|| format!("write version: {}.0.0 so that readers can see it", before + 1))
}

fn object(before: &SchemaObject, after: &SchemaObject, changes: &mut Changes) {
    if before.physical_name != after.physical_name {
        let name = |object: &SchemaObject| object.physical_name.clone().unwrap_or_else(|| object.name.clone());
        if name(before) != name(after) {
            let message = format!("in files it was `{}` and is `{}`", name(before), name(after));
            changes.push(after.name.clone(), Effect::Renamed, message, after.line);
        }
    }
    let gone: Vec<&Property> = before.properties.iter().filter(|property| find(after, property).is_none()).collect();
    let fresh: Vec<&Property> = after.properties.iter().filter(|property| find(before, property).is_none()).collect();
    let mut renamed = BTreeSet::new();
    for property in gone {
        let subject = format!("{}.{}", before.name, property.name);
        let candidate =
            fresh.iter().find(|other| is_same_but_for_name(property, other) && !renamed.contains(&other.name));
        match candidate {
            Some(other) => {
                renamed.insert(other.name.clone());
                let message = format!("the column is gone; `{}`, which is new, promises the same", other.name);
                changes.push(subject, Effect::Renamed, message, other.line);
            }
            None => changes.push(subject, Effect::Removed, "the column is gone".to_owned(), property.line),
        }
    }
    for property in fresh.iter().filter(|property| !renamed.contains(&property.name)) {
        let subject = format!("{}.{}", after.name, property.name);
        let word =
            if property.required { "the column is new; those who write must fill it" } else { "the column is new" };
        changes.push(subject, Effect::Added, word.to_owned(), property.line);
    }
    for property in &before.properties {
        if let Some(other) = find(after, property) {
            promise::property(&format!("{}.{}", before.name, property.name), property, other, changes);
        }
    }
    let names = |object: &SchemaObject| object.primary_key().iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    key(&before.name, &names(before), &names(after), after.line, changes);
    promise::rules(&before.name, &before.quality, &after.quality, changes);
}

fn find<'a>(object: &'a SchemaObject, property: &Property) -> Option<&'a Property> {
    object.properties.iter().find(|candidate| candidate.name == property.name)
}

/// Whether a new column looks like one that is gone: there is something promised of it, and all of that is the same.
fn is_same_but_for_name(before: &Property, after: &Property) -> bool {
    let says_something = before.logical_type.is_some() || before.physical_type.is_some();
    says_something
        && before.logical_type == after.logical_type
        && before.physical_type == after.physical_type
        && before.options == after.options
        && before.required == after.required
        && before.unique == after.unique
        && before.quality.len() == after.quality.len()
}

fn key(object: &str, before: &[String], after: &[String], line: u64, changes: &mut Changes) {
    if before == after {
        return;
    }
    let subject = format!("{object}.key");
    let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
    let (old, new) = (sorted(before), sorted(after));
    // Fewer columns that tell the rows apart are a stronger promise.
    let effect = if old == new {
        Effect::Described
    } else if before.is_empty() || (!after.is_empty() && new.is_subset(&old)) {
        Effect::Tightened
    } else if after.is_empty() || old.is_subset(&new) {
        Effect::Loosened
    } else {
        Effect::Changed
    };
    let words =
        |names: &[String]| if names.is_empty() { "no key".to_owned() } else { format!("({})", names.join(", ")) };
    changes.push(subject, effect, format!("the primary key was {} and is {}", words(before), words(after)), line);
}

#[cfg(test)]
mod tests;
