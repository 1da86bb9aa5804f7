//! `lamp replay PREDICTION`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use console::style;
use lamp_app::call::ReplayPrediction;
use lamp_app::serving::replay::{Replayed, ReplayedModel, Verdict};
use lamp_core::prediction::FallbackReason;
use serde_json::Value;

use super::verdict;
use crate::args::Replay;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, Spinner, out};

/// Digits of a commit that are shown.
const COMMIT_SHOWN: usize = 12;

pub async fn run(desk: &Desk, args: &Replay) -> Result<ExitCode, Failure> {
    let replayed = {
        let spinner = Spinner::start("bringing the models of then to life");
        let say = |line: &str| spinner.say(line);
        desk.ask_saying(ReplayPrediction { prediction: args.prediction }, &say).await?
    };
    if args.json {
        ui::print_json(&replayed)?;
    } else {
        print(&replayed, desk);
    }
    Ok(verdict(replayed.is_the_same()))
}

fn print(replayed: &Replayed, desk: &Desk) {
    let Replayed { prediction, service, served_at, served_by, reason, inputs, models } = replayed;
    let why = reason.map(FallbackReason::as_str).map_or_else(String::new, |reason| format!(" ({reason})"));
    let at = ui::exact_instant(*served_at, desk.zone());
    out!("prediction {} of {service}, answered by the {served_by}{why} at {at}", style(prediction).bold());
    out!("{} {}", style("row").dim(), pairs(inputs));
    let mut listing = Listing::new(&["PLACE", "MODEL", "COMMIT", "THEN", "NOW", ""]);
    for model in models {
        let ReplayedModel { role, commit, then, now, problem, .. } = model;
        let said = |outputs: Option<&BTreeMap<String, Value>>, otherwise: &str| {
            outputs.map_or_else(|| otherwise.to_owned(), pairs)
        };
        listing.row([
            role.to_string(),
            then.model.clone(),
            commit.get(..COMMIT_SHOWN).unwrap_or(commit).to_owned(),
            said(then.outputs.as_ref(), &then.status),
            said(now.as_ref(), problem.as_deref().unwrap_or("nothing")),
            in_words(model),
        ]);
    }
    listing.print("the log has the answer of no model");
}

fn pairs(values: &BTreeMap<String, Value>) -> String {
    values.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn in_words(model: &ReplayedModel) -> String {
    match (model.verdict, model.difference) {
        (Verdict::Same, Some(difference)) if difference > 0.0 => format!("the same (differs by {difference:.1e})"),
        (Verdict::Same, _) => "the same".to_owned(),
        (Verdict::Differs, Some(difference)) => format!("differs by {difference:.3e}"),
        (Verdict::Differs, None) => "differs".to_owned(),
        (Verdict::AnswersNow, _) => "it answers now: what was wrong is not in the row".to_owned(),
        (Verdict::FailsAgain, _) => "it fails again".to_owned(),
    }
}
