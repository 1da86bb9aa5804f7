//! The price of a switch: how the model does that is to answer, and how far the two are apart.

use std::time::Duration;

use jiff::Timestamp;
use lamp_core::estimate::{Interval, Report};
use lamp_core::human;
use lamp_core::names::ServiceName;
use lamp_core::route::{ModelRef, Role};
use lamp_gateway::{Disagreement, ServiceState};
use serde::{Deserialize, Serialize};

use super::ServingError;
use super::services::ServiceView;
use crate::app::App;
use crate::metrics::glance::ModelGlance;

/// How one replica sees the model that is to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backup {
    /// Whether it answers there.
    pub is_ready: bool,
    /// What happened last, where it is not well.
    pub detail: Option<String>,
    /// Requests that it was asked since the replica started.
    pub asked: u64,
    /// Those to which it had no valid answer in time.
    pub failed: u64,
    /// 99th percentile of its time to a valid answer, in microseconds.
    pub latency_p99_us: Option<u64>,
}

/// What labels say of one of the two models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Its place.
    pub role: Role,
    /// The version.
    pub model: ModelRef,
    /// The metric.
    pub metric: String,
    /// The last four weeks' labels; none while there are too few.
    pub interval: Option<Interval>,
    /// How many labels.
    pub labels: u64,
    /// What the report says that a person signed for.
    pub report: Option<Report>,
}

/// What a person should know before they switch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The service.
    pub service: ServiceName,
    /// Who is to answer.
    pub to: Role,
    /// The version there; none when nothing stands in that place.
    pub model: Option<ModelRef>,
    /// Who answers now.
    pub from: Role,
    /// How it does, one for each replica heard of lately.
    pub backups: Vec<Backup>,
    /// What labels say of both.
    pub scores: Vec<Score>,
    /// How far the two are apart, over all replicas heard of lately.
    pub disagreement: Option<Disagreement>,
    /// When this was known.
    pub at: Timestamp,
}

impl Price {
    /// Whether it answers wherever a replica was heard of lately, and one was.
    pub fn is_healthy(&self) -> bool {
        !self.backups.is_empty() && self.backups.iter().all(|backup| backup.is_ready)
    }
}

impl Price {
    /// The same in words: what is looked at, and what was found.
    pub fn in_words(&self) -> Vec<(&'static str, String)> {
        let model = self.model.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        vec![
            ("health", self.health_in_words(&model)),
            ("labels", self.scores_in_words()),
            ("disagreement", self.disagreement_in_words()),
        ]
    }

    fn health_in_words(&self, model: &str) -> String {
        if self.backups.is_empty() {
            return format!("no replica that was heard of lately has {model}");
        }
        let ready = self.backups.iter().filter(|backup| backup.is_ready).count();
        let (asked, failed) =
            self.backups.iter().fold((0, 0), |(asked, failed), one| (asked + one.asked, failed + one.failed));
        let slowest = self.backups.iter().filter_map(|backup| backup.latency_p99_us).max();
        let p99 = slowest.map_or_else(String::new, |us| format!(", 99 % within {:.1} ms", millis(us)));
        let why = self.backups.iter().find_map(|backup| backup.detail.as_ref().filter(|_| !backup.is_ready));
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        format!(
            "{model} answers on {ready} of {} replica(s){why}; {failed} of {} request(s) without a valid answer{p99}",
            self.backups.len(),
            human::count(asked)
        )
    }

    fn scores_in_words(&self) -> String {
        let of_model = |score: &Score| {
            let Score { role, model, metric, .. } = score;
            let said = match (&score.interval, &score.report) {
                (Some(interval), _) => {
                    let Interval { value, lower, upper } = interval;
                    format!("{metric} {value:.4} [{lower:.4}, {upper:.4}] on {} labels", score.labels)
                }
                (None, Some(report)) => format!("too few labels ({metric} {:.4} in its report)", report.value),
                (None, None) => "too few labels".to_owned(),
            };
            format!("{role} {model}: {said}")
        };
        match self.scores.as_slice() {
            [] => "none of either model".to_owned(),
            scores => scores.iter().map(of_model).collect::<Vec<_>>().join("; "),
        }
    }

    fn disagreement_in_words(&self) -> String {
        let Some(Disagreement { rows, mean_abs, flips }) = self.disagreement else {
            return "no row that both have answered since the replicas started".to_owned();
        };
        // Shown to one digit.
        #[allow(clippy::cast_precision_loss)]
        let share = 100.0 * flips as f64 / rows.max(1) as f64;
        format!(
            "they decide differently on {} of {} rows that both answered ({share:.1} %); mean distance {mean_abs:.4}",
            human::count(flips),
            human::count(rows)
        )
    }
}

fn millis(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64() * 1e3
}

impl App {
    /// What it would cost to have `to` answer.
    pub async fn price_of_switch(&self, service: &ServiceName, to: Role) -> Result<Price, ServingError> {
        let view = self.show_service(service, 1).await?;
        let glances = self.glances_of(service).await;
        let glances = glances.map_err(|error| ServingError::Estimation(Box::new(error)))?;
        Ok(price(&view, &glances, to, self.now()))
    }
}

fn price(view: &ServiceView, glances: &[ModelGlance], to: Role, at: Timestamp) -> Price {
    let states: Vec<&ServiceState> =
        view.replicas.iter().filter(|replica| replica.is_fresh).filter_map(|replica| replica.state.as_ref()).collect();
    let lanes = states.iter().filter_map(|state| match to {
        Role::Primary => state.primary.as_ref(),
        Role::Shadow => state.shadow.as_ref(),
    });
    let backups = lanes.map(|lane| Backup {
        is_ready: lane.health.is_ready(),
        detail: lane.health.detail.clone(),
        asked: lane.asked,
        failed: lane.failed,
        latency_p99_us: lane.latency_p99_us,
    });
    let scores = glances.iter().map(|glance| Score {
        role: glance.role,
        model: glance.model.clone(),
        metric: glance.metric.clone(),
        interval: glance.estimate.as_ref().and_then(|record| record.estimate.interval()),
        labels: glance.estimate.as_ref().map_or(0, |record| record.estimate.labels),
        report: glance.report,
    });
    let disagreements = states.iter().filter_map(|state| state.disagreement);
    Price {
        service: view.service.clone(),
        to,
        model: view.route.as_ref().and_then(|route| route.model(to).cloned()),
        from: view.route.as_ref().map_or(Role::Primary, |route| route.active),
        backups: backups.collect(),
        scores: scores.collect(),
        disagreement: disagreements.reduce(Disagreement::together),
        at,
    }
}

#[cfg(test)]
mod tests {
    use lamp_core::names::ModelName;

    use super::*;

    fn price() -> Price {
        let model = |name: &str| ModelRef { model: ModelName::parse(name).expect("a name"), version: 1 };
        let score = |role, name: &str, interval| Score {
            role,
            model: model(name),
            metric: "roc_auc".to_owned(),
            interval,
            labels: 40,
            report: None,
        };
        let backup = |is_ready, detail: Option<&str>| Backup {
            is_ready,
            detail: detail.map(str::to_owned),
            asked: 600,
            failed: 3,
            latency_p99_us: Some(1_240),
        };
        Price {
            service: ServiceName::parse("delay").expect("a name"),
            to: Role::Shadow,
            model: Some(model("simple")),
            from: Role::Primary,
            backups: vec![backup(true, None), backup(false, Some("killed"))],
            scores: vec![
                score(Role::Primary, "delay", Some(Interval { value: 0.72, lower: 0.61, upper: 0.8 })),
                score(Role::Shadow, "simple", None),
            ],
            disagreement: Some(Disagreement { rows: 1_000, mean_abs: 0.0421, flips: 31 }),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_price_is_said_in_three_lines() {
        let said: Vec<String> = price().in_words().into_iter().map(|(what, said)| format!("{what}: {said}")).collect();
        assert_eq!(
            said,
            [
                "health: simple@1 answers on 1 of 2 replica(s) (killed); 6 of 1,200 request(s) without a valid answer, \
                 99 % within 1.2 ms",
                "labels: primary delay@1: roc_auc 0.7200 [0.6100, 0.8000] on 40 labels; shadow simple@1: too few labels",
                "disagreement: they decide differently on 31 of 1,000 rows that both answered (3.1 %); mean distance \
                 0.0421",
            ]
        );
        assert!(!price().is_healthy());
    }

    #[test]
    fn what_is_not_known_is_said_too() {
        let nothing = Price { backups: Vec::new(), scores: Vec::new(), disagreement: None, ..price() };
        let said: Vec<String> = nothing.in_words().into_iter().map(|(_, said)| said).collect();
        assert_eq!(
            said,
            [
                "no replica that was heard of lately has simple@1",
                "none of either model",
                "no row that both have answered since the replicas started",
            ]
        );
        assert!(!nothing.is_healthy());
    }
}
