//! The rest of 2013: April a day at a time with everything that a team does, then month by month until
//! New Year's Eve, when the weather stops.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use console::style;
use jiff::ToSpan as _;
use jiff::civil::{Date, Time, time};
use lamp_app::App;
use lamp_app::data::add::AddData;
use lamp_app::scheduler::Scheduler;
use lamp_core::names::{DatasetName, ModelName};
use lamp_store::NoProgress;

use super::live::{self, FEEDS, commit_lock};
use super::replay::Departures;
use super::round::{self, Round};
use super::stage::{EVE, LAST_DAY, NEW_YEAR, Stage, TRAINING_DAY, copy, days};
use crate::failure::Failure;

/// How long a training that the cadence asks for may take.
const ROTATION_WITHIN: Duration = Duration::from_mins(3);

/// When a cadence's periods are due in the demo: half an hour after the files of the day before are there.
const ROTATIONS_AT: Time = time(6, 30, 0, 0);

/// Pause between two looks of the scheduler at a training under way.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Broken promises of one month that are printed one by one.
const BROKEN_SHOWN: usize = 4;

/// April, a day at a time: yesterday's files, the round, the day's departures.
pub async fn april(stage: &mut Stage, app: &App, departures: &mut Departures) -> Result<(), Failure> {
    stage.begin("April: each morning ten labels and eight histograms, each day its departures");
    let (mut done, mut lived) = (Round::default(), 0);
    for day in days(TRAINING_DAY, LAST_DAY.tomorrow().unwrap_or(LAST_DAY)) {
        if live::is_in_ledger(app, day).await? {
            continue;
        }
        let morning = day + 1.day();
        stage.set_time(stage.at(morning, 6)?)?;
        stage.say(&format!("{morning}: the files of {day}"));
        live::morning(stage, app, day).await?;
        let nine = stage.at(morning, 9)?;
        let is_ahead = stage.now()?.is_none_or(|now| now < nine);
        let today = departures.of_day(stage, morning).into_iter().filter(|_| is_ahead);
        let (early, late): (Vec<_>, Vec<_>) = today.partition(|hour| hour.at < nine);
        if !early.is_empty() {
            departures.replayed.days.push(morning);
        }
        departures.play(stage, &early).await?;
        stage.set_time(nine)?;
        stage.say(&format!("{morning}: labels and histograms"));
        done += round::walk(app, &departures.service, &departures.outcomes, 0).await?;
        departures.play(stage, &late).await?;
        lived += 1;
    }
    let result = if lived == 0 {
        "lived through already".to_owned()
    } else {
        format!("{} labels (the demo knows what became of the flights), {} histograms", done.labels, done.columns)
    };
    stage.done(&result);
    Ok(())
}

/// May to December, month by month. Each quarter's end fires the cadence.
pub async fn to_new_year(
    stage: &mut Stage,
    app: &App,
    model: &ModelName,
    departures: &mut Departures,
) -> Result<(), Failure> {
    stage.begin("May to December: a month at a time; each quarter the cadence trains a candidate");
    let mut first = LAST_DAY.tomorrow().unwrap_or(LAST_DAY);
    while first < NEW_YEAR {
        let next = first + 1.month();
        if !live::is_in_ledger(app, first).await? {
            if next == NEW_YEAR {
                let hours = departures.of_day(stage, EVE);
                departures.play(stage, &hours).await?;
                departures.replayed.days.push(EVE);
            }
            stage.set_time(stage.at(next, 6)?)?;
            month(stage, app, first, next).await?;
            commit_lock(stage, app, &format!("Data up to {}", next - 1.day())).await?;
        }
        // A cadence trains on what has come in by then; see `at` in the project's lamp.toml.
        stage.set_time(stage.at_time(next, ROTATIONS_AT)?)?;
        rotate(stage, app, model).await?;
        first = next;
    }
    let waiting = app.list_models(Some(model)).await?;
    let waiting = waiting.iter().filter(|view| view.model.state == lamp_core::registry::ModelState::Candidate).count();
    stage.done(&format!("{waiting} candidates of {model} wait for a person; nothing went live by itself"));
    Ok(())
}

async fn month(stage: &Stage, app: &App, first: Date, next: Date) -> Result<(), Failure> {
    stage.say(&format!("{first} to {}: a month of files", next - 1.day()));
    // All of it before any check: the scheduler may look meanwhile, and would call late what only waits its turn.
    for feed in FEEDS {
        let paths = arrive(stage, feed, first, next)?;
        let dataset = DatasetName::parse(feed)?;
        let request = AddData { dataset, paths, replace: false, commit: false, note: None };
        app.add_data(request, Arc::new(NoProgress)).await?;
    }
    let mut broken = Vec::new();
    for feed in FEEDS {
        let report = app.check(&format!("{feed}[{first}..{next}]"), &|_, _| {}).await?;
        broken.extend(report.broken().map(|(piece, check)| {
            let day = piece.partition.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{} {feed}[{day}] {}", style("broken").red(), check.message)
        }));
    }
    for line in broken.iter().take(BROKEN_SHOWN) {
        stage.line(line);
    }
    if broken.len() > BROKEN_SHOWN {
        stage.line(&format!("and {} more in {}", broken.len() - BROKEN_SHOWN, first.strftime("%B")));
    }
    Ok(())
}

/// The files of some days, as they come in. On the last day of the year no weather comes.
fn arrive(stage: &Stage, feed: &str, first: Date, end: Date) -> Result<Vec<PathBuf>, Failure> {
    let mut arrived = Vec::new();
    for day in days(first, end) {
        let name = format!("{feed}/{day}.parquet");
        let source = stage.props().join("world").join(&name);
        if !source.exists() {
            stage.line(&format!("{} no file of {feed} for {day}", style("missing").red()));
            continue;
        }
        let path = stage.project().join("data").join(&name);
        copy(&source, &path)?;
        arrived.push(path);
    }
    Ok(arrived)
}

/// Lets the scheduler do what the cadence asks for, until nothing of it is under way.
async fn rotate(stage: &Stage, app: &App, model: &ModelName) -> Result<(), Failure> {
    let scheduler = Scheduler::new(app);
    let started = Instant::now();
    let mut was_under_way = false;
    loop {
        scheduler.round().await;
        let view = app.show_cadence(model).await?;
        let Some(rotation) = view.rotations.iter().find(|view| !view.rotation.state.is_final()) else {
            if was_under_way && let Some(candidate) = view.rotations.first().and_then(|view| view.candidate.as_ref()) {
                stage.line(&format!("{} {candidate} waits for a person", style("cadence").cyan()));
            }
            return Ok(());
        };
        was_under_way = true;
        stage.say(&format!("cut-off {}: {}", rotation.rotation.cutoff, rotation.rotation.state.as_str()));
        if started.elapsed() > ROTATION_WITHIN {
            return Err(Failure::operation(format!("the cadence of {model} did not come to an end"))
                .with_hint("lamp cadence show delay; lamp runs ls"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
