//! What is let in, and what every answer carries.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::json;

use crate::kit::{HOST, TestSite};

const SWITCH_FORM: &str = "/services/delay/switch";
const SWITCH_API: &str = "/api/v1/services/delay/switch";

async fn get_from_host(site: &TestSite, host: &str, path: &str) -> (StatusCode, String) {
    let request = Request::builder().uri(path).header(header::HOST, host).body(Body::empty());
    let answer = site.send(request.expect("a request")).await;
    (answer.status, answer.text)
}

#[tokio::test]
async fn a_name_that_was_made_to_point_here_sees_nothing() {
    let site = TestSite::seeded().await;
    for path in ["/services", "/services/delay", "/lineage?ref=delay@1", "/api/v1/services", "/healthz"] {
        for host in ["evil.example.com:8420", "evil.example.com", "localhost.evil.example.com:8420"] {
            let (status, text) = get_from_host(&site, host, path).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{host}{path}");
            assert!(text.contains("is not a name of this server"), "{text}");
            assert!(!text.contains("first@example.com"), "nothing of the workspace is shown: {text}");
        }
    }
    for host in ["localhost:8420", "127.0.0.1:8420", "[::1]:8420", "localhost:9000"] {
        assert_eq!(get_from_host(&site, host, "/healthz").await.0, StatusCode::OK, "{host}");
    }
    let nameless = site.send(Request::builder().uri("/services").body(Body::empty()).expect("a request")).await;
    assert_eq!(nameless.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn another_site_cannot_switch_with_a_form() {
    let site = TestSite::seeded().await;
    let token = site.token().await;
    let form = [("token", token.as_str()), ("to", "shadow"), ("why", "odd answers")];
    for origin in [
        vec![("origin", "http://evil.example.com")],
        vec![("origin", "http://localhost:3000")],
        vec![("origin", "null")],
        vec![("origin", "http://localhost:8420"), ("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![],
    ] {
        let answer = site.post_form_from(&origin, SWITCH_FORM, &form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin:?}: {}", answer.text);
    }
    assert_eq!(site.route().await, (2, "primary".to_owned()));
    assert_eq!(site.told(), 0);
}

#[tokio::test]
async fn a_form_without_this_process_token_is_refused_and_the_reason_kept() {
    let site = TestSite::seeded().await;
    let token = site.token().await;
    let flipped: String = token.chars().rev().collect();
    for wrong in ["", "0", flipped.as_str()] {
        let form = [("token", wrong), ("to", "shadow"), ("why", "odd answers since 9:00")];
        let answer = site.post_form(SWITCH_FORM, &form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{wrong}");
        assert!(answer.text.contains("the form is from an earlier start of the server"));
        assert!(answer.text.contains("odd answers since 9:00</textarea>"), "what was typed is not lost");
    }
    assert_eq!(site.route().await, (2, "primary".to_owned()));
}

#[tokio::test]
async fn another_site_cannot_switch_through_the_api() {
    let site = TestSite::seeded().await;
    let body = json!({"to": "shadow", "why": "odd answers"}).to_string();
    let given = [
        (vec![("origin", "http://evil.example.com"), ("content-type", "application/json")], StatusCode::FORBIDDEN),
        (vec![("sec-fetch-site", "cross-site"), ("content-type", "application/json")], StatusCode::FORBIDDEN),
        (vec![("origin", "http://localhost:8420"), ("content-type", "text/plain")], StatusCode::BAD_REQUEST),
        (vec![("content-type", "text/plain")], StatusCode::FORBIDDEN),
        (vec![], StatusCode::FORBIDDEN),
    ];
    for (headers, expected) in given {
        let mut request = Request::builder().method("POST").uri(SWITCH_API).header(header::HOST, HOST);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let answer = site.send(request.body(Body::from(body.clone())).expect("a request")).await;
        assert_eq!(answer.status, expected, "{headers:?}: {}", answer.text);
        assert!(answer.json()["error"]["message"].is_string());
    }
    assert_eq!(site.route().await, (2, "primary".to_owned()));
}

#[tokio::test]
async fn a_body_of_more_than_64_kib_is_refused() {
    let site = TestSite::seeded().await;
    let token = site.token().await;
    let long = "x".repeat(64 * 1024);
    let answer = site.post_form(SWITCH_FORM, &[("token", &token), ("to", "shadow"), ("why", &long)]).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let answer = site.post_json(SWITCH_API, &json!({"to": "shadow", "why": long})).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    assert_eq!(site.route().await, (2, "primary".to_owned()));
}

#[tokio::test]
async fn every_answer_carries_the_policy() {
    let site = TestSite::seeded().await;
    for path in ["/", "/services", "/services/delay", "/lineage", "/nowhere", "/api/v1/services", "/healthz"] {
        let answer = site.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    let (status, _) = get_from_host(&site, "evil.example.com", "/").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn no_page_has_a_script_or_a_style_of_its_own() {
    let site = TestSite::seeded().await;
    for path in ["/services", "/services/delay", "/lineage?ref=delay@1", "/lineage", "/nowhere"] {
        let page = site.get(path).await.text;
        assert_eq!(page.matches("<script").count(), 1, "{path}: the module and nothing else");
        assert!(page.contains("<script type=\"module\" src=\"/assets/"), "{path}");
        for inline in ["<style", " style=\"", " onclick=", "javascript:"] {
            assert!(!page.contains(inline), "{path} has {inline}");
        }
    }
}

#[tokio::test]
async fn no_path_of_a_request_is_a_path_on_disk() {
    let site = TestSite::seeded().await;
    for path in [
        "/lamp.toml",
        "/../lamp.toml",
        "/assets/../lamp.toml",
        "/assets/x/lamp.css",
        "/assets/..%2f..%2flamp.toml/x",
        "/services/..%2f..%2flamp.toml",
        "/.lamp/ledger.db",
    ] {
        let answer = site.get(path).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(!answer.text.contains("[workspace]"), "{path}");
    }
}

#[tokio::test]
async fn what_is_embedded_is_kept_by_browsers_for_ever() {
    let site = TestSite::empty().await;
    let page = site.get("/services").await.text;
    let assets: Vec<&str> = page.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert_eq!(assets.len(), 3, "{assets:?}");
    for (asset, media_type) in assets.iter().zip(["image/svg+xml", "text/css", "text/javascript"]) {
        let answer = site.get(asset).await;
        assert_eq!(answer.status, StatusCode::OK, "{asset}");
        assert!(answer.header("content-type").starts_with(media_type), "{asset}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    }
}
