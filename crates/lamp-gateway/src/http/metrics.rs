//! `GET /metrics`: what the gateway counts, as Prometheus reads it (text format 0.0.4).

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::gateway::Gateway;
use crate::state::{BreakerState, GatewayState, LaneState, ServiceState};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn metrics(State(gateway): State<Gateway>) -> Response {
    let text = exposition(&gateway.state(), gateway.0.is_ready());
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

/// One metric with its samples.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    samples: Vec<(String, f64)>,
}

impl Family {
    fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: "counter", help, samples: Vec::new() }
    }

    fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: "gauge", help, samples: Vec::new() }
    }

    fn add(&mut self, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        self.samples.push((labels.join(","), value));
    }

    fn count(&mut self, labels: &[(&str, &str)], value: u64) {
        // Beyond 2^53 the last digits of a count do not matter.
        #[allow(clippy::cast_precision_loss)]
        self.add(labels, value as f64);
    }

    fn write(&self, text: &mut String) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {} {}\n# TYPE {} {}", self.name, self.help, self.name, self.kind);
        for (labels, value) in &self.samples {
            let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let _ = writeln!(text, "{}{labels} {value}", self.name);
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn exposition(state: &GatewayState, is_ready: bool) -> String {
    let mut ready = Family::gauge("lamp_ready", "1 when the gateway should get requests.");
    ready.add(&[], f64::from(u8::from(is_ready)));
    let mut text = String::new();
    ready.write(&mut text);
    let families = [answers(state), requests(state), routes(state), models(state), log(state), apart(state)];
    for family in families.iter().flatten() {
        family.write(&mut text);
    }
    text
}

fn answers(state: &GatewayState) -> Vec<Family> {
    let mut answered = Family::counter("lamp_answered_rows_total", "Rows answered, by who answered.");
    let mut reasons = Family::counter("lamp_fallback_rows_total", "Rows that the shadow answered, by the reason.");
    for service in &state.services {
        let name = service.service.as_str();
        answered.count(&[("service", name), ("served_by", "primary")], service.answered_by_primary);
        answered.count(&[("service", name), ("served_by", "shadow")], service.answered_by_shadow);
        for (reason, rows) in &service.reasons {
            reasons.count(&[("service", name), ("reason", reason)], *rows);
        }
    }
    vec![answered, reasons]
}

fn requests(state: &GatewayState) -> Vec<Family> {
    let mut refused =
        Family::counter("lamp_unanswered_requests_total", "Requests without an answer: failed, overload or invalid.");
    let mut shed = Family::counter("lamp_shed_requests_total", "Requests of which only one model was asked.");
    for service in &state.services {
        let name = service.service.as_str();
        for (why, count) in
            [("failed", service.failures), ("overload", service.overloaded), ("invalid", service.invalid)]
        {
            refused.count(&[("service", name), ("why", why)], count);
        }
        shed.count(&[("service", name)], service.shed);
    }
    vec![refused, shed]
}

fn routes(state: &GatewayState) -> Vec<Family> {
    let mut epoch = Family::gauge("lamp_route_epoch", "The epoch of the route in force.");
    let mut active = Family::gauge("lamp_route_active", "1 for the place that answers by the route.");
    let mut breaker = Family::gauge("lamp_breaker_open", "1 while the primary is left alone.");
    for service in &state.services {
        let name = service.service.as_str();
        epoch.count(&[("service", name)], service.epoch);
        active.count(&[("service", name), ("place", service.active.as_str())], 1);
        breaker.count(&[("service", name)], u64::from(service.breaker == BreakerState::Open));
    }
    vec![epoch, active, breaker]
}

fn models(state: &GatewayState) -> Vec<Family> {
    let mut ready = Family::gauge("lamp_model_ready", "1 when the model can answer.");
    let mut asked = Family::counter("lamp_model_requests_total", "Requests that the model was asked.");
    let mut failed = Family::counter("lamp_model_failures_total", "Those to which it had no valid answer in time.");
    let mut latency = Family::gauge(
        "lamp_model_latency_seconds",
        "Quantiles of the time to its valid answers, since it was mounted.",
    );
    for service in &state.services {
        for (place, lane) in lanes(service) {
            let model = lane.model.to_string();
            let labels = [("service", service.service.as_str()), ("place", place), ("model", model.as_str())];
            ready.count(&labels, u64::from(lane.health.is_ready()));
            asked.count(&labels, lane.asked);
            failed.count(&labels, lane.failed);
            for (quantile, micros) in [("0.5", lane.latency_p50_us), ("0.99", lane.latency_p99_us)] {
                let Some(micros) = micros else { continue };
                let labels = [labels[0], labels[1], labels[2], ("quantile", quantile)];
                latency.add(&labels, std::time::Duration::from_micros(micros).as_secs_f64());
            }
        }
    }
    vec![ready, asked, failed, latency]
}

fn lanes(service: &ServiceState) -> impl Iterator<Item = (&'static str, &LaneState)> {
    let primary = service.primary.iter().map(|lane| ("primary", lane));
    primary.chain(service.shadow.iter().map(|lane| ("shadow", lane)))
}

fn log(state: &GatewayState) -> Vec<Family> {
    let mut rows = Family::counter("lamp_log_rows_total", "Rows of the prediction log: kept, dropped, or kept thin.");
    for service in &state.services {
        let name = service.service.as_str();
        for (outcome, count) in
            [("kept", service.log_kept), ("dropped", service.log_dropped), ("thin", service.log_thinned)]
        {
            rows.count(&[("service", name), ("outcome", outcome)], count);
        }
    }
    vec![rows]
}

fn apart(state: &GatewayState) -> Vec<Family> {
    let mut rows = Family::counter("lamp_compared_rows_total", "Rows that both models answered.");
    let mut flips = Family::counter("lamp_disagreeing_rows_total", "Those on which they decide differently.");
    let mut sum = Family::counter("lamp_distance_sum", "Sum over those rows of the mean distance of their numbers.");
    for service in &state.services {
        let Some(apart) = service.disagreement else { continue };
        let labels = [("service", service.service.as_str())];
        rows.count(&labels, apart.rows);
        flips.count(&labels, apart.flips);
        // Beyond 2^53 rows the last digits do not matter.
        #[allow(clippy::cast_precision_loss)]
        sum.add(&labels, apart.mean_abs * apart.rows as f64);
    }
    vec![rows, flips, sum]
}
