//! `lamp doctor`.

use std::process::ExitCode;

use console::{StyledObject, style};
use lamp_core::doctor::{Finding, Score, Sign};

use crate::args::Doctor;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, out};

/// Where the signs of a practice begin: under its title.
const INDENT: &str = "             ";

pub async fn run(desk: &Desk, args: &Doctor) -> Result<ExitCode, Failure> {
    let findings = desk.doctor().await?;
    if args.json {
        ui::print_json(&findings)?;
        return Ok(ExitCode::SUCCESS);
    }
    for finding in &findings {
        print(finding);
    }
    let count = |score: Score| findings.iter().filter(|finding| finding.score == score).count();
    let [yes, partly, no] = [Score::Yes, Score::Partly, Score::No].map(count);
    out!("{} of {} practices kept, {partly} partly, {no} not", style(yes).bold(), findings.len());
    if desk.app().is_none() {
        out!("Hooks, locks and workflows are this clone's; all else is the server's, as its own clone declares it.");
    }
    Ok(ExitCode::SUCCESS)
}

/// A colour, a symbol and a word for each score: none of them alone.
fn mark(score: Score) -> StyledObject<String> {
    match score {
        Score::Yes => style(format!("✓ {score:<6}")).green(),
        Score::Partly => style(format!("◐ {score:<6}")).yellow(),
        Score::No => style(format!("✗ {score:<6}")).red(),
    }
}

fn print(finding: &Finding) {
    out!("{}  {}  {}", style(finding.practice).dim(), mark(finding.score).bold(), style(finding.title).bold());
    finding.signs.iter().for_each(print_sign);
    out!("");
}

fn print_sign(sign: &Sign) {
    if sign.holds {
        out!("{INDENT}{} {}", style("+").green(), sign.found);
    } else {
        out!("{INDENT}{} {}", style("-").red(), sign.found);
    }
    if let Some(next) = &sign.next {
        out!("{INDENT}  {} {}", style("→").cyan(), style(next).cyan());
    }
}
