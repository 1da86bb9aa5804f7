//! `lamp cadence study`, and how a study looks.

use std::process::ExitCode;

use console::style;
use jiff::tz::TimeZone;
use lamp_app::App;
use lamp_app::cadence::CadenceError;
use lamp_app::cadence::study::{StudyProgress, StudyRequest};
use lamp_app::cadence::view::{StudyView, WindowView};
use lamp_core::cadence::report::Costs;

use super::plot::Scale;
use crate::args::CadenceStudy;
use crate::command::{until_interrupted, verdict};
use crate::failure::{Failure, INTERRUPTED};
use crate::ui::{self, Listing, Steps, out};

pub async fn run(app: &App, args: &CadenceStudy) -> Result<ExitCode, Failure> {
    let costs = Costs { review: args.review_cost, compute_hour: args.compute_cost, tolerance: args.tolerance };
    let request = StudyRequest {
        model: args.model.clone(),
        rev: args.rev.clone(),
        from: args.from,
        to: args.to,
        every: args.blocks,
        windows: args.windows.clone(),
        label_lag_days: args.label_lag.days,
        costs,
        jobs: usize::from(args.jobs),
    };
    let steps = Steps::new("trainings");
    let on_progress = |at: &StudyProgress| {
        let kept = if at.kept == 0 { String::new() } else { format!(", {} from before", at.kept) };
        steps.set(at.done, at.all, &format!("study {}{kept}", at.id));
    };
    let studied = app.study(&request, &on_progress, until_interrupted()).await;
    steps.clear();
    let record = match studied {
        Ok(record) => record,
        Err(error @ CadenceError::Interrupted { .. }) => {
            eprintln!("{error}; run the same command again: it goes on from there");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        // The history says no, not the tool.
        Err(error @ CadenceError::NotEnoughHistory(_)) => return Err(Failure::from(error).into_verdict()),
        Err(error) => return Err(error.into()),
    };
    let view = app.view_study(&record).await?;
    if args.json {
        ui::print_json(&view)?;
    } else {
        print(&app.workspace().root.time_zone, &view);
    }
    Ok(verdict(view.recommended_every.is_some()))
}

pub fn print_list(zone: &TimeZone, views: &[StudyView]) {
    let mut listing = Listing::new(&["STUDY", "MODEL", "COMMIT", "BLOCKS", "ADVICE", "ADOPTED", "FINISHED", "BY"]);
    for view in views {
        listing.row([
            view.id.clone(),
            view.model.to_string(),
            view.commit[..view.commit.len().min(12)].to_owned(),
            format!("{} × {}", view.blocks, view.block),
            view.recommended_every.clone().unwrap_or_else(|| "not enough history".to_owned()),
            if view.adopted { "yes".to_owned() } else { "–".to_owned() },
            ui::instant(view.at, zone),
            view.by.to_string(),
        ]);
    }
    listing.print("No study yet: lamp cadence study MODEL");
}

/// The whole study: what was asked, the age curve, the cost of each cadence, the advice.
pub fn print(zone: &TimeZone, view: &StudyView) {
    let line = |name: &str, value: &str| out!("  {:<14} {value}", style(name).dim());
    out!("study {}  {}", style(&view.id).bold(), style(&view.model).bold());
    line("commit", &view.commit);
    line("by", &format!("{} at {}", view.by, ui::instant(view.at, zone)));
    if let (Some(from), Some(to)) = (view.from, view.to) {
        let lag = match view.label_lag_days {
            0 => "labels at once".to_owned(),
            1 => "labels after a day".to_owned(),
            days => format!("labels after {days} days"),
        };
        line("blocks", &format!("{} of {}, from {from} up to {to}; {lag}", view.blocks, view.block));
    }
    if view.review_cost > 0.0 || view.compute_hour_cost > 0.0 {
        let (review, hour) = (view.review_cost, view.compute_hour_cost);
        line("costs", &format!("{review} a review, {hour} an hour of training, in {} over one block", view.loss));
    }
    line("document", &view.digest);
    for window in &view.windows {
        print_window(view, window);
    }
    out!("");
    match (&view.recommended_every, &view.reason) {
        (Some(every), _) => {
            let window = view.recommended_window.as_deref().unwrap_or_default();
            out!("{} train {} every {every} (window `{window}`)", style("advice:").green().bold(), view.model);
            if view.adopted {
                out!("adopted: lamp.toml names this study as its evidence");
            } else {
                out!("\nNext: lamp cadence adopt {} --commit", view.id);
            }
        }
        (None, reason) => {
            let reason = reason.as_deref().unwrap_or("nothing was compared");
            out!("{} {reason}", style("no advice:").yellow().bold());
        }
    }
}

fn print_window(view: &StudyView, window: &WindowView) {
    let mark = if window.recommended && view.windows.len() > 1 { "  ← costs least" } else { "" };
    out!("\nwindow {}{}", style(&window.window).bold(), style(mark).green());
    let (rows, each) = (ui::count(window.rows), ui::duration(window.training_ms));
    let Some(fresh) = window.fresh_loss else {
        out!("  {rows} rows scored, {each} a training; too few blocks with labels to compare");
        return;
    };
    out!("  {rows} rows scored, {each} a training; fresh models have a {} of {fresh:.4}", view.loss);
    let values = window.ages.iter().flat_map(|age| [age.low, age.excess, age.high]);
    let scale = Scale::of(values);
    let mut ages = Listing::new(&["AGE", "BLOCKS", "EXCESS", "95 %", "┊ IS ZERO"]);
    for age in &window.ages {
        ages.row([
            age.age.clone(),
            age.blocks.to_string(),
            format!("{:+.4}", age.excess),
            format!("[{:+.4}, {:+.4}]", age.low, age.high),
            scale.draw(age.low, age.excess, age.high),
        ]);
    }
    out!("");
    ages.print("No age was compared.");
    let mut rhythms = Listing::new(&["CADENCE", "EXCESS", "95 %", "COST", "OVER THE BEST", "95 %", ""]);
    for rhythm in &window.rhythms {
        rhythms.row([
            rhythm.every.clone(),
            format!("{:+.4}", rhythm.excess),
            format!("[{:+.4}, {:+.4}]", rhythm.low, rhythm.high),
            format!("{:.4}", rhythm.cost),
            format!("{:+.4}", rhythm.over_best),
            format!("[{:+.4}, {:+.4}]", rhythm.over_best_low, rhythm.over_best_high),
            if rhythm.chosen {
                style("← the slowest within the tolerance").green().to_string()
            } else {
                String::new()
            },
        ]);
    }
    out!("");
    rhythms.print("No cadence was compared.");
    let tolerance = window.tolerance.unwrap_or_default();
    let on = window.compared_on;
    let note = format!("  compared on the same {on} blocks; at most {tolerance:.4} over the best is tolerated");
    out!("{}", style(note).dim());
}
