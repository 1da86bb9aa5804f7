//! `lamp check`.

use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use lamp_app::call::{CheckDataset, Checkable};
use lamp_app::check::{CheckReport, PieceChecks};
use lamp_core::check::{Check as Verdicts, Verdict};

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
            print(&report, args.all);
        }
        reports.push(report);
    }
    let is_kept = reports.iter().all(CheckReport::is_kept);
    if args.json {
        ui::print_json(&reports)?;
    }
    Ok(verdict(is_kept))
}

fn print(report: &CheckReport, all: bool) {
    let version = &report.version;
    let [failed, passed, not_evaluated] =
        [Verdict::Failed, Verdict::Passed, Verdict::NotEvaluated].map(|verdict| report.count(verdict));
    let word = if failed == 0 { style("kept").green().bold() } else { style("broken").red().bold() };
    let pieces =
        if report.pieces.len() > 1 { format!(" over {} partitions", report.pieces.len()) } else { String::new() };
    out!(
        "{}  {word}  {passed} passed, {failed} failed, {not_evaluated} not evaluated{pieces}  ({})",
        style(format!("{}@{}", version.dataset, version.version)).bold(),
        report.contract,
    );
    for piece in &report.pieces {
        for check in &piece.checks {
            if all || check.verdict == Verdict::Failed {
                print_check(piece, check);
            }
        }
    }
    if not_evaluated > 0 && !all {
        print_not_evaluated(report);
    }
    for incident in &report.incidents {
        out!("  incident opened: {}", incident.title);
        out!("    Next: lamp incidents ack {}", incident.id);
    }
}

/// What we cannot evaluate is said once a rule, not once a partition.
fn print_not_evaluated(report: &CheckReport) {
    let mut seen = Vec::new();
    for check in report.pieces.iter().flat_map(|piece| &piece.checks) {
        if check.verdict == Verdict::NotEvaluated && !seen.contains(&&check.rule) {
            seen.push(&check.rule);
            out!("  {} {}: {}", style("not evaluated").yellow(), check.rule, check.message);
        }
    }
}

fn print_check(piece: &PieceChecks, check: &Verdicts) {
    let mark = match check.verdict {
        Verdict::Passed => style("passed").green(),
        Verdict::Failed => style("failed").red(),
        Verdict::NotEvaluated => style("not evaluated").yellow(),
    };
    let partition = piece.partition.as_ref().map(|key| format!("[{key}] ")).unwrap_or_default();
    out!("  {mark} {partition}{}: {}", check.rule, check.message);
}
