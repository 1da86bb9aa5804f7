//! `lamp models ls|show|compare`, `lamp approve`, `lamp reject`.

use std::process::ExitCode;

use console::style;
use jiff::tz::TimeZone;
use lamp_app::call::{CompareModels, ListModels, RetireModel, ShowModel};
use lamp_app::registry::decide::Decide as Request;
use lamp_app::registry::report::{self, EvidenceView};
use lamp_app::registry::view::{Comparison, ModelView};
use lamp_core::registry::beside::Standing;
use lamp_core::registry::slices::SliceDifference;
use lamp_core::registry::{Decision, ModelState};

use crate::args::{Decide, Models, ModelsLs, Retire};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, out};

pub async fn run(desk: &Desk, args: &Models) -> Result<ExitCode, Failure> {
    match args {
        Models::Ls(args) => ls(desk, args).await?,
        Models::Show(args) => {
            let view = desk.ask(ShowModel { model: args.model.clone() }).await?;
            if args.json { ui::print_json(&view)? } else { print_report(desk.zone(), &view) }
        }
        Models::Compare(args) => {
            let comparison = desk.ask(CompareModels { a: args.a.clone(), b: args.b.clone() }).await?;
            if args.json { ui::print_json(&comparison)? } else { print_comparison(&comparison) }
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn decide(desk: &Desk, args: &Decide, decision: Decision) -> Result<ExitCode, Failure> {
    let request = Request {
        model: args.model.clone(),
        decision,
        note: args.note.clone(),
        gate_override: args.override_gate,
        budget_override: args.override_budget,
    };
    let approval = desk.ask(request).await?;
    let word = match approval.decision {
        Decision::Approved => style("approved").green().bold(),
        Decision::Rejected => style("rejected").red().bold(),
    };
    out!("{} {word} by {} on report {}", approval.model, approval.by, approval.evidence.short());
    if approval.decision == Decision::Approved {
        out!("\nNext: lamp deploy SERVICE {} --as primary", approval.model);
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn retire(desk: &Desk, args: &Retire) -> Result<ExitCode, Failure> {
    let model = desk.ask(RetireModel { model: args.model.clone(), note: args.note.clone() }).await?;
    out!("{} {}", model.id, coloured(model.state));
    Ok(ExitCode::SUCCESS)
}

async fn ls(desk: &Desk, args: &ModelsLs) -> Result<(), Failure> {
    let views = desk.ask(ListModels { model: args.model.clone() }).await?;
    if args.json {
        return ui::print_json(&views);
    }
    let mut listing = Listing::new(&["MODEL", "STATE", "SERVING", "GATE", "COMMIT", "TRAINED", "DECIDED BY"]);
    for view in views {
        let model = &view.model;
        let gate = model.evidence.gate.as_ref();
        let gate = gate
            .map(|gate| format!("{} {:.4} {}", gate.metric, gate.value, if gate.passed { "passed" } else { "failed" }));
        listing.row([
            model.id.to_string(),
            coloured(model.state),
            serving(&view),
            gate.unwrap_or_else(|| "–".to_owned()),
            model.commit[..model.commit.len().min(12)].to_owned(),
            ui::instant(model.created_at, desk.zone()),
            view.approvals.first().map(|approval| approval.by.to_string()).unwrap_or_default(),
        ]);
    }
    listing.print("No model yet: lamp train MODEL");
    Ok(())
}

fn coloured(state: ModelState) -> String {
    match state {
        ModelState::Candidate => style("candidate").yellow().to_string(),
        ModelState::Approved => style("approved").green().to_string(),
        ModelState::Rejected => style("rejected").red().to_string(),
        ModelState::Retired => style("retired").dim().to_string(),
    }
}

fn serving(view: &ModelView) -> String {
    let places: Vec<_> = view.serving.iter().map(|(service, role)| format!("{service} {role}")).collect();
    if places.is_empty() { "–".to_owned() } else { places.join(", ") }
}

/// A line of the report: what it is, and its value.
fn line(name: &str, value: &str) {
    out!("  {:<14} {value}", style(name).dim());
}

/// The report that a person reads before signing.
pub fn print_report(zone: &TimeZone, view: &ModelView) {
    let model = &view.model;
    let evidence = &model.evidence;
    out!("{}  {}  {}", style(&model.id).bold(), coloured(model.state), model.flavour);
    line("commit", &model.commit);
    line("run", &format!("{} at {}", model.run, ui::instant(model.created_at, zone)));
    line("serving", &serving(view));
    let (rows, without) = (ui::count(evidence.rows), ui::count(evidence.null_targets));
    line("held-out data", &format!("{} ({rows} rows, {without} without target)", evidence.valid));
    let report = EvidenceView::of(evidence);
    print_evidence(&report);
    if let Some(gate) = &evidence.gate {
        let word = if gate.passed { style("passed").green() } else { style("failed").red() };
        line("gate", &format!("{} {} {word}", gate.metric, gate.bound));
    }
    if let Some(difference) = evidence.golden_difference {
        line("golden rows", &format!("served answers differ by at most {difference:.2e}"));
    }
    line("report", &evidence.digest().to_hex());
    for approval in &view.approvals {
        let word = match approval.decision {
            Decision::Approved => "approved",
            Decision::Rejected => "rejected",
        };
        line(word, &format!("by {} at {}: {}", approval.by, ui::instant(approval.at, zone), approval.note));
    }
    print_slices(&report);
}

/// The verdict, what to be careful about, and the metrics beside those of the serving model.
fn print_evidence(report: &EvidenceView) {
    if let Some((standing, text)) = report.standing.zip(report.verdict.as_ref()) {
        let text = match standing {
            Standing::Better => style(text).green().bold(),
            Standing::Worse => style(text).red().bold(),
            Standing::CannotTell => style(text).yellow().bold(),
        };
        line("verdict", &text.to_string());
    }
    for caution in &report.cautions {
        line("careful", &style(caution).yellow().to_string());
    }
    for metric in &report.metrics {
        let beside = report.serving.as_ref().zip(metric.serving);
        let beside = beside.map(|(serving, other)| format!("   {serving}: {other:.4}")).unwrap_or_default();
        let difference = metric.difference.as_ref().map(report::difference);
        let difference = difference.map(|difference| format!("   {difference}")).unwrap_or_default();
        line(&metric.name, &format!("{:.4}{beside}{difference}", metric.candidate));
    }
    if let Some(method) = &report.method {
        line("", &style(method).dim().to_string());
    }
    if let Some(share) = report.decided_differently {
        line("decisions", &format!("differ on {:.1} % of the rows", share * 100.0));
    }
    for data in &report.data {
        line("contracts", data);
    }
}

/// Parts of the held-out rows, the worst change first.
fn print_slices(report: &EvidenceView) {
    let Some(serving) = &report.serving else { return };
    if report.slices.is_empty() {
        return;
    }
    let mut listing = Listing::new(&["PART", "ROWS", "METRIC", "CANDIDATE", "SERVING", "DIFFERENCE"]);
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
    let difference = |slice: &SliceDifference| match slice.difference() {
        _ if !slice.sufficient => "insufficient".to_owned(),
        Some(difference) => format!("{difference:+.4}"),
        None => "undefined".to_owned(),
    };
    for slice in &report.slices {
        listing.row([
            format!("{} = {}", slice.column, slice.value.as_deref().unwrap_or("null")),
            ui::count(slice.rows),
            slice.metric.clone(),
            shown(slice.candidate),
            shown(slice.serving),
            difference(slice),
        ]);
    }
    out!("");
    listing.print("");
    let note = match report.slices_seen {
        0 => format!("No part has enough rows to compare with {serving}."),
        1 => format!("The worst change against {serving} first."),
        seen => format!("The worst change against {serving} first. Of {seen} parts, some look worse by chance alone."),
    };
    out!("{}", style(note).dim());
}

fn print_comparison(comparison: &Comparison) {
    let (a, b) = (&comparison.a.model.id, &comparison.b.model.id);
    let mut listing = Listing::new(&["METRIC", "FIRST", "SECOND", "DIFFERENCE"]);
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
    for (name, (of_a, of_b)) in &comparison.metrics {
        let difference = of_a.zip(*of_b).map(|(a, b)| b - a);
        let difference = difference.map_or_else(|| "–".to_owned(), |difference| format!("{difference:+.4}"));
        listing.row([name.clone(), shown(*of_a), shown(*of_b), difference]);
    }
    out!("first: {}   second: {}", style(a).bold(), style(b).bold());
    listing.print("Neither was measured.");
    if !comparison.same_data {
        out!("{}: they were measured on different held-out data", style("careful").yellow().bold());
    }
    for (name, (of_a, of_b)) in &comparison.differences {
        out!("  {:<16} {of_a}  →  {of_b}", style(name).dim());
    }
}
