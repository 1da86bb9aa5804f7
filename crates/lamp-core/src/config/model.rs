//! `[models.*]`: what is trained, on what, served how, and judged by what.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::model_tests::ModelTests;
use super::reader::Table;
use super::rules::{self, Refusal};
use super::words;
use crate::metric::{self, Gate, Goal};
use crate::package::Task;
use crate::partition::DatasetSlice;
use crate::run::Params;

/// The role of the data that a model learns from.
pub const ROLE_TRAIN: &str = "train";
/// The role of the held-out data that a model is judged on.
pub const ROLE_VALID: &str = "valid";

/// The seed of a model that names none.
pub const SEED_DEFAULT: u64 = 42;
/// Largest seed: what Python's hash seed and most libraries take.
pub const SEED_MAX: u64 = 4_294_967_295;

/// How versions of a model answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serve {
    /// A Python class, `module:Class`, in a worker at the model's own commit.
    Python(String),
    /// An ONNX graph, in process: its file, relative to the package's folder.
    Onnx(String),
    /// A server that speaks the Open Inference Protocol: its base address. It has no commit of ours.
    Upstream(String),
}

/// A model as configured.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// What it predicts.
    pub task: Task,
    /// The training command, run with `sh -c` in the project's folder.
    pub train: String,
    /// How its versions answer.
    pub serve: Serve,
    /// Its data by role. [`ROLE_TRAIN`] and [`ROLE_VALID`] are always there.
    pub data: BTreeMap<String, DatasetSlice>,
    /// The target, as an SQL expression over a row; `{ column = "x" }` becomes `"x"`.
    pub target: String,
    /// What a candidate must reach on the held-out data.
    pub gate: Option<Gate>,
    /// Default parameters.
    pub params: Params,
    /// Seed handed to the command, at most [`SEED_MAX`].
    pub seed: u64,
    /// How `lamp test` treats it.
    pub tests: ModelTests,
}

impl ModelConfig {
    /// Whether training and validation share a day in a run as of this one. What can be told without a run was told
    /// when the workspace was put together; a run with an end that is fixed and one that is not must ask.
    pub fn data_overlaps(&self, as_of: Date) -> bool {
        let (Some(train), Some(valid)) = (self.data.get(ROLE_TRAIN), self.data.get(ROLE_VALID)) else { return false };
        train.dataset == valid.dataset && train.range.resolve(as_of).overlaps(&valid.range.resolve(as_of))
    }

    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let task = table.required_text("task", "task = \"binary\"");
        let task = task.and_then(|text| table.accept(&text.span, parse_task(text.value)));
        let train = table.required_text("train", "train = \"python -m PROJECT.train\"");
        let train = train.and_then(|text| table.accept(&text.span, rules::not_empty("train command", text.value)));
        let serve = read_serve(table);
        let data = read_data(table);
        let target = read_target(table);
        let gate = table.table("gate").map(|gate| read_gate(&gate, task));
        let params = table.params("params");
        let seed = table.whole("seed", 0..=SEED_MAX).unwrap_or(SEED_DEFAULT);
        let tests = table.table("tests");
        let tests = task.map(|task| tests.map_or_else(|| ModelTests::of(task), |tests| ModelTests::read(&tests, task)));
        table.report_unknown_keys();
        let gate = match gate {
            Some(gate) => Some(gate?),
            None => None,
        };
        let (task, train, serve) = (task?, train?, serve?);
        Some(Self { task, train, serve, data: data?, target: target?, gate, params, seed, tests: tests? })
    }
}

fn parse_task(text: &str) -> Result<Task, Refusal> {
    let all = [Task::Binary, Task::Multiclass, Task::Regression];
    let known = all.map(Task::as_str).join(", ");
    let found = all.into_iter().find(|task| task.as_str() == text);
    found.ok_or_else(|| Refusal::new(format!("unknown task `{text}`"), format!("known tasks: {known}")))
}

fn read_serve(table: &Table<'_>) -> Option<Serve> {
    let written: Vec<_> = ["serve", "onnx", "upstream"].into_iter().filter(|key| table.has(key)).collect();
    let python = table.parsed("serve", rules::python_entry).map(Serve::Python);
    let onnx = table.parsed("onnx", rules::packaged_file).map(Serve::Onnx);
    let upstream = table.parsed("upstream", rules::http_url).map(Serve::Upstream);
    match written.as_slice() {
        [_one] => python.or(onnx).or(upstream),
        [] => {
            let hint = "add `serve = \"module:Class\"`, `onnx = \"model.onnx\"` or `upstream = \"http://…\"`";
            table.problem_here(format!("{} does not say how it is served", table.title()), Some(hint.to_owned()));
            None
        }
        several => {
            let message =
                format!("{} is served in more than one way: {}", table.title(), words::list(several.iter().copied()));
            table.problem_here(message, Some("keep one of them".to_owned()));
            None
        }
    }
}

fn read_data(table: &Table<'_>) -> Option<BTreeMap<String, DatasetSlice>> {
    const EXAMPLE: &str = "data = { train = \"trips[..-1month]\", valid = \"trips[-1month..]\" }";
    if !table.has("data") {
        table.missing("data", EXAMPLE);
    }
    let data = table.table("data")?;
    let mut slices = BTreeMap::new();
    for (role, text) in data.all_texts() {
        let name = data.accept(&role.span, rules::word("role", role.value));
        let slice = data.accept(&text.span, DatasetSlice::parse(text.value));
        if let (Some(name), Some(slice)) = (name, slice) {
            slices.insert(name, slice);
        }
    }
    for (role, example) in [(ROLE_TRAIN, "train = \"trips[..-1month]\""), (ROLE_VALID, "valid = \"trips[-1month..]\"")]
    {
        if !data.has(role) {
            match words::did_you_mean(role, slices.keys().map(String::as_str)) {
                Some(near) => {
                    let hint = format!("rename `{near}` if it is meant to be `{role}`");
                    data.problem_here(format!("{} has no `{role}`", data.title()), Some(hint));
                }
                None => data.missing(role, example),
            }
        }
    }
    Some(slices)
}

fn read_target(table: &Table<'_>) -> Option<String> {
    if !table.has("target") {
        table.missing("target", "target = { sql = \"arr_delay >= 15\" }");
    }
    let target = table.table("target")?;
    let sql = target.parsed("sql", |text| rules::not_empty("target", text));
    let column = target.parsed("column", |text| rules::not_empty("target column", text));
    let written = usize::from(target.has("sql")) + usize::from(target.has("column"));
    target.report_unknown_keys();
    if written != 1 {
        let hint = "write `target = { sql = \"…\" }` or `target = { column = \"…\" }`".to_owned();
        target.problem_here("a target is an `sql` expression or a `column`", Some(hint));
        return None;
    }
    sql.or_else(|| column.map(|column| format!("\"{}\"", column.replace('"', "\"\""))))
}

fn read_gate(table: &Table<'_>, task: Option<Task>) -> Option<Gate> {
    let metric = table.required_text("metric", "metric = \"…\"");
    let goal = table.parsed("goal", parse_goal);
    let (min, max) = (table.number("min"), table.number("max"));
    let bound_is_missing = !table.has("min") && !table.has("max");
    table.report_unknown_keys();
    if bound_is_missing {
        table.problem_here("the gate has no bound", Some("add `min = …` or `max = …`".to_owned()));
        return None;
    }
    if let (Some(min), Some(max)) = (&min, &max)
        && min.value > max.value
    {
        table.problem(&max.span, "`max` is smaller than `min`: nothing passes this gate", None);
    }
    let (metric, task) = (metric?, task?);
    if !metric::names(task).contains(&metric.value) {
        let hint =
            words::suggest(&format!("metrics of a {task} task"), metric.value, metric::names(task).iter().copied());
        table.problem(&metric.span, format!("unknown metric `{}` for a {task} task", metric.value), Some(hint));
        return None;
    }
    let natural = metric::natural_goal(metric.value);
    if let (Some(goal), Some(natural)) = (goal, natural)
        && goal != natural
    {
        let hint = format!("write `goal = \"{}\"`, or leave it out", natural.as_str());
        table.problem_here(format!("`{}` is better when it is {}", metric.value, natural.comparative()), Some(hint));
    }
    let goal = goal.or(natural).unwrap_or(Goal::Min);
    Some(Gate { metric: metric.value.to_owned(), goal, min: min.map(|n| n.value), max: max.map(|n| n.value) })
}

fn parse_goal(text: &str) -> Result<Goal, Refusal> {
    let found = [Goal::Max, Goal::Min].into_iter().find(|goal| goal.as_str() == text);
    found.ok_or_else(|| Refusal::new(format!("`{text}` is not a goal"), "known goals: `max`, `min`"))
}
