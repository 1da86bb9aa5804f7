//! Who answers now, by the route and by what the replicas say.

use serde_json::{Value, json};

use crate::kit::TestSite;
use crate::seed;

async fn who(site: &TestSite) -> String {
    let page = site.get("/services/delay").await.text;
    let (_, rest) = page.split_once("data-region=\"who\"").expect("who answers");
    let (who, _) = rest.split_once("<dl").expect("the facts after it");
    super::pages::words(&format!("<main><div {who}</main>")).replace('\n', " / ")
}

fn unwell(lane: &str) -> Value {
    let mut state = seed::state(2);
    state[lane]["health"] = json!({"state": "down", "detail": "worker 4711 died"});
    state
}

#[tokio::test]
async fn the_page_says_who_really_answers() {
    let site = TestSite::seeded().await;
    assert_eq!(who(&site).await, "The primary answers / delay@1");

    seed::ack(&site, 1, 2, 4, &unwell("primary")).await;
    assert_eq!(
        who(&site).await,
        "The shadow answers / delay-simple@1 / ▲ the primary should, but it is not able to answer"
    );
    let page = site.get("/services/delay").await.text;
    assert!(page.contains("worker 4711 died"), "what happened is told");

    let mut open = seed::state(2);
    open["breaker"] = json!("open");
    seed::ack(&site, 1, 2, 3, &open).await;
    let expected =
        "The shadow answers / delay-simple@1 / ▲ the primary should, but its breaker is open after repeated failures";
    assert_eq!(who(&site).await, expected);

    let mut both = unwell("primary");
    both["shadow"]["health"] = json!({"state": "down"});
    seed::ack(&site, 1, 2, 2, &both).await;
    assert_eq!(who(&site).await, "Nobody answers / delay@1 / ▲ no model of this service is able to answer");
}

#[tokio::test]
async fn replicas_that_differ_are_counted() {
    let site = TestSite::seeded().await;
    seed::ack(&site, 2, 2, 1, &unwell("primary")).await;
    assert_eq!(who(&site).await, "The primary answers / delay@1 / ▲ not on 1 of 2 replicas");

    seed::ack(&site, 2, 1, 1, &seed::state(1)).await;
    assert_eq!(who(&site).await, "The primary answers / delay@1 / ▲ 1 replica has not taken over epoch 2 yet");
}

#[tokio::test]
async fn a_gateway_that_fell_silent_is_gone() {
    let site = TestSite::seeded().await;
    seed::ack(&site, 1, 2, 60, &seed::state(2)).await;
    let expected = "Nobody answers / delay@1 / ▲ the route wants the primary, but no gateway was heard of lately";
    assert_eq!(who(&site).await, expected);
    let page = super::pages::words(&site.get("/services/delay").await.text);
    assert!(page.contains("0 heard of lately, 1 gone"), "{page}");
}

#[tokio::test]
async fn the_sums_are_over_the_replicas_that_are_here() {
    let site = TestSite::seeded().await;
    seed::ack(&site, 2, 2, 1, &seed::state(2)).await;
    seed::ack(&site, 3, 2, 600, &seed::state(2)).await;
    let values = &site.get("/api/v1/services/delay").await.json()["shown"]["values"];
    assert_eq!(values["by-primary"], "24,690");
    assert_eq!(values["reason-error"], "108");
    assert_eq!(values["disagreement"], "0.0421");
    assert_eq!(values["disagreement-rows"], "24,690 rows");
    assert_eq!(values["primary-p99"], "21.8 ms");
    assert_eq!(values["log-kept"], "24,822");
}

#[tokio::test]
async fn a_state_that_cannot_be_read_breaks_no_page() {
    let site = TestSite::seeded().await;
    seed::ack(&site, 1, 2, 1, &json!({"of": "a later version"})).await;
    assert!(who(&site).await.starts_with("Nobody answers"), "nothing is known of the gateway");
}
