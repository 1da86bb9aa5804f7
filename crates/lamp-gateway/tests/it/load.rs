//! Steady load on a service while something goes wrong, and what its clients saw.
//!
//! `LAMP_FAULTS_SECONDS` and `LAMP_FAULTS_RATE` make it longer and heavier, and what was seen goes as a row into the
//! folder `LAMP_FAULTS_INTO` (tabs between its cells): that is how `cargo xtask bench faults` makes its table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lamp_testkit::http::Request;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior};

use super::kit::{DEADLINE, Running, row};

/// How long and how heavy the load is.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    lasts: Duration,
    every: Duration,
}

impl Load {
    pub fn steady() -> Self {
        let number = |name: &str, otherwise: f64| {
            std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number in the environment"))
        };
        Self {
            lasts: Duration::from_secs_f64(number("LAMP_FAULTS_SECONDS", 1.0)),
            every: Duration::from_secs_f64(1.0 / number("LAMP_FAULTS_RATE", 100.0)),
        }
    }

    /// Time before, in and after a fault.
    pub fn third(self) -> Duration {
        self.lasts / 3
    }
}

/// What clients saw.
#[derive(Debug, Default)]
pub struct Seen {
    pub requests: usize,
    /// What was wrong with those that got no answer.
    pub failed: Vec<String>,
    pub ids: BTreeSet<String>,
    pub by_shadow: usize,
    /// Answers of the shadow by reason.
    pub reasons: BTreeMap<String, usize>,
    /// From the moment at which a request was due.
    took: Vec<Duration>,
}

/// One request's end.
struct Told {
    took: Duration,
    answer: Result<Answer, String>,
}

struct Answer {
    id: String,
    by_shadow: bool,
    reason: Option<String>,
}

impl Seen {
    fn add(&mut self, told: Told) {
        self.requests += 1;
        match told.answer {
            Err(why) => self.failed.push(why),
            Ok(answer) => {
                self.took.push(told.took);
                self.by_shadow += usize::from(answer.by_shadow);
                if let Some(reason) = answer.reason {
                    *self.reasons.entry(reason).or_default() += 1;
                }
                assert!(self.ids.insert(answer.id), "an id was given twice");
            }
        }
    }

    /// Answers that came within `deadline` of the moment at which their requests were due.
    pub fn in_time(&self, deadline: Duration) -> usize {
        self.took.iter().filter(|took| **took <= deadline).count()
    }

    fn quantile_ms(&self, per_mille: usize) -> f64 {
        let mut took = self.took.clone();
        took.sort();
        let at = (took.len() * per_mille).div_ceil(1_000).saturating_sub(1);
        took.get(at).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    }

    /// Nobody was left without an answer, and nobody waited much longer than the deadline.
    #[track_caller]
    pub fn assert_all_answered(&self, fault: &str) {
        let first = self.failed.first();
        assert!(first.is_none(), "{fault}: {} of {} failed: {first:?}", self.failed.len(), self.requests);
        let late = self.took.iter().max().filter(|took| **took > DEADLINE * 3);
        assert!(late.is_none(), "{fault}: one took {late:?}");
    }

    /// Writes the row of the table, if somebody wants one.
    pub fn publish(&self, order: u32, fault: &str, has_shadow: bool, log: &str) {
        let Some(folder) = std::env::var_os("LAMP_FAULTS_INTO") else { return };
        let reasons: Vec<String> = self.reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        let cells = [
            fault.to_owned(),
            self.requests.to_string(),
            self.failed.len().to_string(),
            self.in_time(DEADLINE).to_string(),
            self.by_shadow.to_string(),
            reasons.join(", "),
            format!("{:.1}", self.quantile_ms(500)),
            format!("{:.1}", self.quantile_ms(990)),
            log.to_owned(),
        ];
        let part = if has_shadow { "with" } else { "without" };
        let path = std::path::Path::new(&folder).join(format!("{part}-{order:02}.tsv"));
        std::fs::write(path, cells.join("\t")).expect("the table's folder can be written");
    }
}

/// Asks at a steady pace, whether answers come or not, while `act` runs and for the load's time at least.
/// Where there are several addresses, one that cannot be reached is passed over, as a load balancer does.
pub async fn under_load(load: Load, urls: &[&str], act: impl AsyncFnOnce()) -> Seen {
    let urls: Arc<Vec<String>> = Arc::new(urls.iter().map(|url| format!("{url}/predict/delay")).collect());
    let is_done = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn({
        let (is_done, started) = (Arc::clone(&is_done), Instant::now());
        async move {
            let mut ticks = tokio::time::interval(load.every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut asked = Vec::new();
            while !is_done.load(Ordering::SeqCst) || started.elapsed() < load.lasts {
                let due = ticks.tick().await;
                let (urls, first) = (Arc::clone(&urls), asked.len());
                asked.push(tokio::spawn(async move {
                    let answer = ask(&urls, first).await;
                    Told { took: due.elapsed(), answer }
                }));
            }
            asked
        }
    });
    act().await;
    is_done.store(true, Ordering::SeqCst);
    let mut seen = Seen::default();
    for asked in asking.await.expect("the load") {
        seen.add(asked.await.expect("a client"));
    }
    seen
}

async fn ask(urls: &[String], first: usize) -> Result<Answer, String> {
    let mut why = String::new();
    for at in 0..urls.len() {
        let url = &urls[(first + at) % urls.len()];
        match Request::post(url).json(&json!({"rows": [row()]})).try_send().await {
            Err(error) => why = error,
            Ok(response) if response.status == 200 => {
                let header = |name: &str| response.header(name).map(str::to_owned);
                return Ok(Answer {
                    id: header("x-prediction-id").expect("an id"),
                    by_shadow: header("x-served-by").as_deref() == Some("shadow"),
                    reason: header("x-fallback-reason"),
                });
            }
            Ok(response) => return Err(format!("{} {}", response.status, response.body)),
        }
    }
    Err(why)
}

/// Whether the log holds what clients saw: all of it, or all but the rows that were counted as dropped.
pub async fn reconcile(running: &Running, seen: &Seen, fault: &str) -> String {
    let logged: BTreeSet<String> = running.logged().await.iter().map(|row| row.id.to_string()).collect();
    let state = running.state();
    let dropped = usize::try_from(state.log_dropped).expect("a count");
    let lost = seen.ids.difference(&logged).count();
    assert_eq!(lost, dropped, "{fault}: ids that clients saw are kept, or counted as dropped");
    let unseen: Vec<_> = logged.difference(&seen.ids).collect();
    assert!(unseen.is_empty(), "{fault}: rows that no client saw: {unseen:?}");
    format!("{} kept + {dropped} dropped", logged.len())
}
