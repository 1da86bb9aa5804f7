//! `lamp sla`.

use std::process::ExitCode;

use console::style;
use lamp_app::call::ShowServiceLevels;
use lamp_app::sla::{Promise, ServiceLevel};
use lamp_core::check::Verdict;
use lamp_core::contract::budget::{Budget, BudgetState};

use super::profile::bar_of;
use super::verdict;
use crate::args::Sla;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, out};

/// Characters of a whole budget.
const BAR_WIDTH: usize = 28;

/// Bad partitions that are named.
const BAD_SHOWN: usize = 10;

pub async fn run(desk: &Desk, args: &Sla) -> Result<ExitCode, Failure> {
    let levels = desk.ask(ShowServiceLevels { dataset: args.dataset.clone() }).await?;
    let is_kept = levels.iter().all(ServiceLevel::is_kept);
    if args.json {
        ui::print_json(&levels)?;
        return Ok(verdict(is_kept));
    }
    if levels.is_empty() {
        out!("No contract promises anything over time.");
        out!("  Next: add slaProperties to a contract, for example availability: lamp sla --help");
    }
    levels.iter().for_each(print);
    Ok(verdict(is_kept))
}

fn print(level: &ServiceLevel) {
    let word = if level.is_kept() { style("kept").green().bold() } else { style("broken").red().bold() };
    out!("{}  {word}  ({})", style(&level.dataset).bold(), level.contract);
    if let Some(budget) = &level.budget {
        print_budget(budget);
    }
    level.promises.iter().for_each(print_promise);
    if level.budget.is_none() && level.promises.is_empty() {
        out!("  the contract has no slaProperties");
    }
}

fn print_budget(budget: &Budget) {
    let state = match budget.state {
        BudgetState::Unknown => style("unknown").yellow(),
        BudgetState::Kept => style("kept").green(),
        BudgetState::Spent => style("spent").yellow(),
        BudgetState::Exhausted => style("exhausted").red(),
    };
    let Budget { objective, since, until, .. } = budget;
    out!("  {state} objective: {} % of the partitions of {since} to {until}", objective.percent);
    out!("    budget {}", budget_bar(budget));
    out!("    {}", budget.sentence());
    if budget.unchecked > 0 {
        out!("    {} partitions are not checked and count as neither", budget.unchecked);
    }
    if let Some(burn) = budget.burn {
        out!("    burn {burn:.1}: at 1, the budget lasts exactly as long as the window");
    }
    if !budget.bad.is_empty() {
        let named = budget.bad.iter().rev().take(BAD_SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = budget.bad.len().saturating_sub(BAD_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        out!("    bad: {named}{more}");
    }
}

/// What is left of the budget, as a share of all of it.
fn budget_bar(budget: &Budget) -> String {
    let percent = budget.left_percent();
    let bar = bar_of(u64::from(percent), 100, BAR_WIDTH);
    let rest = BAR_WIDTH.saturating_sub(console::measure_text_width(&bar));
    format!("{}{} {percent} % left", style(bar).cyan(), style("·".repeat(rest)).dim())
}

fn print_promise(promise: &Promise) {
    let check = &promise.check;
    let mark = match check.verdict {
        Verdict::Passed => style("kept").green(),
        Verdict::Failed => style("broken").red(),
        Verdict::NotEvaluated => style("not evaluated").yellow(),
    };
    let name = check.rule.strip_prefix("sla.").unwrap_or(&check.rule);
    out!("  {mark} {name} {}: {}", check.bound, check.message);
}
