//! Quality rules.

use super::fields::{Fields, Findings};
use super::own;
use crate::check::Severity;
use crate::contract::lint::nearest;
use crate::contract::own::OWN_ENGINE;
use crate::contract::rule::{Metric, Operator, Rule, RuleKind, Unit};
use crate::contract::yaml::{Node, Place, Yaml};

/// Keys of a rule, but for its operator.
const RULE_KEYS: &[&str] = &[
    "id",
    "name",
    "description",
    "authoritativeDefinitions",
    "businessImpact",
    "customProperties",
    "dimension",
    "method",
    "schedule",
    "scheduler",
    "severity",
    "tags",
    "type",
    "unit",
    "metric",
    "rule",
    "arguments",
    "query",
    "engine",
    "implementation",
    "validValues",
    "pattern",
    "missingValues",
    "properties",
];

const ARGUMENT_KEYS: &[&str] = &["validValues", "pattern", "missingValues", "properties"];

const DIMENSIONS: &[&str] =
    &["accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"];

const TYPES: &[&str] = &["library", "text", "sql", "custom"];

/// What a list of rules is about.
pub(super) enum Subject<'a> {
    Table { columns: &'a [&'a str] },
    Column { name: &'a str },
}

pub(super) fn rules(fields: &mut Fields<'_>, subject: &Subject<'_>, findings: &mut Findings) -> Vec<Rule> {
    fields.list("quality", findings).iter().filter_map(|node| rule(node, subject, findings)).collect()
}

fn rule(node: &Node, subject: &Subject<'_>, findings: &mut Findings) -> Option<Rule> {
    let mut fields = Fields::of(node, "a quality rule", findings)?;
    let known: Vec<&str> = RULE_KEYS.iter().copied().chain(Operator::NAMES).collect();
    fields.unknown(&known, findings);
    let dimension = fields.text("dimension", findings);
    if let Some(word) = dimension.as_deref().filter(|word| !DIMENSIONS.contains(word)) {
        let hint = nearest(word, DIMENSIONS)
            .map_or_else(|| format!("one of {}", DIMENSIONS.join(", ")), |word| format!("did you mean `{word}`?"));
        findings.warning(fields.place("dimension"), format!("`{word}` is not a dimension of the standard"), Some(hint));
    }
    let severity = severity(&mut fields, findings);
    let kind = kind(&mut fields, subject, findings)?;
    let inside = fields.take("implementation").filter(|_| matches!(kind, RuleKind::Own(_)));
    let (unit, operators) = if let Some(implementation) = inside {
        own_bounds(&mut fields, implementation, &kind, findings)?
    } else {
        let unit = unit(&mut fields, &kind, findings);
        (unit, operators(&mut fields, &kind, unit, findings))
    };
    Some(Rule {
        id: fields.text("id", findings),
        name: fields.text("name", findings),
        description: fields.text("description", findings),
        kind,
        operators,
        unit,
        dimension,
        severity,
        line: node.place.line,
    })
}

/// Unit and operators of a rule of our own. The standard knows neither beside `implementation`; operators are read
/// there too, for whoever expects them where they are in other rules.
fn own_bounds<'a>(
    fields: &mut Fields<'a>,
    implementation: &'a Node,
    kind: &RuleKind,
    findings: &mut Findings,
) -> Option<(Unit, Vec<Operator>)> {
    let mut inner = Fields::of(implementation, "`implementation`", findings)?;
    let is_outside = Operator::NAMES.iter().any(|key| fields.take(key).is_some());
    if is_outside {
        let hint = Some("implementation: {metric: …, mustBe: …}".to_owned());
        let message = "the standard has no operator beside a custom rule: write it into `implementation`".to_owned();
        findings.warning(fields.start(), message, hint);
    }
    let with_unit = if fields.take("unit").is_some() { &mut *fields } else { &mut inner };
    let unit = unit(with_unit, kind, findings);
    let with_operators = if is_outside { fields } else { &mut inner };
    Some((unit, operators(with_operators, kind, unit, findings)))
}

fn severity(fields: &mut Fields<'_>, findings: &mut Findings) -> Option<String> {
    let word = fields.text("severity", findings)?;
    if Severity::parse(&word).is_none() {
        let words = Severity::ALL.map(Severity::as_str);
        let hint = nearest(&word, &words)
            .map_or_else(|| format!("one of {}", words.join(", ")), |word| format!("did you mean `{word}`?"));
        let message = format!("`{word}` is not a severity that is known: it counts as an error");
        findings.warning(fields.place("severity"), message, Some(hint));
    }
    Some(word)
}

fn kind(fields: &mut Fields<'_>, subject: &Subject<'_>, findings: &mut Findings) -> Option<RuleKind> {
    let written = fields.text("type", findings);
    let has = |fields: &mut Fields<'_>, key: &str| fields.take(key).is_some();
    let word = match written.as_deref() {
        Some(word) => word,
        // The standard's default is library; a rule without a metric can only be something else.
        None if has(fields, "metric") || has(fields, "rule") => "library",
        None if has(fields, "query") => "sql",
        None if has(fields, "implementation") => "custom",
        None => "library",
    };
    match word {
        "library" => metric(fields, subject, findings).map(RuleKind::Library),
        "text" => Some(RuleKind::Text),
        "sql" => {
            let query = fields.required_text("query", findings);
            (!query.is_empty()).then_some(RuleKind::Sql { query })
        }
        "custom" => {
            let engine = fields.required_text("engine", findings);
            if engine == OWN_ENGINE {
                let Some(implementation) = fields.take("implementation") else {
                    let hint = Some("implementation: {metric: mean, mustBeBetween: [0, 1]}".to_owned());
                    findings.error(fields.start(), "a rule of lamplighter needs `implementation`".to_owned(), hint);
                    return None;
                };
                return own::rule(implementation, subject, findings).map(RuleKind::Own);
            }
            let implementation = fields.take("implementation").map(Node::json).unwrap_or_default();
            Some(RuleKind::Custom { engine, implementation })
        }
        other => {
            let hint = nearest(other, TYPES)
                .map_or_else(|| format!("one of {}", TYPES.join(", ")), |word| format!("did you mean `{word}`?"));
            findings.error(fields.place("type"), format!("`{other}` is not a type of rule"), Some(hint));
            None
        }
    }
}

/// The words of 3.0 for the metrics of 3.1.
fn modern_name(word: &str) -> &str {
    match word {
        "duplicateCount" | "uniqueCheck" => "duplicateValues",
        "nullCheck" | "nullCount" => "nullValues",
        "validValues" | "invalidCount" => "invalidValues",
        "missingCount" => "missingValues",
        other => other,
    }
}

fn metric(fields: &mut Fields<'_>, subject: &Subject<'_>, findings: &mut Findings) -> Option<Metric> {
    let key = if fields.take("metric").is_none() && fields.take("rule").is_some() { "rule" } else { "metric" };
    let Some(word) = fields.text(key, findings) else {
        let hint = Some(format!("metric: one of {}", Metric::NAMES.join(", ")));
        findings.error(fields.start(), "a library rule needs `metric`".to_owned(), hint);
        return None;
    };
    let name = modern_name(&word);
    if key == "rule" || name != word {
        let message = format!("`{key}: {word}` is how 3.0 wrote it");
        findings.warning(fields.place(key), message, Some(format!("metric: {name}")));
    }
    let needs_column = matches!(name, "nullValues" | "missingValues" | "invalidValues");
    if needs_column && matches!(subject, Subject::Table { .. }) {
        let message = format!("`{name}` is about a column, and this rule is on the table");
        findings.error(fields.place(key), message, Some("move the rule under the property".to_owned()));
        return None;
    }
    let arguments = arguments(fields, findings);
    match name {
        "nullValues" => Some(Metric::NullValues),
        "rowCount" => Some(Metric::RowCount),
        "missingValues" => Some(missing(fields, &arguments, findings)),
        "invalidValues" => invalid(fields, &arguments, findings),
        "duplicateValues" => Some(duplicate(&arguments, subject, findings)),
        other => {
            let hint = nearest(other, &Metric::NAMES).map_or_else(
                || format!("one of {}; other rules are written as sql or custom", Metric::NAMES.join(", ")),
                |word| format!("did you mean `{word}`?"),
            );
            findings.error(fields.place(key), format!("`{other}` is not a metric of the library"), Some(hint));
            None
        }
    }
}

/// The arguments of a metric, also those that stand beside `arguments` as in the standard's own examples.
fn arguments<'a>(fields: &mut Fields<'a>, findings: &mut Findings) -> Vec<(&'static str, &'a Node)> {
    let mut found = Vec::new();
    if let Some(node) = fields.take("arguments").filter(|node| node.yaml != Yaml::Null)
        && let Some(mut inner) = Fields::of(node, "`arguments`", findings)
    {
        inner.unknown(ARGUMENT_KEYS, findings);
        found.extend(ARGUMENT_KEYS.iter().filter_map(|key| inner.take(key).map(|node| (*key, node))));
    }
    for key in ARGUMENT_KEYS {
        if let Some(node) = fields.take(key) {
            let message = format!("`{key}` belongs under `arguments`");
            findings.warning(fields.place(key), message, Some(format!("arguments:\n  {key}: …")));
            found.push((*key, node));
        }
    }
    found
}

fn find<'a>(arguments: &[(&'static str, &'a Node)], key: &str) -> Option<&'a Node> {
    arguments.iter().find(|(name, _)| *name == key).map(|(_, node)| *node)
}

fn values(node: &Node, key: &str, findings: &mut Findings) -> Option<Vec<serde_json::Value>> {
    let Yaml::List(items) = &node.yaml else {
        findings.error(node.place, format!("`{key}` is a list"), Some(format!("{key}: [a, b]")));
        return None;
    };
    if let Some(item) = items.iter().find(|item| matches!(item.yaml, Yaml::List(_) | Yaml::Map(_))) {
        findings.error(item.place, format!("`{key}` lists single values"), None);
        return None;
    }
    Some(items.iter().map(Node::json).collect())
}

fn missing(fields: &Fields<'_>, arguments: &[(&'static str, &Node)], findings: &mut Findings) -> Metric {
    let listed = find(arguments, "missingValues").and_then(|node| values(node, "missingValues", findings));
    let values = listed.unwrap_or_else(|| {
        let message = "`missingValues` without a list counts nulls and empty text".to_owned();
        findings.warning(fields.start(), message, Some("arguments:\n  missingValues: [null, \"\"]".to_owned()));
        vec![serde_json::Value::Null, serde_json::Value::from("")]
    });
    Metric::MissingValues { values }
}

fn invalid(fields: &Fields<'_>, arguments: &[(&'static str, &Node)], findings: &mut Findings) -> Option<Metric> {
    let valid = find(arguments, "validValues").and_then(|node| values(node, "validValues", findings));
    let pattern = find(arguments, "pattern").and_then(|node| {
        let Yaml::Text(pattern) = &node.yaml else {
            findings.error(node.place, "`pattern` is text".to_owned(), Some("pattern: '^[A-Z]{3}$'".to_owned()));
            return None;
        };
        lint_pattern(pattern, node.place, findings);
        Some(pattern.clone())
    });
    if valid.is_none() && pattern.is_none() {
        let hint = Some("arguments:\n  validValues: [a, b]".to_owned());
        findings.error(fields.start(), "`invalidValues` needs `validValues` or `pattern`".to_owned(), hint);
        return None;
    }
    Some(Metric::InvalidValues { valid, pattern })
}

fn duplicate(arguments: &[(&'static str, &Node)], subject: &Subject<'_>, findings: &mut Findings) -> Metric {
    let mut properties = Vec::new();
    if let Some(node) = find(arguments, "properties") {
        for value in values(node, "properties", findings).unwrap_or_default() {
            let name = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match subject {
                Subject::Table { columns } if !columns.contains(&name.as_str()) => {
                    let message = format!("`{name}` is none of the table's properties");
                    findings.warning(
                        node.place,
                        message,
                        nearest(&name, columns).map(|word| format!("did you mean `{word}`?")),
                    );
                }
                Subject::Column { name: own } if *own != name => {
                    let message = format!("a rule on `{own}` counts duplicates of `{name}`");
                    findings.warning(node.place, message, Some("move the rule to the table".to_owned()));
                }
                Subject::Table { .. } | Subject::Column { .. } => {}
            }
            properties.push(name);
        }
    }
    Metric::DuplicateValues { properties }
}

pub(super) fn lint_pattern(pattern: &str, place: Place, findings: &mut Findings) {
    if let Err(error) = regex::Regex::new(pattern) {
        let reason = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let hint = "the syntax is that of Rust's regex crate: no look-around, no back-references".to_owned();
        findings.error(place, format!("`{pattern}` is not a regular expression: {reason}"), Some(hint));
    }
}

fn unit(fields: &mut Fields<'_>, kind: &RuleKind, findings: &mut Findings) -> Unit {
    let Some(word) = fields.text("unit", findings) else { return Unit::Rows };
    match (word.as_str(), kind) {
        ("rows", _) => Unit::Rows,
        ("percent", RuleKind::Library(Metric::RowCount)) => {
            let message = "a percentage of `rowCount` is always 100".to_owned();
            findings.error(fields.place("unit"), message, Some("unit: rows".to_owned()));
            Unit::Rows
        }
        ("percent", RuleKind::Library(_)) => Unit::Percent,
        ("percent", RuleKind::Own(own)) if own.metric.counts_rows() => Unit::Percent,
        ("percent", _) => {
            let message = "`unit: percent` says nothing here: the measured number itself is compared".to_owned();
            findings.warning(fields.place("unit"), message, None);
            Unit::Rows
        }
        (other, _) => {
            let message = format!("`{other}` is not a unit");
            findings.error(fields.place("unit"), message, Some("unit: rows, or unit: percent".to_owned()));
            Unit::Rows
        }
    }
}

fn operators(fields: &mut Fields<'_>, kind: &RuleKind, unit: Unit, findings: &mut Findings) -> Vec<Operator> {
    let mut operators = Vec::new();
    let mut written = 0;
    for key in Operator::NAMES {
        if let Some(node) = fields.take(key) {
            written += 1;
            operators.extend(operator(key, node, unit, findings));
        }
    }
    match kind {
        RuleKind::Library(_) | RuleKind::Sql { .. } | RuleKind::Own(_) if written == 0 => {
            let hint = Some("mustBe: 0".to_owned());
            findings.error(fields.start(), "the rule says what to measure but not what must hold".to_owned(), hint);
        }
        RuleKind::Text if written > 0 => {
            findings.warning(
                fields.start(),
                "a rule of type text is for people; its operator is not evaluated".to_owned(),
                None,
            );
        }
        RuleKind::Library(_) | RuleKind::Sql { .. } | RuleKind::Own(_) if written > 1 => {
            let message =
                "several operators on one rule: all of them must hold, and other tools may refuse it".to_owned();
            findings.warning(fields.start(), message, Some("write one rule for each".to_owned()));
        }
        _ => {}
    }
    operators
}

fn operator(key: &str, node: &Node, unit: Unit, findings: &mut Findings) -> Option<Operator> {
    if matches!(key, "mustBeBetween" | "mustNotBeBetween") {
        let (low, high) = range(key, node, findings)?;
        warn_beyond_percent(high, unit, node.place, findings);
        return Some(if key == "mustBeBetween" {
            Operator::MustBeBetween(low, high)
        } else {
            Operator::MustNotBeBetween(low, high)
        });
    }
    let bound = match &node.yaml {
        Yaml::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => node.number(),
    };
    let Some(bound) = bound.filter(|bound| bound.is_finite()) else {
        findings.error(
            node.place,
            format!("`{key}` is a number, and this is {}", node.word()),
            Some(format!("{key}: 0")),
        );
        return None;
    };
    warn_beyond_percent(bound, unit, node.place, findings);
    match key {
        "mustBe" => Some(Operator::MustBe(bound)),
        "mustNotBe" => Some(Operator::MustNotBe(bound)),
        "mustBeGreaterThan" => Some(Operator::MustBeGreaterThan(bound)),
        "mustBeGreaterOrEqualTo" => Some(Operator::MustBeGreaterOrEqualTo(bound)),
        "mustBeLessThan" => Some(Operator::MustBeLessThan(bound)),
        "mustBeLessOrEqualTo" => Some(Operator::MustBeLessOrEqualTo(bound)),
        _ => None,
    }
}

fn range(key: &str, node: &Node, findings: &mut Findings) -> Option<(f64, f64)> {
    let numbers: Option<Vec<f64>> = match &node.yaml {
        Yaml::List(items) => items.iter().map(Node::number).collect(),
        _ => None,
    };
    let Some([low, high]) = numbers.as_deref() else {
        findings.error(node.place, format!("`{key}` is a list of two numbers"), Some(format!("{key}: [0, 10]")));
        return None;
    };
    if low > high {
        let hint = Some(format!("{key}: [{high}, {low}]"));
        findings.error(node.place, format!("`{key}` starts at {low} and ends below it"), hint);
        return None;
    }
    Some((*low, *high))
}

fn warn_beyond_percent(bound: f64, unit: Unit, place: Place, findings: &mut Findings) {
    let is_beyond = unit == Unit::Percent && !(0.0..=100.0).contains(&bound);
    if is_beyond {
        findings.warning(
            place,
            format!("{bound} percent is never measured"),
            Some("write a bound from 0 to 100".to_owned()),
        );
    }
}
