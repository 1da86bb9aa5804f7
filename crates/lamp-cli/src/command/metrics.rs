//! `lamp metrics`.

mod plot;

use std::process::ExitCode;

use console::style;
use lamp_app::metrics::view::{MetricSeries, MetricsRequest, MetricsView};
use lamp_core::estimate::{Judged, Outcome, Verdict};
use lamp_core::label::Basis;
use lamp_core::route::Role;

use super::verdict;
use crate::args::Metrics;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, out};

pub async fn run(desk: &Desk, args: &Metrics) -> Result<ExitCode, Failure> {
    let request = MetricsRequest { name: args.name.clone(), window: args.window, since: args.since, until: args.until };
    let views = desk.ask(request).await?;
    if args.json {
        ui::print_json(&views)?;
    } else if views.is_empty() {
        out!("No service yet: add [services.NAME] to a project's lamp.toml");
    } else {
        for (number, view) in views.iter().enumerate() {
            if number > 0 {
                out!("");
            }
            print(view, args.places);
        }
    }
    Ok(verdict(!views.iter().flat_map(|view| &view.series).any(is_bad_news)))
}

/// A model that serves is worse than its report, on all rows that were drawn.
fn is_bad_news(series: &MetricSeries) -> bool {
    let is_worse = series.judged.as_ref().is_some_and(|judged| judged.verdict == Verdict::Worse);
    is_worse && series.place.is_some() && series.subject.basis == Basis::Drawn && series.subject.served_by.is_none()
}

fn print(view: &MetricsView, places: bool) {
    print_heading(view);
    if view.series.is_empty() {
        out!("Not enough labels: there are none. Next: lamp label {}", view.service);
        return;
    }
    for basis in [Basis::Drawn, Basis::Imported] {
        let of_basis = view.series.iter().filter(|series| series.subject.basis == basis);
        let of_basis: Vec<_> = of_basis.filter(|series| places || series.subject.served_by.is_none()).collect();
        if of_basis.is_empty() {
            continue;
        }
        match basis {
            Basis::Drawn => out!("\nfrom labels by hand on drawn predictions"),
            Basis::Imported => {
                out!("\nfrom imported outcomes (what came in by itself may be no fair sample of what was predicted)");
            }
        }
        print_table(&of_basis, places);
    }
    let interesting = view.series.iter().find(|series| is_headline(series) && series.points.len() > 1);
    if let Some(series) = interesting {
        out!("");
        plot::print(series);
    }
    out!("\nEach interval is of {}.", view.intervals);
}

/// The first metric of the primary on all drawn rows.
fn is_headline(series: &MetricSeries) -> bool {
    series.place == Some(Role::Primary) && series.subject.served_by.is_none() && series.subject.basis == Basis::Drawn
}

fn print_heading(view: &MetricsView) {
    let since = view.since.map_or_else(|| "the first day".to_owned(), |since| since.to_string());
    let newest = match view.newest_label_at {
        None => "no label in it".to_owned(),
        Some(at) => {
            let age = view.at.duration_since(at).as_millis();
            let age = ui::duration(u64::try_from(age).unwrap_or(0));
            let text = format!("newest label {age} old");
            if view.labels_are_old { style(text).yellow().to_string() } else { text }
        }
    };
    out!("{}  predictions from {since} to {}; {newest}", style(&view.service).bold(), view.until);
    let waiting: u64 = view.progress.iter().map(|progress| progress.waiting).sum();
    if waiting > 0 {
        out!("{} drawn predictions wait for a label: lamp label {}", ui::count(waiting), view.service);
    }
}

fn print_table(series: &[&MetricSeries], places: bool) {
    let mut listing = Listing::new(&["ANSWERS OF", "METRIC", "VALUE", "95 % INTERVAL", "LABELS", "REPORT", "VERDICT"]);
    for one in series {
        let whose = match (&one.subject.model, one.place) {
            (None, _) => "whoever answered".to_owned(),
            (Some(model), Some(place)) => format!("{model} {place}"),
            (Some(model), None) => model.clone(),
        };
        let rows = match one.subject.served_by {
            Some(role) => format!(", rows of the {role}"),
            None if places => ", all rows".to_owned(),
            None => String::new(),
        };
        let (value, interval) = match &one.now.outcome {
            Outcome::Measured(i) => (format!("{:.4}", i.value), format!("{:.4} – {:.4}", i.lower, i.upper)),
            Outcome::NotEnough { why, .. } => ("–".to_owned(), format!("not enough labels: {why}")),
        };
        listing.row([
            format!("{whose}{rows}"),
            one.now.metric.clone(),
            value,
            interval,
            labels(one),
            one.report.as_ref().map_or_else(|| "–".to_owned(), |report| format!("{:.4}", report.value)),
            one.judged.as_ref().map_or_else(|| "–".to_owned(), |judged| verdict_of(one, judged)),
        ]);
    }
    listing.print("");
}

/// Labels, and why there are not more of them.
fn labels(series: &MetricSeries) -> String {
    let mut text = ui::count(series.now.labels);
    if series.now.cannot_tell > 0 {
        text.extend([" (+", &ui::count(series.now.cannot_tell), "?)"]);
    }
    if series.unanswered > 0 {
        text.extend([", ", &ui::count(series.unanswered), " unanswered"]);
    }
    text
}

fn verdict_of(series: &MetricSeries, judged: &Judged) -> String {
    let word = judged.verdict.as_str();
    let is_measured = series.now.interval().is_some();
    match (judged.verdict, judged.labels_needed, &judged.why) {
        (Verdict::Ok, _, _) => style(word).green().to_string(),
        (Verdict::Worse, _, _) => style(word).red().bold().to_string(),
        (Verdict::CannotTellYet, Some(needed), _) if !is_measured => {
            format!("{word}: at least {} more labels", ui::count(needed))
        }
        (Verdict::CannotTellYet, Some(1), _) => format!("{word}: about 1 more label"),
        (Verdict::CannotTellYet, Some(needed), _) => format!("{word}: about {} more labels", ui::count(needed)),
        (Verdict::CannotTellYet, None, Some(why)) if is_measured => format!("{word}: {why}"),
        (Verdict::CannotTellYet, None, _) => word.to_owned(),
    }
}
