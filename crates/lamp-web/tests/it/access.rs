//! Who may ask for what. A route that is in no line of the table fails the test.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use lamp_app::serving::switch::Switch;
use lamp_core::access::{AccessRole, Permission};
use lamp_core::route::Role;
use serde_json::{Value, json};

use crate::kit::{Answer, HOST, TestSite, encoded};
use crate::{readings, seed};

/// For whom an address is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum For {
    /// Whoever asks: it shows nothing of the workspace.
    Anybody,
    /// Whoever has signed in with a role that may.
    Those(Permission),
}

/// What is sent.
enum Sent {
    Nothing,
    Json(Value),
    Bytes(&'static str),
    /// Fields beside the token.
    Form(Vec<(&'static str, String)>),
}

struct Line {
    method: Method,
    /// As the router knows it.
    route: &'static str,
    /// As it is asked for.
    path: String,
    sent: Sent,
    is_for: For,
}

fn look(route: &'static str, path: &str) -> Line {
    let path = path.to_owned();
    Line { method: Method::GET, route, path, sent: Sent::Nothing, is_for: For::Those(Permission::Look) }
}

fn open(route: &'static str, path: &str) -> Line {
    Line { is_for: For::Anybody, ..look(route, path) }
}

fn post(route: &'static str, path: &str, sent: Sent, permission: Permission) -> Line {
    Line { method: Method::POST, sent, is_for: For::Those(permission), ..look(route, path) }
}

fn form(fields: &[(&'static str, &str)]) -> Sent {
    Sent::Form(fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
}

/// Where `hello` is sent to, by its BLAKE3.
const HELLO: &str = "/api/v1/uploads/ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f";

/// Every address. What changes something is asked for with what the use case needs, so that the role
/// alone decides.
fn table(present: &Present) -> Vec<Line> {
    let Present { incident, report, duty } = present;
    let duty = format!("/duties/{duty}");
    let nobodys = "013d0000-0000-7000-8000-000000000000";
    let zeros = "0".repeat(64);
    let judge = [("column", "1"), ("verdict", "right"), ("profile", zeros.as_str())];
    let swap = [("rota", "ml"), ("person", "second@example.com"), ("from", "2013-04-05"), ("until", "2013-04-06")];
    let swap = [&swap[..], &[("why", "a wedding")]].concat();
    let switch = [("to", "shadow"), ("why", "odd answers")];
    let sign = [("decision", "approve"), ("note", "AUC up"), ("report", report.as_str())];
    let resolve = [("note", "a typo")];
    let as_json = |fields: &[(&str, &str)]| Sent::Json(fields.iter().copied().collect::<Value>());
    let (page, api) = (format!("/incidents/{incident}"), format!("/api/v1/incidents/{incident}"));
    vec![
        open("/healthz", "/healthz"),
        open("/login", "/login"),
        open("/assets/{hash}/{name}", "/assets/0/none"),
        Line { method: Method::POST, ..open("/login", "/login") },
        look("/", "/"),
        look("/duties", "/duties"),
        look("/duties/{id}", &duty),
        look("/rota", "/rota"),
        look("/labels", "/labels"),
        look("/labels/{id}", "/labels/0"),
        look("/metrics", "/metrics"),
        look("/cadence", "/cadence"),
        look("/cadence/{model}", "/cadence/delay"),
        look("/studies/{id}", "/studies/0"),
        look("/services", "/services"),
        look("/services/{name}", "/services/delay"),
        look("/lineage", "/lineage"),
        look("/lineage/{*reference}", "/lineage/delay@1"),
        look("/datasets", "/datasets"),
        look("/datasets/{*name}", "/datasets/flights"),
        look("/histograms/{*name}", "/histograms/flights"),
        look("/models", "/models"),
        look("/models/{reference}", "/models/delay@2"),
        look("/runs", "/runs"),
        look("/runs/{id}", "/runs/0"),
        look("/incidents", "/incidents"),
        look("/incidents/{id}", &page),
        look("/api/v1/shift", "/api/v1/shift"),
        look("/api/v1/glance", "/api/v1/glance"),
        look("/api/v1/duties", "/api/v1/duties"),
        look("/api/v1/duties/{id}", &format!("/api/v1{duty}")),
        look("/api/v1/rota", "/api/v1/rota"),
        look("/api/v1/metrics", "/api/v1/metrics"),
        look("/api/v1/services", "/api/v1/services"),
        look("/api/v1/services/{name}", "/api/v1/services/delay"),
        look("/api/v1/lineage", "/api/v1/lineage?ref=delay@1"),
        look("/api/v1/datasets", "/api/v1/datasets"),
        look("/api/v1/datasets/{*name}", "/api/v1/datasets/flights"),
        look("/api/v1/histograms/{*name}", "/api/v1/histograms/flights"),
        look("/api/v1/models", "/api/v1/models"),
        look("/api/v1/models/{reference}", "/api/v1/models/delay@2"),
        look("/api/v1/runs", "/api/v1/runs"),
        look("/api/v1/runs/{id}", "/api/v1/runs/0"),
        look("/api/v1/incidents", "/api/v1/incidents"),
        look("/api/v1/incidents/{id}", &api),
        post("/api/v1/labels", "/api/v1/labels", Sent::Json(json!({"labels": []})), Permission::Watch),
        post("/labels/{id}", &format!("/labels/{nobodys}"), form(&[("value", "yes")]), Permission::Watch),
        post("/duties/{id}/judge", &format!("{duty}/judge"), form(&judge), Permission::Watch),
        post("/duties/{id}/waive", &format!("{duty}/waive"), form(&[("why", "a holiday")]), Permission::Watch),
        post("/studies/{id}/adopt", "/studies/0/adopt", form(&[]), Permission::Work),
        post("/rota/swap", "/rota/swap", form(&swap), Permission::Watch),
        post("/incidents/{id}/ack", &format!("{page}/ack"), form(&[]), Permission::Watch),
        post("/incidents/{id}/resolve", &format!("{page}/resolve"), form(&resolve), Permission::Watch),
        post("/api/v1/incidents/{id}/ack", &format!("{api}/ack"), Sent::Json(json!({})), Permission::Watch),
        post("/api/v1/incidents/{id}/resolve", &format!("{api}/resolve"), as_json(&resolve), Permission::Watch),
        post("/services/{name}/switch", "/services/delay/switch", form(&switch), Permission::Sign),
        post("/api/v1/services/{name}/switch", "/api/v1/services/delay/switch", as_json(&switch), Permission::Sign),
        post("/models/{reference}/decide", "/models/delay@2/decide", form(&sign), Permission::Sign),
        post("/api/v1/models/{reference}/decide", "/api/v1/models/delay@2/decide", as_json(&sign), Permission::Sign),
        post("/logout", "/logout", form(&[]), Permission::Look),
        Line { sent: Sent::Json(json!({})), method: Method::POST, ..open("/api/v1/login", "/api/v1/login") },
        // What each call takes is in a table of its own, below.
        post("/api/v1/do/{name}", "/api/v1/do/list-runs", Sent::Json(json!({"limit": 5})), Permission::Look),
        Line {
            sent: Sent::Bytes("hello"),
            method: Method::PUT,
            is_for: For::Those(Permission::Work),
            ..look("/api/v1/uploads/{digest}", HELLO)
        },
        look(
            "/api/v1/files/{digest}",
            "/api/v1/files/0000000000000000000000000000000000000000000000000000000000000000?of=flights@1",
        ),
    ]
}

/// What the table's addresses and bodies name.
#[derive(Default)]
struct Present {
    incident: String,
    report: String,
    duty: String,
}

/// A site with users, a candidate and an open incident.
async fn furnished() -> (TestSite, Present) {
    let site = TestSite::with_users().await;
    readings::all(&site).await;
    seed::candidate(&site, 0.7201).await;
    let report = site.app.model_version("delay@2").await.expect("a candidate").evidence.digest().to_hex();
    let switch = Switch { service: seed::service(), to: Role::Shadow, why: "odd answers".to_owned() };
    site.app.switch(switch).await.expect("switched, which opens an incident");
    let incident = site.app.incidents(false).await.expect("incidents")[0].incident.id.to_string();
    let shift = site.app.my_shift().await.expect("a shift, which creates its duties");
    let open = shift.mine.iter().chain(&shift.others).find(|view| view.title.starts_with("histograms"));
    let duty = open.expect("a histograms duty").duty.id.to_string();
    (site, Present { incident, report, duty })
}

#[test]
fn every_route_is_in_the_table() {
    let in_table: BTreeSet<(String, String)> =
        table(&Present::default()).iter().map(|line| (line.method.to_string(), line.route.to_owned())).collect();
    let mut in_source = BTreeSet::new();
    collect_routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut in_source);
    assert!(in_source.len() > 10, "the sources are read: {in_source:?}");
    assert_eq!(in_source.difference(&in_table).collect::<Vec<_>>(), [] as [&(String, String); 0], "not in the table");
    assert_eq!(in_table.difference(&in_source).collect::<Vec<_>>(), [] as [&(String, String); 0], "not a route");
}

/// `.route("PATH", get(…).post(…))` in every source below a folder, as (method, path).
fn collect_routes(folder: &Path, found: &mut BTreeSet<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            collect_routes(&entry, found);
            continue;
        }
        let text = std::fs::read_to_string(&entry).expect("a source");
        let mut rest = text.as_str();
        while let Some(at) = rest.find(".route(") {
            rest = &rest[at + ".route(".len()..];
            let call = &rest[..end_of_call(rest)];
            let path = call.split('"').nth(1).unwrap_or_else(|| panic!("a route without a path: {call}"));
            let handlers = &call[call.find(path).expect("the path") + path.len()..];
            let methods = ["get", "post", "put", "delete", "patch"];
            let methods: Vec<_> =
                methods.into_iter().filter(|method| handlers.contains(&format!("{method}("))).collect();
            assert!(!methods.is_empty(), "no method is seen in {call}");
            found.extend(methods.into_iter().map(|method| (method.to_uppercase(), path.to_owned())));
        }
    }
}

/// Where the parenthesis that was opened before `text` closes.
fn end_of_call(text: &str) -> usize {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

#[tokio::test]
async fn each_role_may_what_the_table_says() {
    let (site, present) = furnished().await;
    let mut tokens = vec![(None, None)];
    for role in AccessRole::ALL {
        tokens.push((Some(role), Some(site.bearer_of(role).await)));
    }
    for line in table(&present) {
        for (role, token) in &tokens {
            let answer = ask(&site, &line, token.as_deref()).await;
            let is_let_in = match line.is_for {
                For::Anybody => true,
                For::Those(permission) => role.is_some_and(|role| role.may(permission)),
            };
            let who = role.map_or("nobody", AccessRole::as_str);
            let what = format!("{} {} as {who}: {} {}", line.method, line.path, answer.status, answer.text);
            assert_eq!(was_let_in(&line, &answer), is_let_in, "{what}");
            if !is_let_in && role.is_some() {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}");
                assert!(answer.text.contains("and this needs the role"), "{what}");
            }
            if !is_let_in && role.is_none() {
                assert!(!answer.text.contains("delay"), "nothing of the workspace is shown: {what}");
            }
        }
    }
}

/// Nobody is sent to sign in (pages) or told so (API); the known are refused by the use case.
fn was_let_in(line: &Line, answer: &Answer) -> bool {
    // Who signs out is sent there too, with their cookie taken.
    let has_signed_out = line.route == "/logout" && !answer.header("set-cookie").is_empty();
    let is_sent_away = answer.header("location").starts_with("/login") && !has_signed_out;
    // The one form that everybody may send says itself who is not let in.
    let is_refused =
        [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status) && line.route != "/login";
    !is_sent_away && !is_refused
}

/// Every call: what it takes, and who may.
fn calls() -> Vec<(&'static str, Value, Permission)> {
    let run = seed::run_id(2);
    let recorded = json!({
        "id": run, "project": "delay", "purpose": {"kind": "build", "name": "trips"}, "commit": "", "origin": "committed",
        "state": "succeeded", "created_by": {"name": "x", "auth": "local"}, "created_at": seed::now(),
        "ended_at": null, "manifest": null, "failure": null,
    });
    let file = json!({"path": "2013-01-01.csv", "size": 5, "digest": &HELLO["/api/v1/uploads/".len()..], "sha256": ""});
    let uploaded = json!({"dataset": "flights", "base": null, "files": [file], "partition_by": null, "replace": false, "note": null});
    let pushed = json!({"pushed": "0".repeat(40)});
    let advice = json!({
        "study": "0", "digest": "0".repeat(64), "model": "delay", "every": "1 month", "evidence": "study:0",
    });
    let nobodys = "013d0000-0000-7000-8000-000000000000";
    let swap = json!({
        "rota": "ml", "person": "second@example.com", "from": "2013-04-05T00:00:00Z", "until": "2013-04-06T00:00:00Z",
        "why": "a wedding",
    });
    vec![
        ("list-datasets", json!({"locked": {}}), Permission::Look),
        ("data-log", json!({"dataset": "flights", "locked": null}), Permission::Look),
        ("find-manifest", json!({"reference": "flights@1"}), Permission::Look),
        ("kept-files", json!({"dataset": "flights"}), Permission::Look),
        ("offer-files", json!({"dataset": "flights", "base": null, "files": [file]}), Permission::Work),
        ("add-data", uploaded, Permission::Work),
        ("checkable", json!({}), Permission::Look),
        ("check", json!({"reference": "flights@1"}), Permission::Watch),
        ("train", json!({"model": "delay", "code": pushed, "params": {}}), Permission::Work),
        ("build", json!({"dataset": "trips", "code": pushed, "params": {}}), Permission::Work),
        ("built-version", json!({"run": recorded}), Permission::Look),
        ("list-runs", json!({"limit": 5}), Permission::Look),
        ("show-run", json!({"run": run}), Permission::Look),
        ("read-log", json!({"run": run, "from": 0}), Permission::Look),
        ("stop-run", json!({"run": run}), Permission::Work),
        ("list-models", json!({"model": null}), Permission::Look),
        ("show-model", json!({"model": "delay@1"}), Permission::Look),
        ("compare-models", json!({"a": "delay@1", "b": "delay-simple@1"}), Permission::Look),
        (
            "decide",
            json!({"model": "delay@1", "decision": "rejected", "note": "x", "gate_override": false}),
            Permission::Sign,
        ),
        ("retire", json!({"model": "delay@1", "note": "x"}), Permission::Sign),
        ("deploy", json!({"service": "delay", "model": "delay@1", "role": "primary", "why": "x"}), Permission::Sign),
        ("roll-back", json!({"service": "delay", "role": "primary", "why": "x"}), Permission::Sign),
        ("switch", json!({"service": "delay", "to": "shadow", "why": "x"}), Permission::Sign),
        ("price-of-switch", json!({"service": "delay", "to": "shadow"}), Permission::Look),
        ("replay-prediction", json!({"prediction": "0190a5c2-0000-7000-8000-000000000000"}), Permission::Watch),
        ("who-obeys", json!({"route": seed::state(2)["route"], "wait_ms": 0}), Permission::Look),
        ("why", json!({"reference": "delay@1"}), Permission::Look),
        ("list-incidents", json!({"all": true}), Permission::Look),
        ("show-incident", json!({"incident": "0"}), Permission::Look),
        ("ack-incident", json!({"incident": "0"}), Permission::Watch),
        ("resolve-incident", json!({"incident": "0", "note": "x"}), Permission::Watch),
        // One's own with any role; this one is nobody's.
        ("revoke-token", json!({"token": "0"}), Permission::Look),
        ("shift", json!({}), Permission::Look),
        ("list-duties", json!({"limit": 5}), Permission::Look),
        ("show-duty", json!({"duty": "0"}), Permission::Look),
        ("waive-duty", json!({"duty": "0", "why": "x"}), Permission::Watch),
        ("show-histograms", json!({"duty": null, "bins": 10}), Permission::Look),
        ("sign-histograms", json!({"duty": "0", "verdicts": []}), Permission::Watch),
        ("list-rotas", json!({}), Permission::Look),
        ("swap-shift", swap, Permission::Watch),
        ("label-days", json!({"service": null}), Permission::Look),
        ("next-label", json!({"service": "delay"}), Permission::Look),
        ("show-label-task", json!({"prediction": nobodys}), Permission::Look),
        (
            "submit-label",
            json!({"prediction": nobodys, "answer": {"value": "yes"}, "note": null, "event_at": null}),
            Permission::Watch,
        ),
        ("import-labels", json!({"rows": []}), Permission::Watch),
        ("list-labels", json!({"service": null, "limit": 5}), Permission::Look),
        ("list-cadences", json!({}), Permission::Look),
        ("show-cadence", json!({"model": "delay"}), Permission::Look),
        ("list-studies", json!({"model": null}), Permission::Look),
        ("show-study", json!({"study": "0"}), Permission::Look),
        ("find-advice", json!({"study": "0"}), Permission::Work),
        ("record-adoption", json!({"advice": advice, "file": "delay/lamp.toml"}), Permission::Work),
        ("doctor-facts", json!({}), Permission::Look),
        ("profile", json!({"data": "flights"}), Permission::Look),
        ("contrast-profiles", json!({"data": "flights", "against": "flights@1"}), Permission::Look),
        ("show-version", json!({"reference": "flights@1"}), Permission::Look),
        ("diff-versions", json!({"before": null, "after": "flights@1"}), Permission::Look),
        ("service-levels", json!({"dataset": null}), Permission::Look),
        ("suggest-contract", json!({"data": "flights", "alarms_max": 0.01}), Permission::Look),
        ("verify-data", json!({"references": ["flights@1"]}), Permission::Watch),
        ("collect-garbage", json!({"dry_run": true}), Permission::Administer),
        ("repack-store", json!({}), Permission::Work),
        ("push-data", json!({"remote": null, "references": []}), Permission::Work),
        ("pull-data", json!({"remote": null, "references": []}), Permission::Work),
        ("list-events", json!({"after": 0, "limit": 5}), Permission::Look),
        ("verify-audit", json!({}), Permission::Look),
        ("list-notifications", json!({"limit": 5}), Permission::Look),
        ("keep-test-reports", json!({"reports": []}), Permission::Work),
        ("metrics", json!({"name": "delay", "window": "7d", "since": null, "until": null}), Permission::Look),
        ("draw-labels", json!({"service": "delay", "day": null, "count": 1}), Permission::Watch),
    ]
}

#[tokio::test]
async fn each_call_is_for_the_roles_that_the_table_says() {
    let table = calls();
    let named: BTreeSet<&str> = table.iter().map(|(name, ..)| *name).collect();
    let known: BTreeSet<&str> = lamp_app::call::NAMES.iter().copied().collect();
    assert_eq!(named, known);
    let site = TestSite::with_users().await;
    let mut tokens = Vec::new();
    for role in AccessRole::ALL {
        tokens.push((role, site.bearer_of(role).await));
    }
    for (name, body, permission) in table {
        let line = post("/api/v1/do/{name}", &format!("/api/v1/do/{name}"), Sent::Json(body), permission);
        assert_eq!(ask(&site, &line, None).await.status, StatusCode::UNAUTHORIZED, "{name}");
        for (role, token) in &tokens {
            let answer = ask(&site, &line, Some(token)).await;
            let is_refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(is_refused, !role.may(permission), "{name} as {role}: {} {}", answer.status, answer.text);
            // A body that is not understood would be refused before the role is asked for.
            assert!(!answer.text.contains("this is not what"), "{name}: {}", answer.text);
        }
    }
}

async fn ask(site: &TestSite, line: &Line, token: Option<&str>) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let request = |method: &Method, path: &str| {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
        if let Some(bearer) = &bearer {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        request
    };
    let request = match &line.sent {
        Sent::Nothing if line.method == Method::GET => request(&line.method, &line.path).body(Body::empty()),
        Sent::Nothing => request(&line.method, &line.path)
            .header(header::ORIGIN, format!("http://{HOST}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::empty()),
        Sent::Json(body) => request(&line.method, &line.path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string())),
        Sent::Bytes(bytes) => request(&line.method, &line.path)
            .header(header::ORIGIN, format!("http://{HOST}"))
            .header(header::CONTENT_LENGTH, bytes.len())
            .body(Body::from(*bytes)),
        Sent::Form(fields) => {
            let page =
                site.send(request(&Method::GET, "/services/delay").body(Body::empty()).expect("a request")).await.text;
            let token = page.split_once("name=\"token\" value=\"").and_then(|(_, rest)| rest.split('"').next());
            let mut form = vec![("token", token.unwrap_or_default())];
            form.extend(fields.iter().map(|(name, value)| (*name, value.as_str())));
            request(&line.method, &line.path)
                .header(header::ORIGIN, format!("http://{HOST}"))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(encoded(&form)))
        }
    };
    site.send(request.expect("a request")).await
}
