//! New Year's morning: the weather has stopped, people do their round, and the team asks whether it trains often
//! enough and whether its code can be trusted.

use console::style;
use jiff::civil::date;
use lamp_app::App;
use lamp_app::cadence::adopt::AdoptStudy;
use lamp_app::cadence::study::{StudyProgress, StudyRequest};
use lamp_app::ml_tests::TestRequest;
use lamp_core::cadence::choice::Tolerance;
use lamp_core::cadence::report::Costs;
use lamp_core::cadence::study::Window;
use lamp_core::config::Every;
use lamp_core::ml_test::Outcome;
use lamp_core::names::ModelName;

use super::live::commit_lock;
use super::replay::Departures;
use super::round;
use super::stage::{EVE, NEW_YEAR, Stage};
use crate::failure::Failure;

/// Labels of the last day that are left to whoever watches the demo.
const LABELS_LEFT: usize = 5;

/// Trainings of the study at once.
const JOBS: usize = 2;

/// How much history each of them takes in.
const WINDOW_DAYS: u32 = 60;

/// Pins what the last rotation has built, checks it, and walks the round.
pub async fn morning(stage: &mut Stage, app: &App, departures: &Departures) -> Result<(), Failure> {
    stage.begin("New Year's Day: no weather came for the last day; people look at what is left");
    stage.set_time(stage.at(NEW_YEAR, 9)?)?;
    let newest = app.dataset_version("trips@latest").await?;
    if let Some(run) = newest.run {
        app.pin_built(&app.find_run(&run.to_string()).await?, false).await?;
        commit_lock(stage, app, &format!("lamp: pin trips@{}", newest.version)).await?;
    }
    let report = app.check(&format!("trips@latest[{EVE}]"), &|_, _| {}).await?;
    for (_, check) in report.broken() {
        stage.line(&format!("{} trips[{EVE}] {}", style("broken").red(), check.message));
    }
    let done = round::walk(app, &departures.service, &departures.outcomes, LABELS_LEFT).await?;
    stage.done(&format!(
        "{} labels ({LABELS_LEFT} more wait for you: lamp label next), {} histograms",
        done.labels, done.columns
    ));
    Ok(())
}

/// Asks the year how often training is often enough, and writes the answer into lamp.toml.
pub async fn study(stage: &mut Stage, app: &App, model: &ModelName) -> Result<(), Failure> {
    stage.begin(&format!("lamp cadence study {model}: how often is often enough?"));
    if let Some(evidence) = app.show_cadence(model).await?.evidence {
        stage.done(&format!("asked already: {evidence}"));
        return Ok(());
    }
    let request = StudyRequest {
        model: model.clone(),
        rev: None,
        from: Some(date(2013, 3, 1)),
        to: None,
        every: Every::MONTH,
        windows: vec![Window::Last(Every::DAY.times(WINDOW_DAYS))],
        label_lag_days: 1,
        costs: Costs { review: 0.0, compute_hour: 0.0, tolerance: Tolerance::Share(0.01) },
        jobs: JOBS,
    };
    let record = {
        let stage: &Stage = stage;
        let say = |at: &StudyProgress| stage.say(&format!("training {} of {}", at.done + 1, at.all));
        app.study(&request, &say, std::future::pending()).await?
    };
    let Some(advice) = &record.study.recommendation else {
        stage.done("the year is too short to tell");
        return Ok(());
    };
    stage.line(&format!("advice train {model} every {}", advice.every));
    let adopted = app.adopt_study(&AdoptStudy { study: record.id.clone(), commit: true }).await?;
    let commit = adopted.commit.as_deref().map_or("committed before", |commit| &commit[..commit.len().min(12)]);
    stage.done(&format!("study {}: every {} stands in {} ({commit})", record.id, adopted.every, adopted.file));
    Ok(())
}

/// What CI does with each change.
pub async fn tests(stage: &mut Stage, app: &App, model: &ModelName) -> Result<(), Failure> {
    stage.begin("lamp test: can these models learn, and do they learn nothing that they should not?");
    if app.latest_test_report(model).await?.is_some() {
        stage.done("tested already");
        return Ok(());
    }
    let tested = {
        let stage: &Stage = stage;
        let say = |line: &str| stage.say(line);
        let request = TestRequest { models: Vec::new(), affected_by: None, only: None };
        app.test(&request, &say, &mut |_| {}, std::future::pending()).await?
    };
    for report in &tested.reports {
        for result in report.results.iter().filter(|result| result.outcome == Outcome::Failed) {
            let subject = report.subject_text();
            stage.line(&format!("{} {subject} {}: {}", style("failed").red(), result.name, result.reason));
        }
    }
    let count = |outcome| tested.reports.iter().map(|report| report.count(outcome)).sum::<usize>();
    stage.done(&format!("{} passed, {} failed", count(Outcome::Passed), count(Outcome::Failed)));
    Ok(())
}
