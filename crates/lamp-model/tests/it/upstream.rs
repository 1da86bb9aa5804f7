//! Somebody else's server: a real one, in Python's standard library, over real sockets.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use lamp_core::prediction::FallbackReason;
use lamp_model::upstream::UpstreamModel;
use lamp_model::{Batch, Health, Model, check_answer};
use serde_json::json;

/// Serves model `m`; the first value of input `how` says in which way.
const SERVER: &str = r#"
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def reply(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.reply(200 if self.path == "/v2/models/m/ready" else 404, b"{}")
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        inputs = {t["name"]: t for t in request["inputs"]}
        how, xs = (inputs["how"]["data"] or [None])[0], inputs["x"]["data"]
        data = [v for x in xs for v in (1 - x / 10, x / 10)]
        tensor = {"name": "probabilities", "datatype": "FP32", "shape": [len(xs), 2], "data": data}
        if how == "500": return self.reply(500, b'{"error": "out of order"}')
        if how == "garbage": return self.reply(200, b"\xff\xfe")
        if how == "shape": tensor["shape"] = [len(xs) + 1, 2]
        if how == "dtype": tensor["datatype"] = "BYTES"
        if how == "name": tensor["name"] = "other"
        if how == "null": tensor["data"] = [None] * len(data)
        self.reply(200, json.dumps({"model_name": "m", "outputs": [tensor]}).encode())
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(lamp_testkit::python())
            .args(["-c", SERVER])
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a port");
        Self { child, url: format!("http://127.0.0.1:{}/", line.trim()) }
    }

    fn stop(&mut self) {
        self.child.kill().expect("a living server");
        self.child.wait().expect("a dead server");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn connected(url: &str) -> UpstreamModel {
    let signature = json!({
        "inputs": [{"name": "x", "datatype": "FP64"}, {"name": "how", "datatype": "BYTES", "nullable": true}],
        "outputs": [{"name": "probability", "datatype": "FP64", "min": 0, "max": 1,
                     "source": {"tensor": "probabilities", "column": 1}}],
    });
    let signature = Arc::new(serde_json::from_value(signature).expect("a signature"));
    UpstreamModel::connect(url, "m", signature).await.expect("a model")
}

fn batch(model: &UpstreamModel, how: Option<&str>) -> Arc<Batch> {
    let rows = [json!({"x": 4.0, "how": how}), json!({"x": 5.0})];
    Arc::new(Batch::from_rows(model.signature(), &rows).expect("rows"))
}

#[tokio::test]
async fn a_server_answers_under_its_own_names() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let server = Server::start();
    let model = connected(&server.url).await;
    for _ in 0..3 {
        let outputs = model.predict(batch(&model, None)).await.expect("an answer");
        assert_eq!(check_answer(model.signature(), 2, &outputs), Ok(()));
        assert_eq!(json!(outputs.row(0)), json!({"probability": 0.4}));
        assert_eq!(json!(outputs.row(1)), json!({"probability": 0.5}));
    }
    let none = model.predict(Arc::new(Batch::empty(model.signature()))).await.expect("an answer to no row");
    assert_eq!(check_answer(model.signature(), 0, &none), Ok(()));
    assert_eq!(model.health(), Health::ready());
}

#[tokio::test]
async fn a_faulty_server_is_classed_by_its_fault() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let mut server = Server::start();
    let model = connected(&server.url).await;
    let cases = [
        ("500", FallbackReason::Error, "the model failed: 500 Internal Server Error: {\"error\": \"out of order\"}"),
        ("garbage", FallbackReason::Error, "the model failed: its answer cannot be read"),
        ("shape", FallbackReason::Shape, "output `probabilities` has shape [3, 2] for 2 rows"),
        ("dtype", FallbackReason::Dtype, "output `probabilities` should be FP64, is BYTES"),
        ("name", FallbackReason::Shape, "output `probabilities` is missing"),
    ];
    for (how, reason, text) in cases {
        let error = model.predict(batch(&model, Some(how))).await.expect_err(how);
        assert_eq!(error.reason(), reason, "{how}");
        assert!(error.to_string().starts_with(text), "{error}");
    }
    let outputs = model.predict(batch(&model, Some("null"))).await.expect("columns");
    let rejection = check_answer(model.signature(), 2, &outputs).expect_err("not a number");
    assert_eq!(rejection.reason, FallbackReason::Nonfinite);
    server.stop();
    let error = model.predict(batch(&model, None)).await.expect_err("nobody listens");
    assert_eq!(error.reason(), FallbackReason::Error);
    assert!(model.health().detail.is_some());
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_refused_when_loading() {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return;
    }
    let server = Server::start();
    let signature = Arc::clone(connected(&server.url).await.signature());
    let cases = [
        (server.url.clone(), "nobody", "it is not ready: 404 Not Found {}"),
        (server.url.clone(), "../m", "`../m` is not a model name"),
        ("https://127.0.0.1:1".to_owned(), "m", "`https://127.0.0.1:1` is not an http:// address"),
    ];
    for (url, model, text) in cases {
        let error = UpstreamModel::connect(&url, model, Arc::clone(&signature)).await.expect_err(model);
        assert_eq!(error.to_string(), format!("the upstream model cannot be used: {text}"));
    }
}
