//! The first two pages, as a person meets them in Chromium.

use std::time::Duration;

use lamp_testkit::browser::Locator;
use lamp_testkit::{Browser, SKIP_BROWSER_VARIABLE};

use super::process::{ask_gateway, predict};
use super::shop::Shop;
use super::up::{Up, up};

/// Sent alone, it presses what has the focus.
const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";

/// Waits until the text of `selector` has `wanted`.
async fn wait_for_text(browser: &Browser, selector: &str, wanted: &str) {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let text = browser.text(selector).await;
        if text.contains(wanted) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "`{selector}` never said `{wanted}`: {text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_switches_by_keyboard_and_asks_why() {
    if lamp_testkit::is_skipped(SKIP_BROWSER_VARIABLE) {
        return;
    }
    let shop = Shop::with_orders();
    shop.open_for_business();
    let Up { running, pages, predictions } = up(&shop).await;
    let answered = predict(&predictions, "elm").await;
    let browser = Browser::open().await;

    // Who answers, at a glance.
    browser.visit(&format!("{pages}/services")).await;
    wait_for_text(&browser, "article[data-service=late]", "The primary answers").await;
    assert!(browser.text("article[data-service=late]").await.contains("late-simple@1"));
    browser.keep_screenshot("cli-services").await;
    browser.click("article[data-service=late] h2 a").await;
    wait_for_text(&browser, "h1", "late").await;

    // A reason, then Tab to the button, then Enter: no mouse.
    let button = browser.text("#switch button").await;
    assert!(
        button.contains("Switch to shadow") && button.contains("ada@example.com"),
        "the name stands on the button: {button}"
    );
    let why = browser.element("#why").await;
    why.send_keys("too sure of Elm Street").await.expect("the reason");
    why.send_keys(TAB).await.expect("to the button");
    browser.active_element().await.expect("the focus").send_keys(ENTER).await.expect("pressed");
    wait_for_text(&browser, "[role=status].done", "epoch 3").await;
    wait_for_text(&browser, "[data-region=who]", "The shadow answers").await;
    let history = browser.text("[data-region=history]").await;
    assert!(history.contains("too sure of Elm Street") && history.contains("ada@example.com"), "{history}");
    browser.keep_screenshot("cli-service-switched").await;
    let answer = predict(&predictions, "elm").await;
    assert_eq!((answer.served_by.as_str(), answer.reason.as_deref()), ("shadow", Some("switched")));
    shop.lamp("why late").succeeds().line_with(&["answers now", "shadow (epoch 3)"]);

    // From an answer to the data behind it.
    ask_gateway(&shop.context.repo.path(), "POST", "/rotate").expect("the log is closed");
    browser.visit(&format!("{pages}/lineage?ref={}", answered.prediction)).await;
    let tree = browser.text(".tree").await;
    for text in ["late@1", "looked at it", "orders@1", "bakery"] {
        assert!(tree.contains(text), "`{text}` is not in the tree:\n{tree}");
    }
    browser.keep_screenshot("cli-lineage").await;
    let link = browser.find(Locator::LinkText("orders@1")).await.expect("a link to the dataset");
    link.click().await.expect("a click");
    wait_for_text(&browser, "h1", "Why orders@1").await;
    wait_for_text(&browser, "details.files", "2013-03-27.csv").await;

    // What is not there is said, and the way on is named.
    browser.visit(&format!("{pages}/lineage?ref=bread%407")).await;
    wait_for_text(&browser, "[role=alert]", "bread@7").await;
    browser.close().await;
    assert_eq!(running.stop(), Some(0));
}
