//! A model that somebody else's server answers: registered, signed for and served like the others,
//! but only where the service says that this is allowed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use lamp_testkit::http;

use super::process::{SOON, predict, predict_until};
use super::shop::Shop;

/// Speaks the Open Inference Protocol: model `oracle` says 0.9 for Elm Street and 0.1 elsewhere.
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
        self.reply(200 if self.path == "/v2/models/oracle/ready" else 404, b"{}")
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        streets = next(t for t in request["inputs"] if t["name"] == "street")["data"]
        tensor = {"name": "probability", "datatype": "FP64", "shape": [len(streets)],
                  "data": [0.9 if street == "elm" else 0.1 for street in streets]}
        self.reply(200, json.dumps({"model_name": "oracle", "outputs": [tensor]}).encode())
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

const TRAIN: &str = r#""""Nothing is trained: another server has the model."""

import lamplighter

from bakery.fields import INPUTS, OUTPUTS


def main():
    run = lamplighter.current_run()
    run.save_upstream(
        run.param("server", ""),
        "oracle",
        inputs=INPUTS,
        outputs=OUTPUTS,
        golden_rows=[{"street": "elm", "parcels": 1}, {"street": "oak", "parcels": 2}],
    )


if __name__ == "__main__":
    main()
"#;

struct Oracle {
    child: Child,
    url: String,
}

impl Oracle {
    fn start() -> Self {
        let mut command = Command::new(lamp_testkit::python());
        let mut child = command.args(["-c", SERVER]).stdout(Stdio::piped()).spawn().expect("Python runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a port");
        Self { child, url: format!("http://127.0.0.1:{}", line.trim()) }
    }

    fn stop(&mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bakery with a third model, which the server at `url` answers.
fn shop_with_oracle(url: &str) -> Shop {
    let shop = Shop::with_orders();
    let repo = &shop.context.repo;
    let toml = repo.read("projects/bakery/lamp.toml");
    let model = format!(
        "\n[models.oracle]\ntask = \"binary\"\ntrain = \"python3 -m bakery.ask\"\nupstream = \"{url}\"\n\
         data = {{ train = \"orders[..2013-03-30]\", valid = \"orders[2013-03-30..]\" }}\n\
         target = {{ sql = \"late = 1\" }}\nparams = {{ server = \"{url}\" }}\n"
    );
    repo.write("projects/bakery/lamp.toml", toml + &model);
    repo.write("projects/bakery/bakery/ask.py", TRAIN);
    repo.commit("A model that is not ours");
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_somebody_elses_answers_where_that_is_allowed() {
    let mut oracle = Oracle::start();
    let shop = shop_with_oracle(&oracle.url);
    let trained = shop.train("oracle");
    assert_eq!(trained.evidence()["rows"], 4, "lamp asked it about the held-out days: {}", trained.evidence());
    shop.lamp("models show oracle@1").succeeds().says("upstream");
    shop.lamp("approve oracle@1 --note 'their report is good'").succeeds();
    let refused = shop.lamp("deploy late oracle@1 --as primary").exits(2);
    refused.says("without a commit").hints("unattested = true");

    let toml = shop.context.repo.read("projects/bakery/lamp.toml");
    let allowed = toml.replace("deadline = \"3s\"", "deadline = \"3s\"\nunattested = true");
    shop.context.repo.write("projects/bakery/lamp.toml", allowed);
    shop.context.repo.commit("The oracle may answer");
    shop.train("late-simple");
    shop.lamp("approve late-simple@1 --note 'looked at it'").succeeds();
    shop.lamp("deploy late oracle@1 --as primary").succeeds();
    shop.lamp("deploy late late-simple@1 --as shadow").succeeds();

    let serving = shop.context.lamp(["serve", "--listen", "127.0.0.1:0"]).start();
    let base = serving.wait_for("predictions on http://");
    let base = base.split_whitespace().last().expect("an address").to_owned();
    http::wait_until_ready(&format!("{base}/v2/health/ready"), SOON).await;
    let answer = predict(&base, "elm").await;
    assert_eq!((answer.model.as_str(), answer.probability), ("oracle@1", 0.9), "{answer:?}");

    oracle.stop();
    let rescued = predict_until(&base, "the shadow answers", |answer| answer.served_by == "shadow").await;
    assert_eq!(rescued.status, 200, "{rescued:?}");
    assert!(rescued.reason.as_deref().is_some_and(|why| why == "error" || why == "breaker"), "{rescued:?}");
    shop.lamp(&format!("why {}", rescued.prediction)).succeeds().says("oracle@1").says("error");
}

#[test]
fn a_package_that_asks_another_server_than_declared_is_refused() {
    let oracle = Oracle::start();
    let shop = shop_with_oracle(&oracle.url);
    let elsewhere = Oracle::start();
    let refused = shop.lamp(&format!("train oracle -p server={}", elsewhere.url)).exits(2);
    refused.says("lamp.toml says").says(&elsewhere.url);
}
