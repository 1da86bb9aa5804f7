//! A prediction to be labelled, and the labels given lately.

use jiff::tz::TimeZone;
use lamp_app::labels::ask::{LabelProgress, LabelTask};
use lamp_core::label::LabelValue;
use lamp_core::package::Task;
use serde_json::Value;

use super::text::{Instant, count};
use super::value::{number, shortened};

/// Classes that have a key of their own.
const CLASS_KEYS: usize = 9;
/// Characters of an input's value.
const INPUT_MAX: usize = 120;

/// One prediction, blind: nothing of what the models said of it.
#[derive(Debug, Clone)]
pub(crate) struct TaskShown {
    pub(crate) prediction: String,
    pub(crate) service: String,
    pub(crate) served_at: Instant,
    pub(crate) target: String,
    pub(crate) inputs: Vec<(String, String)>,
    pub(crate) progress: ProgressShown,
    /// The answers to choose from; none where a number is asked for.
    pub(crate) choices: Vec<Choice>,
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) text: String,
    /// The keys that press it, with a space between them.
    pub(crate) keys: String,
    /// The one that is shown.
    pub(crate) key: String,
}

/// How far the labelling of a day is.
#[derive(Debug, Clone)]
pub(crate) struct ProgressShown {
    pub(crate) service: String,
    pub(crate) day: String,
    pub(crate) done: u64,
    pub(crate) drawn: u64,
    pub(crate) labelled: u64,
    pub(crate) cannot_tell: u64,
    pub(crate) waiting: u64,
    pub(crate) population: String,
    /// Of 100.
    pub(crate) percent: u64,
}

/// A label given lately.
#[derive(Debug, Clone)]
pub(crate) struct RecentLabel {
    pub(crate) prediction: String,
    pub(crate) value: String,
    pub(crate) note: Option<String>,
    pub(crate) by: String,
    pub(crate) at: Instant,
    /// Whether it counts, or was corrected since.
    pub(crate) is_current: bool,
    /// Whether it was given by hand, so that it can be corrected here.
    pub(crate) is_by_hand: bool,
}

impl TaskShown {
    pub(crate) fn new(task: &LabelTask, zone: &TimeZone) -> Self {
        Self {
            prediction: task.prediction.to_string(),
            service: task.service.to_string(),
            served_at: Instant::new(task.served_at, zone),
            target: task.spec.target.clone(),
            inputs: task.inputs.iter().map(|(name, value)| (name.clone(), input(value))).collect(),
            progress: ProgressShown::new(&task.progress),
            choices: match task.spec.task {
                Task::Binary => vec![Choice::new("no", "No", &["0", "n"]), Choice::new("yes", "Yes", &["1", "y"])],
                Task::Multiclass => classes(&task.spec.classes),
                Task::Regression => Vec::new(),
            },
        }
    }
}

impl Choice {
    fn new(value: &str, text: &str, keys: &[&str]) -> Self {
        Self {
            value: value.to_owned(),
            text: text.to_owned(),
            keys: keys.join(" "),
            key: keys.first().map(|key| (*key).to_owned()).unwrap_or_default(),
        }
    }
}

fn classes(classes: &[Value]) -> Vec<Choice> {
    let choice = |(at, class): (usize, &Value)| {
        let name = class.as_str().map_or_else(|| class.to_string(), str::to_owned);
        let key = (at <= CLASS_KEYS).then(|| at.to_string());
        Choice::new(&name, &name, &key.as_deref().into_iter().collect::<Vec<_>>())
    };
    (1..).zip(classes).map(choice).collect()
}

fn input(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => shortened(text, INPUT_MAX),
        Value::Number(of) => of.as_f64().map_or_else(|| of.to_string(), number),
        other => shortened(&other.to_string(), INPUT_MAX),
    }
}

impl ProgressShown {
    pub(crate) fn new(progress: &LabelProgress) -> Self {
        let done = progress.done();
        Self {
            service: progress.service.to_string(),
            day: progress.day.to_string(),
            done,
            drawn: progress.drawn,
            labelled: progress.labelled,
            cannot_tell: progress.cannot_tell,
            waiting: progress.waiting,
            population: count(progress.population),
            percent: done * 100 / progress.drawn.max(1),
        }
    }
}

/// What a label says.
pub(crate) fn value_in_words(value: &LabelValue) -> String {
    match value {
        LabelValue::Number(of) => number(*of),
        LabelValue::CannotTell => "can't tell".to_owned(),
        LabelValue::Truth(_) | LabelValue::Class(_) => value.to_string(),
    }
}
