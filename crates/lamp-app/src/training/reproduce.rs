//! `lamp reproduce RUN`: the same commit, data, environment, parameters and seed, once more.

use std::collections::{BTreeMap, BTreeSet};

use lamp_core::ids::RunId;
use lamp_core::run::{OutputFile, Purpose, Run, RunManifest};
use lamp_runner::Progress;
use lamp_runner::launch::{ChildStatus, status, stop, wait};
use lamp_runner::run_folder::RunFolder;
use serde::Serialize;
use serde_json::Value;

use super::RunError;
use super::code::{Code, CodeChoice};
use super::collect::outputs_of;
use super::start::RunPlan;
use crate::app::App;
use crate::data::resolve::Slice;

/// How a second run compares with the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Reproduced {
    /// Every output file has the same bytes.
    BitIdentical,
    /// Bytes differ, but the served answers to the golden rows agree within the package's tolerance.
    WithinTolerance {
        /// Files whose bytes differ.
        files: Vec<String>,
        /// Largest difference of an answer.
        difference: f64,
    },
    /// It differs.
    Different {
        /// What differed first.
        first: String,
    },
}

/// The result of a reproduction.
#[derive(Debug, Clone, Serialize)]
pub struct Reproduction {
    /// The run that was repeated.
    pub of: RunId,
    /// How it compares.
    #[serde(flatten)]
    pub outcome: Reproduced,
}

impl App {
    /// Repeats a run from its manifest. Nothing is registered: the result is a comparison. When
    /// `until` completes first, the repeated command is stopped and nothing is left of it.
    pub async fn reproduce(
        &self,
        text: &str,
        say: Progress<'_>,
        on_log: &mut (dyn FnMut(&str) + Send),
        until: impl Future<Output = ()>,
    ) -> Result<Reproduction, RunError> {
        let run = self.find_run(text).await?;
        let Some(manifest) = run.manifest.clone() else {
            return Err(RunError::WrongState { run: run.id, state: run.state.as_str() });
        };
        let id = RunId::new(self.now(), &*self.ids());
        let code = self.check_out(&CodeChoice::Rev(manifest.commit.clone()), None, id).await?;
        let folder = RunFolder::create(&self.layout().runs(), id);
        let folder = self.clear_worktree_on_error(&code, folder.map_err(RunError::from)).await?;
        let mut repeated = tokio::select! {
            repeated = self.repeat(&code, &run, &manifest, &folder, say, on_log) => repeated,
            () = until => Err(RunError::Interrupted),
        };
        if repeated.is_err()
            && let Err(error) = stop(&folder).await
        {
            repeated = Err(error.into());
        }
        // Only now: the command works in it.
        self.discard_worktree(&code.worktree).await;
        let has_nothing_to_show = match &repeated {
            Ok(Reproduced::BitIdentical | Reproduced::WithinTolerance { .. }) | Err(RunError::Interrupted) => true,
            Ok(Reproduced::Different { .. }) | Err(_) => status(&folder)? == ChildStatus::NotStarted,
        };
        if has_nothing_to_show && let Err(error) = folder.remove() {
            tracing::warn!(run = %id, %error, "cannot remove the folder of a repetition");
        }
        Ok(Reproduction { of: run.id, outcome: repeated? })
    }

    async fn repeat(
        &self,
        code: &Code,
        run: &Run,
        manifest: &RunManifest,
        folder: &RunFolder,
        say: Progress<'_>,
        on_log: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Reproduced, RunError> {
        let project = code.workspace.project(&manifest.project).ok_or_else(|| RunError::UnknownProject {
            project: manifest.project.clone(),
            commit: manifest.commit.clone(),
        })?;
        let environment = self.environment_at(&code.worktree, project, say).await?;
        if environment.digest != manifest.environment {
            return Ok(Reproduced::Different {
                first: format!("the interpreter: was {}, is {}", manifest.interpreter, environment.interpreter),
            });
        }
        let target = match &manifest.purpose {
            Purpose::Train(model) => code.workspace.model(model).map(|(_, config)| config),
            Purpose::Build(_) => None,
        };
        let plan = RunPlan {
            id: folder.run(),
            purpose: manifest.purpose.clone(),
            code,
            project,
            command: manifest.command.clone(),
            inputs: self.inputs_again(manifest).await?,
            params: manifest.params.clone(),
            seed: manifest.seed,
            as_of: manifest.as_of,
            task: target.map(|config| config.task),
            target: target.map(|config| config.target.clone()),
        };
        self.launch_unrecorded(&plan, folder, say).await?;
        let exit = wait(folder, on_log).await?;
        if !exit.is_success() {
            return Ok(Reproduced::Different { first: format!("the command: {}", exit.describe()) });
        }
        self.compare(run, manifest, folder).await
    }

    async fn inputs_again(&self, manifest: &RunManifest) -> Result<BTreeMap<String, Slice>, RunError> {
        let mut inputs = BTreeMap::new();
        for (role, pinned) in &manifest.inputs {
            let version = self.exact_version(&pinned.dataset, pinned.version).await?;
            let all = self.store().manifest(&pinned.digest).await?.files;
            let files = all.into_iter().filter(|file| pinned.takes(file.partition.as_ref())).collect();
            inputs.insert(role.clone(), Slice { version, text: pinned.slice.clone(), files });
        }
        Ok(inputs)
    }

    async fn compare(&self, run: &Run, first: &RunManifest, folder: &RunFolder) -> Result<Reproduced, RunError> {
        let sub = match first.purpose {
            Purpose::Train(_) => "model",
            Purpose::Build(_) => "dataset",
        };
        let second = outputs_of(folder, sub).await?;
        let differing = differing_files(&first.outputs, &second);
        if differing.is_empty() {
            return Ok(Reproduced::BitIdentical);
        }
        let Some(model) = self.ledger().find_model_of_run(run.id).await? else {
            return Ok(Reproduced::Different { first: differing[0].clone() });
        };
        let dir = folder.path().join("model");
        let before = self.package(&model.package).await?;
        let after = lamp_model::read_package(&dir)?;
        Ok(compare_answers(&before, &after, differing))
    }
}

fn differing_files(first: &[OutputFile], second: &[OutputFile]) -> Vec<String> {
    let digest_in = |files: &[OutputFile], path: &str| files.iter().find(|file| file.path == path).map(|f| f.digest);
    let mut paths: Vec<&String> = first.iter().chain(second).map(|file| &file.path).collect();
    paths.sort();
    paths.dedup();
    paths.into_iter().filter(|path| digest_in(first, path) != digest_in(second, path)).cloned().collect()
}

/// Both packages carry their predictor's answers to golden rows; the same rows must be there.
fn compare_answers(
    before: &lamp_core::package::Package,
    after: &lamp_core::package::Package,
    files: Vec<String>,
) -> Reproduced {
    if before.golden.rows != after.golden.rows {
        return Reproduced::Different { first: "the golden rows that training chose".to_owned() };
    }
    if before.golden.answers.len() != after.golden.answers.len() {
        return Reproduced::Different { first: "the number of answers to golden rows".to_owned() };
    }
    let mut difference = 0.0_f64;
    for (a, b) in before.golden.answers.iter().zip(&after.golden.answers) {
        let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for name in names {
            let distance = a.get(name).zip(b.get(name)).and_then(|(a, b)| find_distance(a, b));
            let Some(distance) = distance else {
                return Reproduced::Different { first: format!("the answer `{name}` to a golden row") };
            };
            difference = difference.max(distance);
        }
    }
    if difference <= before.golden.tolerance {
        Reproduced::WithinTolerance { files, difference }
    } else {
        Reproduced::Different { first: format!("{} (golden answers differ by {difference:.3e})", files.join(", ")) }
    }
}

/// The largest difference between the numbers of two answers, lists element by element; none when
/// they differ in anything but numbers.
pub(crate) fn find_distance(a: &Value, b: &Value) -> Option<f64> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Some((a.as_f64()? - b.as_f64()?).abs()),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).try_fold(0.0_f64, |most, (a, b)| Some(most.max(find_distance(a, b)?)))
        }
        (a, b) => (a == b).then_some(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_compared_number_by_number() {
        assert_eq!(find_distance(&json!([0.5, [0.25, 1]]), &json!([0.5, [0.75, 1.0]])), Some(0.5));
        assert_eq!(find_distance(&json!(null), &json!(null)), Some(0.0));
        assert_eq!(find_distance(&json!("elm"), &json!("oak")), None);
        assert_eq!(find_distance(&json!([0.5]), &json!([0.5, 0.5])), None);
        assert_eq!(find_distance(&json!([0.5, null]), &json!([0.5, 0.5])), None);
    }
}
