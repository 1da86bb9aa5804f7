//! The text of a suggested contract: ODCS 3.1.0, with the evidence where the promise stands.

use std::fmt::Write as _;

use super::{Findings, History, Promise, Suggested};
use crate::profile::Scalar;

/// Of all promises together.
pub(super) struct Summary {
    pub replayed: usize,
    pub alarmed: usize,
}

/// Lines of YAML at growing indents.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, indent: usize, text: &str) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "{:indent$}{text}", "");
    }

    fn comment(&mut self, indent: usize, text: &str) {
        let one_line: String = text.chars().map(|c| if is_unprintable(c) { ' ' } else { c }).collect();
        self.line(indent, &format!("# {one_line}"));
    }
}

pub(super) fn contract(history: &History, found: &Findings, summary: &Summary) -> String {
    let mut lines = Lines::default();
    head(history, summary, &mut lines);
    let name = scalar(&history.dataset);
    lines.line(0, "schema:");
    lines.line(2, &format!("- name: {name}"));
    lines.line(4, "logicalType: object");
    let of_table = |rule: &&Suggested| matches!(rule.promise, Promise::RowsAtLeast(_) | Promise::RowsAtMost(_));
    if found.suggested.iter().any(|rule| of_table(&rule)) {
        lines.line(4, "quality:");
        found.suggested.iter().filter(of_table).for_each(|rule| quality(rule, 6, &mut lines));
    }
    let key = found.suggested.iter().find(|rule| rule.promise == Promise::Key);
    if !found.columns.is_empty() {
        lines.line(4, "properties:");
    }
    let order = history.pieces.last().map(|piece| piece.profile.columns.as_slice()).unwrap_or_default();
    for column in order.iter().filter(|column| found.columns.contains_key(&column.name)) {
        let rules: Vec<&Suggested> =
            found.suggested.iter().filter(|rule| rule.column.as_deref() == Some(column.name.as_str())).collect();
        let place = key.and_then(|_| history.key.iter().position(|name| *name == column.name));
        property(&column.name, &found.columns[&column.name], &rules, key.zip(place), &mut lines);
    }
    latency(history, found, &mut lines);
    if !found.left_out.is_empty() {
        lines.line(0, "");
        lines.comment(0, "Left out:");
    }
    for left in &found.left_out {
        let column = left.column.as_deref().map(|column| format!("`{column}`, ")).unwrap_or_default();
        lines.comment(0, &format!("- {column}{}: {}", left.promise, left.why));
    }
    lines.0
}

fn head(history: &History, summary: &Summary, lines: &mut Lines) {
    let ends = match history.pieces.as_slice() {
        [] => String::new(),
        [only] => format!(" ({})", only.label),
        [first, .., last] => format!(" ({} to {})", first.label, last.label),
    };
    let count = history.pieces.len();
    lines.comment(
        0,
        &format!("Suggested by `lamp contract suggest` from {count} partitions of {}{ends}.", history.dataset),
    );
    lines.comment(0, "A bound has room beyond what was seen. Replayed: fitted on the first half, tried on the rest.");
    if summary.replayed > 0 {
        let Summary { alarmed, replayed } = summary;
        lines.comment(
            0,
            &format!("All promises together would have alarmed in {alarmed} of the last {replayed} partitions."),
        );
    } else {
        lines.comment(0, "There are too few partitions to replay: read every line before you believe it.");
    }
    lines.line(0, "apiVersion: v3.1.0");
    lines.line(0, "kind: DataContract");
    let name = scalar(&history.dataset);
    lines.line(0, &format!("id: {name}"));
    lines.line(0, &format!("name: {name}"));
    lines.line(0, "version: 1.0.0");
    lines.line(0, "status: draft");
    lines.line(0, "");
}

fn evidence(rule: &Suggested) -> String {
    let replayed = rule.backtest.as_ref().map_or_else(|| "not replayed".to_owned(), super::Backtest::words);
    format!("{}; {replayed}", rule.evidence)
}

fn property(name: &str, data_type: &str, rules: &[&Suggested], key: Option<(&Suggested, usize)>, lines: &mut Lines) {
    lines.line(6, &format!("- name: {}", scalar(name)));
    let mut options = Vec::new();
    let mut qualities = Vec::new();
    for rule in rules {
        match &rule.promise {
            Promise::Type(logical) => {
                lines.line(8, &format!("logicalType: {logical}"));
                lines.line(8, &format!("physicalType: {}", scalar(physical_type(data_type))));
            }
            Promise::Required => {
                lines.comment(8, &evidence(rule));
                lines.line(8, "required: true");
            }
            Promise::Unique => {
                lines.comment(8, &evidence(rule));
                lines.line(8, "unique: true");
            }
            Promise::Minimum(bound) => options.push((*rule, format!("minimum: {bound}"))),
            Promise::Maximum(bound) => options.push((*rule, format!("maximum: {bound}"))),
            Promise::MinLength(bound) => options.push((*rule, format!("minLength: {bound}"))),
            Promise::MaxLength(bound) => options.push((*rule, format!("maxLength: {bound}"))),
            Promise::Values(..) | Promise::NullShare(_) => qualities.push(*rule),
            Promise::Key | Promise::RowsAtLeast(_) | Promise::RowsAtMost(_) | Promise::Latency(_) => {}
        }
    }
    if let Some((rule, place)) = key {
        lines.comment(8, &format!("key: {}", rule.evidence));
        lines.line(8, "primaryKey: true");
        lines.line(8, &format!("primaryKeyPosition: {}", place + 1));
    }
    if !options.is_empty() {
        lines.line(8, "logicalTypeOptions:");
    }
    for (rule, text) in options {
        lines.comment(10, &evidence(rule));
        lines.line(10, &text);
    }
    if !qualities.is_empty() {
        lines.line(8, "quality:");
        for rule in qualities {
            quality(rule, 10, lines);
        }
    }
}

/// The type without what only says how it lies in memory: text is text, however long it may be.
fn physical_type(data_type: &str) -> &str {
    match data_type {
        "LargeUtf8" | "Utf8View" => "Utf8",
        other => other,
    }
}

/// A rule of the library. What the description is for, only a person knows.
fn quality(rule: &Suggested, indent: usize, lines: &mut Lines) {
    let (metric, dimension, body) = match &rule.promise {
        Promise::RowsAtLeast(bound) => {
            ("rowCount", "completeness", vec!["id: fewest-rows".to_owned(), format!("mustBeGreaterOrEqualTo: {bound}")])
        }
        Promise::RowsAtMost(bound) => {
            ("rowCount", "accuracy", vec!["id: most-rows".to_owned(), format!("mustBeLessOrEqualTo: {bound}")])
        }
        Promise::NullShare(bound) => {
            ("nullValues", "completeness", vec!["unit: percent".to_owned(), format!("mustBeLessOrEqualTo: {bound}")])
        }
        Promise::Values(values, share) => {
            let listed: Vec<String> = values.iter().map(value).collect();
            let mut body = vec!["arguments:".to_owned(), format!("  validValues: [{}]", listed.join(", "))];
            if *share > 0.0 {
                body.extend(["unit: percent".to_owned(), format!("mustBeLessOrEqualTo: {share}")]);
            } else {
                body.push("mustBe: 0".to_owned());
            }
            ("invalidValues", "conformity", body)
        }
        Promise::Type(_)
        | Promise::Required
        | Promise::Unique
        | Promise::Key
        | Promise::Minimum(_)
        | Promise::Maximum(_)
        | Promise::MinLength(_)
        | Promise::MaxLength(_)
        | Promise::Latency(_) => return,
    };
    lines.comment(indent, &evidence(rule));
    lines.line(indent, &format!("- metric: {metric}"));
    for text in &body {
        lines.line(indent + 2, text);
    }
    lines.line(indent + 2, &format!("dimension: {dimension}"));
}

fn latency(history: &History, found: &Findings, lines: &mut Lines) {
    for rule in &found.suggested {
        let (Promise::Latency(hours), Some(column)) = (&rule.promise, &rule.column) else { continue };
        lines.line(0, "");
        lines.line(0, "slaProperties:");
        lines.comment(2, &rule.evidence);
        lines.line(2, "- property: latency");
        lines.line(4, &format!("value: {hours}"));
        lines.line(4, "unit: h");
        lines.line(4, &format!("element: {}", scalar(&format!("{}.{column}", history.dataset))));
    }
}

fn value(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Text(text) => quoted(text),
        Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_) | Scalar::Instant(_) => scalar.to_string(),
    }
}

/// Text as it stands where YAML takes it for text, else in quotes.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_a_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let is_plain = is_a_name && !WORDS.contains(&text.to_lowercase().as_str());
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// A JSON string is a double-quoted scalar of YAML, but for the characters that YAML wants escaped and JSON does not.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let escaped = |c: char| if is_unprintable(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    json.chars().map(escaped).collect()
}

/// Characters that may not stand in YAML as they are, or that end a line there.
fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
