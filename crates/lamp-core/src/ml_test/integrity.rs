//! Are a model's inputs sound? Judged from the profiles of its training and validation data, its signature, and how
//! well single inputs tell the target.

use std::collections::{BTreeMap, BTreeSet};

use super::{FeatureCheck, Judgement, Outcome};
use crate::package::{Datatype, Field, Signature};
use crate::profile::{ColumnKind, ColumnProfile, Profile};

/// By how much the share of nulls may rise from training to validation unless `lamp.toml` says otherwise.
pub const NULLS_RISE_MAX: f64 = 0.25;

/// Values that a column must have for its middle to mean something.
const MIDDLE_VALUES_MIN: u64 = 30;

/// Something that is wrong with one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The input.
    pub column: String,
    /// What is wrong, as the rest of a sentence that begins with its name.
    pub what: String,
}

impl Finding {
    fn new(column: &str, what: impl Into<String>) -> Self {
        Self { column: column.to_owned(), what: what.into() }
    }
}

/// Judges one check: what was found, without the columns that `lamp.toml` excepts.
pub fn judge(check: FeatureCheck, looked_at: &str, found: Vec<Finding>, excepted: &BTreeSet<String>) -> Judgement {
    let (excused, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|finding| excepted.contains(&finding.column));
    let tell = |finding: &Finding| format!("`{}` {}", finding.column, finding.what);
    let mut details: Vec<String> = found.iter().map(tell).collect();
    details.extend(excused.iter().map(|finding| format!("excepted: {}", tell(finding))));
    let excuse = match excused.len() {
        0 => String::new(),
        count => format!("; {count} excepted in lamp.toml"),
    };
    let Some(first) = found.first() else {
        return Judgement {
            details,
            ..Judgement::new(Outcome::Passed, format!("{}: {looked_at}{excuse}", promise(check)))
        };
    };
    let more = match found.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Judgement { details, ..Judgement::new(Outcome::Failed, format!("{}{more}{excuse}", tell(first))) }
}

const fn promise(check: FeatureCheck) -> &'static str {
    match check {
        FeatureCheck::Target => "the target is made from no input",
        FeatureCheck::Columns => "every input is a column that fits",
        FeatureCheck::Nulls => "no input turned null",
        FeatureCheck::Ranges => "inputs lie where they should",
        FeatureCheck::Constant => "every input varies",
        FeatureCheck::Leakage => "no input tells the target alone",
        FeatureCheck::Keys => "no row is on both sides",
    }
}

/// Inputs that the target is made from.
pub fn target_inputs(signature: &Signature, target_columns: &[String]) -> Vec<Finding> {
    let inputs = signature.inputs.iter().filter(|input| target_columns.contains(&input.name));
    inputs.map(|input| Finding::new(&input.name, "is an input, and the target is made from it")).collect()
}

/// Inputs that are no column of the data, or one of another kind.
pub fn columns(signature: &Signature, train: &Profile, valid: &Profile) -> Vec<Finding> {
    let mut found = Vec::new();
    for input in &signature.inputs {
        let sides = [("training", train.find(&input.name)), ("validation", valid.find(&input.name))];
        for (side, column) in sides {
            match column {
                None => {
                    found.push(Finding::new(&input.name, format!("is an input, and no column of the {side} data")));
                    break;
                }
                Some(column) if !fits(input.datatype, column.kind) => {
                    let kind = column.kind.as_str();
                    let what = format!("is declared {}, and the {side} data has {kind} there", input.datatype.as_str());
                    found.push(Finding::new(&input.name, what));
                    break;
                }
                Some(_) => {}
            }
        }
    }
    found
}

const fn fits(datatype: Datatype, kind: ColumnKind) -> bool {
    let is_number = matches!(kind, ColumnKind::Int | ColumnKind::Float);
    match datatype {
        Datatype::Bool => matches!(kind, ColumnKind::Bool | ColumnKind::Int | ColumnKind::Null),
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 | Datatype::Fp32 | Datatype::Fp64 => {
            is_number || matches!(kind, ColumnKind::Bool | ColumnKind::Null)
        }
        Datatype::Bytes => !is_number && !matches!(kind, ColumnKind::Bool),
    }
}

/// Inputs that are null everywhere, or much more often in validation than in training. `rise_max` is a difference of
/// shares. NaN counts as null.
pub fn nulls(names: &[String], train: &Profile, valid: &Profile, rise_max: f64) -> Vec<Finding> {
    let judge = |name: &String| {
        let (before, after) = (null_share(train.find(name)?)?, null_share(valid.find(name)?)?);
        let is_empty = |share: f64| share >= 1.0;
        let what = match (is_empty(before), is_empty(after)) {
            (true, true) => "is null in every row".to_owned(),
            (true, false) => "is null in every row of training".to_owned(),
            (false, true) => format!("turned null: every row of validation, {} of training", percent(before)),
            (false, false) if after - before > rise_max => {
                format!("is null in {} of validation, {} of training", percent(after), percent(before))
            }
            (false, false) => return None,
        };
        Some(Finding::new(name, what))
    };
    names.iter().filter_map(judge).collect()
}

/// The share of values that are missing; none without rows.
#[allow(clippy::cast_precision_loss, reason = "a share")]
fn null_share(column: &ColumnProfile) -> Option<f64> {
    (column.count > 0).then(|| (column.nulls + column.nan()) as f64 / column.count as f64)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Inputs with values outside of their declared range, and those whose middle in validation is outside of all that
/// training saw: another unit, another column.
pub fn ranges(signature: &Signature, train: &Profile, valid: &Profile) -> Vec<Finding> {
    let mut found = Vec::new();
    for input in &signature.inputs {
        let sides = [("training", train.find(&input.name)), ("validation", valid.find(&input.name))];
        let outside = sides.iter().find_map(|(side, column)| outside_range(input, side, (*column)?));
        let moved = || middle_left(sides[0].1?, sides[1].1?);
        if let Some(what) = outside.or_else(moved) {
            found.push(Finding::new(&input.name, what));
        }
    }
    found
}

fn outside_range(input: &Field, side: &str, column: &ColumnProfile) -> Option<String> {
    let (min, max) = (column.min.as_ref()?.as_f64()?, column.max.as_ref()?.as_f64()?);
    let below =
        input.min.filter(|bound| min < *bound).map(|bound| format!("is {min} in {side}, below its declared {bound}"));
    below.or_else(|| {
        let bound = input.max.filter(|bound| max > *bound)?;
        Some(format!("is {max} in {side}, above its declared {bound}"))
    })
}

fn middle_left(train: &ColumnProfile, valid: &ColumnProfile) -> Option<String> {
    let is_number = |column: &ColumnProfile| match column.kind {
        ColumnKind::Int | ColumnKind::Float => column.non_null() >= MIDDLE_VALUES_MIN,
        ColumnKind::Null
        | ColumnKind::Bool
        | ColumnKind::Date
        | ColumnKind::Instant
        | ColumnKind::Time
        | ColumnKind::Text
        | ColumnKind::List
        | ColumnKind::Struct
        | ColumnKind::Other => false,
    };
    if !is_number(train) || !is_number(valid) {
        return None;
    }
    let (min, max) = (train.min.as_ref()?.as_f64()?, train.max.as_ref()?.as_f64()?);
    let middle = valid.median()?;
    let is_outside = middle < min || middle > max;
    is_outside.then(|| format!("has its middle at {middle} in validation; training has {min} to {max}"))
}

/// Inputs that have one value in all of training.
pub fn constants(names: &[String], train: &Profile) -> Vec<Finding> {
    let judge = |name: &String| {
        let column = train.find(name)?;
        let is_constant = column.count > 1 && column.nulls == 0 && column.nan() == 0 && column.distinct().estimate == 1;
        let value = column.min.as_ref().map(|value| format!(": {value}")).unwrap_or_default();
        is_constant.then(|| Finding::new(name, format!("has one value in all of training{value}")))
    };
    names.iter().filter_map(judge).collect()
}

/// Inputs that tell the target by themselves. `scores` are those of [`super::leakage::score_of`], by input.
pub fn leaks(scores: &BTreeMap<String, f64>, measure: &str, max: f64) -> Vec<Finding> {
    let leaks = scores.iter().filter(|(_, score)| **score > max);
    leaks
        .map(|(name, score)| {
            Finding::new(name, format!("alone tells the target: {measure} {score:.3}, at most {max} is believed"))
        })
        .collect()
}
