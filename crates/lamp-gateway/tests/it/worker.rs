//! A real worker process, killed in the middle of the traffic.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lamp_gateway::{BreakerState, ServiceState};
use lamp_model::python::PythonModel;
use lamp_model::{Model, WorkerCommand, WorkerLimits};

use super::kit::{Behaviour, Fake, Running, mounted, plan, signature};

const WORKER: &str = r#"
import json, os, socket, struct, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[sys.argv.index("--socket") + 1])
stream = connection.makefile("rwb")
def send(message):
    body = json.dumps(message).encode()
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()
send({"type": "ready", "protocol": 1, "pid": os.getpid()})
while len(head := stream.read(4)) == 4:
    message = json.loads(stream.read(struct.unpack(">I", head)[0]))
    if message["type"] == "predict":
        send({"type": "answer", "id": message["id"], "outputs": {"probability": [0.3] * message["rows"]}})
    elif message["type"] == "ping":
        send({"type": "pong", "id": message["id"]})
    else:
        break
"#;

async fn worker(running: &Running) -> Arc<PythonModel> {
    let folder = running.folder.path();
    let script = folder.join("worker.py");
    std::fs::write(&script, WORKER).expect("a writable folder");
    let command = WorkerCommand {
        program: lamp_testkit::python(),
        args: vec![script.display().to_string()],
        cwd: folder.to_owned(),
        env: BTreeMap::new(),
        log_path: folder.join("worker.log"),
        socket_dir: folder.join("sock"),
    };
    let signature = Arc::new(serde_json::from_value(signature()).expect("a signature"));
    let limits = WorkerLimits { answer_within: Duration::from_millis(500), ..WorkerLimits::default() };
    Arc::new(PythonModel::start(command, folder, signature, limits).await.expect("a worker"))
}

fn pid(state: &ServiceState) -> Option<u32> {
    state.primary.as_ref()?.health.workers.first()?.pid
}

fn signal(pid: u32, signal: &str) {
    let status = std::process::Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs");
    assert!(status.success());
}

/// Traffic of four clients while `act` runs; returns the ids that they saw. Every request must be answered.
async fn under_load(running: &Arc<Running>, act: impl AsyncFnOnce()) -> BTreeSet<String> {
    let is_done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (running, is_done) = (Arc::clone(running), Arc::clone(&is_done));
            tokio::spawn(async move {
                let mut ids = Vec::new();
                while !is_done.load(Ordering::SeqCst) {
                    let response = running.predict().await;
                    assert_eq!(response.status, 200, "{}", response.body);
                    ids.push(response.header("x-prediction-id").expect("an id").to_owned());
                }
                ids
            })
        })
        .collect();
    act().await;
    is_done.store(true, Ordering::SeqCst);
    let mut ids = BTreeSet::new();
    for client in clients {
        ids.extend(client.await.expect("no request failed"));
    }
    ids
}

async fn recovers(running: &Running, old: u32) {
    super::kit::eventually("a new worker answers", || {
        let state = running.state();
        pid(&state).is_some_and(|pid| pid != old) && state.breaker == BreakerState::Closed
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killing_the_worker_fails_no_request_and_loses_no_row() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    for how in ["-KILL", "-STOP"] {
        let running = Arc::new(Running::new().await);
        let model = worker(&running).await;
        let shadow = Fake::new(Behaviour::Answer(0.2));
        let mut plan = plan(None, Some(&shadow));
        plan.primary = Some(mounted("delay", 3, &model));
        running.gateway.install(plan).expect("a plan");
        let seen = under_load(&running, async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(running.state().answered_by_primary > 0, "the worker answers first");
            let old = pid(&running.state()).expect("the state shows the worker's process");
            signal(old, how);
            recovers(&running, old).await;
            let before = running.state().answered_by_primary;
            super::kit::eventually("the primary answers again", || running.state().answered_by_primary > before).await;
        })
        .await;
        let state = running.state();
        assert_eq!(state.failures, 0);
        assert!(state.answered_by_shadow > 0, "{how}: the shadow stood in");
        let logged: BTreeSet<String> = running.logged().await.iter().map(|row| row.id.to_string()).collect();
        assert_eq!(logged, seen, "{how}: every answer is in the log, and nothing else");
        assert_eq!(running.state().log_dropped, 0);
        let after = model.health();
        assert!(after.is_ready() && after.workers[0].restarts >= 1, "{how}: {after:?}");
    }
}
