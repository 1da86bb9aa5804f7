//! What a reader sees.

use axum::http::StatusCode;
use expect_test::expect;

use crate::kit::TestSite;

/// The same page without what stands in its charts: their tables say it again.
fn without_charts(page: &str) -> String {
    let mut parts = page.split("<svg");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once("</svg>").expect("the end of a chart").1);
    }
    kept
}

/// The words of a page's main part, a block a line.
pub fn words(page: &str) -> String {
    let (_, main) = page.split_once("<main").expect("a main part");
    let (main, _) = main.split_once("</main>").expect("its end");
    let main = without_charts(&main[main.find('>').map_or(0, |end| end + 1)..]);
    let mut text = String::new();
    let mut rest = main.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = after.split_once('>').expect("a whole tag");
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap_or_default();
        if ["h1", "h2", "h3", "p", "tr", "div", "li", "caption", "label", "button", "section"].contains(&name) {
            text.push('\n');
        } else if ["td", "th", "dd"].contains(&name) {
            text.push(' ');
        }
        rest = after;
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn whoever_watches_the_process_asks_for_its_health() {
    assert_eq!(TestSite::empty().await.get("/healthz").await.text, "ok\n");
}

#[tokio::test]
async fn a_service_in_words() {
    let site = TestSite::seeded().await;
    let answer = site.get("/services/delay").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains("<title>delay: the primary answers · Lamplighter</title>"));
    expect![[r#"
        Services /
        delay
        Who answers now
        The primary answers
        delay@1
        epoch 2
        deadline 100 ms
        log best_effort
        project delay
        Switch
        health delay-simple@1 answers on 1 of 1 replica(s); 0 of 12,411 request(s) without a valid answer, 99 % within 0.1 ms
        labels primary delay@1: too few labels (roc_auc 0.7123 in its report); shadow delay-simple@1: too few labels (roc_auc 0.7123 in its report)
        disagreement they decide differently on 0 of 12,345 rows that both answered (0.0 %); mean distance 0.0421
        Why? It is kept with your name, and opens an incident.
        Switch to shadow as first@example.com
        Models
        primary
        ✓ ready
        delay@1 approved python
        latency median 4.1 ms, 99th percentile 21.8 ms
        asked 12,411 requests, 66 without a valid answer in time
        workers
        pid 4711, takes requests
        pid 4712, takes requests, started again 2 ×
        shadow
        ✓ ready
        delay-simple@1 approved onnx
        latency median 38 µs, 99th percentile 142 µs
        asked 12,411 requests, 0 without a valid answer in time
        workers none: it runs in the gateway
        Answers since the start of each replica heard of lately
        Rows by who answered
        Answered by Rows Share
        primary 12,345 99.5 %
        shadow 66 0.5 %
        because: error 54
        because: timeout 12
        Requests not answered, and the log
        What Count
        no answer in time (503) 0
        too many at once (429) 3
        wrong input (400) 7
        rows kept in the log 12,411
        rows that the log dropped 0
        0.0421
        mean distance between primary and shadow, over 12,345 rows that both answered
        Replicas
        1 heard of lately, 0 gone. Predictions here: POST http://127.0.0.1:8421/predict/delay
        Replica State Epoch Rows answered Last heard of
        1 ✓ here 2 12,411 2013-04-05 11:59:55 EDT
        History
        Who changed the route, when and why; newest first
        Epoch When Who What Why
        2 2013-04-05 04:10:00 EDT first@example.com delay-simple@1 deployed as shadow behind it
        1 2013-04-05 04:00:00 EDT first@example.com delay@1 deployed as primary first model in service
        Lineage of delay"#]]
    .assert_eq(&words(&answer.text));
}

#[tokio::test]
async fn the_list_shows_each_service_and_who_answers() {
    let site = TestSite::seeded().await;
    expect![[r#"
        Services
        delay
        The primary answers
        delay@1
        primary delay@1 ✓ ready
        shadow delay-simple@1 ✓ ready
        answered 12,411 rows: 12,345 by the primary, 66 by the shadow
        failures 0
        replicas 1 heard of lately
        deadline 100 ms
        idle
        Nobody answers
        ▲ no model is deployed
        primary nothing deployed
        shadow nothing deployed
        answered 0 rows: 0 by the primary, 0 by the shadow
        failures 0
        replicas 0 heard of lately
        deadline 100 ms"#]]
    .assert_eq(&words(&site.get("/services").await.text));
}

#[tokio::test]
async fn a_workspace_without_deployments_says_the_next_step() {
    let site = TestSite::empty().await;
    let page = words(&site.get("/services/delay").await.text);
    for expected in ["Nobody answers", "no model is deployed", "lamp deploy delay MODEL@V --as primary", "lamp up"] {
        assert!(page.contains(expected), "{expected} in\n{page}");
    }
    assert!(!site.get("/services/delay").await.text.contains("<form method=\"post\""));
    let examples = words(&site.get("/lineage").await.text);
    assert!(examples.contains("lamp train MODEL") && examples.contains("lamp data add NAME PATH"), "{examples}");
}

#[tokio::test]
async fn the_lineage_of_a_model_goes_down_to_the_raw_files() {
    let site = TestSite::seeded().await;
    let answer = site.get("/lineage?ref=delay@1").await;
    assert_eq!(answer.status, StatusCode::OK);
    let text = words(&answer.text);
    let mut below = text.as_str();
    for line in [
        "Why delay@1?",
        "lamp why delay@1",
        "serving delay as primary",
        "approval\nsecond@example.com",
        "note looked at the slices by carrier; AUC holds",
        "run\n",
        "commit\n",
        "subject Teach the model about the weather",
        "dataset\ntrips@1",
        "run\n",
        "dataset\nflights@1",
        "2013-01-01.parquet",
        "dataset\ntrips@1",
        "Told above, with what it came from",
    ] {
        below = below.split_once(line).unwrap_or_else(|| panic!("no `{line}` at its place in\n{text}")).1;
    }
    assert_eq!(words(&site.get("/lineage/delay@1").await.text), words(&answer.text), "both addresses");
    for linked in ["/lineage?ref=trips%401", "/lineage?ref=flights%401"] {
        assert!(answer.text.contains(linked), "{linked}");
        assert_eq!(site.get(linked).await.status, StatusCode::OK);
    }
    let digest = lamp_core::digest::Digest::of(b"trips").to_hex();
    assert!(answer.text.contains(&format!("title=\"{digest}\"")), "the whole digest is in the title");
}

#[tokio::test]
async fn anything_with_a_name_can_be_asked() {
    let site = TestSite::seeded().await;
    let run = crate::seed::run_id(2).to_string();
    for reference in ["delay", "delay-simple@1", "trips@1", "flights@latest", "model:delay@production", run.as_str()] {
        let answer = site.get(&format!("/lineage?ref={reference}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{reference}: {}", words(&answer.text));
        assert!(answer.text.contains(&format!("<code id=\"command\">lamp why {reference}</code>")));
    }
}

#[tokio::test]
async fn an_unknown_reference_is_answered_with_a_hint_and_examples() {
    let site = TestSite::seeded().await;
    let answer = site.get("/lineage?ref=nothing%409").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    expect![[r#"
        Lineage
        A model, dataset, service, run or prediction
        Ask why
        nothing@9 names no model, dataset, service, run or prediction of this workspace
        hint: try delay@1, trips@3, a run&#39;s id or the prediction id from an answer
        Latest models
        delay-simple@1 approved, onnx
        delay@1 approved, python
        Latest datasets
        flights@1 source, 7,578 rows
        trips@1 derived, 7,578 rows"#]]
    .assert_eq(&words(&answer.text));
}

#[tokio::test]
async fn what_is_not_there_is_said_in_a_page() {
    let site = TestSite::seeded().await;
    for (path, status) in [
        ("/nowhere", StatusCode::NOT_FOUND),
        ("/services/nothing", StatusCode::NOT_FOUND),
        ("/services/No%20Name", StatusCode::BAD_REQUEST),
        ("/services/delay/switch", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text.contains("role=\"alert\""), "{path}");
    }
}
