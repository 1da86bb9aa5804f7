//! My shift, duties, the rota, and the histograms that a person signs for.

use axum::http::StatusCode;
use expect_test::expect;
use lamp_core::duty::DutyState;
use serde_json::json;

use crate::kit::TestSite;
use crate::pages::words;
use crate::{readings, seed};

/// A site with readings to look at and a candidate to validate; whose shift it is, asks.
async fn site() -> TestSite {
    let site = TestSite::seeded().await;
    readings::all(&site).await;
    seed::candidate(&site, 0.7201).await;
    site
}

/// The id of the histograms duty of today.
async fn histograms_duty(site: &TestSite) -> String {
    let shift = site.app.my_shift().await.expect("a shift");
    let mut all = shift.mine.iter().chain(&shift.others);
    let found = all.find(|view| view.title.starts_with("histograms")).expect("a histograms duty");
    found.duty.id.to_string()
}

/// The hidden fields of the first form to judge with.
fn hidden(page: &str, name: &str) -> String {
    let (_, form) = page.split_once("class=\"judge\"").expect("a form to judge with");
    let (_, rest) = form.split_once(&format!("name=\"{name}\" value=\"")).expect("a hidden field");
    rest.split('"').next().expect("its end").to_owned()
}

/// Judges the column that the duty's page shows.
async fn judge(site: &TestSite, path: &str, verdict: &str, note: &str) -> crate::kit::Answer {
    let page = site.get(path).await.text;
    let [token, column, profile] = ["token", "column", "profile"].map(|name| hidden(&page, name));
    let form =
        [("token", &token[..]), ("column", &column), ("profile", &profile), ("verdict", verdict), ("note", note)];
    site.post_form(&format!("{path}/judge"), &form).await
}

#[tokio::test]
async fn the_first_page_says_what_is_due_what_broke_and_how_the_models_do() {
    let site = site().await;
    let page = site.get("/").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    expect![[r#"
        My shift
        ml You are on until Mon 8 April, 09:00 then second@example.com Swap
        Due
        Look at 3 columns
        delay, 2013-04-05; due 2013-04-06 00:00, 12 h left
        0 of 3
        Look
        Validate delay@2
        delay; due 2013-04-13 00:00, 7 days left
        Read and sign
        All duties
        Incidents
        readings[2013-04-03]: lux is null in 12 of 48 rows (25.00 %)
        ▲ open contract broken open for less than a minute, since 2013-04-05 12:00
        I look at it
        Models
        delay@1 primary of delay
        ? can&#39;t tell yet
        roc_auc; 0 labels, newest ▲ never
        delay-simple@1 shadow of delay
        ? can&#39;t tell yet
        roc_auc; 0 labels, newest ▲ never
        Services
        delay: the primary answers delay@1
        idle: nobody answers ▲ no model is deployed
        What changed lately
        readings@2 was added 2013-04-05 12:00 by first@example.com
        readings@1 was added 2013-04-05 12:00 by first@example.com"#]]
    .assert_eq(&words(&page.text));
    for linked in ["/duties", "/rota", "/models/delay@2", "/services/delay", "/metrics?name=delay%401"] {
        assert!(page.text.contains(&format!("href=\"{linked}\"")), "{linked} in\n{}", page.text);
    }
    let shift = site.get("/api/v1/shift").await.json();
    assert_eq!(shift["person"], "first@example.com");
    let glance = site.get("/api/v1/glance").await.json();
    assert_eq!((&glance["models"][0]["metric"], &glance["models"][0]["role"]), (&json!("roc_auc"), &json!("primary")));
}

#[tokio::test]
async fn each_column_is_seen_before_it_is_signed_for() {
    let site = site().await;
    let path = format!("/duties/{}", histograms_duty(&site).await);
    let first = site.get(&path).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    let text = words(&first.text);
    assert!(text.starts_with("My shift / Duties /\nLook at 3 columns\n"), "{text}");
    assert!(text.contains("0 of 3 said") && text.contains("Column 1 of 3, chosen because it moved most."), "{text}");
    assert!(text.contains("▲ nulls: 25.0 %, before 0.0 %"), "{text}");

    let answer = judge(&site, &path, "right", "").await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, path.as_str()));
    assert!(words(&site.get(&path).await.text).contains("Column 2 of 3"), "the next one without a verdict");
    let without_word = judge(&site, &path, "suspicious", "  ").await;
    assert_eq!(without_word.status, StatusCode::BAD_REQUEST);
    assert!(words(&without_word.text).contains("hint: write down what looks wrong"), "{}", words(&without_word.text));
    let answer = judge(&site, &path, "suspicious", "a lamp that nobody knows").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", words(&answer.text));
    let second = words(&site.get(&format!("{path}?column=2")).await.text);
    assert!(second.contains("▲ suspicious, says first@example.com\na lamp that nobody knows"), "{second}");
    assert!(words(&site.get("/incidents").await.text).contains("looks suspicious to first@example.com: a lamp"));

    let answer = judge(&site, &path, "right", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let done = words(&site.get(&path).await.text);
    assert!(done.contains("✓ Signed by first@example.com") && done.contains("evidence"), "{done}");
    let history = site.app.show_duty(path.trim_start_matches("/duties/")).await.expect("the duty");
    assert_eq!(history.view.duty.state, DutyState::Done);
    assert!(!site.get(&path).await.text.contains("class=\"judge\""), "what is signed has no form");
    assert!(site.app.verify_audit().await.is_ok());
}

#[tokio::test]
async fn what_was_not_on_the_screen_is_not_signed_for() {
    let site = site().await;
    let path = format!("/duties/{}", histograms_duty(&site).await);
    let page = site.get(&path).await.text;
    let token = hidden(&page, "token");
    let other = "0".repeat(64);
    for (profile, verdict, status) in [
        (other.as_str(), "right", StatusCode::CONFLICT),
        ("", "right", StatusCode::BAD_REQUEST),
        (other.as_str(), "perhaps", StatusCode::BAD_REQUEST),
    ] {
        let form = [("token", token.as_str()), ("column", "1"), ("profile", profile), ("verdict", verdict)];
        let answer = site.post_form(&format!("{path}/judge"), &form).await;
        assert_eq!(answer.status, status, "{verdict}: {}", words(&answer.text));
    }
    let foreign = [("token", "x"), ("column", "1"), ("profile", other.as_str()), ("verdict", "right")];
    assert_eq!(site.post_form(&format!("{path}/judge"), &foreign).await.status, StatusCode::FORBIDDEN);
    assert!(words(&site.get(&path).await.text).contains("0 of 3 said"));
}

#[tokio::test]
async fn a_duty_is_waived_with_a_reason() {
    let site = site().await;
    let path = format!("/duties/{}", histograms_duty(&site).await);
    let token = site.token_of(&path).await;
    let waive = format!("{path}/waive");
    let empty = site.post_form(&waive, &[("token", &token), ("why", " ")]).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST);
    assert!(words(&empty.text).contains("write down why it need not be done"), "{}", words(&empty.text));
    let waived = site.post_form(&waive, &[("token", &token), ("why", "the street is closed")]).await;
    assert_eq!(waived.status, StatusCode::SEE_OTHER);
    let page = words(&site.get(&path).await.text);
    assert!(page.contains("waived") && page.contains("the street is closed"), "{page}");
    let list = words(&site.get("/duties").await.text);
    assert!(
        list.contains("Look at 3 columns") && list.contains("waived") && list.contains("Validate delay@2"),
        "{list}"
    );
}

#[tokio::test]
async fn somebody_else_is_on_for_a_while() {
    let site = site().await;
    let page = words(&site.get("/rota").await.text);
    assert!(page.contains("first@example.com, second@example.com"), "in turn: {page}");
    let token = site.token_of("/rota").await;
    let on = site.app.rotas().await.expect("rotas")[0].on.person.clone();
    let other = if on == "first@example.com" { "second@example.com" } else { "first@example.com" };
    let swap = async |from: &str, why: &str| {
        let form = [("token", token.as_str()), ("rota", "ml"), ("person", other), ("from", from), ("why", why)];
        let until = [("until", "2013-04-07T09:00")];
        site.post_form("/rota/swap", &[&form[..], &until[..]].concat()).await
    };
    let unreadable = swap("tomorrow", "a wedding").await;
    assert_eq!(unreadable.status, StatusCode::BAD_REQUEST);
    assert!(unreadable.text.contains("value=\"a wedding\""), "what was typed is not lost");
    assert_eq!(swap("2013-04-05T09:00", "").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(swap("2013-04-05T09:00", "a wedding").await.status, StatusCode::SEE_OTHER);
    let page = words(&site.get("/rota").await.text);
    assert!(page.contains(&format!("on {other}")) && page.contains("(swapped: a wedding)"), "{page}");
    assert_eq!(site.get("/api/v1/rota").await.json()["rotas"][0]["on"]["person"], other);
}

#[tokio::test]
async fn a_workspace_without_duties_says_the_next_step() {
    let site = TestSite::bare().await;
    let page = words(&site.get("/").await.text);
    for expected in ["Nobody has duties yet.", "[rota.NAME]", "Nothing waits for anybody.", "None serves yet."] {
        assert!(page.contains(expected), "{expected} in\n{page}");
    }
    assert!(words(&site.get("/rota").await.text).contains("Nobody is on a rota."));
    assert!(words(&site.get("/duties").await.text).contains("No duty yet."));
    assert_eq!(site.get("/duties/zzz").await.status, StatusCode::NOT_FOUND);
}
