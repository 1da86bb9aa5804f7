//! Rules of `engine: lamplighter`.

use super::fields::{Fields, Findings};
use super::quality::Subject;
use crate::contract::lint::nearest;
use crate::contract::own::{Against, Change, DriftMethod, Order, OwnMetric, OwnRule, Statistic};
use crate::contract::parse_period;
use crate::contract::rule::Operator;
use crate::contract::yaml::{Node, Yaml};

/// Keys that every implementation may have, beside the operators.
const COMMON_KEYS: &[&str] = &["metric", "against", "as", "unit"];

/// The metric of several columns in another dataset, on a column or a table.
const FOREIGN_KEY: &str = "foreignKey";

/// Reads `implementation`. None, with a finding, when it says nothing that can be measured.
pub(super) fn rule(implementation: &Node, subject: &Subject<'_>, findings: &mut Findings) -> Option<OwnRule> {
    let mut fields = Fields::of(implementation, "`implementation`", findings)?;
    let word = fields.required_text("metric", findings);
    let metric = metric(&mut fields, &word, subject, findings)?;
    let against = against(&mut fields, findings);
    let change = chosen(&mut fields, "as", &Change::ALL, findings);
    let is_compared = against.is_some() || change.is_some();
    if is_compared && metric.counts_rows() {
        let message = format!("`{word}` counts rows of the data itself and is compared with nothing");
        findings.error(fields.place(if against.is_some() { "against" } else { "as" }), message, None);
    }
    if change.is_some() && metric.needs_reference() {
        findings.error(fields.place("as"), format!("`{word}` is a comparison already"), None);
    }
    if against.is_some() && change.is_none() && !metric.needs_reference() && !metric.counts_rows() {
        let words = Change::ALL.map(|(word, _)| word).join(", ");
        let message = "`against` says what to compare with, and not how".to_owned();
        findings.error(fields.place("against"), message, Some(format!("as: one of {words}")));
    }
    if change == Some(Change::ZScore) && against.is_none_or(|against| against.count() < 3) {
        let hint = Some("against: {last: 14}".to_owned());
        findings.error(fields.place("as"), "a z-score needs three partitions or more".to_owned(), hint);
    }
    let needs_default = against.is_none() && (metric.needs_reference() || change.is_some());
    Some(OwnRule { metric, against: against.or(needs_default.then_some(Against::Previous)), change })
}

fn metric(fields: &mut Fields<'_>, word: &str, subject: &Subject<'_>, findings: &mut Findings) -> Option<OwnMetric> {
    let statistic = Statistic::NAMED.iter().find(|(name, _)| *name == word).map(|(_, statistic)| *statistic);
    let named = OwnMetric::NAMES.iter().find(|(name, _)| *name == word).map(|(_, needs_column)| *needs_column);
    let needs_column = statistic.is_some() || named == Some(true);
    if needs_column && matches!(subject, Subject::Table { .. }) {
        let message = format!("`{word}` is about a column, and this rule is on the table");
        findings.error(fields.place("metric"), message, Some("move the rule under the property".to_owned()));
        return None;
    }
    if let Some(statistic) = statistic {
        keys(fields, &[], findings);
        return Some(OwnMetric::Statistic(statistic));
    }
    match word {
        "quantile" => quantile(fields, findings),
        "rowCount" | "columnCount" | "unexpectedColumns" | "schemaChanges" | "newCategories" | "lostCategories"
        | "freshness" => {
            keys(fields, &[], findings);
            plain(word)
        }
        "drift" => {
            keys(fields, &["method"], findings);
            let method = chosen(fields, "method", &DriftMethod::ALL, findings);
            Some(OwnMetric::Drift(method.unwrap_or(DriftMethod::Psi)))
        }
        "correlation" => {
            keys(fields, &["with"], findings);
            Some(OwnMetric::Correlation { with: needed(fields, "with", findings)? })
        }
        "violations" => {
            keys(fields, &["condition"], findings);
            Some(OwnMetric::Violations { condition: needed(fields, "condition", findings)? })
        }
        "comparison" => {
            keys(fields, &["is", "to"], findings);
            let order = chosen(fields, "is", &Order::ALL, findings);
            if fields.take("is").is_none() {
                let hint = Some("is: \"<=\"\nto: other_column".to_owned());
                findings.error(fields.start(), "`comparison` needs `is`".to_owned(), hint);
            }
            Some(OwnMetric::Comparison { order: order?, to: needed(fields, "to", findings)? })
        }
        "monotonic" => {
            keys(fields, &["is", "by"], findings);
            let order = chosen(fields, "is", &Order::ALL, findings).unwrap_or(Order::GreaterOrEqual);
            Some(OwnMetric::Monotonic { order, by: fields.text("by", findings) })
        }
        FOREIGN_KEY => foreign_key(fields, subject, findings),
        "staleGroups" => stale_groups(fields, findings),
        other => {
            unknown(fields, other, findings);
            None
        }
    }
}

/// Metrics that take no argument.
fn plain(word: &str) -> Option<OwnMetric> {
    match word {
        "rowCount" => Some(OwnMetric::RowCount),
        "columnCount" => Some(OwnMetric::ColumnCount),
        "unexpectedColumns" => Some(OwnMetric::UnexpectedColumns),
        "schemaChanges" => Some(OwnMetric::SchemaChanges),
        "newCategories" => Some(OwnMetric::NewCategories),
        "lostCategories" => Some(OwnMetric::LostCategories),
        "freshness" => Some(OwnMetric::Freshness),
        _ => None,
    }
}

fn unknown(fields: &Fields<'_>, word: &str, findings: &mut Findings) {
    let statistics = Statistic::NAMED.iter().map(|(name, _)| *name);
    let others = OwnMetric::NAMES.iter().map(|(name, _)| *name);
    let words: Vec<&str> = statistics.chain(others).chain([FOREIGN_KEY]).collect();
    if word.is_empty() {
        return;
    }
    let hint = nearest(word, &words)
        .map_or_else(|| format!("one of {}", words.join(", ")), |word| format!("did you mean `{word}`?"));
    findings.error(fields.place("metric"), format!("`{word}` is not a metric of lamplighter"), Some(hint));
}

fn quantile(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<OwnMetric> {
    keys(fields, &["quantile"], findings);
    let share = fields.number("quantile", findings);
    let Some(share) = share.filter(|share| (0.0..=1.0).contains(share)) else {
        let hint = Some("quantile: 0.95".to_owned());
        findings.error(fields.place("quantile"), "`quantile` is a number from 0 to 1".to_owned(), hint);
        return None;
    };
    Some(OwnMetric::Statistic(Statistic::Quantile(share)))
}

fn foreign_key(fields: &mut Fields<'_>, subject: &Subject<'_>, findings: &mut Findings) -> Option<OwnMetric> {
    keys(fields, &["dataset", "columns", "to"], findings);
    let columns = match subject {
        Subject::Column { name } => vec![(*name).to_owned()],
        Subject::Table { .. } => names(fields, "columns", findings),
    };
    let dataset = needed(fields, "dataset", findings)?;
    let to = if fields.take("to").is_some() { names(fields, "to", findings) } else { columns.clone() };
    if columns.is_empty() || columns.len() != to.len() {
        let hint = Some("columns: [a, b]\nto: [a, b]".to_owned());
        let message = format!("{} columns point to {} of `{dataset}`", columns.len(), to.len());
        findings.error(fields.start(), message, hint);
        return None;
    }
    Some(OwnMetric::ForeignKey { columns, dataset, to })
}

fn stale_groups(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<OwnMetric> {
    keys(fields, &["by", "age"], findings);
    let by = names(fields, "by", findings);
    let seconds = fields.text("age", findings).and_then(|age| seconds(&age));
    let (false, Some(seconds)) = (by.is_empty(), seconds) else {
        let hint = Some("by: [carrier]\nage: 2 d".to_owned());
        findings.error(fields.start(), "`staleGroups` needs `by` and `age`".to_owned(), hint);
        return None;
    };
    Some(OwnMetric::StaleGroups { by, seconds })
}

/// `2 d`, `36h`.
fn seconds(text: &str) -> Option<f64> {
    let digits = text.trim().find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.trim().split_at(digits);
    Some(number.parse::<f64>().ok()? * parse_period(unit.trim())?)
}

/// One name, or a list of them.
fn names(fields: &mut Fields<'_>, key: &str, findings: &mut Findings) -> Vec<String> {
    let is_list = fields.take(key).is_some_and(|node| matches!(node.yaml, Yaml::List(_)));
    if !is_list {
        return fields.text(key, findings).into_iter().collect();
    }
    let mut names = Vec::new();
    for node in fields.list(key, findings) {
        match &node.yaml {
            Yaml::Text(name) => names.push(name.clone()),
            _ => findings.error(node.place, format!("`{key}` lists names"), None),
        }
    }
    names
}

fn needed(fields: &mut Fields<'_>, key: &str, findings: &mut Findings) -> Option<String> {
    let text = fields.required_text(key, findings);
    (!text.trim().is_empty()).then_some(text)
}

fn chosen<T: Copy>(fields: &mut Fields<'_>, key: &str, all: &[(&str, T)], findings: &mut Findings) -> Option<T> {
    let word = fields.text(key, findings)?;
    let found = all.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
    if found.is_none() {
        let words = all.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        findings.error(fields.place(key), format!("`{word}` is none of {words}"), None);
    }
    found
}

/// `previous`, or `{last: N}`.
fn against(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<Against> {
    let node = fields.take("against")?;
    let wrong = |findings: &mut Findings| {
        let message = format!("`against` is `previous`, or how many of the last, at most {}", Against::LAST_MAX);
        findings.error(node.place, message, Some("against: {last: 14}".to_owned()));
        None
    };
    if matches!(&node.yaml, Yaml::Text(word) if word == "previous") {
        return Some(Against::Previous);
    }
    let Yaml::Map(_) = &node.yaml else { return wrong(findings) };
    let mut inner = Fields::of(node, "`against`", findings)?;
    inner.unknown(&["last"], findings);
    match inner.length("last", findings).and_then(|count| usize::try_from(count).ok()) {
        Some(count) if (1..=Against::LAST_MAX).contains(&count) => Some(Against::Last(count)),
        _ => wrong(findings),
    }
}

fn keys(fields: &Fields<'_>, own: &[&str], findings: &mut Findings) {
    let known: Vec<&str> = COMMON_KEYS.iter().chain(own).copied().chain(Operator::NAMES).collect();
    fields.unknown(&known, findings);
}
