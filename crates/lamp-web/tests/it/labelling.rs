//! The label queue and the metrics.

use axum::http::StatusCode;
use expect_test::expect;

use crate::kit::TestSite;
use crate::logged;
use crate::pages::words;

async fn site(drawn: u32) -> TestSite {
    let site = TestSite::seeded().await;
    logged::drawn(&site, drawn).await;
    site
}

async fn label(site: &TestSite, id: &str, value: &str) -> crate::kit::Answer {
    let token = site.token_of("/labels").await;
    site.post_form(&format!("/labels/{id}"), &[("token", &token), ("value", value)]).await
}

#[tokio::test]
async fn a_prediction_is_shown_without_what_the_models_said() {
    let site = site(4).await;
    let page = site.get("/labels").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let id = logged::next(&site).await.prediction.to_string();
    let text = words(&page.text).replace(&id, "ID");
    let (asked, _) = text.split_once("\nDays\n").expect("the days after it");
    // Which prediction comes first, and so when it was answered, is the draw's to say.
    let (before, rest) = asked.split_once("What came in, ").expect("when it was answered");
    let (_, after) = rest.split_once(". What the models").expect("its end");
    let asked = format!("{before}What came in, TIME. What the models{after}");
    expect![[r#"
        My shift /
        0 of 4 of 2013-04-04, delay
        Is arr_delay &#62;= 15 true?
        No 0
        Yes 1
        Can't tell s
        Later l
        Add a note
        What came in, TIME. What the models said of it stays out of sight
        carrier UA
        distance N
        origin EWR
        Prediction ID"#]]
    .assert_eq(&asked.replace(&distance(&text), "N"));
    for hidden in ["0.5", "probability", "delay@1", "delay-simple"] {
        assert!(!text.contains(hidden), "{hidden} must stay out of sight:\n{text}");
    }
}

/// The number in the record, which depends on the draw.
fn distance(text: &str) -> String {
    let line = text.lines().find(|line| line.starts_with("distance ")).expect("an input");
    line.trim_start_matches("distance ").to_owned()
}

#[tokio::test]
async fn the_queue_is_worked_through_and_can_be_corrected() {
    let site = site(3).await;
    let first = logged::next(&site).await.prediction.to_string();
    let answer = label(&site, &first, "yes").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", words(&answer.text));
    assert_eq!(answer.header("location"), format!("/labels?said={first}"));
    let page = words(&site.get(&format!("/labels?said={first}")).await.text);
    assert!(page.contains("Said: yes.") && page.contains("1 of 3 of 2013-04-04, delay"), "{page}");

    let second = logged::next(&site).await.prediction.to_string();
    assert_ne!(first, second);
    let later = site.get("/labels?later=1").await.text;
    assert!(!later.contains(&format!("action=\"/labels/{second}\"")), "put off");
    assert_eq!(label(&site, &second, "cannot_tell").await.status, StatusCode::SEE_OTHER);
    let third = logged::next(&site).await.prediction.to_string();
    let refused = label(&site, &third, "perhaps").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(words(&refused.text).contains("perhaps is neither yes nor no"), "{}", words(&refused.text));

    let again = words(&site.get(&format!("/labels/{first}")).await.text);
    assert!(again.contains("Again: is arr_delay &#62;= 15 true?"), "{again}");
    assert_eq!(label(&site, &first, "no").await.status, StatusCode::SEE_OTHER);
    assert_eq!(label(&site, &third, "no").await.status, StatusCode::SEE_OTHER);
    let done = words(&site.get("/labels").await.text);
    assert!(done.contains("Nothing waits to be labelled."), "{done}");
    assert!(done.contains("2013-04-04 delay 3 40 2 1 0"), "{done}");
    assert!(done.contains("yes corrected first@example.com"), "both stay in sight: {done}");
    assert!(site.app.verify_audit().await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_labelled_is_said() {
    let site = site(1).await;
    let token = site.token_of("/labels").await;
    let stranger = "013d0000-0000-7000-8000-000000000000";
    for (path, status) in [
        ("/labels/nonsense", StatusCode::BAD_REQUEST),
        (&format!("/labels/{stranger}")[..], StatusCode::CONFLICT),
        ("/labels?service=nothing", StatusCode::NOT_FOUND),
        ("/labels?service=No%20Name", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
    let id = logged::next(&site).await.prediction.to_string();
    let foreign = site.post_form(&format!("/labels/{id}"), &[("token", "x"), ("value", "yes")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    let note = "<script>alert(1)</script>";
    let form = [("token", token.as_str()), ("value", "yes"), ("note", note)];
    assert_eq!(site.post_form(&format!("/labels/{id}"), &form).await.status, StatusCode::SEE_OTHER);
    assert!(!site.get("/labels").await.text.contains("<script>alert"));
    let empty = words(&TestSite::empty().await.get("/labels").await.text);
    assert!(empty.contains("Nothing waits to be labelled.\nhint:"), "{empty}");
}

#[tokio::test]
async fn metrics_have_their_interval_their_labels_and_the_report() {
    let site = site(30).await;
    let before = words(&site.get("/metrics").await.text);
    assert!(before.contains("Nobody has labelled predictions of delay yet."), "{before}");
    for number in 0..30 {
        let id = logged::next(&site).await.prediction.to_string();
        label(&site, &id, if number % 3 == 0 { "yes" } else { "no" }).await;
    }
    site.app.update_metrics(&crate::seed::service()).await.expect("estimated");
    let page = site.get("/metrics").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let text = words(&page.text);
    for expected in
        ["delay newest label less than a minute ago", "What was answered all rows", "delay@1 the primary; all rows"]
    {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    assert!(text.contains("30 labels") && text.contains("0.7123 in the report"), "{text}");
    assert!(text.contains("Every day as a table") && text.contains("2013-04-05"), "{text}");
    for expected in ["<path class=\"band\" d=\"M", "<circle class=\"dot\"", "class=\"report-line\""] {
        assert!(page.text.contains(expected), "{expected} in\n{}", page.text);
    }
    let of_model = words(&site.get("/metrics?name=delay-simple@1&window=7d").await.text);
    assert!(of_model.contains("delay-simple@1") && !of_model.contains("What was answered"), "{of_model}");
    let shift = words(&site.get("/").await.text);
    assert!(shift.contains("delay@1 primary of delay\n") && shift.contains("30 labels, newest"), "{shift}");
    let api = site.get("/api/v1/metrics?window=28d").await.json();
    assert_eq!(api["services"][0]["series"][0]["now"]["labels"], 30);
    assert_eq!(site.get("/metrics?window=month").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.get("/metrics?name=nothing").await.status, StatusCode::NOT_FOUND);
}
