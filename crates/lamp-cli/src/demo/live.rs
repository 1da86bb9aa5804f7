//! January to March, one morning at a time: yesterday's files become versions and are checked.

use std::sync::Arc;

use console::style;
use jiff::ToSpan as _;
use jiff::civil::Date;
use lamp_app::App;
use lamp_app::data::add::AddData;
use lamp_core::check::Verdict;
use lamp_core::lock::LOCK_FILE;
use lamp_core::names::DatasetName;
use lamp_core::partition::{PartitionKey, Period};
use lamp_store::NoProgress;

use super::stage::{FIRST_DAY, Stage, TRAINING_DAY, copy, days};
use crate::failure::Failure;
use crate::open::repository;

/// What arrives each morning.
pub const FEEDS: [&str; 2] = ["flights", "weather"];

/// Lives through the days that are not yet in the ledger.
pub async fn through_the_winter(stage: &mut Stage, app: &App) -> Result<(), Failure> {
    stage.begin("January to March 2013: each morning yesterday's files are added and checked");
    let (mut checked, mut broken_days) = (0, 0);
    for day in days(FIRST_DAY, TRAINING_DAY) {
        if is_in_ledger(app, day).await? {
            continue;
        }
        let morning = day + 1.day();
        stage.set_time(stage.at(morning, 6)?)?;
        stage.say(&format!("{morning}: the files of {day}"));
        let (judged, is_kept) = self::morning(stage, app, day).await?;
        checked += judged;
        broken_days += u32::from(!is_kept);
        let is_month_end = morning.day() == 1;
        if is_month_end {
            commit_lock(stage, app, &format!("Data up to {day}")).await?;
        }
    }
    // An earlier tour may have ended between the last day and its commit.
    let last = TRAINING_DAY - 1.day();
    commit_lock(stage, app, &format!("Data up to {last}")).await?;
    let versions = app.data_log(&DatasetName::parse("flights")?).await?.len();
    let result = if checked == 0 {
        format!("flights@{versions} is there already")
    } else {
        format!("flights@{versions} and weather@{versions}; {checked} checks, {broken_days} days broke a promise")
    };
    stage.done(&result);
    Ok(())
}

/// Whether the files of a day were added.
pub async fn is_in_ledger(app: &App, day: Date) -> Result<bool, Failure> {
    let key = PartitionKey::containing(day, Period::Day);
    for feed in FEEDS {
        let Ok(version) = app.dataset_version(feed).await else { return Ok(false) };
        if !app.manifest(&version).await?.partitions().contains(&key) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds and checks the files of `day`: how many checks were judged, and whether every promise was kept.
pub async fn morning(stage: &Stage, app: &App, day: Date) -> Result<(usize, bool), Failure> {
    let (mut checked, mut is_kept) = (0, true);
    for feed in FEEDS {
        add_day(stage, app, feed, day).await?;
        is_kept &= check_day(stage, app, feed, day, &mut checked).await?;
    }
    Ok((checked, is_kept))
}

async fn add_day(stage: &Stage, app: &App, feed: &str, day: Date) -> Result<(), Failure> {
    let name = format!("{feed}/{day}.parquet");
    let arrived = stage.project().join("data").join(&name);
    copy(&stage.props().join("world").join(&name), &arrived)?;
    let request =
        AddData { dataset: DatasetName::parse(feed)?, paths: vec![arrived], replace: false, commit: false, note: None };
    app.add_data(request, Arc::new(NoProgress)).await?;
    Ok(())
}

async fn check_day(stage: &Stage, app: &App, feed: &str, day: Date, checked: &mut usize) -> Result<bool, Failure> {
    let report = app.check(&format!("{feed}[{day}]"), &|_, _| {}).await?;
    *checked += report.count(Verdict::Passed) + report.count(Verdict::Failed);
    for (_, check) in report.broken() {
        stage.line(&format!("{} {feed}[{day}] {}", style("broken").red(), check.message));
    }
    Ok(report.is_kept())
}

/// Commits which versions the team works with, if that has changed; dated by the demo's clock.
pub async fn commit_lock(stage: &Stage, app: &App, message: &str) -> Result<(), Failure> {
    let repo = repository(app.root()).await?;
    let status = repo.status().await?;
    let is_alone = status.changed.iter().chain(&status.untracked).all(|path| path == LOCK_FILE);
    if is_alone {
        repo.add_and_commit_all(message, stage.now()?).await?;
    } else {
        // What else changed is not the demo's to commit.
        repo.commit_only(&[LOCK_FILE], message).await?;
    }
    Ok(())
}
