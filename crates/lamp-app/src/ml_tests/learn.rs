//! Does the training code learn what it is given, and nothing that it is not?

use std::collections::BTreeMap;

use futures::StreamExt as _;
use futures::stream;
use lamp_core::ml_test::association::{judge_permuted, judge_repeat, judge_signal};
use lamp_core::ml_test::{Judgement, Outcome, TestName, TestResult, overfit};
use lamp_core::package::{Package, Task};
use lamp_core::table::Table;
use lamp_engine::RowSample;
use lamp_model::Outputs;
use lamp_runner::protocol::{Capacity, Tiny};

use super::TestError;
use super::model::{Natural, Results};
use super::samples::{Drawn, Samples, Written};
use super::session::Session;
use super::trial::{Trial, TrialSpec, Tried};
use crate::training::mark::Marked;
use crate::training::reproduce::find_distance;

/// Trainings at once: more would fight over the cores.
const TRAININGS_AT_ONCE: usize = 2;

/// What is to be learned from a sample, and its inputs as a model is asked them.
pub(super) struct Lesson<'a> {
    pub names: &'a [TestName],
    pub train: &'a Table,
    pub valid: &'a Table,
}

/// What trainings on samples showed.
pub(super) struct Trained {
    pub judged: Vec<(TestName, TestResult)>,
    /// A training on a whole sample that left a package.
    pub full: Option<Trial>,
}

/// Data of one training, and which test it is for.
struct Arranged {
    what: &'static str,
    train: Written,
    valid: Written,
}

/// A training and what its model says of the held-out rows.
struct Taught {
    trial: Trial,
    answered: Result<Marked, String>,
}

impl Session<'_> {
    /// A tiny batch must be learned by heart.
    pub async fn test_overfit(
        &self,
        tried: Tried<'_>,
        samples: &Samples,
        results: &mut Results,
    ) -> Result<Option<Trial>, TestError> {
        let drawn = &samples.tiny;
        let mut fail = |judgement: Judgement, trial: Option<&Trial>| {
            let mut result = TestResult::of(TestName::Overfit.as_str(), judgement, trial.map_or(0, |t| t.duration_ms));
            if let Some(trial) = trial {
                tell_training(&mut result, trial);
            }
            results.add(TestName::Overfit, result);
        };
        if drawn.labels.is_constant() {
            let reason = format!("all {} rows have the same target: there is nothing to learn", drawn.labels.len());
            fail(Judgement::new(Outcome::Failed, reason), None);
            return Ok(None);
        }
        let written = self.write(drawn, &drawn.rows, &format!("{}/tiny", tried.name)).await?;
        let tiny = Tiny {
            rows: drawn.rows.rows() as u64,
            steps: tried.config.tests.overfit.steps,
            seed: tried.config.seed,
            capacity: Capacity::High,
        };
        let mut datasets = samples.others.clone();
        datasets.extend([("train".to_owned(), written.input.clone()), ("valid".to_owned(), written.input.clone())]);
        let trial = self.try_training(tried, TrialSpec { what: "a tiny batch", datasets, tiny: Some(tiny) }).await?;
        let judgement = match &trial.package {
            Err(why) => training_failed(why),
            Ok(package) => match self.ask_trial(tried, &trial, package, &written.files).await? {
                Err(why) => Judgement::new(Outcome::Failed, why),
                Ok(answered) => judge_overfit(tried, &answered),
            },
        };
        fail(judgement, Some(&trial));
        Ok(Some(trial))
    }

    /// Trains on the sample as it is.
    pub async fn train_plainly(
        &self,
        tried: Tried<'_>,
        samples: &Samples,
        written: &Natural,
    ) -> Result<Trial, TestError> {
        let datasets = with_sides(samples, &written.train, &written.valid);
        self.try_training(tried, TrialSpec { what: "a sample", datasets, tiny: None }).await
    }

    /// Trains once for each test that is wanted, a few at once.
    pub async fn train_lessons(
        &self,
        tried: Tried<'_>,
        samples: &Samples,
        lesson: &Lesson<'_>,
    ) -> Result<Trained, TestError> {
        let wants = |name| lesson.names.contains(&name);
        let seed = tried.config.seed;
        let planted = (samples.train.planted(lesson.train, seed)?, samples.valid.planted(lesson.valid, seed)?);
        let mut arranged: BTreeMap<TestName, Arranged> = BTreeMap::new();
        let mut judged = Vec::new();
        if let (Some(train), Some(valid)) = planted {
            let names = [(TestName::Signal, "a planted signal"), (TestName::Repeat, "a planted signal, again")];
            let needs_first = wants(TestName::Signal) || wants(TestName::Repeat);
            for (name, what) in names {
                if wants(name) || (name == TestName::Signal && needs_first) {
                    arranged.insert(name, self.arrange(tried, samples, what, &train, &valid).await?);
                }
            }
        } else {
            let reason = "no input varies in the sample: no label can follow it";
            for name in [TestName::Signal, TestName::Repeat].into_iter().filter(|name| wants(*name)) {
                let judgement = Judgement::new(Outcome::Uninformative, reason);
                judged.push((name, TestResult::of(name.as_str(), judgement, 0)));
            }
        }
        if wants(TestName::Permuted) {
            let (train, valid) = (samples.train.permuted(seed)?, samples.valid.permuted(seed.wrapping_add(1))?);
            let arrangement = self.arrange(tried, samples, "labels in random order", &train, &valid).await?;
            arranged.insert(TestName::Permuted, arrangement);
        }
        let teach = |(name, arranged): (TestName, Arranged)| async move {
            self.teach(tried, samples, &arranged).await.map(|taught| (name, taught))
        };
        let lessons: Vec<_> = arranged.into_iter().map(teach).collect();
        let taught: Vec<_> = stream::iter(lessons).buffered(TRAININGS_AT_ONCE).collect().await;
        let mut taught = taught.into_iter().collect::<Result<BTreeMap<TestName, Taught>, TestError>>()?;
        judged.extend(lesson.names.iter().filter_map(|name| Some((*name, judge_lesson(tried, *name, &taught)?))));
        let full = taught.remove(&TestName::Signal).map(|taught| taught.trial);
        Ok(Trained { judged, full })
    }

    async fn arrange(
        &self,
        tried: Tried<'_>,
        samples: &Samples,
        what: &'static str,
        train: &RowSample,
        valid: &RowSample,
    ) -> Result<Arranged, TestError> {
        let write = async |drawn: &Drawn, rows: &RowSample, side: &str| {
            self.write(drawn, rows, &format!("{}/{what}/{side}", tried.name)).await
        };
        Ok(Arranged {
            what,
            train: write(&samples.train, train, "train").await?,
            valid: write(&samples.valid, valid, "valid").await?,
        })
    }

    async fn teach(&self, tried: Tried<'_>, samples: &Samples, arranged: &Arranged) -> Result<Taught, TestError> {
        let datasets = with_sides(samples, &arranged.train, &arranged.valid);
        let trial = self.try_training(tried, TrialSpec { what: arranged.what, datasets, tiny: None }).await?;
        let answered = match &trial.package {
            Err(why) => Err(why.clone()),
            Ok(package) => self.ask_trial(tried, &trial, package, &arranged.valid.files).await?,
        };
        Ok(Taught { trial, answered })
    }
}

fn with_sides(
    samples: &Samples,
    train: &Written,
    valid: &Written,
) -> BTreeMap<String, lamp_runner::protocol::InputFiles> {
    let mut datasets = samples.others.clone();
    datasets.extend([("train".to_owned(), train.input.clone()), ("valid".to_owned(), valid.input.clone())]);
    datasets
}

/// What a training that failed said, and that it is what is to be mended.
fn tell_training(result: &mut TestResult, trial: &Trial) {
    if trial.package.is_err() {
        result.output.clone_from(&trial.output);
        result.next = Some("mend the training command: what it said last stands above".to_owned());
    }
}

fn training_failed(why: &str) -> Judgement {
    Judgement::new(Outcome::Failed, format!("the training command failed: {why}"))
}

fn judge_overfit(tried: Tried<'_>, answered: &Marked) -> Judgement {
    let wanted = &tried.config.tests.overfit;
    let groups = overfit::groups(&answered.table.inputs, answered.table.inputs.rows());
    overfit::judge(tried.config.task, &answered.targets, &answered.predictions, &groups, wanted.metric, wanted.min)
}

fn judge_lesson(tried: Tried<'_>, name: TestName, taught: &BTreeMap<TestName, Taught>) -> Option<TestResult> {
    let own = taught.get(&name)?;
    let judgement = match &own.answered {
        Err(why) if own.trial.package.is_err() => training_failed(why),
        Err(why) => Judgement::new(Outcome::Failed, why.clone()),
        Ok(answered) => {
            let rows = answered.table.inputs.rows();
            let effect = effect(tried.config.task, answered);
            match name {
                TestName::Signal => judge_signal(&answered.targets, &answered.predictions, rows, &effect),
                TestName::Permuted => judge_permuted(&answered.targets, &answered.predictions, rows, &effect),
                TestName::Repeat => judge_same(own, taught.get(&TestName::Signal)?),
                TestName::Overfit | TestName::Shapes | TestName::Features => return None,
            }
        }
    };
    let mut result = TestResult::of(name.as_str(), judgement, own.trial.duration_ms);
    tell_training(&mut result, &own.trial);
    Some(result)
}

/// How well answers agree with labels, in the words of the task.
fn effect(task: Task, answered: &Marked) -> String {
    let name = match task {
        Task::Binary => "roc_auc",
        Task::Multiclass => "accuracy",
        Task::Regression => "r2",
    };
    let value = answered.metrics.get(name);
    value.map_or_else(|| format!("{name} undefined"), |value| format!("{name} {value:.3}"))
}

fn judge_same(again: &Taught, first: &Taught) -> Judgement {
    let (Ok(package), Ok(one), Ok(other)) = (&first.trial.package, &first.answered, &again.answered) else {
        return Judgement::new(Outcome::Skipped, "the first of two trainings left no answers to compare with");
    };
    let rows = one.table.inputs.rows();
    match largest_difference(package, &one.outputs, &other.outputs, rows) {
        Some(difference) => judge_repeat(difference, package.golden.tolerance, rows),
        None => Judgement::new(Outcome::Failed, "two trainings with one seed give answers that are not alike"),
    }
}

/// The largest difference between two models' answers to the same rows; none when they differ in anything but
/// numbers.
pub(super) fn largest_difference(package: &Package, one: &Outputs, other: &Outputs, rows: usize) -> Option<f64> {
    let mut largest = 0.0_f64;
    for field in &package.signature.outputs {
        let (one, other) = (one.find(&field.name)?, other.find(&field.name)?);
        for row in 0..rows {
            largest = largest.max(find_distance(&one.json(row), &other.json(row))?);
        }
    }
    Some(largest)
}
