//! Signing in and out, and what a session or a token is good for.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use jiff::SignedDuration;
use lamp_core::access::AccessRole;
use serde_json::json;

use crate::kit::{Answer, HOST, PASSWORD, TestSite, email};

const ORIGIN: &str = "http://localhost:8420";

/// The token in the form of a page.
fn form_token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a token in the form");
    rest.split('"').next().expect("the token's end").to_owned()
}

async fn sign_in(site: &TestSite, who: &str, password: &str, more: &[(&str, &str)]) -> Answer {
    let token = form_token(&site.get("/login").await.text);
    let mut form = vec![("token", token.as_str()), ("email", who), ("password", password)];
    form.extend(more);
    site.post_form("/login", &form).await
}

/// `name=value` of the cookie that an answer sets.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().expect("a cookie").to_owned()
}

async fn get_with(site: &TestSite, path: &str, name: &str, value: &str) -> Answer {
    let request = Request::builder().uri(path).header(header::HOST, HOST).header(name, value);
    site.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_person_signs_in_acts_in_their_name_and_signs_out() {
    let site = TestSite::with_users().await;
    let sent_away = site.get("/services/delay?done=2").await;
    assert_eq!(
        (sent_away.status, sent_away.header("location")),
        (StatusCode::SEE_OTHER, "/login?next=/services/delay%3Fdone%3D2")
    );
    let page = site.get(sent_away.header("location")).await.text;
    assert!(page.contains("name=\"next\" value=\"/services/delay?done=2\""), "{page}");
    assert!(!page.contains("first@example.com"), "nobody is told who else is here");

    let signed_in = sign_in(&site, "Approver@Example.com", PASSWORD, &[("next", "/services/delay")]).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (StatusCode::SEE_OTHER, "/services/delay"));
    let given = signed_in.header("set-cookie");
    assert!(given.starts_with("lamp-session=") && given.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"));

    let cookie = cookie(&signed_in);
    let page = get_with(&site, "/services/delay", "cookie", &cookie).await.text;
    assert!(page.contains("as <b>approver@example.com</b>"), "{page}");
    let token = form_token(&page);
    let origin = [("origin", ORIGIN), ("cookie", cookie.as_str())];
    let form = [("token", token.as_str()), ("to", "shadow"), ("why", "odd answers")];
    let switched = site.post_form_from(&origin, "/services/delay/switch", &form).await;
    assert_eq!(switched.status, StatusCode::SEE_OTHER, "{}", switched.text);
    let service = lamp_core::names::ServiceName::parse("delay").expect("a name");
    let route = site.ledger.find_route(&service).await.expect("the ledger").expect("a route");
    assert_eq!((route.changed_by.name.as_str(), route.changed_by.auth.as_str()), ("approver@example.com", "password"));

    let signed_out = site.post_form_from(&origin, "/logout", &[("token", &token)]).await;
    assert_eq!((signed_out.status, signed_out.header("location")), (StatusCode::SEE_OTHER, "/login"));
    assert!(signed_out.header("set-cookie").starts_with("lamp-session=; Path=/; Max-Age=0"));
    assert_eq!(get_with(&site, "/services", "cookie", &cookie).await.status, StatusCode::SEE_OTHER, "it is over");
}

#[tokio::test]
async fn a_refusal_tells_nothing() {
    let site = TestSite::with_users().await;
    site.app.set_user_disabled(&email(AccessRole::Labeller), true).await.expect("disabled");
    let mut texts = Vec::new();
    for (who, password) in [
        ("viewer@example.com", "not their password"),
        ("nobody@example.com", PASSWORD),
        ("labeller@example.com", PASSWORD),
        ("not an address", PASSWORD),
        ("", ""),
    ] {
        let refused = sign_in(&site, who, password, &[]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{who}");
        assert_eq!(refused.header("set-cookie"), "");
        assert!(!refused.text.contains(PASSWORD), "a password is never shown");
        texts.push(refused.text.replace(&format!("value=\"{who}\""), "value=\"\"").replace(" autofocus", ""));
    }
    assert!(texts[0].contains("this e-mail address and this password do not go together"));
    assert!(texts.iter().all(|text| *text == texts[0]), "the same words whatever is wrong");
}

#[tokio::test]
async fn guessing_is_slowed_down_and_written_down() {
    let site = TestSite::with_users().await;
    for _ in 0..5 {
        let refused = sign_in(&site, "viewer@example.com", "not their password", &[]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
    let held = sign_in(&site, "viewer@example.com", PASSWORD, &[]).await;
    assert_eq!(held.status, StatusCode::TOO_MANY_REQUESTS, "even with the right one");
    assert!(held.text.contains("too many attempts; try again in"), "{}", held.text);
    let other = sign_in(&site, "admin@example.com", PASSWORD, &[]).await;
    assert_eq!(other.status, StatusCode::SEE_OTHER, "others are not held up");
    // They are written down after the answer.
    let mut refusals = 0;
    for _ in 0..200 {
        let events = site.ledger.audit_events(0, 100).await.expect("events");
        refusals = events.iter().filter(|event| event.entry.action == "session.refused").count();
        if refusals == 5 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(refusals, 5);
}

#[tokio::test]
async fn the_form_to_sign_in_is_sent_from_its_page() {
    let site = TestSite::with_users().await;
    let form = [("email", "admin@example.com"), ("password", PASSWORD)];
    let without_token = site.post_form("/login", &form).await;
    assert_eq!(without_token.status, StatusCode::FORBIDDEN);
    assert_eq!(without_token.header("set-cookie"), "");
    let token = form_token(&site.get("/login").await.text);
    let form = [("token", token.as_str()), ("email", "admin@example.com"), ("password", PASSWORD)];
    let from_elsewhere = site.post_form_from(&[("origin", "http://evil.example.com")], "/login", &form).await;
    assert_eq!(from_elsewhere.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn nobody_sends_anothers_form_and_no_session_is_carried_on() {
    let site = TestSite::with_users().await;
    let planted = cookie(&sign_in(&site, "viewer@example.com", PASSWORD, &[]).await);
    let token = form_token(&site.get("/login").await.text);
    let form = [("token", token.as_str()), ("email", "admin@example.com"), ("password", PASSWORD)];
    let signed_in = site.post_form_from(&[("origin", ORIGIN), ("cookie", &planted)], "/login", &form).await;
    assert_ne!(cookie(&signed_in), planted, "a new session");
    assert_eq!(
        get_with(&site, "/services", "cookie", &planted).await.status,
        StatusCode::SEE_OTHER,
        "the old one ended"
    );

    let viewers = cookie(&sign_in(&site, "viewer@example.com", PASSWORD, &[]).await);
    let shown_to_viewer = form_token(&get_with(&site, "/services/delay", "cookie", &viewers).await.text);
    let origin = [("origin", ORIGIN), ("cookie", &cookie(&signed_in))];
    let form = [("token", shown_to_viewer.as_str()), ("to", "shadow"), ("why", "odd answers")];
    let refused = site.post_form_from(&origin, "/services/delay/switch", &form).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(site.route().await, (2, "primary".to_owned()));
}

#[tokio::test]
async fn a_session_ends_with_time_with_its_user_and_with_their_password() {
    let site = TestSite::with_users().await;
    let is_in = async |cookie: &str| get_with(&site, "/services", "cookie", cookie).await.status == StatusCode::OK;
    let used = cookie(&sign_in(&site, "viewer@example.com", PASSWORD, &[]).await);
    let idle = cookie(&sign_in(&site, "viewer@example.com", PASSWORD, &[]).await);
    for _ in 0..2 {
        site.pass(SignedDuration::from_hours(11));
        assert!(is_in(&used).await, "a session that is used goes on");
    }
    assert!(!is_in(&idle).await, "one that is not does not");
    for _ in 0..14 {
        site.pass(SignedDuration::from_hours(11));
        is_in(&used).await;
    }
    assert!(!is_in(&used).await, "a week is the most");

    for act in ["disable", "password"] {
        let session = cookie(&sign_in(&site, "labeller@example.com", PASSWORD, &[]).await);
        assert!(is_in(&session).await);
        let who = email(AccessRole::Labeller);
        if act == "disable" {
            site.app.set_user_disabled(&who, true).await.expect("disabled");
            site.app.set_user_disabled(&who, false).await.expect("enabled");
        } else {
            site.app.set_user_password(&who, "another good password".to_owned()).await.expect("set");
        }
        assert!(!is_in(&session).await, "{act}");
    }
}

#[tokio::test]
async fn a_token_lets_in_until_it_expires_is_revoked_or_its_owner_is_shut_out() {
    let site = TestSite::with_users().await;
    let ask =
        async |token: &str| get_with(&site, "/api/v1/services", "authorization", &format!("Bearer {token}")).await;
    let first = site.bearer_of(AccessRole::Viewer).await;
    assert_eq!(ask(&first).await.status, StatusCode::OK);
    let kept = site.ledger.tokens(Some(&email(AccessRole::Viewer))).await.expect("tokens");
    assert_eq!(kept[0].last_used_on.map(|day| day.to_string()).as_deref(), Some("2013-04-05"));

    site.app.revoke_token(&kept[0].id.to_string()).await.expect("revoked");
    let refused = ask(&first).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
    assert!(refused.json()["error"]["message"].as_str().is_some_and(|text| text.contains("this token lets nobody in")));

    let second = site.bearer_of(AccessRole::Viewer).await;
    site.app.set_user_disabled(&email(AccessRole::Viewer), true).await.expect("disabled");
    assert_eq!(ask(&second).await.status, StatusCode::UNAUTHORIZED);
    site.app.set_user_disabled(&email(AccessRole::Viewer), false).await.expect("enabled");
    assert_eq!(ask(&second).await.status, StatusCode::OK, "a token rests while its owner does");
    site.pass(SignedDuration::from_hours(24));
    assert_eq!(ask(&second).await.status, StatusCode::UNAUTHORIZED, "it was good for a day");

    let admins = cookie(&sign_in(&site, "admin@example.com", PASSWORD, &[]).await);
    let both = Request::builder().uri("/api/v1/services").header(header::HOST, HOST).header("cookie", admins);
    let both = both.header("authorization", format!("Bearer {second}")).body(Body::empty()).expect("a request");
    assert_eq!(site.send(both).await.status, StatusCode::UNAUTHORIZED, "a bad token is not made up for by a session");
    for nonsense in ["Bearer", "Bearer ", "Bearer x", "Basic YTpi", "bearer lamp_x"] {
        let refused = get_with(&site, "/api/v1/services", "authorization", nonsense).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{nonsense}");
    }
}

#[tokio::test]
async fn a_role_counts_from_the_next_request_on() {
    let site = TestSite::with_users().await;
    let bearer = format!("Bearer {}", site.bearer_of(AccessRole::Labeller).await);
    let switch = async || {
        let request = Request::builder().method("POST").uri("/api/v1/services/delay/switch").header(header::HOST, HOST);
        let request = request.header("authorization", &bearer).header("content-type", "application/json");
        let body = Body::from(json!({"to": "shadow", "why": "odd answers"}).to_string());
        site.send(request.body(body).expect("a request")).await
    };
    let refused = switch().await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.json()["error"]["hint"], "ask an admin: lamp users role labeller@example.com approver");
    site.app.set_user_role(&email(AccessRole::Labeller), AccessRole::Approver).await.expect("set");
    assert_eq!(switch().await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_there_is_not_there_for_anybody() {
    let site = TestSite::with_users().await;
    for path in ["/assets/none", "/assets/..%2f..%2flamp.toml", "/assets/0/lamp.css"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.text);
    }
    let elsewhere = site.get("/nowhere").await;
    assert_eq!(elsewhere.header("location"), "/login?next=/nowhere", "what else there is, nobody is told");
}

#[tokio::test]
async fn without_a_login_whoever_is_at_this_machine_is_the_local_user() {
    let site = TestSite::seeded().await;
    site.add_users().await;
    let page = site.get("/services/delay").await.text;
    assert!(page.contains("as <b>first@example.com</b>") && !page.contains("Sign out"));
    for mark in ["x-forwarded-for", "forwarded", "via"] {
        let refused = get_with(&site, "/services", mark, "203.0.113.9").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{mark}: that is somebody at another machine");
        assert!(refused.text.contains("--behind-proxy"), "{}", refused.text);
    }
    let bearer = format!("Bearer {}", site.bearer_of(AccessRole::Viewer).await);
    let page = get_with(&site, "/services", "authorization", &bearer).await.text;
    assert!(page.contains("as <b>viewer@example.com</b>"), "a token counts here too");
}
