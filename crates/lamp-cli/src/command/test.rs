//! `lamp test`.

mod annotations;
mod bench;
mod junit;
#[cfg(test)]
mod sample;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use console::{StyledObject, style};
use lamp_app::ml_tests::{Only, TestError, TestRequest, Tested};
use lamp_core::ml_test::{Outcome, TestReport, TestResult};

use bench::Bench;

use super::verdict;
use crate::args::Test;
use crate::desk::Desk;
use crate::failure::{Failure, INTERRUPTED};
use crate::ui::{self, Lines, Spinner, duration, out};

/// Where GitHub takes a job's summary from.
const SUMMARY_VARIABLE: &str = "GITHUB_STEP_SUMMARY";
/// Set to `true` where GitHub reads what a step prints.
const ACTIONS_VARIABLE: &str = "GITHUB_ACTIONS";
/// Width of the column of names.
const NAME_WIDTH: usize = 18;

pub async fn run(desk: &Desk, args: &Test) -> Result<ExitCode, Failure> {
    let only = args.only.as_deref().map(Only::parse).transpose()?;
    let request = TestRequest { models: args.models.clone(), affected_by: args.affected_by.clone(), only };
    let bench = Box::pin(Bench::of(desk, &request)).await?;
    let spinner = Arc::new(Spinner::start_with("choosing tests", Lines::beside(args.json)));
    let say = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.say(line)
    };
    let (json, shown) = (args.json, Arc::clone(&spinner));
    let mut on_report = move |report: &TestReport| {
        if !json {
            print(report, &shown);
        }
    };
    let tested = bench.test(&request, &say, &mut on_report, super::interruption()).await;
    drop((say, on_report, spinner));
    let tested = match tested {
        Ok(tested) => tested,
        Err(error @ TestError::Interrupted) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(error) => return Err(error.into()),
    };
    write_files(args, &tested)?;
    let tested = bench.keep(&request, tested).await?;
    if args.json {
        ui::print_json(&serde_json::json!({
            "passed": tested.is_passed(),
            "recorded": tested.recorded,
            "reports": tested.reports,
        }))?;
    } else {
        print_sum(&tested, args.affected_by.as_deref());
    }
    if std::env::var(ACTIONS_VARIABLE).is_ok_and(|value| value == "true") {
        annotations::print(&tested.reports, args.json);
    }
    Ok(verdict(tested.is_passed()))
}

fn write_files(args: &Test, tested: &Tested) -> Result<(), Failure> {
    if let Some(path) = &args.junit {
        let text = junit::render(&tested.reports)
            .map_err(|error| Failure::operation(format!("cannot write a JUnit report: {error}")))?;
        std::fs::write(path, text).map_err(|error| unwritten(path, &error))?;
    }
    let summary = args
        .summary
        .clone()
        .or_else(|| std::env::var_os(SUMMARY_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from));
    if let Some(path) = summary {
        summary::append(&path, &tested.reports).map_err(|error| unwritten(&path, &error))?;
    }
    Ok(())
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::operation(format!("cannot write `{}`: {error}", path.display()))
}

fn print(report: &TestReport, spinner: &Spinner) {
    let tree = &report.tree[..report.tree.len().min(12)];
    let code = match (&report.commit, report.committed) {
        (Some(commit), true) => format!("commit {}", &commit[..commit.len().min(12)]),
        (Some(commit), false) => format!("tree {tree}, changed since {}", &commit[..commit.len().min(12)]),
        (None, _) => format!("tree {tree}"),
    };
    let data = if report.data.is_empty() { String::new() } else { format!("  {}", report.data.join(", ")) };
    spinner.line(&format!("{}  {}", style(report.subject_text()).bold(), style(format!("{code}{data}")).dim()));
    for result in &report.results {
        print_result(result, spinner);
    }
}

fn print_result(result: &TestResult, spinner: &Spinner) {
    let took = match result.duration_ms {
        0 => String::new(),
        ms => format!("  {}", style(duration(ms)).dim()),
    };
    spinner.line(&format!("  {:<13} {:<NAME_WIDTH$} {}{took}", word(result.outcome), result.name, result.reason));
    let is_failed = result.outcome == Outcome::Failed;
    // One finding is told by the reason already.
    let further = result.details.iter().filter(|_| is_failed && result.details.len() > 1);
    further.for_each(|detail| spinner.line(&format!("      {detail}")));
    if let Some(output) = result.output.as_ref().filter(|_| is_failed) {
        output.lines().for_each(|line| spinner.line(&format!("      {}", style(format!("| {line}")).dim())));
    }
    if let Some(next) = &result.next {
        spinner.line(&format!("      next: {next}"));
    }
}

fn word(outcome: Outcome) -> StyledObject<&'static str> {
    let word = style(outcome.as_str());
    match outcome {
        Outcome::Passed => word.green(),
        Outcome::Failed => word.red().bold(),
        Outcome::Uninformative => word.yellow(),
        Outcome::Skipped => word.dim(),
    }
}

fn print_sum(tested: &Tested, base: Option<&str>) {
    if tested.reports.is_empty() {
        match base {
            Some(base) => out!("Nothing that is tested is touched since {base}."),
            None => out!("Nothing of that is tested."),
        }
        return;
    }
    let counts = Outcome::ALL.map(|outcome| {
        let count: usize = tested.reports.iter().map(|report| report.count(outcome)).sum();
        (outcome, count)
    });
    let told: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(outcome, count)| format!("{count} {outcome}")).collect();
    out!("\n{}", told.join(", "));
    if !tested.recorded {
        out!("Not kept in the ledger: only some of the tests were run.");
    }
}
