//! `lamp check`.

mod junit;
mod surprise;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use lamp_app::call::{CheckDataset, Checkable};
use lamp_app::check::{CheckReport, PieceChecks};
use lamp_core::check::{Check as Verdicts, Severity, Verdict};

use super::verdict;
use crate::args::Check;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Spinner, out};

pub async fn run(desk: &Desk, args: &Check) -> Result<ExitCode, Failure> {
    let names = if args.data.is_empty() { desk.ask(Checkable {}).await? } else { args.data.clone() };
    let mut reports = Vec::new();
    for name in names {
        let spinner = Arc::new(Spinner::start(&format!("checking {name}")));
        let said = {
            let spinner = Arc::clone(&spinner);
            move |line: &str| spinner.say(line)
        };
        let report = desk.ask_saying(CheckDataset { reference: desk.pinned(&name)? }, &said).await?;
        drop(spinner);
        if !args.json {
            print(&report, args);
        }
        reports.push(report);
    }
    if let Some(path) = &args.junit {
        let text = junit::render(&reports).map_err(|error| junit_failure(path, &error))?;
        std::fs::write(path, text).map_err(|error| junit_failure(path, &error))?;
    }
    let is_kept = reports.iter().all(CheckReport::is_kept);
    if args.json {
        ui::print_json(&reports)?;
    }
    Ok(verdict(is_kept))
}

fn junit_failure(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::operation(format!("cannot write `{}`: {error}", path.display()))
}

fn print(report: &CheckReport, args: &Check) {
    let all = args.all;
    let version = &report.version;
    out!(
        "{}  {}  {}  ({})",
        style(format!("{}@{}", version.dataset, version.version)).bold(),
        if report.is_kept() { style("kept").green().bold() } else { style("broken").red().bold() },
        counted(report),
        report.contract,
    );
    for piece in &report.pieces {
        for check in &piece.checks {
            if all || check.verdict == Verdict::Failed {
                print_check(piece, check);
            }
        }
    }
    if !all {
        print_not_evaluated(report);
    }
    surprise::print(&report.judged, args.explain);
    for incident in &report.incidents {
        out!("  incident opened: {}", incident.title);
        out!("    Next: lamp incidents ack {}", incident.id);
    }
}

/// `30 passed, 0 failed, 1 warning, 2 not evaluated over 365 partitions`; no word of warnings where there are none.
fn counted(report: &CheckReport) -> String {
    let warnings = match report.warnings() {
        0 => String::new(),
        1 => "1 warning, ".to_owned(),
        more => format!("{more} warnings, "),
    };
    let pieces =
        if report.pieces.len() > 1 { format!(" over {} partitions", report.pieces.len()) } else { String::new() };
    format!(
        "{} passed, {} failed, {warnings}{} not evaluated{pieces}",
        report.count(Verdict::Passed),
        report.broken().count(),
        report.count(Verdict::NotEvaluated),
    )
}

/// What we cannot evaluate is said once a rule, not once a partition.
fn print_not_evaluated(report: &CheckReport) {
    let mut rules: Vec<(&Verdicts, usize)> = Vec::new();
    for check in report.pieces.iter().flat_map(|piece| &piece.checks) {
        if check.verdict != Verdict::NotEvaluated {
            continue;
        }
        match rules.iter_mut().find(|(known, _)| known.rule == check.rule && known.message == check.message) {
            Some((_, times)) => *times += 1,
            None => rules.push((check, 1)),
        }
    }
    for (check, times) in rules {
        let times = if times > 1 { format!(" (in {times} partitions)") } else { String::new() };
        out!("  {} {}: {}{times}", style("not evaluated").yellow(), check.rule, check.message);
    }
}

fn print_check(piece: &PieceChecks, check: &Verdicts) {
    let mark = match (check.verdict, check.severity()) {
        (Verdict::Passed, _) => style("passed").green(),
        (Verdict::Failed, Severity::Error) => style("failed").red(),
        (Verdict::Failed, Severity::Warning) => style("warning").yellow(),
        (Verdict::Failed, Severity::Info) => style("info").cyan(),
        (Verdict::NotEvaluated, _) => style("not evaluated").yellow(),
    };
    let partition = piece.partition.as_ref().map(|key| format!("[{key}] ")).unwrap_or_default();
    let dimension = check.dimension.as_ref().map(|word| format!(" ({word})")).unwrap_or_default();
    out!("  {mark} {partition}{}: {}{}", check.rule, check.message, style(dimension).dim());
    for row in &check.samples {
        out!("    {}", style(row).dim());
    }
}
