//! Workers that behave as told, and packages around them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lamp_core::package::{Package, Signature};
use lamp_model::{Batch, Model, WorkerCommand, WorkerLimits};
use serde_json::{Value, json};

/// A worker in plain Python that speaks the protocol. Its answer to a row is `x / 10`; the text
/// input `how` makes it misbehave.
pub const WORKER: &str = r#"
import argparse, json, os, signal, socket, struct, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("mode")
parser.add_argument("--socket")
parser.add_argument("--package")
options = parser.parse_args()
print("worker starts in", os.getcwd(), flush=True)
if options.mode == "exit":
    sys.exit(3)
if options.mode == "slow":
    time.sleep(30)
connection = socket.socket(socket.AF_UNIX)
connection.connect(options.socket)
stream = connection.makefile("rwb")

def send(message):
    body = json.dumps(message).encode()
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()

if options.mode == "failed":
    send({"type": "failed", "message": "no module named `delay`", "traceback": "somewhere"})
    sys.exit(1)
if options.mode == "old":
    send({"type": "ready", "protocol": 99, "pid": os.getpid()})
send({"type": "ready", "protocol": 1, "pid": os.getpid()})
while True:
    head = stream.read(4)
    if len(head) < 4:
        sys.exit(0)
    message = json.loads(stream.read(struct.unpack(">I", head)[0]))
    kind = message["type"]
    if kind == "stop":
        sys.exit(0)
    if kind == "ping":
        if options.mode != "deaf":
            send({"type": "pong", "id": message["id"]})
        continue
    xs = message["columns"]["x"]
    how = (message["columns"]["how"] or [None])[0]
    outputs = {"probability": [None if x is None else x / 10 for x in xs], "pid": [os.getpid()] * len(xs)}
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "exit":
        sys.exit(7)
    elif how == "hang":
        time.sleep(60)
    elif how == "sleep":
        time.sleep(0.3)
    elif how == "garbage":
        stream.write(b"\xff" * 64)
        stream.flush()
        continue
    elif how == "half":
        stream.write(struct.pack(">I", 100) + b"{")
        stream.flush()
        sys.exit(0)
    elif how == "other-id":
        message["id"] += 1
    elif how == "raise":
        send({"type": "error", "id": message["id"], "message": "ValueError: odd", "traceback": "line 1"})
        continue
    elif how == "short":
        outputs["probability"] = outputs["probability"][:-1]
    elif how == "text":
        outputs["probability"] = ["high"] * len(xs)
    elif how == "env":
        outputs["pid"] = [len(os.environ)] * len(xs)
    elif how == "grandchild":
        import subprocess
        child = subprocess.Popen(["sleep", "60"])
        outputs["pid"] = [child.pid] * len(xs)
    send({"type": "answer", "id": message["id"], "outputs": outputs})
"#;

/// What the worker above takes and gives.
pub fn signature() -> Arc<Signature> {
    let signature = json!({
        "inputs": [{"name": "x", "datatype": "FP64", "nullable": true}, {"name": "how", "datatype": "BYTES", "nullable": true}],
        "outputs": [{"name": "probability", "datatype": "FP64", "min": 0, "max": 1}, {"name": "pid", "datatype": "INT64"}],
    });
    Arc::new(serde_json::from_value(signature).expect("a signature"))
}

/// One row for the worker above.
pub fn batch(x: f64, how: Option<&str>) -> Arc<Batch> {
    Arc::new(Batch::from_rows(&signature(), &[json!({"x": x, "how": how})]).expect("a row"))
}

/// How the worker above is started in `folder`, in `mode` (`ok`, `slow`, `exit`, …).
pub fn command(folder: &Path, mode: &str) -> WorkerCommand {
    let script = folder.join("worker.py");
    std::fs::write(&script, WORKER).expect("a writable folder");
    WorkerCommand {
        program: lamp_testkit::python(),
        args: vec![script.display().to_string(), mode.to_owned()],
        cwd: folder.to_owned(),
        env: BTreeMap::from([("LAMP_ONLY".to_owned(), "1".to_owned())]),
        log_path: folder.join("logs").join("worker.log"),
        socket_dir: folder.join("sock"),
    }
}

/// Limits that do not keep a test waiting.
pub fn limits() -> WorkerLimits {
    WorkerLimits {
        ready_within: Duration::from_secs(10),
        answer_within: Duration::from_secs(5),
        restart_after: Duration::from_millis(20),
        restart_after_max: Duration::from_millis(100),
        ..WorkerLimits::default()
    }
}

/// Waits until `condition` holds.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process is alive (and not merely uncollected).
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// The process id of a model's only worker.
pub fn pid_of(model: &dyn Model) -> Option<u32> {
    model.health().workers.first().and_then(|worker| worker.pid)
}

/// A package around the worker above.
pub fn package(golden: &Value) -> Package {
    let package = json!({
        "format": 1, "flavour": "python", "entry": "worker:Predictor", "task": "binary",
        "signature": *signature(), "golden": golden,
    });
    serde_json::from_value(package).expect("a package")
}
