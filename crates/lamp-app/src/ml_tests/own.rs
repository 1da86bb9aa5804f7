//! A project's own test: any command, in the project's folder and environment. Its exit code is the verdict.

use lamp_core::ml_test::{Judgement, Outcome, REPORT_FORMAT, Subject, TestReport, TestResult};
use lamp_core::names::ProjectName;
use lamp_runner::sdk;

use super::TestError;
use super::session::Session;
use crate::training::RunError;

impl Session<'_> {
    /// Runs one test of a project.
    pub async fn test_own(&self, project: &ProjectName, name: &str) -> Result<TestReport, TestError> {
        let unknown = || RunError::UnknownProject { project: project.clone(), commit: self.code.commit.hash.clone() };
        let project = self.code.workspace.project(project).ok_or_else(unknown)?;
        let test = project.tests.get(name).ok_or_else(unknown)?;
        (self.say)(&format!("{}/{name}: preparing", project.name));
        let folder = self.run_folder()?;
        let environment = self.app.environment_at(&self.code.worktree, project, self.say).await?;
        sdk::write_sdk(&self.app.layout().sdk(), self.app.parts.runs.sdk)?;
        let mut launch = self.app.launch_spec(&self.code, project, &test.command, 0, &folder, &environment)?;
        // A test is no run: `current_run()` in it is a scratch run.
        launch.env.retain(|(variable, _)| variable != "LAMP_RUN");
        (self.say)(&format!("{}/{name}: {}", project.name, test.command));
        self.app.launch(&launch).await?;
        let (exit, output) = self.watch(&folder).await?;
        let (judgement, duration_ms) = match exit {
            Ok(exit) => (Judgement::new(Outcome::Passed, test.command.clone()), exit.duration_ms),
            Err(why) => (Judgement::new(Outcome::Failed, format!("{}: {why}", test.command)), 0),
        };
        let failed = judgement.outcome == Outcome::Failed;
        let mut result = TestResult::of(name, judgement, duration_ms);
        result.next = failed.then(|| format!("cd {} && {}", project.dir, test.command));
        result.output = Some(output).filter(|output| failed && !output.is_empty());
        let (file, line) = project.place_of(&format!("tests.{name}"));
        Ok(TestReport {
            format: REPORT_FORMAT,
            subject: Subject::Own(name.to_owned()),
            project: project.name.clone(),
            file,
            line,
            commit: self.head.as_ref().map(|head| head.hash.clone()),
            tree: self.code.commit.tree.clone(),
            committed: self.head.as_ref().is_some_and(|head| head.tree == self.code.commit.tree),
            data: Vec::new(),
            results: vec![result],
        })
    }
}
