//! A past for the workspace: what April 2013 would have left in its ledger.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use lamp_core::actor::Actor;
use lamp_core::dataset::{FileEntry, Manifest};
use lamp_core::digest::Digest;
use lamp_core::ids::{ReplicaId, RunId, uuid_v7};
use lamp_core::names::{DatasetName, ModelName, ProjectName, ServiceName};
use lamp_core::package::Task;
use lamp_core::partition::PartitionKey;
use lamp_core::registry::beside::{BesideServing, Difference, ResampledUnit, Standing};
use lamp_core::registry::slices::SliceDifference;
use lamp_core::registry::{Approval, DataChecks, Decision, Evidence, GateVerdict};
use lamp_core::route::{ModelRef, Role, Route};
use lamp_core::run::{CodeOrigin, PinnedInput, Purpose, Run, RunManifest, RunState};
use lamp_ledger::{NewModel, NewVersion};
use serde_json::{Value, json};

use crate::kit::TestSite;
use crate::logged;

/// The instant at which the tests live.
pub fn now() -> Timestamp {
    "2013-04-05T16:00:00Z".parse().expect("an instant")
}

fn earlier(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

pub fn person() -> Actor {
    Actor::local("first@example.com")
}

pub fn service() -> ServiceName {
    ServiceName::parse("delay").expect("a name")
}

fn dataset(name: &str) -> DatasetName {
    DatasetName::parse(name).expect("a name")
}

pub fn model(name: &str) -> ModelRef {
    ModelRef { model: ModelName::parse(name).expect("a name"), version: 1 }
}

pub fn run_id(number: u8) -> RunId {
    RunId(uuid_v7(earlier(600 - i64::from(number)), [number; 10]))
}

/// Everything.
pub async fn all(site: &TestSite) {
    let flights = add_flights(site).await;
    let trips = add_trips(site, &flights).await;
    for (number, name, flavour) in [(2, "delay", "python"), (3, "delay-simple", "onnx")] {
        add_model(site, number, name, flavour, &trips).await;
    }
    deploy(site).await;
    ack(site, 1, 2, 5, &state(2)).await;
}

async fn add_flights(site: &TestSite) -> PinnedInput {
    let days: Vec<PartitionKey> =
        (1..=9).map(|day| PartitionKey::parse(&format!("2013-01-0{day}")).expect("a day")).collect();
    let files = days.iter().map(|day| FileEntry {
        path: format!("{day}.parquet"),
        size: 48_211,
        digest: Digest::of(day.to_string().as_bytes()),
        sha256: Digest::of(format!("sha {day}").as_bytes()).to_hex(),
        partition: Some(day.clone()),
        rows: Some(842),
        link: None,
    });
    let manifest = Manifest::new(files.collect(), None, Vec::new());
    let digest = site.store.put_manifest(&manifest).await.expect("a manifest in the store");
    add_version(site, "flights", digest, None, Some("January")).await;
    pinned("flights", digest, days)
}

async fn add_trips(site: &TestSite, flights: &PinnedInput) -> PinnedInput {
    let run = run(site, 1, Purpose::Build(dataset("trips")), "python -m delay.clean", &[("flights", flights)]);
    save_run(site, &run).await;
    let digest = Digest::of(b"trips");
    add_version(site, "trips", digest, Some(run.id), None).await;
    pinned("trips", digest, flights.partitions.clone())
}

async fn add_version(site: &TestSite, name: &str, digest: Digest, run: Option<RunId>, note: Option<&str>) {
    let mut tx = site.ledger.begin().await.expect("a transaction");
    let new = NewVersion {
        dataset: dataset(name),
        digest,
        files: 9,
        bytes: 433_899,
        rows: Some(7_578),
        run,
        created_by: person(),
        created_at: earlier(700),
        note: note.map(str::to_owned),
    };
    tx.add_version(new).await.expect("a version");
    tx.commit().await.expect("saved");
}

fn pinned(name: &str, digest: Digest, partitions: Vec<PartitionKey>) -> PinnedInput {
    PinnedInput {
        dataset: dataset(name),
        version: 1,
        digest,
        slice: format!("{name}[..-1month]"),
        files: partitions.len() as u64,
        partitions,
    }
}

fn run(site: &TestSite, number: u8, purpose: Purpose, command: &str, inputs: &[(&str, &PinnedInput)]) -> Run {
    let project = ProjectName::parse("delay").expect("a name");
    let id = run_id(number);
    let manifest = RunManifest {
        format: 1,
        run: id,
        purpose: purpose.clone(),
        project: project.clone(),
        commit: site.commit.clone(),
        tree: site.commit.clone(),
        origin: CodeOrigin::Committed,
        as_of: earlier(600),
        environment: Some(Digest::of(b"requirements.lock")),
        interpreter: "Python 3.11.2".to_owned(),
        inputs: inputs.iter().map(|(role, input)| ((*role).to_owned(), (*input).clone())).collect(),
        params: BTreeMap::from([("max_iter".to_owned(), json!(200))]),
        seed: 42,
        command: command.to_owned(),
        outputs: Vec::new(),
        duration_ms: 4_210,
        peak_memory: 310_000_000,
        exit_code: 0,
    };
    Run {
        id,
        project,
        purpose,
        commit: site.commit.clone(),
        origin: CodeOrigin::Committed,
        state: RunState::Succeeded,
        created_by: person(),
        created_at: earlier(600 - i64::from(number)),
        ended_at: Some(earlier(590)),
        manifest: Some(manifest),
        failure: None,
    }
}

async fn save_run(site: &TestSite, run: &Run) {
    let mut tx = site.ledger.begin().await.expect("a transaction");
    tx.add_run(run).await.expect("a run");
    tx.commit().await.expect("saved");
}

/// A second version of `delay` that waits for a person, with an AUC of so much where 0.65 is wanted.
pub async fn candidate(site: &TestSite, auc: f64) {
    let days = vec![PartitionKey::parse("2013-01-09").expect("a day")];
    let trips = pinned("trips", Digest::of(b"trips"), days);
    let new = new_model(site, 4, "delay", "python", &trips).await;
    let mut evidence = new.evidence.clone();
    evidence.metrics.insert("roc_auc".to_owned(), auc);
    let passed = auc >= 0.65;
    evidence.gate = Some(GateVerdict { metric: "roc_auc".to_owned(), value: auc, bound: ">= 0.65".to_owned(), passed });
    let of_serving = BTreeMap::from([("log_loss".to_owned(), 0.4711), ("roc_auc".to_owned(), 0.7123)]);
    evidence.serving = Some((model("delay"), of_serving));
    evidence.beside = Some(beside(auc));
    evidence.data_checks = vec![DataChecks {
        dataset: dataset("trips"),
        version: 1,
        checked: 31,
        broken: 1,
        examples: vec!["2013-01-08: 12 rows".to_owned()],
    }];
    let mut tx = site.ledger.begin().await.expect("a transaction");
    tx.add_model(NewModel { evidence, ..new }).await.expect("a model");
    tx.commit().await.expect("saved");
}

/// What a paired comparison with the serving version would have said.
fn beside(auc: f64) -> BesideServing {
    let of = |metric: &str, candidate: f64, serving: f64, spread: f64, standing: Standing| Difference {
        metric: metric.to_owned(),
        candidate,
        serving,
        difference: candidate - serving,
        interval: Some((candidate - serving - spread, candidate - serving + spread)),
        standing,
    };
    let leading = if auc > 0.7123 { Standing::Better } else { Standing::Worse };
    let slice = |value: &str, rows: u64, candidate: f64| SliceDifference {
        column: "carrier".to_owned(),
        value: Some(value.to_owned()),
        rows,
        sufficient: rows >= 50,
        metric: "roc_auc".to_owned(),
        candidate: Some(candidate),
        serving: Some(0.7),
    };
    BesideServing {
        standing: leading,
        differences: vec![
            of("roc_auc", auc, 0.7123, 0.0031, leading),
            of("log_loss", 0.4711, 0.4711, 0.0012, Standing::CannotTell),
        ],
        decided_differently: Some(0.0415),
        unit: ResampledUnit::Partition,
        units: 31,
        resamples: 1_000,
        contamination: None,
        slices: (0..9_u8)
            .map(|at| slice(&format!("C{at}"), 900 - 100 * u64::from(at), 0.66 + 0.01 * f64::from(at)))
            .collect(),
        slices_seen: 41,
    }
}

/// A version of a model to register, its run saved.
async fn new_model(site: &TestSite, number: u8, name: &str, flavour: &str, trips: &PinnedInput) -> NewModel {
    let series = ModelName::parse(name).expect("a name");
    let inputs = [("train", trips), ("valid", trips)];
    let run = run(site, number, Purpose::Train(series.clone()), "python -m delay.train", &inputs);
    save_run(site, &run).await;
    let gate = GateVerdict { metric: "roc_auc".to_owned(), value: 0.7123, bound: ">= 0.65".to_owned(), passed: true };
    let evidence = Evidence {
        format: 1,
        valid: "trips@1[-1month..]".to_owned(),
        rows: 24_000,
        null_targets: 12,
        metrics: BTreeMap::from([("log_loss".to_owned(), 0.4711), ("roc_auc".to_owned(), 0.7123)]),
        gate: Some(gate),
        serving: None,
        golden_difference: Some(1e-9),
        beside: None,
        data_checks: Vec::new(),
    };
    NewModel {
        model: series,
        project: run.project.clone(),
        task: Task::Binary,
        package: logged::package(site, name, flavour).await,
        flavour: flavour.to_owned(),
        run: run.id,
        commit: site.commit.clone(),
        created_at: earlier(580),
        evidence,
    }
}

async fn add_model(site: &TestSite, number: u8, name: &str, flavour: &str, trips: &PinnedInput) {
    let new = new_model(site, number, name, flavour, trips).await;
    let report = new.evidence.digest();
    let mut tx = site.ledger.begin().await.expect("a transaction");
    tx.add_model(new).await.expect("a model");
    let approval = Approval {
        model: model(name),
        decision: Decision::Approved,
        by: Actor::local("second@example.com"),
        at: earlier(500),
        note: "looked at the slices by carrier; AUC holds".to_owned(),
        evidence: report,
    };
    tx.record_approval(&approval).await.expect("an approval");
    tx.commit().await.expect("saved");
}

/// Primary and shadow deployed: epochs 1 and 2.
async fn deploy(site: &TestSite) {
    let route = Route::empty(service(), &person(), earlier(480));
    let route = route.deployed(Role::Primary, model("delay"), &person(), earlier(480), "first model in service");
    save_route(site, &route).await;
    let route = route.deployed(Role::Shadow, model("delay-simple"), &person(), earlier(470), "behind it");
    save_route(site, &route).await;
}

pub async fn save_route(site: &TestSite, route: &Route) {
    let mut tx = site.ledger.begin().await.expect("a transaction");
    tx.save_route(route).await.expect("a route");
    tx.commit().await.expect("saved");
}

/// What a well gateway says of the service, as it arrives in the ledger.
pub fn state(epoch: u64) -> Value {
    let route = json!({
        "service": "delay", "primary": {"model": "delay", "version": 1},
        "shadow": {"model": "delay-simple", "version": 1}, "active": "primary", "epoch": epoch,
        "changed_by": {"name": "first@example.com", "auth": "local"}, "changed_at": now(), "why": "behind it",
    });
    let workers = json!([{"pid": 4711, "ready": true, "restarts": 0}, {"pid": 4712, "ready": true, "restarts": 2}]);
    json!({
        "service": "delay", "route": route, "epoch": epoch, "active": "primary", "deadline_ms": 100,
        "log": "best_effort",
        "primary": {
            "model": {"model": "delay", "version": 1}, "health": {"state": "ready", "workers": workers},
            "asked": 12_411, "failed": 66, "latency_p50_us": 4_120, "latency_p99_us": 21_800,
        },
        "shadow": {
            "model": {"model": "delay-simple", "version": 1}, "health": {"state": "ready"},
            "asked": 12_411, "failed": 0, "latency_p50_us": 38, "latency_p99_us": 142,
        },
        "breaker": "closed", "answered_by_primary": 12_345, "answered_by_shadow": 66,
        "reasons": {"error": 54, "timeout": 12}, "failures": 0, "overloaded": 3, "invalid": 7,
        "disagreement": {"rows": 12_345, "mean_abs": 0.0421}, "log_kept": 12_411, "log_dropped": 0,
    })
}

/// Has a replica say of the service what `state` is, some seconds ago.
pub async fn ack(site: &TestSite, number: u8, epoch: u64, seconds_ago: i64, state: &Value) {
    let seen_at = now() - SignedDuration::from_secs(seconds_ago);
    let replica = ReplicaId(uuid_v7(earlier(60), [number; 10]));
    let said = json!({"replica": replica, "started_at": earlier(60), "at": seen_at, "services": [state]});
    let mut tx = site.ledger.begin().await.expect("a transaction");
    tx.ack_route(replica, &service(), epoch, seen_at, &said.to_string()).await.expect("an acknowledgement");
    tx.commit().await.expect("saved");
}
