//! A gateway on a port of its own, and models for cases of timing and failure.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::Timestamp;
use lamp_core::actor::Actor;
use lamp_core::clock::FixedClock;
use lamp_core::ids::ReplicaId;
use lamp_core::names::{ModelName, ServiceName};
use lamp_core::package::Signature;
use lamp_core::prediction::Prediction;
use lamp_core::route::{ModelRef, Role, Route};
use lamp_core::table::Values;
use lamp_gateway::{
    DiskGauge, Gateway, GatewaySettings, KeptInputs, LogMode, Mounted, ServicePlan, ServiceState, segment,
};
use lamp_model::{Batch, Health, Model, OutputColumn, Outputs, PredictError, Predicting};
use lamp_testkit::FixedIds;
use lamp_testkit::http::{Request, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Semaphore;

/// How a fake model answers. A valid answer is the same probability for each row.
#[derive(Debug, Clone, Copy)]
pub enum Behaviour {
    Answer(f64),
    After(Duration, f64),
    Fail,
    /// Never answers.
    Hang,
    /// Answers when the test lets it.
    Held(f64),
    NotANumber,
    Short,
    Text,
    OutOfRange,
    Overload,
    Panic,
}

/// A model for cases of timing and failure that a real one cannot be brought to on demand.
pub struct Fake {
    signature: Arc<Signature>,
    behaviour: Mutex<Behaviour>,
    asked: AtomicUsize,
    gate: Arc<Semaphore>,
}

/// Time to answer in every test's service: long beside a busy machine's hiccups.
pub const DEADLINE: Duration = Duration::from_millis(400);

/// What a slow model takes: too long for the deadline, but not for the log.
pub const SLOW: Duration = Duration::from_millis(500);

impl Fake {
    pub fn new(behaviour: Behaviour) -> Arc<Self> {
        Self::with_signature(behaviour, &signature())
    }

    pub fn with_signature(behaviour: Behaviour, signature: &Value) -> Arc<Self> {
        let signature = serde_json::from_value(signature.clone()).expect("a signature");
        Arc::new(Self {
            signature: Arc::new(signature),
            behaviour: Mutex::new(behaviour),
            asked: AtomicUsize::new(0),
            gate: Arc::new(Semaphore::new(0)),
        })
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().expect("no panic") = behaviour;
    }

    /// Lets all held requests go.
    pub fn let_go(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

pub fn signature() -> Value {
    json!({
        "inputs": [{"name": "carrier", "datatype": "BYTES"}, {"name": "temp", "datatype": "FP64", "nullable": true, "max": 130}],
        "outputs": [{"name": "probability", "datatype": "FP64", "min": 0, "max": 1}],
    })
}

fn column(values: Values) -> Outputs {
    Outputs { columns: vec![OutputColumn { name: "probability".to_owned(), shape: Vec::new(), values }] }
}

impl Model for Fake {
    fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    fn predict(&self, batch: Arc<Batch>) -> Predicting<'_> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let behaviour = *self.behaviour.lock().expect("no panic");
        let rows = batch.rows();
        let gate = Arc::clone(&self.gate);
        let all = move |p: f64| column(Values::Float(vec![Some(p); rows]));
        async move {
            match behaviour {
                Behaviour::Answer(p) => Ok(all(p)),
                Behaviour::After(time, p) => {
                    tokio::time::sleep(time).await;
                    Ok(all(p))
                }
                Behaviour::Fail => Err(PredictError::Failed { message: "ValueError: odd".to_owned() }),
                Behaviour::Hang => std::future::pending().await,
                Behaviour::Held(p) => {
                    let _held = gate.acquire().await.expect("a gate that is never closed");
                    Ok(all(p))
                }
                Behaviour::NotANumber => Ok(all(f64::NAN)),
                Behaviour::Short => Ok(column(Values::Float(vec![Some(0.5); rows - 1]))),
                Behaviour::Text => Ok(column(Values::Text(vec![Some("high".to_owned()); rows]))),
                Behaviour::OutOfRange => Ok(all(1.5)),
                Behaviour::Overload => Err(PredictError::Overload { queued: 256 }),
                Behaviour::Panic => panic!("a defect in the model"),
            }
        }
        .boxed()
    }

    fn health(&self) -> Health {
        match *self.behaviour.lock().expect("no panic") {
            Behaviour::Fail => Health::down("it fails"),
            _ => Health::ready(),
        }
    }
}

pub fn start() -> Timestamp {
    lamp_testkit::TEST_START.parse().expect("a timestamp")
}

pub fn service() -> ServiceName {
    ServiceName::parse("delay").expect("a name")
}

pub fn model_ref(name: &str, version: u32) -> ModelRef {
    ModelRef { model: ModelName::parse(name).expect("a name"), version }
}

pub fn route(active: Role, epoch: u64) -> Route {
    let actor = Actor::local("ann@example.com");
    let mut route = Route::empty(service(), &actor, start());
    route.primary = Some(model_ref("delay", 3));
    route.shadow = Some(model_ref("delay-simple", 1));
    (route.active, route.epoch) = (active, epoch);
    route
}

pub fn mounted(name: &str, version: u32, model: &Arc<impl Model + 'static>) -> Mounted {
    let model: Arc<dyn Model> = Arc::clone(model) as Arc<dyn Model>;
    Mounted { model_ref: model_ref(name, version), model }
}

/// Service `delay` with both models, and a log that does not stand in the way.
pub fn plan(primary: Option<&Arc<Fake>>, shadow: Option<&Arc<Fake>>) -> ServicePlan {
    ServicePlan {
        service: service(),
        deadline: DEADLINE,
        log: LogMode::BestEffort,
        primary: primary.map(|model| mounted("delay", 3, model)),
        shadow: shadow.map(|model| mounted("delay-simple", 1, model)),
        route: route(Role::Primary, 1),
        needs_shadow: false,
        kept: KeptInputs::default(),
    }
}

/// A gateway that listens.
pub struct Running {
    pub gateway: Gateway,
    pub url: String,
    pub folder: TempDir,
}

impl Running {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let gateway = Gateway::new(settings(folder.path().join("log"))).expect("a gateway");
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = gateway.clone();
        tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
        Self { gateway, url, folder }
    }

    /// A gateway that serves `delay` with two fakes.
    pub async fn with(primary: Behaviour, shadow: Behaviour) -> (Self, Arc<Fake>, Arc<Fake>) {
        let running = Self::new().await;
        let (primary, shadow) = (Fake::new(primary), Fake::new(shadow));
        running.gateway.install(plan(Some(&primary), Some(&shadow))).expect("a plan");
        (running, primary, shadow)
    }

    pub fn log_dir(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// `POST /predict/delay` with one row.
    pub async fn predict(&self) -> Response {
        self.predict_rows(1).await
    }

    pub async fn predict_rows(&self, rows: usize) -> Response {
        self.post("/predict/delay", &json!({"rows": vec![row(); rows]})).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        Request::post(&format!("{}{path}", self.url)).json(body).send().await
    }

    pub async fn get(&self, path: &str) -> Response {
        Request::get(&format!("{}{path}", self.url)).send().await
    }

    pub fn state(&self) -> ServiceState {
        self.gateway.state().find(&service()).expect("the service").clone()
    }

    /// All rows of the log, after closing its segments.
    pub async fn logged(&self) -> Vec<Prediction> {
        self.gateway.rotate().await;
        read_log(&self.log_dir())
    }
}

pub fn settings(log_dir: PathBuf) -> GatewaySettings {
    let ids = Arc::new(FixedIds::new());
    GatewaySettings {
        replica: ReplicaId::new(start(), &FixedIds::new()),
        log_dir,
        allowed_hosts: vec!["models.example.com".to_owned()],
        disk: DiskGauge::new(|_| Some(0.5)),
        clock: Arc::new(FixedClock(start())),
        ids,
    }
}

pub fn read_log(log_dir: &std::path::Path) -> Vec<Prediction> {
    let closed = segment::list_closed(log_dir, &service()).expect("a readable folder");
    closed
        .iter()
        .flat_map(|path| {
            let read = segment::read(path).expect("a segment");
            assert!(!read.torn_tail, "{}", path.display());
            read.predictions
        })
        .collect()
}

pub fn row() -> Value {
    json!({"carrier": "UA", "temp": 39.0})
}

/// Who answered, why, and what: `shadow timeout 0.2`.
pub fn told(response: &Response) -> String {
    let header = |name: &str| response.header(name).unwrap_or("-").to_owned();
    let probability = response.json()["predictions"][0]["probability"].clone();
    format!("{} {} {probability}", header("x-served-by"), header("x-fallback-reason"))
}

pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
