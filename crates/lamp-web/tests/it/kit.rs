//! A site over a workspace of its own, and requests to it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use lamp_app::accounts::tokens::CreateToken;
use lamp_app::accounts::users::AddUser;
use lamp_app::{App, AppParts, RunSettings, workspace};
use lamp_core::access::AccessRole;
use lamp_core::account::Email;
use lamp_core::actor::Actor;
use lamp_core::clock::Clock;
use lamp_core::exposure::Exposure;
use lamp_engine::{Engine, EngineSettings};
use lamp_ledger::Ledger;
use lamp_runner::git::Repo;
use lamp_store::Store;
use lamp_testkit::{FixedIds, TempRepo};
use lamp_web::WebSettings;
use tower::ServiceExt as _;

use crate::seed;

/// Where the site under test is, as its browsers know it.
pub const HOST: &str = "localhost:8420";

const ROOT_CONFIG: &str = "[workspace]\nmembers = [\"projects/*\"]\ntime_zone = \"America/New_York\"\n";

/// A rota and duties, for a workspace whose people have begun.
const PEOPLE_CONFIG: &str = r#"
[rota.ml]
people = ["first@example.com", "second@example.com"]

[duties]
labels     = { rota = "ml", count = 10 }
histograms = { rota = "ml", columns = 3 }
validate   = { rota = "ml" }
"#;

const PROJECT_CONFIG: &str = r#"
[project]
name = "delay"
environment = "none"

[datasets.flights]
source = "data/flights/*.parquet"

[datasets.readings]
source    = "data/readings/*.csv"
contract  = "contracts/readings.odcs.yaml"
partition = { column = "at", by = "day" }

[datasets.trips]
build  = "python -m delay.clean"
inputs = ["flights"]
partition = { column = "scheduled_at", by = "day" }

[models.delay]
task   = "binary"
train  = "python -m delay.train"
serve  = "delay.serve:Predictor"
data   = { train = "trips[..-1month]", valid = "trips[-1month..]" }
target = { sql = "arr_delay >= 15" }

[models.delay-simple]
task   = "binary"
train  = "python -m delay.train_simple"
onnx   = "model.onnx"
data   = { train = "trips[..-1month]", valid = "trips[-1month..]" }
target = { sql = "arr_delay >= 15" }

[services.delay]
primary  = "delay"
shadow   = "delay-simple"
deadline = "100ms"

[services.idle]
primary  = "delay"
"#;

/// A password that will do.
pub const PASSWORD: &str = "correct horse battery";

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct MovableClock(Mutex<Timestamp>);

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("the clock")
    }

    fn is_injected(&self) -> bool {
        true
    }
}

/// The site, and what stands behind it.
pub struct TestSite {
    /// Its folder lives as long as the site.
    pub repo: TempRepo,
    clock: Arc<MovableClock>,
    pub app: App,
    pub ledger: Ledger,
    pub store: Store,
    pub commit: String,
    pub settings: WebSettings,
    pub router: Router,
    told: Arc<AtomicUsize>,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a readable header"))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text))
    }
}

impl TestSite {
    /// A workspace with nothing in its ledger.
    pub async fn empty() -> Self {
        Self::of(&format!("{ROOT_CONFIG}{PEOPLE_CONFIG}")).await
    }

    /// The same, where nobody has duties.
    pub async fn bare() -> Self {
        Self::of(ROOT_CONFIG).await
    }

    async fn of(root_config: &str) -> Self {
        let repo = TempRepo::new();
        repo.write("lamp.toml", root_config);
        repo.write(".gitignore", ".lamp/\n");
        repo.write("projects/delay/lamp.toml", PROJECT_CONFIG);
        let commit = repo.commit("Teach the model about the weather");
        let root = repo.path();
        std::fs::create_dir_all(root.join(".lamp")).expect("a folder");
        let url = format!("sqlite:{}", root.join(".lamp/ledger.db").display());
        let ledger = Ledger::open(&url).await.expect("a ledger");
        let config = workspace::load(&root).expect("a configuration");
        let store = Store::open(".lamp/store", &root, &root.join(".lamp/cache")).await.expect("a store");
        let clock = Arc::new(MovableClock(Mutex::new(seed::now())));
        let app = App::new(AppParts {
            root: root.clone(),
            workspace: config,
            ledger: ledger.clone(),
            store: store.clone(),
            engine: Engine::new(EngineSettings::default()),
            repo: Repo::discover(&root).await.expect("a repository"),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Arc::new(FixedIds::new()),
            actor: Actor::local("first@example.com"),
            role: AccessRole::Admin,
            runs: RunSettings { lamp_exe: "lamp".into(), sdk: &[] },
        });
        let told = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&told);
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let mut settings = WebSettings::new(address("127.0.0.1:8420"), address("127.0.0.1:8421"));
        settings.on_route_changed = Some(Arc::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            std::future::ready(()).boxed()
        }));
        let router = lamp_web::router(app.clone(), settings.clone());
        Self { repo, clock, app, ledger, store, commit, settings, router, told }
    }

    /// A workspace with flights, trips, two models, a deployed service and a replica that serves it.
    pub async fn seeded() -> Self {
        let site = Self::empty().await;
        seed::all(&site).await;
        site
    }

    /// The same site for somebody who is trusted with less.
    pub fn in_the_role_of(self, role: AccessRole) -> Self {
        let app = self.app.acting_as(self.app.actor().clone(), role);
        Self { router: lamp_web::router(app, self.settings.clone()), ..self }
    }

    /// The same, where everybody must sign in, and with a user of each role (`viewer@example.com`, …).
    pub async fn with_users() -> Self {
        let mut site = Self::seeded().await;
        site.add_users().await;
        site.expose(Exposure::Loopback { require_login: true });
        site
    }

    /// Adds a user of each role.
    pub async fn add_users(&self) {
        for role in AccessRole::ALL.into_iter().rev() {
            let request = AddUser { email: email(role), role, password: Some(PASSWORD.to_owned()) };
            self.app.add_user(request).await.expect("a user");
        }
    }

    /// Opens the same workspace to others.
    pub fn expose(&mut self, exposure: Exposure) {
        self.settings.exposure = exposure;
        self.router = lamp_web::router(self.app.clone(), self.settings.clone());
    }

    /// Moves the site's time.
    pub fn pass(&self, time: SignedDuration) {
        let mut now = self.clock.0.lock().expect("the clock");
        *now += time;
    }

    /// The secret of a new token of the user with a role.
    pub async fn bearer_of(&self, role: AccessRole) -> String {
        let request = CreateToken { email: Some(email(role)), name: "test".to_owned(), days: 1 };
        self.app.create_token(request).await.expect("a token").secret.reveal().to_owned()
    }

    /// How often the gateway was told of a changed route.
    pub fn told(&self) -> usize {
        self.told.load(Ordering::SeqCst)
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = Request::builder().uri(path).header(header::HOST, HOST).body(Body::empty());
        self.send(request.expect("a request")).await
    }

    /// Sends a form as a browser does from a page of this site.
    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let origin = [("origin", "http://localhost:8420"), ("sec-fetch-site", "same-origin")];
        self.post_form_from(&origin, path, form).await
    }

    /// Sends a form with the headers that say where it comes from.
    pub async fn post_form_from(&self, origin: &[(&str, &str)], path: &str, form: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method("POST").uri(path).header(header::HOST, HOST);
        for (name, value) in origin {
            request = request.header(*name, *value);
        }
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(encoded(form))).expect("a request")).await
    }

    /// Sends JSON as a program does.
    pub async fn post_json(&self, path: &str, body: &serde_json::Value) -> Answer {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        self.send(request.expect("a request")).await
    }

    /// The token in the form of a service's page.
    pub async fn token(&self) -> String {
        self.token_of("/services/delay").await
    }

    /// The token in the form of a page.
    pub async fn token_of(&self, path: &str) -> String {
        let page = self.get(path).await.text;
        let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a token in the form");
        rest.split('"').next().expect("the token's end").to_owned()
    }

    /// The epoch and the place that answers, by the ledger.
    pub async fn route(&self) -> (u64, String) {
        let service = lamp_core::names::ServiceName::parse("delay").expect("a name");
        let route = self.ledger.find_route(&service).await.expect("the ledger").expect("a route");
        (route.epoch, route.active.to_string())
    }
}

/// The address of the user with a role.
pub fn email(role: AccessRole) -> Email {
    Email::parse(&format!("{role}@example.com")).expect("an address")
}

pub fn encoded(form: &[(&str, &str)]) -> String {
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    form.iter().map(|(key, value)| format!("{}={}", escape(key), escape(value))).collect::<Vec<_>>().join("&")
}
