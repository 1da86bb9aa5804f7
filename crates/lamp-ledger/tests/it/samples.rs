//! Things to put into a ledger.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use lamp_core::actor::Actor;
use lamp_core::audit::AuditEntry;
use lamp_core::dataset::VersionNumber;
use lamp_core::digest::Digest;
use lamp_core::ids::{RunId, uuid_v7};
use lamp_core::names::{DatasetName, ModelName, ProjectName};
use lamp_core::package::Task;
use lamp_core::registry::{Evidence, GateVerdict};
use lamp_core::route::ModelRef;
use lamp_core::run::{CodeOrigin, Purpose, Run, RunState};
use lamp_ledger::{Ledger, NewModel, NewVersion};
use uuid::Uuid;

/// `minutes` after the start of the tests' time.
pub fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = "2013-04-01T10:00:00.123456Z".parse().expect("a timestamp");
    start + SignedDuration::from_mins(minutes)
}

pub fn person() -> Actor {
    Actor::local("first@example.com")
}

/// A different id for each number.
pub fn uuid(number: u8) -> Uuid {
    uuid_v7(at(i64::from(number)), [number; 10])
}

pub fn run_id(number: u8) -> RunId {
    RunId(uuid(number))
}

pub fn dataset(name: &str) -> DatasetName {
    DatasetName::parse(name).expect("a dataset name")
}

pub fn model_name(name: &str) -> ModelName {
    ModelName::parse(name).expect("a model name")
}

pub fn model_ref(name: &str, version: VersionNumber) -> ModelRef {
    ModelRef { model: model_name(name), version }
}

pub fn entry(action: &str, subject: &str) -> AuditEntry {
    AuditEntry {
        at: at(0),
        injected_time: true,
        actor: person(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        details: serde_json::json!({"z": 1, "a": [0.1, null, "é"]}),
    }
}

/// A version whose digest is that of `content`.
pub fn version(name: &str, content: &str) -> NewVersion {
    NewVersion {
        dataset: dataset(name),
        digest: Digest::of(content.as_bytes()),
        files: 2,
        bytes: 1 << 40,
        rows: Some(842),
        run: None,
        created_by: person(),
        created_at: at(0),
        note: Some("the first of \"many\"; it's fine".to_owned()),
    }
}

pub fn run(number: u8, purpose: Purpose) -> Run {
    Run {
        id: run_id(number),
        project: ProjectName::parse("delay").expect("a project name"),
        purpose,
        commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        origin: CodeOrigin::Committed,
        state: RunState::Preparing,
        created_by: person(),
        created_at: at(i64::from(number)),
        ended_at: None,
        manifest: None,
        failure: None,
    }
}

pub fn training(number: u8) -> Run {
    run(number, Purpose::Train(model_name("delay")))
}

pub fn evidence() -> Evidence {
    Evidence {
        format: 1,
        valid: "trips@3[-1month..]".to_owned(),
        rows: 24_000,
        null_targets: 12,
        metrics: BTreeMap::from([("roc_auc".to_owned(), 0.712_345_678_9), ("log_loss".to_owned(), 0.1 + 0.2)]),
        gate: Some(GateVerdict {
            metric: "roc_auc".to_owned(),
            value: 0.712_345_678_9,
            bound: ">= 0.65".to_owned(),
            passed: true,
        }),
        serving: None,
        golden_difference: Some(1e-9),
        beside: None,
        data_checks: Vec::new(),
    }
}

/// A candidate made by run `number`.
pub fn candidate(name: &str, number: u8) -> NewModel {
    NewModel {
        model: model_name(name),
        project: ProjectName::parse("delay").expect("a project name"),
        task: Task::Binary,
        package: Digest::of(&[number]),
        flavour: "python".to_owned(),
        run: run_id(number),
        commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        created_at: at(i64::from(number)),
        evidence: evidence(),
    }
}

/// Registers a candidate together with its run.
pub async fn register(ledger: &Ledger, name: &str, number: u8) -> ModelRef {
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_run(&training(number)).await.expect("the run is recorded");
    let model = tx.add_model(candidate(name, number)).await.expect("the model is registered");
    tx.commit().await.expect("saved");
    model.id
}
