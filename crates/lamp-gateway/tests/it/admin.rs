//! The owner's own socket.

use std::path::Path;
use std::sync::Arc;

use futures::FutureExt;
use lamp_core::actor::Actor;
use lamp_core::route::Role;
use lamp_gateway::{AdminHooks, GatewayState, SwitchHook, SwitchOrder, Switched};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::kit::{Behaviour, Running, read_log, route, service};

async fn ask(socket: &Path, line: &str) -> (u16, Value) {
    ask_with(socket, line, "").await
}

async fn ask_with(socket: &Path, line: &str, body: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(socket).await.expect("a socket");
    let head = "host: lamplighter\r\nconnection: close\r\ncontent-type: application/json";
    let request = format!("{line} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("an answer");
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    (status, serde_json::from_str(body).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_sees_the_state_refreshes_and_rotates() {
    let (running, ..) = Running::with(Behaviour::Answer(0.3), Behaviour::Answer(0.2)).await;
    let socket = running.folder.path().join("admin.sock");
    let gateway = running.gateway.clone();
    let refreshed = gateway.clone();
    let refresh = Arc::new(move || {
        let gateway = refreshed.clone();
        async move { if gateway.set_route(route(Role::Shadow, 2)) { Ok(()) } else { Err("the ledger is away".to_owned()) } }
            .boxed()
    });
    let switched = gateway.clone();
    let switch: SwitchHook = Arc::new(move |order: SwitchOrder| {
        let route = route(order.to, 3);
        let is_new = switched.set_route(route.clone());
        async move { if is_new { Ok(Switched { route, is_kept: true }) } else { Err("it answers already".to_owned()) } }
            .boxed()
    });
    let hooks = AdminHooks { refresh, switch };
    let listener = UnixListener::bind(&socket).expect("a socket");
    tokio::spawn(async move { gateway.serve_admin(listener, hooks, std::future::pending()).await });
    running.predict().await;
    let (status, body) = ask(&socket, "GET /state").await;
    let state: GatewayState = serde_json::from_value(body).expect("a state");
    assert_eq!((status, state.find(&service()).map(|s| (s.epoch, s.answered_by_primary))), (200, Some((1, 1))));
    let (status, body) = ask(&socket, "POST /refresh").await;
    assert_eq!((status, &body["services"][0]["active"]), (200, &Value::from("shadow")));
    assert_eq!(ask(&socket, "POST /refresh").await, (503, serde_json::json!({"error": "the ledger is away"})));
    let by = Actor::local("ann@example.com");
    let order = SwitchOrder { service: service(), to: Role::Primary, why: "it is well".to_owned(), by };
    let order = serde_json::to_string(&order).expect("JSON");
    let (status, body) = ask_with(&socket, "POST /switch", &order).await;
    assert_eq!((status, &body["route"]["epoch"], &body["is_kept"]), (200, &Value::from(3), &Value::from(true)));
    let again = ask_with(&socket, "POST /switch", &order).await;
    assert_eq!(again, (409, serde_json::json!({"error": "it answers already"})));
    let (status, body) = ask(&socket, "POST /rotate").await;
    assert_eq!((status, &body["services"][0]["log_kept"]), (200, &Value::from(1)));
    assert_eq!(read_log(&running.log_dir()).len(), 1);
}
