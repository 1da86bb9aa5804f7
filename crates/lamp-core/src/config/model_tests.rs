//! `[models.*.tests]`: how `lamp test` treats a model: sizes, bounds, exceptions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::reader::Table;
use super::rules::{self, Refusal};
use super::words;
use crate::ml_test::{FeatureCheck, TestName, integrity, leakage, overfit};
use crate::package::Task;
use crate::run::Params;

/// Rows of a sample unless told.
const ROWS_DEFAULT: u64 = 2_000;
/// Minutes that one training on a sample may take unless told.
const MINUTES_DEFAULT: u64 = 10;
/// Rows of a tiny batch unless told.
const TINY_ROWS_DEFAULT: u64 = 32;
/// Steps that are suggested for a tiny batch unless told.
const TINY_STEPS_DEFAULT: u64 = 300;

/// The tiny batch that must be learned by heart.
#[derive(Debug, Clone, PartialEq)]
pub struct OverfitTest {
    /// Rows.
    pub rows: u64,
    /// Steps that the command is told to train for.
    pub steps: u64,
    /// What is measured: one of [`overfit::metrics`] of the task.
    pub metric: &'static str,
    /// What it must reach.
    pub min: f64,
}

/// How a model is tested.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTests {
    /// Most rows of a sample.
    pub rows: u64,
    /// How long one training on a sample may take.
    pub training_max: Duration,
    /// Parameters of trainings on samples, over the model's own.
    pub params: Params,
    /// The tiny batch.
    pub overfit: OverfitTest,
    /// How well one input alone may tell the target; see [`leakage::score_of`].
    pub single_max: f64,
    /// By how much the share of nulls may rise from training to validation.
    pub nulls_rise_max: f64,
    /// Inputs that are excepted from a check.
    pub except: BTreeMap<FeatureCheck, BTreeSet<String>>,
    /// Tests that are left out, each with the reason.
    pub skip: BTreeMap<TestName, String>,
}

impl ModelTests {
    /// The tests of a model that says nothing about them.
    pub(super) fn of(task: Task) -> Self {
        let overfit = OverfitTest {
            rows: TINY_ROWS_DEFAULT,
            steps: TINY_STEPS_DEFAULT,
            metric: overfit::metrics(task)[0],
            min: overfit::min_default(task),
        };
        Self {
            rows: ROWS_DEFAULT,
            training_max: Duration::from_mins(MINUTES_DEFAULT),
            params: Params::new(),
            overfit,
            single_max: leakage::measure(task).1,
            nulls_rise_max: integrity::NULLS_RISE_MAX,
            except: BTreeMap::new(),
            skip: BTreeMap::new(),
        }
    }

    pub(super) fn read(table: &Table<'_>, task: Task) -> Self {
        let usual = Self::of(task);
        let rows = table.whole("rows", 100..=20_000).unwrap_or(usual.rows);
        let minutes = table.whole("minutes", 1..=240).unwrap_or(MINUTES_DEFAULT);
        let params = table.params("params");
        let overfit = match table.table("overfit") {
            Some(inner) => OverfitTest::read(&inner, task, &usual.overfit),
            None => usual.overfit,
        };
        let (mut single_max, mut nulls_rise_max) = (usual.single_max, usual.nulls_rise_max);
        if let Some(features) = table.table("features") {
            single_max = share(&features, "single_max").unwrap_or(single_max);
            nulls_rise_max = share(&features, "nulls_rise_max").unwrap_or(nulls_rise_max);
            features.report_unknown_keys();
        }
        let except = table.table("except").map(|inner| read_except(&inner)).unwrap_or_default();
        let skip = table.table("skip").map(|inner| read_skip(&inner)).unwrap_or_default();
        table.report_unknown_keys();
        let training_max = Duration::from_mins(minutes);
        Self { rows, training_max, params, overfit, single_max, nulls_rise_max, except, skip }
    }

    /// The inputs that are excepted from a check.
    pub fn excepted(&self, check: FeatureCheck) -> BTreeSet<String> {
        self.except.get(&check).cloned().unwrap_or_default()
    }
}

impl OverfitTest {
    fn read(table: &Table<'_>, task: Task, usual: &Self) -> Self {
        let rows = table.whole("rows", 4..=1_024).unwrap_or(usual.rows);
        let steps = table.whole("steps", 1..=1_000_000).unwrap_or(usual.steps);
        let metric = table.parsed("metric", |text| parse_metric(text, task)).unwrap_or(usual.metric);
        let min = share(table, "min").unwrap_or(usual.min);
        table.report_unknown_keys();
        Self { rows, steps, metric, min }
    }
}

fn parse_metric(text: &str, task: Task) -> Result<&'static str, Refusal> {
    let known = overfit::metrics(task);
    let found = known.iter().find(|metric| **metric == text).copied();
    found.ok_or_else(|| {
        let hint = words::suggest(&format!("metrics of a tiny batch of a {task} task"), text, known.iter().copied());
        Refusal::new(format!("a tiny batch is not judged by `{text}`"), hint)
    })
}

/// A number from 0 to 1.
fn share(table: &Table<'_>, key: &str) -> Option<f64> {
    let number = table.number(key)?;
    let is_share = (0.0..=1.0).contains(&number.value);
    if !is_share {
        table.problem(&number.span, format!("`{key}` must be from 0 to 1"), None);
    }
    is_share.then_some(number.value)
}

fn read_except(table: &Table<'_>) -> BTreeMap<FeatureCheck, BTreeSet<String>> {
    let mut except = BTreeMap::new();
    for check in FeatureCheck::ALL {
        let columns: BTreeSet<String> = table.texts(check.as_str()).iter().map(|text| text.value.to_owned()).collect();
        if !columns.is_empty() {
            except.insert(check, columns);
        }
    }
    table.report_unknown_keys();
    except
}

fn read_skip(table: &Table<'_>) -> BTreeMap<TestName, String> {
    let mut skip = BTreeMap::new();
    for name in TestName::ALL {
        let reason = table.parsed(name.as_str(), |text| rules::not_empty("reason for leaving a test out", text));
        if let Some(reason) = reason {
            skip.insert(name, reason);
        }
    }
    table.report_unknown_keys();
    skip
}
