//! From a measured number to a verdict.

use super::rule::{Metric, Rule, RuleKind, Unit};
use crate::check::{Check, Verdict};

/// The name of a rule within its contract: stable, and unique within one list of checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleName(pub String);

impl RuleName {
    /// `quality.COLUMN.WHAT`, where WHAT is the rule's own id, else its metric or type.
    pub fn of(rule: &Rule, column: Option<&str>) -> Self {
        let what = rule.id.as_deref().unwrap_or(match &rule.kind {
            RuleKind::Library(metric) => metric.as_str(),
            RuleKind::Text => "text",
            RuleKind::Sql { .. } => "sql",
            RuleKind::Own(own) => own.metric.as_str(),
            RuleKind::Custom { .. } => "custom",
        });
        Self(column.map_or_else(|| format!("quality.{what}"), |column| format!("quality.{column}.{what}")))
    }

    /// Numbers the second and later of equal names: `quality.rowCount`, `quality.rowCount.2`.
    pub fn make_unique(checks: &mut [Check]) {
        let mut seen = std::collections::HashMap::<String, u32>::new();
        for check in checks {
            let times = seen.entry(check.rule.clone()).or_default();
            *times += 1;
            if *times > 1 {
                check.rule = format!("{}.{times}", check.rule);
            }
        }
    }
}

/// The verdict on a rule for which `count` was measured (rows of the metric, or the number that a
/// query gave) in a table of `rows` rows.
#[allow(clippy::cast_precision_loss, reason = "counts of rows stay below 2^53")]
pub fn judge(rule: &Rule, column: Option<&str>, count: f64, rows: u64) -> Check {
    let is_share = rule.unit == Unit::Percent && rule.counts_rows();
    if is_share && rows == 0 {
        return not_evaluated(rule, column, "there are no rows to take a percentage of");
    }
    let measured = if is_share { 100.0 * count / rows as f64 } else { count };
    if rule.operators.is_empty() {
        return not_evaluated(rule, column, "the rule has no operator");
    }
    let holds = rule.operators.iter().all(|operator| operator.holds(measured));
    Check {
        verdict: if holds { Verdict::Passed } else { Verdict::Failed },
        measured: Some(measured),
        message: sentence(rule, column, count, rows),
        ..not_evaluated(rule, column, "")
    }
}

/// The verdict on a rule that cannot be evaluated here.
pub fn not_evaluated(rule: &Rule, column: Option<&str>, why: &str) -> Check {
    Check {
        rule: RuleName::of(rule, column).0,
        column: column.map(str::to_owned),
        verdict: Verdict::NotEvaluated,
        measured: None,
        bound: rule.bound(),
        message: why.to_owned(),
        severity: rule.severity.clone(),
        dimension: rule.dimension().map(str::to_owned),
        samples: Vec::new(),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a share for people")]
fn sentence(rule: &Rule, column: Option<&str>, count: f64, rows: u64) -> String {
    let of_rows = if rows == 0 {
        "of 0 rows".to_owned()
    } else {
        format!("of {rows} rows ({:.2} %)", 100.0 * count / rows as f64)
    };
    let column = column.map_or_else(|| "the table".to_owned(), |column| format!("`{column}`"));
    let measured = match &rule.kind {
        RuleKind::Library(Metric::RowCount) => format!("the table has {count} rows"),
        RuleKind::Library(Metric::NullValues) => format!("{column} is null in {count} {of_rows}"),
        RuleKind::Library(Metric::MissingValues { .. }) => format!("{column} is missing in {count} {of_rows}"),
        RuleKind::Library(Metric::InvalidValues { .. }) => format!("{column} is invalid in {count} {of_rows}"),
        RuleKind::Library(Metric::DuplicateValues { properties }) => {
            let what = if properties.is_empty() { column } else { format!("`{}`", properties.join("`, `")) };
            format!("{what} repeats an earlier row in {count} {of_rows}")
        }
        RuleKind::Own(own) if own.metric.counts_rows() => format!("{column}: {} in {count} {of_rows}", own.words()),
        RuleKind::Own(own) => format!("{column}: {} is {}", own.words(), rounded(count)),
        RuleKind::Text | RuleKind::Sql { .. } | RuleKind::Custom { .. } => format!("measured {count}"),
    };
    match rule.description.as_deref().or(rule.name.as_deref()) {
        Some(words) => format!("{measured}: {words}"),
        None => measured,
    }
}

/// A number with five significant digits, for people.
fn rounded(value: f64) -> String {
    let is_whole = value.fract() == 0.0 && value.abs() < 1e15;
    if is_whole || !value.is_finite() {
        return format!("{value}");
    }
    #[allow(clippy::cast_possible_truncation, reason = "a magnitude is below 400")]
    let magnitude = value.abs().log10().floor() as i32;
    match usize::try_from(4 - magnitude) {
        Ok(digits) if digits <= 8 => format!("{value:.digits$}"),
        Ok(_) => format!("{value:.4e}"),
        Err(_) => format!("{value:.0}"),
    }
}
