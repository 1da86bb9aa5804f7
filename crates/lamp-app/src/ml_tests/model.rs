//! All tests of one model: what must be trained for those that are wanted, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use lamp_core::config::Serve;
use lamp_core::ml_test::{FeatureCheck, Judgement, Outcome, REPORT_FORMAT, Subject, TestName, TestReport, TestResult};
use lamp_core::names::ModelName;
use lamp_core::package::Package;

use super::TestError;
use super::learn::{Lesson, Trained};
use super::samples::{Samples, Written};
use super::session::Session;
use super::trial::{Trial, Tried};
use crate::data::resolve::Slice;
use crate::training::RunError;

/// A sample as it was drawn, written for a training.
pub(super) struct Natural {
    pub train: Written,
    pub valid: Written,
}

/// The results of a model so far.
#[derive(Default)]
pub(super) struct Results {
    done: BTreeMap<TestName, Vec<TestResult>>,
}

impl Results {
    pub fn add(&mut self, name: TestName, result: TestResult) {
        self.done.entry(name).or_default().push(result);
    }

    pub fn skip(&mut self, name: TestName, reason: impl Into<String>) {
        if !self.done.contains_key(&name) {
            self.add(name, TestResult::of(name.as_str(), Judgement::new(Outcome::Skipped, reason), 0));
        }
    }

    /// The results in the order of the tests, the failed ones with what to do next.
    fn in_order(self, model: &ModelName) -> Vec<TestResult> {
        let mut results = Vec::new();
        for (name, mut of_name) in self.done {
            for result in of_name.iter_mut().filter(|result| result.outcome == Outcome::Failed && result.next.is_none())
            {
                let check =
                    FeatureCheck::ALL.into_iter().find(|check| result.name.ends_with(&format!("/{}", check.as_str())));
                result.next = Some(check.map_or_else(|| name.next(model), |check| check.next(model)));
            }
            results.extend(of_name);
        }
        results
    }
}

impl Session<'_> {
    /// Tests one model. Tests that are not wanted are not in the report.
    pub async fn test_model(&self, name: &ModelName, tests: &BTreeSet<TestName>) -> Result<TestReport, TestError> {
        let unknown = || RunError::UnknownModel { model: name.clone(), commit: None };
        let (project, config) = self.code.workspace.model(name).ok_or_else(unknown)?;
        let tried = Tried { project, name, config };
        let (train, valid) = (self.pinned_slice(tried, "train").await?, self.pinned_slice(tried, "valid").await?);
        let mut results = Results::default();
        let mut wanted = tests.clone();
        for (name, reason) in config.tests.skip.iter().filter(|(name, _)| tests.contains(name)) {
            results.skip(*name, format!("left out in lamp.toml: {reason}"));
            wanted.remove(name);
        }
        if let Serve::Upstream(url) = &config.serve {
            let reason = format!("{url} answers for it: no code of ours makes it");
            for name in &wanted {
                results.skip(*name, reason.clone());
            }
            wanted.clear();
        }
        self.test_wanted(tried, &wanted, (&train, &valid), &mut results).await?;
        let mut data: Vec<String> = Vec::new();
        for slice in [&train, &valid] {
            data.push(format!("{}@{} as {}", slice.version.dataset, slice.version.version, slice.text));
        }
        let (file, line) = project.place_of(&format!("models.{name}"));
        Ok(TestReport {
            format: REPORT_FORMAT,
            subject: Subject::Model(name.clone()),
            project: project.name.clone(),
            file,
            line,
            commit: self.head.as_ref().map(|head| head.hash.clone()),
            tree: self.code.commit.tree.clone(),
            committed: self.head.as_ref().is_some_and(|head| head.tree == self.code.commit.tree),
            data,
            results: results.in_order(name),
        })
    }

    async fn test_wanted(
        &self,
        tried: Tried<'_>,
        wanted: &BTreeSet<TestName>,
        (train, valid): (&Slice, &Slice),
        results: &mut Results,
    ) -> Result<(), TestError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let samples = match self.draw(tried, train, valid).await? {
            Ok(samples) => samples,
            Err(why) => {
                let first = *wanted.first().unwrap_or(&TestName::Overfit);
                results.add(first, TestResult::of(first.as_str(), Judgement::new(Outcome::Failed, why), 0));
                for name in wanted {
                    results.skip(*name, "there is no target to learn");
                }
                return Ok(());
            }
        };
        let written = Natural {
            train: self.write(&samples.train, &samples.train.rows, &format!("{}/train", tried.name)).await?,
            valid: self.write(&samples.valid, &samples.valid.rows, &format!("{}/valid", tried.name)).await?,
        };
        let known = self.first_package(tried, wanted, &samples, &written, results).await?;
        let package = known.as_ref().and_then(|trial| trial.package.as_ref().ok());
        let full = self.learn(tried, wanted, &samples, &written, package, results).await?;
        if wanted.contains(&TestName::Shapes) {
            self.test_shapes(tried, full.as_ref(), &written, results).await?;
        }
        if wanted.contains(&TestName::Features) {
            let started = Instant::now();
            let judged = self.judge_features(tried, (train, valid), &samples, &written, package).await?;
            // They are looked at together: the time is told once.
            let mut took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            for (check, judgement) in judged {
                let name = format!("{}/{}", TestName::Features, check.as_str());
                results.add(TestName::Features, TestResult::of(name, judgement, std::mem::take(&mut took)));
            }
        }
        Ok(())
    }

    /// The first training, whose package says what the inputs are: the tiny batch if that is wanted and leaves one,
    /// else the sample as it is.
    async fn first_package(
        &self,
        tried: Tried<'_>,
        wanted: &BTreeSet<TestName>,
        samples: &Samples,
        written: &Natural,
        results: &mut Results,
    ) -> Result<Option<Trial>, TestError> {
        if wanted.contains(&TestName::Overfit) {
            let tiny = self.test_overfit(tried, samples, results).await?;
            let has_package = tiny.as_ref().is_some_and(|trial| trial.package.is_ok());
            if has_package || wanted.len() == 1 {
                return Ok(tiny);
            }
        }
        self.train_plainly(tried, samples, written).await.map(Some)
    }

    /// Tests that need a model of a whole sample. Gives that model's training, for the tests that follow.
    async fn learn(
        &self,
        tried: Tried<'_>,
        wanted: &BTreeSet<TestName>,
        samples: &Samples,
        written: &Natural,
        package: Option<&Package>,
        results: &mut Results,
    ) -> Result<Option<Trial>, TestError> {
        let learned = [TestName::Signal, TestName::Permuted, TestName::Repeat];
        let lessons: Vec<TestName> = learned.into_iter().filter(|name| wanted.contains(name)).collect();
        let wants_plain = wanted.contains(&TestName::Shapes) && !lessons.contains(&TestName::Signal);
        let Some(package) = package else {
            for name in lessons {
                results.skip(name, "no training left a package that says what the inputs are");
            }
            return Ok(None);
        };
        if lessons.is_empty() && !wants_plain {
            return Ok(None);
        }
        let inputs = (
            self.inputs_of(&written.train, &package.signature).await,
            self.inputs_of(&written.valid, &package.signature).await,
        );
        let (Ok(train), Ok(valid)) = inputs else {
            for name in lessons {
                results.skip(name, "the inputs cannot be read; see features/columns");
            }
            return Ok(None);
        };
        let Trained { judged, full } =
            self.train_lessons(tried, samples, &Lesson { names: &lessons, train: &train, valid: &valid }).await?;
        for (name, result) in judged {
            results.add(name, result);
        }
        match full {
            Some(full) => Ok(Some(full)),
            None if wants_plain => self.train_plainly(tried, samples, written).await.map(Some),
            None => Ok(None),
        }
    }
}
