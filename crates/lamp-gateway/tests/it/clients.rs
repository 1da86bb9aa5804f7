//! Stock clients of the protocol, as they come from PyPI, against a gateway on a real port.

use std::process::Output;
use std::sync::Arc;

use futures::FutureExt;
use lamp_core::names::ServiceName;
use lamp_core::package::{Field, Signature};
use lamp_core::route::Role;
use lamp_core::table::Values;
use lamp_model::{Batch, Health, Model, OutputColumn, Outputs, Predicting};
use serde_json::{Value, json};
use tokio::process::Command;

use super::kit::{Behaviour, Fake, Running, mounted, plan, route};

/// A model that says what it was asked, in every datatype.
struct Echo(Arc<Signature>);

impl Echo {
    fn new() -> Self {
        let fields = [
            ("flag", "BOOL"),
            ("tiny", "INT8"),
            ("small", "INT16"),
            ("middle", "INT32"),
            ("large", "INT64"),
            ("single", "FP32"),
            ("double", "FP64"),
            ("text", "BYTES"),
        ];
        let mut fields: Vec<Value> =
            fields.into_iter().map(|(name, datatype)| json!({"name": name, "datatype": datatype})).collect();
        fields.push(json!({"name": "triple", "datatype": "FP32", "shape": [3]}));
        let signature = json!({"inputs": fields, "outputs": fields});
        Self(serde_json::from_value(signature).expect("a signature"))
    }
}

impl Model for Echo {
    fn signature(&self) -> &Arc<Signature> {
        &self.0
    }

    fn predict(&self, batch: Arc<Batch>) -> Predicting<'_> {
        let column = |(field, values): (&Field, &Values)| OutputColumn {
            name: field.name.clone(),
            shape: field.shape.clone(),
            values: values.clone(),
        };
        let outputs = Outputs { columns: batch.inputs().map(column).collect() };
        std::future::ready(Ok(outputs)).boxed()
    }

    fn health(&self) -> Health {
        Health::ready()
    }
}

/// Services `delay`, whose shadow is a little off, and `echo`.
async fn served() -> Running {
    let running = Running::new().await;
    let (primary, shadow) = (Fake::new(Behaviour::Answer(0.25)), Fake::new(Behaviour::Answer(0.5)));
    running.gateway.install(plan(Some(&primary), Some(&shadow))).expect("a plan");
    let service = ServiceName::parse("echo").expect("a name");
    let mut echo = plan(None, None);
    echo.primary = Some(mounted("echo", 1, &Arc::new(Echo::new())));
    echo.route = route(Role::Primary, 1);
    (echo.service, echo.route.service) = (service.clone(), service);
    running.gateway.install(echo).expect("a plan");
    running
}

const TRITON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/triton.py");
const KSERVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/kserve_clients.py");

async fn python(args: &[&str]) -> Output {
    // What a client leaves behind is of no interest.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(lamp_testkit::clients_python());
    // Whatever proxy this machine has is not for its own ports.
    command.env("NO_PROXY", "*").env("no_proxy", "*");
    command.current_dir(folder.path()).args(args).output().await.expect("Python runs")
}

async fn runs_clean(args: &[&str]) {
    let output = python(args).await;
    let (said, erred) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}:\n{said}\n{erred}");
}

/// Whether a test must do without its client: no Python is wanted, or this Python is not one that
/// the client is `made_for`.
async fn does_without(made_for: &str) -> bool {
    if lamp_testkit::is_skipped(lamp_testkit::SKIP_PYTHON_VARIABLE) {
        return true;
    }
    let is_made = python(&["-c", &format!("import sys; sys.exit(not ({made_for}))")]).await.status.success();
    if !is_made {
        println!("skipped: this client is for Pythons where {made_for}");
    }
    !is_made
}

#[tokio::test(flavor = "multi_thread")]
async fn tritonclient_over_http_and_grpc() {
    if does_without("True").await {
        return;
    }
    let running = served().await;
    let address = running.url.trim_start_matches("http://");
    runs_clean(&[TRITON, "http", address]).await;
    runs_clean(&[TRITON, "grpc", address]).await;
    assert_eq!(running.state().failures, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn kserves_clients_over_rest_and_grpc() {
    if does_without("(3, 10) <= sys.version_info < (3, 14)").await {
        return;
    }
    let running = served().await;
    runs_clean(&[KSERVE, running.url.trim_start_matches("http://")]).await;
    assert_eq!(running.state().failures, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing_that_the_description_does_not_say() {
    if does_without("(3, 11) <= sys.version_info").await {
        return;
    }
    let running = served().await;
    let description = format!("{}/openapi.json", running.url);
    let mut args = vec!["-m", "schemathesis.cli", "run", description.as_str(), "--no-color", "--seed", "1"];
    // The description does not know the signatures: tensors that fit it may still be refused.
    args.extend(["--exclude-checks", "positive_data_acceptance"]);
    args.extend(["--phases", "coverage,fuzzing", "--max-examples", "10"]);
    runs_clean(&args).await;
    assert_eq!(running.state().failures, 0);
}
