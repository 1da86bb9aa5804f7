//! Looking at processes, and at a gateway through its admin socket, as an operator would.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use lamp_testkit::http::Request;
use serde_json::{Value, json};

/// How long something that must happen soon may take on a busy machine.
pub const SOON: Duration = Duration::from_mins(1);

/// Asks again and again until there is an answer.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a process is there and not a zombie.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// `kill -9`.
pub fn kill(pid: u32) {
    let status = Command::new("kill").args(["-KILL", &pid.to_string()]).status().expect("kill can be run");
    assert!(status.success(), "no process {pid}");
}

/// The child of `parent` whose command line has `word`.
pub fn find_child(parent: u32, word: &str) -> Option<u32> {
    let entries = std::fs::read_dir("/proc").expect("processes").flatten();
    let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let is_child = after_name.split_whitespace().nth(1) == Some(&parent.to_string());
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        is_child && words.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
    })
}

/// Asks the gateway of the workspace at `root` through its admin socket.
pub fn ask_gateway(root: &Path, method: &str, path: &str) -> Option<Value> {
    let mut stream = UnixStream::connect(root.join(".lamp/sock/gateway.sock")).ok()?;
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// The process that answers for the primary of the first service, once it is ready.
pub fn primary_worker(root: &Path) -> Option<u32> {
    let state = ask_gateway(root, "GET", "/state")?;
    let workers = state["services"][0]["primary"]["health"]["workers"].as_array()?.clone();
    let ready = workers.iter().find(|worker| worker["ready"] == true)?;
    u32::try_from(ready["pid"].as_u64()?).ok()
}

/// One answer of `POST /predict/late`, as the bakery's own app sees it.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub served_by: String,
    pub model: String,
    pub reason: Option<String>,
    pub epoch: u64,
    pub prediction: String,
    pub probability: f64,
}

/// Asks for the probability that an order to `street` comes late.
pub async fn predict(base: &str, street: &str) -> Answer {
    let body = json!({"rows": [{"street": street, "parcels": 2}]});
    let response = Request::post(&format!("{base}/predict/late")).json(&body).send().await;
    let header = |name: &str| response.header(name).unwrap_or_default().to_owned();
    let value: Value = serde_json::from_str(&response.body).unwrap_or_default();
    Answer {
        status: response.status,
        served_by: header("x-served-by"),
        model: header("x-model-version"),
        reason: response.header("x-fallback-reason").map(str::to_owned),
        epoch: header("x-route-epoch").parse().unwrap_or_default(),
        prediction: header("x-prediction-id"),
        probability: value["predictions"][0]["probability"].as_f64().unwrap_or(f64::NAN),
    }
}

/// Asks until `fits` says that the answer is the one waited for.
pub async fn predict_until(base: &str, what: &str, fits: impl Fn(&Answer) -> bool) -> Answer {
    let deadline = Instant::now() + SOON;
    loop {
        let answer = predict(base, "elm").await;
        if fits(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "never happened: {what}; last answer: {answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
