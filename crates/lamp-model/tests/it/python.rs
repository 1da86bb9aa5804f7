//! Worker processes, well-behaved and not.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};
use lamp_core::prediction::FallbackReason;
use lamp_model::python::PythonModel;
use lamp_model::{HealthState, LoadSpec, Model, PredictError, WorkerLimits, check_answer, golden_difference, load};
use serde_json::json;
use tempfile::TempDir;

use super::kit::{batch, command, eventually, is_alive, limits, package, pid_of, signature};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

async fn started(folder: &TempDir, mode: &str, limits: WorkerLimits) -> PythonModel {
    let command = command(folder.path(), mode);
    PythonModel::start(command, folder.path(), signature(), limits).await.expect("a worker that starts")
}

async fn probability(model: &PythonModel, x: f64) -> Result<f64, PredictError> {
    let outputs = model.predict(batch(x, None)).await?;
    Ok(outputs.columns[0].numbers(0)[0])
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[tokio::test]
async fn a_worker_answers_with_a_clean_environment_and_its_output_in_the_log() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let model = started(&folder, "ok", limits()).await;
    assert!(near(probability(&model, 4.0).await.expect("an answer"), 0.4));
    // LAMP_ONLY, and what Python itself sets for its locale.
    let seen = model.predict(batch(1.0, Some("env"))).await.expect("an answer");
    assert!(seen.columns[1].numbers(0)[0] <= 2.0, "{seen:?}");
    let log = std::fs::read_to_string(folder.path().join("logs/worker.log")).expect("a log");
    assert!(log.starts_with("worker starts in"), "{log}");
    let sockets = std::fs::read_dir(folder.path().join("sock")).expect("a folder of sockets").count();
    assert_eq!(sockets, 0, "nobody else may find the socket");
}

async fn check_start(mode: &str, expected: &Expect) {
    let folder = folder();
    let limits = WorkerLimits { ready_within: Duration::from_secs(1), ..limits() };
    let error = PythonModel::start(command(folder.path(), mode), folder.path(), signature(), limits)
        .await
        .expect_err("a worker that does not start");
    let text = error.to_string();
    expected.assert_eq(text.split("; its output").next().unwrap_or_default());
}

#[tokio::test]
async fn a_worker_that_does_not_get_ready_says_why() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    check_start("failed", &expect!["the worker did not get ready: no module named `delay`"]).await;
    check_start("exit", &expect!["the worker did not get ready: it ended before it was ready (exit status: 3)"]).await;
    check_start("slow", &expect!["the worker did not get ready: it was not ready within 1 s"]).await;
    check_start("old", &expect!["the worker did not get ready: it speaks protocol 99, not 1"]).await;
}

#[tokio::test]
async fn a_killed_worker_fails_its_request_at_once_and_comes_back() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let model = started(&folder, "ok", limits()).await;
    let first = pid_of(&model).expect("a process");
    let start = Instant::now();
    let error = model.predict(batch(1.0, Some("die"))).await.expect_err("it dies");
    assert_eq!(error.reason(), FallbackReason::Error);
    assert!(error.to_string().contains("signal: 9"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(1), "nobody waits for a dead worker");
    eventually("it is ready again", || model.health().state == HealthState::Ready).await;
    assert!(near(probability(&model, 2.0).await.expect("an answer"), 0.2));
    assert_ne!(pid_of(&model), Some(first));
    assert_eq!(model.health().workers[0].restarts, 1);
}

#[tokio::test]
async fn an_idle_worker_that_dies_is_noticed_without_a_request() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let model = started(&folder, "ok", limits()).await;
    let pid = pid_of(&model).expect("a process");
    nix_kill(pid);
    eventually("it is replaced", || pid_of(&model).is_some_and(|now| now != pid)).await;
    assert!(near(probability(&model, 3.0).await.expect("an answer"), 0.3));
}

fn nix_kill(pid: u32) {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill runs");
    assert!(status.success());
}

#[tokio::test]
async fn while_no_worker_is_ready_requests_fail_at_once() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let slow = WorkerLimits { restart_after: Duration::from_secs(20), ..limits() };
    let model = Arc::new(started(&folder, "ok", slow).await);
    // One is at work and dies; one waits behind it.
    let dies = tokio::spawn({
        let model = Arc::clone(&model);
        async move { model.predict(batch(1.0, Some("sleep"))).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let waits = tokio::spawn({
        let model = Arc::clone(&model);
        async move { model.predict(batch(1.0, None)).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    nix_kill(pid_of(&*model).expect("a process"));
    let start = Instant::now();
    for task in [dies, waits] {
        let error = task.await.expect("no panic").expect_err("it is gone");
        assert!(matches!(error, PredictError::Gone { .. }), "{error}");
    }
    let error = probability(&model, 1.0).await.expect_err("it is gone");
    assert!(matches!(error, PredictError::Gone { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(model.health().state, HealthState::Down);
}

#[tokio::test]
async fn a_hanging_worker_is_killed_and_replaced() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let model = started(&folder, "ok", WorkerLimits { answer_within: Duration::from_millis(200), ..limits() }).await;
    let pid = pid_of(&model).expect("a process");
    let error = model.predict(batch(1.0, Some("hang"))).await.expect_err("it hangs");
    assert_eq!(error, PredictError::Timeout { limit_ms: 200 });
    eventually("it is gone", || !is_alive(pid)).await;
    eventually("it is replaced", || model.health().is_ready()).await;
    assert!(near(probability(&model, 5.0).await.expect("an answer"), 0.5));
}

#[tokio::test]
async fn a_worker_that_does_not_answer_pings_is_killed() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let impatient =
        WorkerLimits { ping_every: Duration::from_millis(50), pong_within: Duration::from_millis(50), ..limits() };
    let model = started(&folder, "deaf", impatient).await;
    let pid = pid_of(&model).expect("a process");
    eventually("it is killed", || !is_alive(pid)).await;
    let patient = WorkerLimits { pong_within: Duration::from_secs(5), ..impatient };
    let patient = started(&folder, "ok", patient).await;
    let pid = pid_of(&patient).expect("a process");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(pid_of(&patient), Some(pid), "one that answers is left alone");
}

#[tokio::test]
async fn workers_that_break_the_protocol_are_replaced() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    for how in ["garbage", "half", "other-id", "exit"] {
        let folder = folder();
        let model = started(&folder, "ok", limits()).await;
        let error = model.predict(batch(1.0, Some(how))).await.expect_err(how);
        assert_eq!(error.reason(), FallbackReason::Error, "{how}: {error}");
        eventually("it is replaced", || model.health().is_ready()).await;
        assert!(near(probability(&model, 6.0).await.expect("an answer"), 0.6), "{how}");
    }
}

#[tokio::test]
async fn a_predictor_that_raises_or_answers_nonsense_keeps_its_worker() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let model = started(&folder, "ok", limits()).await;
    let pid = pid_of(&model);
    let cases = [("raise", FallbackReason::Error), ("short", FallbackReason::Shape), ("text", FallbackReason::Dtype)];
    for (how, reason) in cases {
        let error = model.predict(batch(1.0, Some(how))).await.expect_err(how);
        assert_eq!(error.reason(), reason, "{error}");
    }
    let out_of_range = model.predict(batch(20.0, None)).await.expect("columns");
    let rejection = check_answer(&signature(), 1, &out_of_range).expect_err("2.0 is no probability");
    assert_eq!(rejection.reason, FallbackReason::Range);
    assert_eq!(pid_of(&model), pid);
}

#[tokio::test]
async fn a_full_queue_is_overload_and_not_a_wait() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let model = Arc::new(started(&folder, "ok", WorkerLimits { queue_max: 2, ..limits() }).await);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let model = Arc::clone(&model);
            tokio::spawn(async move { model.predict(batch(1.0, Some("sleep"))).await })
        })
        .collect();
    let mut answered = 0;
    let mut refused = 0;
    for task in tasks {
        match task.await.expect("no panic") {
            Ok(_) => answered += 1,
            Err(error) => {
                assert_eq!(error, PredictError::Overload { queued: 2 });
                refused += 1;
            }
        }
    }
    assert!(answered >= 2 && refused >= 4, "{answered} answered, {refused} refused");
}

#[tokio::test]
async fn several_workers_answer_side_by_side() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let model = Arc::new(started(&folder, "ok", WorkerLimits { workers: 2, ..limits() }).await);
    eventually("both are ready", || model.health().state == HealthState::Ready).await;
    let both = [1.0, 2.0].map(|x| {
        let model = Arc::clone(&model);
        tokio::spawn(async move { model.predict(batch(x, Some("sleep"))).await })
    });
    let mut pids = Vec::new();
    for task in both {
        pids.push(task.await.expect("no panic").expect("an answer").columns[1].numbers(0)[0].to_string());
    }
    assert_ne!(pids[0], pids[1], "the second request goes to the idle worker");
}

#[tokio::test]
async fn dropping_the_model_ends_the_worker_and_whatever_it_started() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let model = started(&folder, "ok", limits()).await;
    let pid = pid_of(&model).expect("a process");
    let outputs = model.predict(batch(1.0, Some("grandchild"))).await.expect("an answer");
    let grandchild: u32 = outputs.columns[1].json(0).as_u64().and_then(|pid| pid.try_into().ok()).expect("a pid");
    assert!(is_alive(pid) && is_alive(grandchild));
    drop(model);
    eventually("the worker is gone", || !is_alive(pid)).await;
    eventually("its child is gone", || !is_alive(grandchild)).await;
}

#[tokio::test]
async fn dropping_the_model_ends_a_worker_that_hangs() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let model = started(&folder, "ok", WorkerLimits { answer_within: Duration::from_mins(1), ..limits() }).await;
    let pid = pid_of(&model).expect("a process");
    let given_up = tokio::time::timeout(Duration::from_millis(100), model.predict(batch(1.0, Some("hang")))).await;
    assert!(given_up.is_err());
    drop(model);
    eventually("the worker is gone", || !is_alive(pid)).await;
}

const PREDICTOR: &str = r#"
class Predictor:
    def __init__(self, package):
        assert (package / "model.json").is_file()

    def predict(self, columns):
        print("asked", columns)
        xs = columns["x"]
        return {"probability": [0.5 if x != x else x / 10 for x in xs], "pid": [7] * len(xs)}
"#;

/// The Python package's own worker, with a serving class as a user writes it.
#[tokio::test]
async fn the_python_packages_worker_keeps_to_the_protocol() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let golden = json!({"rows": [{"x": 1.0}, {"x": null, "how": "a"}],
        "answers": [{"probability": 0.1, "pid": 7}, {"probability": 0.5, "pid": 7}]});
    let package = package(&golden);
    std::fs::write(folder.path().join("model.json"), json!(package).to_string()).expect("a writable folder");
    let mut command = command(folder.path(), "ok");
    std::fs::write(folder.path().join("worker.py"), PREDICTOR).expect("a writable folder");
    command.args = vec!["-m".to_owned(), "lamplighter.worker".to_owned()];
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python");
    let path = format!("{}:{}", folder.path().display(), sdk.display());
    command.env.extend([("PYTHONPATH".to_owned(), path), ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned())]);
    let mut spec = LoadSpec::new(folder.path(), package.clone());
    (spec.worker, spec.limits) = (Some(command), limits());
    let model = load(spec).await.expect("a model");
    let difference = golden_difference(&*model, &package).await.expect("comparable answers");
    assert!(difference < 1e-12, "{difference}");
    let outputs = model.predict(batch(25.0, None)).await.expect("columns");
    let rejection = check_answer(&signature(), 1, &outputs).expect_err("2.5 is no probability");
    assert_eq!(rejection.reason, FallbackReason::Range);
}

#[test]
fn the_end_of_the_runtime_ends_the_worker() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let model = runtime.block_on(started(&folder, "ok", limits()));
    let pid = pid_of(&model).expect("a process");
    drop(runtime);
    let start = Instant::now();
    while is_alive(pid) {
        assert!(start.elapsed() < Duration::from_secs(5), "an orphan");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn a_deep_folder_does_not_break_the_socket() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let mut command = command(folder.path(), "ok");
    command.socket_dir = folder.path().join("d".repeat(60)).join("e".repeat(60));
    let model = PythonModel::start(command, folder.path(), signature(), limits()).await.expect("a worker");
    assert!(near(probability(&model, 1.0).await.expect("an answer"), 0.1));
}

#[tokio::test]
async fn golden_rows_are_asked_together_alone_and_shuffled() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let folder = folder();
    let model = started(&folder, "ok", limits()).await;
    let rows = json!([{"x": 1.0, "how": "env"}, {"x": 2.0}, {"x": 3.0}]);
    let answers = |third: f64| json!([{"probability": 0.1, "pid": 1}, {"probability": 0.2, "pid": 1}, {"probability": third, "pid": 1}]);
    // The process id is no model's answer, but its difference must show.
    let golden = json!({"rows": rows, "answers": answers(0.3)});
    let difference = golden_difference(&model, &package(&golden)).await.expect("a difference");
    assert!(difference > 1.0, "{difference}");
    let text = json!({"rows": [{"x": 1.0}], "answers": [{"probability": "0.1", "pid": 1}]});
    let error = golden_difference(&model, &package(&text)).await.expect_err("text is no number");
    assert!(error.to_string().starts_with("golden row 0: `probability` should be \"0.1\", is 0.1"), "{error}");
    let none = json!({"rows": [], "answers": []});
    let error = golden_difference(&model, &package(&none)).await.expect_err("nothing to compare");
    assert_eq!(error.to_string(), "the package has 0 golden rows and 0 answers");
}
