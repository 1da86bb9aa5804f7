//! Are the inputs sound? From the profiles of both sides, and the sample.

use std::collections::BTreeMap;

use lamp_core::ml_test::integrity::{self, Finding};
use lamp_core::ml_test::{FeatureCheck, Judgement, Outcome, leakage};
use lamp_core::package::{Package, Signature};
use lamp_core::profile::Profile;

use super::TestError;
use super::model::Natural;
use super::samples::Samples;
use super::session::Session;
use super::trial::Tried;
use crate::data::resolve::Slice;
use crate::training::mark::targets_of;

/// Most keys of one side that are compared.
const KEYS_MAX: u64 = 50_000_000;

impl Session<'_> {
    /// All checks of a model's inputs. Without a package nobody knows which columns those are; then only nulls are
    /// looked for, in all columns.
    pub async fn judge_features(
        &self,
        tried: Tried<'_>,
        (train, valid): (&Slice, &Slice),
        samples: &Samples,
        written: &Natural,
        package: Option<&Package>,
    ) -> Result<Vec<(FeatureCheck, Judgement)>, TestError> {
        let say = |done: usize, of: usize| (self.say)(&format!("{}: profiling {done} of {of}", tried.name));
        let before = self.app.slice_profile(train, &say).await?;
        let after = self.app.slice_profile(valid, &say).await?;
        let tests = &tried.config.tests;
        let mut judged = Vec::new();
        let mut judge = |check: FeatureCheck, looked_at: &str, found: Vec<Finding>| {
            judged.push((check, integrity::judge(check, looked_at, found, &tests.excepted(check))));
        };
        let sides = format!("{} and {} rows looked at", before.rows, after.rows);
        let Some(package) = package else {
            let target = &samples.train.target_columns;
            let names: Vec<String> =
                before.columns.iter().map(|column| column.name.clone()).filter(|name| !target.contains(name)).collect();
            let found = integrity::nulls(&names, &before, &after, tests.nulls_rise_max);
            judge(FeatureCheck::Nulls, &format!("{sides}, in all columns"), found);
            let reason = "no training left a package that says what the inputs are";
            let rest = FeatureCheck::ALL.into_iter().filter(|check| *check != FeatureCheck::Nulls);
            judged.extend(rest.map(|check| (check, Judgement::new(Outcome::Skipped, reason))));
            judged.sort_by_key(|(check, _)| *check);
            return Ok(judged);
        };
        let signature = &package.signature;
        let names: Vec<String> = signature.inputs.iter().map(|input| input.name.clone()).collect();
        let inputs = format!("{} inputs", names.len());
        let target = &samples.train.target_columns;
        let made_of = format!("{inputs}, made from {}", target.join(", "));
        judge(FeatureCheck::Target, &made_of, integrity::target_inputs(signature, target));
        judge(FeatureCheck::Columns, &inputs, integrity::columns(signature, &before, &after));
        judge(FeatureCheck::Nulls, &sides, integrity::nulls(&names, &before, &after, tests.nulls_rise_max));
        judge(FeatureCheck::Ranges, &sides, integrity::ranges(signature, &before, &after));
        judge(FeatureCheck::Constant, &inputs, integrity::constants(&names, &before));
        judged.push((FeatureCheck::Leakage, self.judge_leakage(tried, package, written).await?));
        judged.push((FeatureCheck::Keys, self.judge_keys((train, &before), (valid, &after)).await?));
        Ok(judged)
    }

    async fn judge_leakage(
        &self,
        tried: Tried<'_>,
        package: &Package,
        written: &Natural,
    ) -> Result<Judgement, TestError> {
        let inputs = columns(&package.signature);
        let read = self.app.engine().read_table(&written.train.files, &inputs, Some(&tried.config.target));
        let unread = |why: String| Ok(Judgement::new(Outcome::Skipped, format!("the inputs cannot be read: {why}")));
        let table = match read.await {
            Ok(table) => table,
            Err(error) => return unread(error.to_string()),
        };
        let Some(truth) = &table.target else { return unread("there is no target".to_owned()) };
        let targets = match targets_of(package, truth) {
            Ok(targets) => targets,
            Err(why) => return unread(why),
        };
        let score = |column: &lamp_core::table::Column| {
            Some((column.name.clone(), leakage::score_of(&column.values, &targets)?))
        };
        let scores: BTreeMap<String, f64> = table.inputs.columns.iter().filter_map(score).collect();
        let Some((most, highest)) = scores.iter().max_by(|a, b| a.1.total_cmp(b.1)) else {
            let reason = format!("{} rows of both kinds are needed, there are {}", leakage::ROWS_MIN, truth.len());
            return Ok(Judgement::new(Outcome::Uninformative, reason));
        };
        let (measure, _) = leakage::measure(tried.config.task);
        let max = tried.config.tests.single_max;
        let looked_at = format!("the most is `{most}`: {measure} {highest:.3}, {} rows looked at", truth.len());
        let excepted = tried.config.tests.excepted(FeatureCheck::Leakage);
        let found = integrity::leaks(&scores, measure, max);
        Ok(integrity::judge(FeatureCheck::Leakage, &looked_at, found, &excepted).measuring(*highest))
    }

    /// Whether a key is on both sides.
    async fn judge_keys(
        &self,
        (train, before): (&Slice, &Profile),
        (valid, after): (&Slice, &Profile),
    ) -> Result<Judgement, TestError> {
        let key_of = |slice: &Slice| {
            self.code
                .workspace
                .dataset(&slice.version.dataset)
                .map(|(_, dataset)| dataset.key.clone())
                .unwrap_or_default()
        };
        let key = key_of(train);
        let silent = |reason: String| Ok(Judgement::new(Outcome::Uninformative, reason));
        if key.is_empty() {
            return silent(format!("[datasets.{}] has no `key`", train.version.dataset));
        }
        if key != key_of(valid) {
            return silent("the two sides have different keys".to_owned());
        }
        if before.rows.max(after.rows) > KEYS_MAX {
            return silent(format!("more than {KEYS_MAX} rows on one side"));
        }
        (self.say)("comparing keys");
        let quoted: Vec<String> = key.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
        let columns = quoted.join(", ");
        let sql = format!(
            "SELECT count(*) AS n FROM (SELECT DISTINCT {columns} FROM train INTERSECT SELECT DISTINCT {columns} FROM valid)"
        );
        let tables = [
            ("train".to_owned(), self.app.data_files(&train.files).await?),
            ("valid".to_owned(), self.app.data_files(&valid.files).await?),
        ];
        let counted = match self.app.engine().query(&sql, &tables, 1).await {
            Ok(counted) => counted,
            Err(error) => return Ok(Judgement::new(Outcome::Failed, error.to_string())),
        };
        let shared = counted.find("n").map_or(0, |values| values.json(0).as_u64().unwrap_or(0));
        let named = key.join(", ");
        let found = match shared {
            0 => Vec::new(),
            shared => vec![Finding {
                column: named.clone(),
                what: format!("is the same in training and in validation {shared} times"),
            }],
        };
        Ok(integrity::judge(FeatureCheck::Keys, &format!("by {named}"), found, &std::collections::BTreeSet::new()))
    }
}

fn columns(signature: &Signature) -> Vec<(String, lamp_core::package::Datatype)> {
    signature.inputs.iter().map(|field| (field.name.clone(), field.datatype)).collect()
}
