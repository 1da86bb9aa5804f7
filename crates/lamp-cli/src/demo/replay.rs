//! Departures as requests, an hour of flights at a time; in the middle of one the primary's worker dies.

use std::collections::BTreeMap;
use std::time::Duration;

use console::style;
use jiff::Timestamp;
use jiff::civil::Date;
use lamp_app::App;
use lamp_app::serving::switch::Switch;
use lamp_core::names::ServiceName;
use lamp_core::route::Role;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Passengers, Reply};
use super::outcomes::Outcomes;
use super::stage::{LAST_DAY, REPLAYED, Stage, TRAINING_DAY, requests_file};
use crate::failure::Failure;
use crate::gateway_process;

/// Requests that are under way when the worker dies.
const AT_ONCE: usize = 8;

/// How long the primary is given to come back.
const BACK_WITHIN: Duration = Duration::from_mins(1);

/// How long replicas are given to obey a switch.
const OBEY_WITHIN: Duration = Duration::from_secs(10);

/// Pause after setting the time, until every process of the demo has seen it.
const TIME_SPREADS: Duration = Duration::from_millis(12);

/// One hour of departures.
#[derive(Debug, Clone, Deserialize)]
pub struct Hour {
    /// Its start.
    pub at: Timestamp,
    /// A row a departure.
    pub rows: Value,
}

/// What the passengers saw.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Days replayed.
    pub days: Vec<Date>,
    /// Requests sent.
    pub requests: u64,
    /// Requests that were not answered with 200.
    pub failed: u64,
    /// How they were answered, and how many of them so.
    pub statuses: BTreeMap<u16, u64>,
    /// Rows answered, by who answered and why.
    pub rows: BTreeMap<(String, String), u64>,
    /// Latencies of requests, in milliseconds.
    pub latencies: Vec<f64>,
    /// A prediction that the shadow gave because the worker had died.
    pub rescued: Option<String>,
    /// A prediction of the primary.
    pub ordinary: Option<String>,
}

impl Replayed {
    fn count(&mut self, reply: Reply) {
        self.requests += 1;
        if reply.status != 200 {
            self.failed += 1;
            *self.statuses.entry(reply.status).or_default() += 1;
        }
        self.latencies.push(reply.latency.as_secs_f64() * 1_000.0);
        let reason = reply.reason.unwrap_or_default();
        let was_rescued = reply.served_by == "shadow" && reason != "switched";
        let first = reply.predictions.first().cloned();
        let rows = reply.predictions.len() as u64;
        *self.rows.entry((reply.served_by.clone(), reason)).or_default() += rows;
        if was_rescued {
            self.rescued = self.rescued.take().or(first);
        } else if reply.served_by == "primary" {
            self.ordinary = self.ordinary.take().or(first);
        }
    }

    /// Rows answered by one of the two.
    pub fn rows_by(&self, who: &str) -> u64 {
        self.rows.iter().filter(|((by, _), _)| by == who).map(|(_, rows)| rows).sum()
    }
}

/// Departures: who asks, what they ask, and what became of it.
pub struct Departures {
    /// The service that is asked.
    pub service: ServiceName,
    /// What became of the flights.
    pub outcomes: Outcomes,
    /// What the passengers saw.
    pub replayed: Replayed,
    passengers: Passengers,
    hours: Vec<Hour>,
}

impl Departures {
    /// Of all the days that have requests.
    pub fn new(stage: &Stage, passengers: Passengers, service: ServiceName) -> Result<Self, Failure> {
        let mut hours = Vec::new();
        for (name, ..) in REPLAYED {
            hours.extend(stage.read_lines::<Hour>(&requests_file(name))?);
        }
        Ok(Self { service, outcomes: Outcomes::read(stage)?, replayed: Replayed::default(), passengers, hours })
    }

    /// The hours of a day in New York.
    pub fn of_day(&self, stage: &Stage, day: Date) -> Vec<Hour> {
        self.hours.iter().filter(|hour| stage.day_of(hour.at) == day).cloned().collect()
    }

    /// Sends the requests of some hours, one after the other.
    pub async fn play(&mut self, stage: &Stage, hours: &[Hour]) -> Result<(), Failure> {
        for hour in hours {
            stage.set_time(hour.at)?;
            tokio::time::sleep(TIME_SPREADS).await;
            let rows = hour.rows.as_array().map_or(0, Vec::len);
            stage.say(&format!("{}: {rows} departures", hour.at));
            let reply = self.passengers.predict(self.service.as_str(), &hour.rows).await?;
            self.outcomes.note(hour.at, &reply.predictions)?;
            self.replayed.count(reply);
        }
        Ok(())
    }

    /// Kills the primary's worker while requests are under way.
    async fn outage(&mut self, stage: &Stage, app: &App, hour: &Hour) -> Result<(), Failure> {
        stage.set_time(hour.at)?;
        tokio::time::sleep(TIME_SPREADS).await;
        let pid = worker_pid(app).await?.ok_or_else(|| Failure::operation("the primary has no worker"))?;
        let asked: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (passengers, service, rows) = (self.passengers.clone(), self.service.clone(), hour.rows.clone());
                tokio::spawn(async move { passengers.predict(service.as_str(), &rows).await })
            })
            .collect();
        kill(pid)?;
        stage.line(&format!("{} kill -9 {pid} with {AT_ONCE} requests under way", style("outage").red().bold()));
        let before = self.replayed.failed;
        for reply in asked {
            let reply = reply.await.map_err(|error| Failure::operation(error.to_string()))??;
            self.outcomes.note(hour.at, &reply.predictions)?;
            self.replayed.count(reply);
        }
        let failed = self.replayed.failed - before;
        stage.line(&format!("{failed} of {AT_ONCE} failed; the shadow answered from the same requests"));
        Ok(())
    }
}

/// Replays two days: an ordinary one with an outage at noon, and one with a switch and back.
pub async fn two_days(stage: &mut Stage, app: &App, departures: &mut Departures) -> Result<(), Failure> {
    let first = next_day(stage)?;
    let second = first.tomorrow().map_or(LAST_DAY, |day| day.min(LAST_DAY));
    let (morning, evening) = (departures.of_day(stage, first), departures.of_day(stage, second));
    departures.replayed.days = vec![first, second];
    let service = departures.service.clone();

    stage.begin(&format!("{first}: every departure asks for a prediction; at noon the primary's worker is killed"));
    let noon = morning.len() / 2;
    departures.play(stage, &morning[..noon]).await?;
    departures.outage(stage, app, &morning[noon]).await?;
    departures.play(stage, &morning[noon + 1..]).await?;
    wait_for_primary(app).await?;
    stage.done(&format!("{} requests, {} failed", departures.replayed.requests, departures.replayed.failed));

    stage.begin(&format!("{second}: lamp switch {service} shadow, and back"));
    let third = evening.len() / 3;
    departures.play(stage, &evening[..third]).await?;
    switch(stage, app, &service, Role::Shadow, "the demo: trying the one click").await?;
    departures.play(stage, &evening[third..2 * third]).await?;
    switch(stage, app, &service, Role::Primary, "the demo: back to the main model").await?;
    departures.play(stage, &evening[2 * third..]).await?;
    let Replayed { requests, failed, .. } = &departures.replayed;
    stage.done(&format!("{requests} requests in all, {failed} failed"));
    Ok(())
}

/// The first day that was not replayed yet; the last of April is repeated when April is over.
fn next_day(stage: &Stage) -> Result<Date, Failure> {
    let shown = stage.now()?.map(|now| stage.day_of(now));
    let today = shown.unwrap_or(TRAINING_DAY);
    let next = if today <= TRAINING_DAY { TRAINING_DAY } else { today.tomorrow().unwrap_or(LAST_DAY) };
    Ok(next.min(LAST_DAY))
}

fn kill(pid: i32) -> Result<(), Failure> {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    kill(Pid::from_raw(pid), Signal::SIGKILL).map_err(|error| Failure::operation(format!("cannot kill {pid}: {error}")))
}

/// The process id of the primary's worker, if it has one that takes requests.
async fn worker_pid(app: &App) -> Result<Option<i32>, Failure> {
    let state = gateway_process::state(&app.layout().admin_socket()).await.map_err(Failure::operation)?;
    let workers = &state["services"][0]["primary"]["health"]["workers"];
    let ready = workers.as_array().into_iter().flatten().find(|worker| worker["ready"] == true);
    Ok(ready.and_then(|worker| worker["pid"].as_i64()).and_then(|pid| i32::try_from(pid).ok()))
}

/// The gateway starts the worker again by itself.
async fn wait_for_primary(app: &App) -> Result<(), Failure> {
    let started = std::time::Instant::now();
    while worker_pid(app).await?.is_none() {
        if started.elapsed() > BACK_WITHIN {
            return Err(Failure::operation("the primary's worker did not come back"));
        }
        tokio::time::sleep(TIME_SPREADS).await;
    }
    Ok(())
}

async fn switch(stage: &Stage, app: &App, service: &ServiceName, to: Role, why: &str) -> Result<(), Failure> {
    let started = std::time::Instant::now();
    let request = Switch { service: service.clone(), to, why: why.to_owned() };
    let route = app.switch(request).await?;
    gateway_process::refresh(&app.layout().admin_socket()).await;
    let obeyed = app.wait_until_obeyed(&route, OBEY_WITHIN).await?;
    if obeyed.acknowledged.is_empty() || !obeyed.waiting.is_empty() {
        return Err(Failure::operation(format!("the gateway did not take epoch {} up", route.epoch)));
    }
    let milliseconds = started.elapsed().as_millis();
    stage.line(&format!(
        "the {to} answers from epoch {} ({milliseconds} ms from the click to the acknowledgement)",
        route.epoch
    ));
    Ok(())
}
