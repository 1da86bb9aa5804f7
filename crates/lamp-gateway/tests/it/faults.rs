//! Faults under steady load: nobody is left without an answer, and the log adds up. The same faults without a
//! shadow are seen by clients, so that it is the shadow that helps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use lamp_core::route::Role;
use lamp_gateway::{BreakerState, Gateway, GatewaySettings, ServiceState};
use lamp_model::python::PythonModel;
use lamp_model::upstream::UpstreamModel;
use lamp_model::{Model, WorkerCommand, WorkerLimits};
use lamp_testkit::FixedIds;

use super::kit::{Behaviour, Fake, Running, eventually, mounted, plan, route, settings, signature};
use super::load::{Load, Seen, reconcile, under_load};

/// A worker that behaves as the file `mode` beside it says.
const WORKER: &str = r#"
import json, os, resource, socket, struct, sys, time
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[sys.argv.index("--socket") + 1])
stream = connection.makefile("rwb")
def send(message):
    body = json.dumps(message).encode()
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()
def mode():
    with open("mode") as file:
        return file.read()
send({"type": "ready", "protocol": 1, "pid": os.getpid()})
while len(head := stream.read(4)) == 4:
    message = json.loads(stream.read(struct.unpack(">I", head)[0]))
    if message["type"] == "ping":
        send({"type": "pong", "id": message["id"]})
        continue
    if message["type"] != "predict":
        break
    now, values = mode(), [0.3] * message["rows"]
    time.sleep(0.04 if now == "slow" else 0.004)
    if now == "shape":
        values.append(0.3)
    elif now == "nan":
        values[0] = None
    elif now == "range":
        values[0] = 1.5
    elif now == "text":
        values[0] = "high"
    elif now == "garbage":
        stream.write(b"\x00\x00\x00\x05\xff\xfe{[\x00")
        stream.flush()
        continue
    elif now == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
        hoard = [bytearray(1 << 22) for _ in range(1 << 10)]
    if now == "raise":
        send({"type": "error", "id": message["id"], "message": "ValueError: odd"})
    else:
        send({"type": "answer", "id": message["id"], "outputs": {"probability": values}})
"#;

/// What goes wrong with a real worker, in words, and how it is brought about.
const WORKER_FAULTS: [(&str, Fault); 10] = [
    ("primary killed (SIGKILL)", Fault::Signal("-KILL")),
    ("primary hung (SIGSTOP)", Fault::Signal("-STOP")),
    ("primary 10× slow", Fault::Mode("slow")),
    ("wrong shape", Fault::Mode("shape")),
    ("wrong type", Fault::Mode("text")),
    ("NaN", Fault::Mode("nan")),
    ("out of range", Fault::Mode("range")),
    ("primary raises", Fault::Mode("raise")),
    ("garbage bytes", Fault::Mode("garbage")),
    ("out of memory", Fault::Mode("memory")),
];

#[derive(Debug, Clone, Copy)]
enum Fault {
    Signal(&'static str),
    Mode(&'static str),
}

/// A worker in a folder of its own.
struct Worker {
    model: Arc<PythonModel>,
    folder: PathBuf,
}

impl Worker {
    async fn start(folder: &Path) -> Self {
        let folder = folder.join("worker");
        std::fs::create_dir_all(&folder).expect("a writable folder");
        let script = folder.join("worker.py");
        std::fs::write(&script, WORKER).expect("a writable folder");
        let command = WorkerCommand {
            program: lamp_testkit::python(),
            args: vec![script.display().to_string()],
            cwd: folder.clone(),
            env: BTreeMap::new(),
            log_path: folder.join("worker.log"),
            socket_dir: folder.join("sock"),
        };
        let signature = Arc::new(serde_json::from_value(signature()).expect("a signature"));
        let limits = WorkerLimits { answer_within: Duration::from_millis(500), ..WorkerLimits::default() };
        let model = Arc::new(PythonModel::start(command, &folder, signature, limits).await.expect("a worker"));
        let worker = Self { model, folder };
        worker.behave("ok");
        worker
    }

    /// The mode changes at once: a worker never reads half of a word.
    fn behave(&self, mode: &str) {
        let unfinished = self.folder.join("mode.new");
        std::fs::write(&unfinished, mode).expect("a writable folder");
        std::fs::rename(&unfinished, self.folder.join("mode")).expect("a writable folder");
    }
}

fn pid(state: &ServiceState) -> Option<u32> {
    state.primary.as_ref()?.health.workers.first()?.pid
}

fn signal(pid: u32, signal: &str) {
    let status = std::process::Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs");
    assert!(status.success());
}

/// The primary answers, the fault comes, and it goes.
async fn break_and_mend(running: &Running, worker: &Worker, fault: Fault, load: Load) {
    tokio::time::sleep(load.third()).await;
    assert!(running.state().answered_by_primary > 0, "the worker answers first");
    match fault {
        Fault::Signal(how) => {
            let old = pid(&running.state()).expect("the state shows the worker's process");
            signal(old, how);
            eventually("a new worker", || pid(&running.state()).is_some_and(|pid| pid != old)).await;
        }
        Fault::Mode(mode) => {
            worker.behave(mode);
            tokio::time::sleep(load.third()).await;
            // A slow worker's queue grows until it is too long.
            eventually("it is noticed", || {
                let state = running.state();
                state.answered_by_shadow + state.failures + state.overloaded > 0
            })
            .await;
            worker.behave("ok");
        }
    }
    let before = running.state().answered_by_primary;
    eventually("the primary answers again", || {
        let state = running.state();
        state.breaker == BreakerState::Closed && state.answered_by_primary > before
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_becomes_of_a_worker_no_request_fails_and_no_row_is_lost() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let load = Load::steady();
    for (order, (name, fault)) in (0..).zip(WORKER_FAULTS) {
        let running = Running::new().await;
        let worker = Worker::start(running.folder.path()).await;
        let mut plan = plan(None, Some(&Fake::new(Behaviour::Answer(0.2))));
        plan.primary = Some(mounted("delay", 3, &worker.model));
        running.gateway.install(plan).expect("a plan");
        let seen =
            under_load(load, &[&running.url], async || break_and_mend(&running, &worker, fault, load).await).await;
        seen.assert_all_answered(name);
        assert!(seen.by_shadow > 0, "{name}: the shadow stood in");
        let log = reconcile(&running, &seen, name).await;
        let state = running.state();
        assert_eq!((state.failures, state.log_dropped), (0, 0), "{name}");
        assert!(worker.model.health().is_ready(), "{name}: {:?}", worker.model.health());
        let expected = match fault {
            Fault::Signal(_) => &["error", "timeout", "breaker", "overload"][..],
            Fault::Mode("slow") => &["timeout", "breaker", "overload"],
            Fault::Mode("shape") => &["shape", "breaker"],
            Fault::Mode("nan") => &["nonfinite", "breaker"],
            Fault::Mode("range") => &["range", "breaker"],
            Fault::Mode("text") => &["dtype", "breaker"],
            Fault::Mode(_) => &["error", "breaker", "timeout"],
        };
        let unexpected: Vec<_> = seen.reasons.keys().filter(|reason| !expected.contains(&reason.as_str())).collect();
        // A machine that is short of time makes a sound worker late too.
        assert!(unexpected.iter().all(|reason| *reason == "timeout"), "{name}: {:?}", seen.reasons);
        seen.publish(order, name, true, &log);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_shadow_clients_see_what_becomes_of_a_worker() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let load = Load::steady();
    for (order, (name, fault)) in (0..).zip(WORKER_FAULTS) {
        let running = Running::new().await;
        let worker = Worker::start(running.folder.path()).await;
        let mut plan = plan(None, None);
        plan.primary = Some(mounted("delay", 3, &worker.model));
        running.gateway.install(plan).expect("a plan");
        let seen =
            under_load(load, &[&running.url], async || break_and_mend(&running, &worker, fault, load).await).await;
        assert!(!seen.failed.is_empty(), "{name}: a control that shows nothing controls nothing");
        let log = reconcile(&running, &seen, name).await;
        seen.publish(order, name, false, &log);
    }
}

/// A server of somebody else, that behaves as it is told.
struct Upstream {
    url: String,
    mode: Arc<AtomicU8>,
}

/// How it can behave.
const SOUND: u8 = 0;
const UPSTREAM_FAULTS: [(&str, u8, &str); 4] = [
    ("upstream: error 500", 1, "error"),
    ("upstream: garbage bytes", 2, "error"),
    ("upstream: wrong shape", 3, "shape"),
    ("upstream: NaN (as null)", 4, "nonfinite"),
];

impl Upstream {
    async fn start() -> Self {
        let mode = Arc::new(AtomicU8::new(SOUND));
        let router = axum::Router::new()
            .route("/v2/models/m/ready", get(async || "{}"))
            .route("/v2/models/m/infer", post(infer))
            .with_state(Arc::clone(&mode));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, mode }
    }
}

async fn infer(State(mode): State<Arc<AtomicU8>>) -> Response<Body> {
    let answer = |shape: u32, data: &str| {
        format!(r#"{{"outputs": [{{"name": "probability", "shape": [{shape}], "datatype": "FP64", "data": {data}}}]}}"#)
    };
    let (status, body) = match mode.load(Ordering::SeqCst) {
        SOUND => (StatusCode::OK, answer(1, "[0.3]").into_bytes()),
        1 => (StatusCode::INTERNAL_SERVER_ERROR, b"Traceback".to_vec()),
        2 => (StatusCode::OK, vec![0xff; 64]),
        3 => (StatusCode::OK, answer(2, "[0.3, 0.3]").into_bytes()),
        _ => (StatusCode::OK, answer(1, "[null]").into_bytes()),
    };
    Response::builder().status(status).body(Body::from(body)).expect("a response")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_another_server_says_no_request_fails_where_there_is_a_shadow() {
    let load = Load::steady();
    for (order, (name, fault, reason)) in (20..).zip(UPSTREAM_FAULTS) {
        for has_shadow in [true, false] {
            let running = Running::new().await;
            let upstream = Upstream::start().await;
            let signature = Arc::new(serde_json::from_value(signature()).expect("a signature"));
            let model = Arc::new(UpstreamModel::connect(&upstream.url, "m", signature).await.expect("an upstream"));
            let shadow = has_shadow.then(|| Fake::new(Behaviour::Answer(0.2)));
            let mut plan = plan(None, shadow.as_ref());
            plan.primary = Some(mounted("delay", 3, &model));
            running.gateway.install(plan).expect("a plan");
            let seen = under_load(load, &[&running.url], async || {
                tokio::time::sleep(load.third()).await;
                upstream.mode.store(fault, Ordering::SeqCst);
                tokio::time::sleep(load.third()).await;
                upstream.mode.store(SOUND, Ordering::SeqCst);
                let before = running.state().answered_by_primary;
                eventually("the primary answers again", || running.state().answered_by_primary > before).await;
            })
            .await;
            if has_shadow {
                seen.assert_all_answered(name);
                assert!(seen.reasons.contains_key(reason), "{name}: {:?}", seen.reasons);
            } else {
                assert!(!seen.failed.is_empty(), "{name}: a control that shows nothing controls nothing");
            }
            let log = reconcile(&running, &seen, name).await;
            seen.publish(order, name, has_shadow, &log);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_switches_and_as_many_deploys_fail_no_request() {
    let load = Load::steady();
    let running = Running::new().await;
    let slow = |p| Fake::new(Behaviour::After(Duration::from_millis(5), p));
    let (primary, shadow) = (slow(0.3), slow(0.2));
    running.gateway.install(plan(Some(&primary), Some(&shadow))).expect("a plan");
    let role = |epoch: u64| if epoch.is_multiple_of(2) { Role::Shadow } else { Role::Primary };
    let seen = under_load(load, &[&running.url], async || {
        for epoch in 2..=101 {
            assert!(running.gateway.set_route(route(role(epoch), epoch)));
            let response = running.predict().await;
            let told = response.header("x-route-epoch").and_then(|text| text.parse::<u64>().ok());
            assert_eq!(told, Some(epoch), "the very next answer obeys");
        }
    })
    .await;
    seen.assert_all_answered("switches");
    assert!(seen.reasons.contains_key("switched"), "{:?}", seen.reasons);
    seen.publish(30, "100 switches", true, "not compared: the switcher asks too");

    let running = Running::new().await;
    running.gateway.install(plan(Some(&primary), Some(&shadow))).expect("a plan");
    let seen = under_load(load, &[&running.url], async || {
        for epoch in 2..=101 {
            let mut next = plan(Some(&slow(0.3)), Some(&slow(0.2)));
            next.route = route(Role::Primary, epoch);
            running.gateway.install(next).expect("a plan");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    seen.assert_all_answered("deploys");
    let log = reconcile(&running, &seen, "deploys").await;
    seen.publish(31, "100 deploys", true, &log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_switch_reaches_requests_that_are_under_way() {
    let (running, ..) = Running::with(Behaviour::Hang, Behaviour::Answer(0.2)).await;
    let running = Arc::new(running);
    let asked = tokio::spawn({
        let running = Arc::clone(&running);
        async move { running.predict().await }
    });
    eventually("it is under way", || running.state().primary.is_some_and(|lane| lane.asked == 1)).await;
    assert!(running.gateway.set_route(route(Role::Shadow, 2)));
    let response = asked.await.expect("an answer");
    let reason = response.header("x-fallback-reason");
    // On a machine without time, the deadline may come before the switch.
    assert!(matches!(reason, Some("switched" | "timeout")), "{reason:?}");
    if reason == Some("switched") {
        assert_eq!(response.header("x-route-epoch"), Some("2"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_restart_behind_a_second_replica_fails_no_request() {
    let load = Load::steady();
    let steady = Running::new().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let serve = async |port: u16, seed: u64| {
        let ids = Arc::new(FixedIds::starting_after(seed << 40));
        let settings = GatewaySettings { ids, ..settings(folder.path().join("log")) };
        let gateway = Gateway::new(settings).expect("a gateway");
        let (primary, shadow) = (Fake::new(Behaviour::Answer(0.3)), Fake::new(Behaviour::Answer(0.2)));
        gateway.install(plan(Some(&primary), Some(&shadow))).expect("a plan");
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = gateway.clone();
        let task = tokio::spawn(async move {
            let until = async {
                // Dropping the sender stops it too.
                let _ = stopped.await;
            };
            serving.serve(listener, until).await.expect("served");
            serving.close().await;
        });
        (address, stop, task)
    };
    let (primary, shadow) = (Fake::new(Behaviour::Answer(0.3)), Fake::new(Behaviour::Answer(0.2)));
    steady.gateway.install(plan(Some(&primary), Some(&shadow))).expect("a plan");
    let (address, stop, task) = serve(0, 1).await;
    let restarted = format!("http://{address}");
    let seen = under_load(load, &[&restarted, &steady.url], async || {
        tokio::time::sleep(load.third()).await;
        drop(stop);
        task.await.expect("it ends in good order");
        tokio::time::sleep(load.third()).await;
        let (_, stop, task) = serve(address.port(), 2).await;
        tokio::time::sleep(load.third()).await;
        drop(stop);
        task.await.expect("it ends in good order");
    })
    .await;
    seen.assert_all_answered("restart");
    let mut logged = super::kit::read_log(&folder.path().join("log"));
    logged.extend(steady.logged().await);
    let logged: std::collections::BTreeSet<_> = logged.iter().map(|row| row.id.to_string()).collect();
    assert!(seen.ids.is_subset(&logged), "what a replica answered before its end is in its log");
    seen.publish(32, "a restart behind a second replica", true, &format!("{} kept", logged.len()));
}

/// Set in the child that has no room.
const CHILD: &str = "LAMP_TEST_NO_ROOM";

/// In a process of its own, since the limit is the process's: no file may grow.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_fails_no_request_and_every_row_is_counted() {
    if std::env::var_os(CHILD).is_some() {
        return without_room().await;
    }
    let child = tokio::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "it::faults::a_full_disk_fails_no_request_and_every_row_is_counted", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .await
        .expect("it runs");
    assert!(
        child.status.success(),
        "{}{}",
        String::from_utf8_lossy(&child.stdout),
        String::from_utf8_lossy(&child.stderr)
    );
}

async fn without_room() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    use tokio::signal::unix::{SignalKind, signal};

    // Without somebody who listens, the kernel ends a process that meets the limit.
    let _listens = signal(SignalKind::from_raw(nix::libc::SIGXFSZ)).expect("a listener");
    let load = Load::steady();
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let (soft, hard) = getrlimit(Resource::RLIMIT_FSIZE).expect("a limit");
    let seen: Seen = under_load(load, &[&running.url], async || {
        tokio::time::sleep(load.third()).await;
        setrlimit(Resource::RLIMIT_FSIZE, 0, hard).expect("a limit");
        tokio::time::sleep(load.third()).await;
        setrlimit(Resource::RLIMIT_FSIZE, soft, hard).expect("a limit");
        eventually("it is logged again", || {
            let kept = running.state().log_kept;
            std::thread::sleep(Duration::from_millis(50));
            running.state().log_kept > kept
        })
        .await;
    })
    .await;
    seen.assert_all_answered("a full disk");
    assert_eq!(seen.by_shadow, 0, "the log stands in no answer's way: {:?}", seen.reasons);
    let log = reconcile(&running, &seen, "a full disk").await;
    assert!(running.state().log_dropped > 0, "there was no room");
    seen.publish(33, "log disk full", true, &log);
}

/// What a shadow costs the primary is a figure of the bench; that it answers at all is a test.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shadow_that_is_slow_or_dead_leaves_the_primary_alone() {
    let load = Load::steady();
    let primary = || Fake::new(Behaviour::After(Duration::from_millis(5), 0.3));
    let shadows = [
        (40, "nothing wrong", Behaviour::After(Duration::from_millis(5), 0.2)),
        (41, "shadow 10× slow", Behaviour::After(Duration::from_millis(50), 0.2)),
        (42, "shadow dead", Behaviour::Fail),
        (43, "shadow hung", Behaviour::Hang),
    ];
    for (order, name, shadow) in shadows {
        let running = Running::new().await;
        running.gateway.install(plan(Some(&primary()), Some(&Fake::new(shadow)))).expect("a plan");
        let seen = under_load(load, &[&running.url], async || {}).await;
        seen.assert_all_answered(name);
        let log = reconcile(&running, &seen, name).await;
        seen.publish(order, name, true, &log);
    }
}
