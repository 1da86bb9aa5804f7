//! Cadences, and the studies that advise them.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jiff::civil::date;
use lamp_core::cadence::choice::Tolerance;
use lamp_core::cadence::report::{Costs, Measured, Study, StudyRecord};
use lamp_core::cadence::study::{StudyPlan, Window, cut};
use lamp_core::package::Task;
use lamp_testkit::{Browser, SKIP_BROWSER_VARIABLE, is_skipped};

use crate::browser::{Running, wait_for_text};
use crate::kit::TestSite;
use crate::pages::words;
use crate::seed;

const ENTER: &str = "\u{e007}";

/// A study of so many fortnights, in which a model loses a hundredth more with each fortnight of its age.
async fn study(site: &TestSite, fortnights: u32) -> String {
    let every = "2 weeks".parse().expect("a length");
    let from = date(2012, 6, 4);
    let plan = StudyPlan {
        format: 1,
        model: seed::model("delay").model,
        task: Task::Binary,
        commit: site.commit.clone(),
        data: BTreeMap::new(),
        every,
        blocks: cut(from, from + jiff::ToSpan::weeks(2 * i64::from(fortnights)), every),
        windows: vec![Window::All],
        label_lag_days: 1,
        ages: 4,
    };
    let loss = |t: u32, age: u32| 0.5 + 0.01 * f64::from(age) + 0.001 * f64::from((t * 7 + age * 3) % 5);
    let row = |t: u32| (0..4).filter(|age| t + age < fortnights).map(|age| Some(loss(t, age))).collect();
    let losses = (0..fortnights).map(row).collect();
    let measured = Measured { window: Window::All, training_ms: 18_000, rows: 240_000, losses };
    let costs = Costs { review: 0.002, compute_hour: 0.0, tolerance: Tolerance::Absolute(0.006) };
    let study = Study::conclude(plan, costs, vec![measured]);
    let record =
        StudyRecord { id: study.plan.id(), digest: study.digest(), by: seed::person(), at: seed::now(), study };
    let mut tx = site.ledger.begin().await.expect("a transaction");
    assert!(tx.add_study(&record).await.expect("added"));
    tx.commit().await.expect("saved");
    record.id
}

#[tokio::test]
async fn a_study_says_how_fast_a_model_ages_and_what_follows() {
    let site = TestSite::seeded().await;
    let id = study(&site, 20).await;
    let page = site.get(&format!("/studies/{id}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let text = words(&page.text);
    for expected in [
        "How fast does delay age?",
        "Train every 4 weeks, with all history.",
        "Adopt it as first@example.com",
        "With all history 240,000 rows scored, a training takes 18.0 s",
        "What age costs",
        "4 weeks chosen",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
    for expected in ["<path class=\"band\" d=\"M", "<title>What age costs in log_loss: ", "class=\"report-line\""] {
        assert!(page.text.contains(expected), "{expected} in\n{}", page.text);
    }
    let list = words(&site.get("/cadence").await.text);
    assert!(list.contains("No model is trained on time yet.") && list.contains(&id), "{list}");
}

#[tokio::test]
async fn the_advice_is_written_into_the_working_tree_and_nothing_else() {
    let site = TestSite::seeded().await;
    let id = study(&site, 20).await;
    let path = format!("/studies/{id}");
    let token = site.token_of(&path).await;
    let adopt = format!("{path}/adopt");
    assert_eq!(site.post_form(&adopt, &[("token", "x")]).await.status, StatusCode::FORBIDDEN);
    let answer = site.post_form(&adopt, &[("token", &token)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", words(&answer.text));
    let text = words(&answer.text);
    assert!(
        text.contains("projects/delay/lamp.toml now says every 4 weeks. It counts once it is committed."),
        "{text}"
    );
    let config = std::fs::read_to_string(site.app.root().join("projects/delay/lamp.toml")).expect("a file");
    assert!(config.contains("[cadence.delay]") && config.contains(&format!("study:{id} ")), "{config}");
    assert!(config.contains("deadline = \"100ms\""), "the rest stays");
    let again = site.post_form(&adopt, &[("token", &token)]).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "it says so already");
}

/// From the list of studies to the advice in lamp.toml.
#[tokio::test]
async fn a_study_is_found_and_adopted_by_mouse_and_by_keyboard() {
    if is_skipped(SKIP_BROWSER_VARIABLE) {
        return;
    }
    for by_keyboard in [false, true] {
        let site = TestSite::seeded().await;
        let id = study(&site, 20).await;
        let running = Running::of(site).await;
        let browser = Browser::open().await;
        let choose = async |selector: &str| {
            if by_keyboard {
                browser.element(selector).await.send_keys(ENTER).await.expect("a key");
            } else {
                browser.click(selector).await;
            }
        };
        browser.visit(&format!("{}/cadence", running.url)).await;
        choose(&format!("a[href='/studies/{id}']")).await;
        wait_for_text(&browser, "h1", "How fast does delay age?").await;
        browser.keep_screenshot("web-study").await;
        choose("form.actions button").await;
        let written = "✓ projects/delay/lamp.toml now says every 4 weeks. It counts once it is committed.";
        wait_for_text(&browser, ".done", written).await;
        let config = std::fs::read_to_string(running.site.app.root().join("projects/delay/lamp.toml"));
        assert!(config.expect("a file").contains(&format!("study:{id} ")));
        browser.close().await;
    }
}

#[tokio::test]
async fn a_short_history_is_said_and_nothing_can_be_adopted() {
    let site = TestSite::seeded().await;
    let id = study(&site, 5).await;
    let page = site.get(&format!("/studies/{id}")).await.text;
    assert!(words(&page).contains("No advice: not enough history: 5 blocks"), "{}", words(&page));
    assert!(!page.contains("/adopt\""), "{page}");
    let token = site.token().await;
    let answer = site.post_form(&format!("/studies/{id}/adopt"), &[("token", &token)]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", words(&answer.text));
    for (path, status) in [
        ("/studies/zzz", StatusCode::NOT_FOUND),
        ("/cadence/delay", StatusCode::NOT_FOUND),
        ("/cadence/No%20Name", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
}
