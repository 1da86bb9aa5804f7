//! A shift in a real Chromium: everything that a person does in it, by keyboard, by mouse, and without scripts.

use lamp_core::duty::DutyState;
use lamp_core::registry::ModelState;
use lamp_testkit::{Browser, SKIP_BROWSER_VARIABLE, is_skipped};
use serde_json::Value;

use crate::browser::{Running, wait_for_text};
use crate::kit::TestSite;
use crate::{logged, readings, seed};

const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const LEFT: &str = "\u{e012}";

/// A site where everything waits for somebody.
async fn running() -> Running {
    let site = TestSite::seeded().await;
    readings::all(&site).await;
    seed::candidate(&site, 0.7201).await;
    logged::drawn(&site, 4).await;
    Running::of(site).await
}

/// Presses keys where nothing has the focus.
async fn press(browser: &Browser, keys: &str) {
    browser.element("body").await.send_keys(keys).await.expect("keys");
}

async fn type_into(browser: &Browser, selector: &str, keys: &str) {
    browser.element(selector).await.send_keys(keys).await.expect("a text field");
}

async fn is_done(running: &Running) -> bool {
    let duties = running.site.app.list_duties(10).await.expect("duties");
    let found = duties.iter().find(|view| view.title.starts_with("histograms")).expect("a histograms duty");
    found.duty.state == DutyState::Done
}

async fn labels(running: &Running) -> Vec<String> {
    let labels = running.site.app.list_labels(None, 10).await.expect("labels");
    labels.iter().filter(|record| record.is_current).map(|record| record.label.value.to_string()).collect()
}

async fn candidate(running: &Running) -> ModelState {
    running.site.app.model_version("delay@2").await.expect("a model").state
}

async fn sign_by_keys(running: &Running, browser: &Browser) {
    browser.visit(&running.url).await;
    browser.keep_screenshot("web-shift").await;
    browser.click("a.button[href^='/duties/']").await;
    wait_for_text(browser, ".places-count", "0 of 3 said").await;
    browser.keep_screenshot("web-duty").await;
    press(browser, "n").await;
    wait_for_text(browser, ".legend-column .muted", "Column 2 of 3, chosen because it moved most.").await;
    press(browser, "p").await;
    press(browser, ENTER).await;
    wait_for_text(browser, ".places-count", "1 of 3 said").await;
    press(browser, "x").await;
    let note = browser.active_element().await.expect("the note has the focus");
    note.send_keys(&format!("a lamp that nobody knows{TAB}{ENTER}")).await.expect("a note");
    wait_for_text(browser, ".places-count", "2 of 3 said").await;
    press(browser, ENTER).await;
    wait_for_text(browser, ".page-head .state", "✓ done").await;
    assert!(is_done(running).await);
    browser.keep_screenshot("web-duty-done").await;
}

async fn label_by_keys(running: &Running, browser: &Browser) {
    browser.visit(&format!("{}/labels", running.url)).await;
    browser.keep_screenshot("web-labels").await;
    for (key, progress) in [("1", "1 of 4"), ("n", "2 of 4"), ("s", "3 of 4")] {
        press(browser, key).await;
        wait_for_text(browser, ".label-progress b", progress).await;
    }
    press(browser, "u").await;
    wait_for_text(browser, "h1", "Again: is arr_delay >= 15 true?").await;
    press(browser, "0").await;
    wait_for_text(browser, ".done b", "no").await;
    press(browser, "y").await;
    wait_for_text(browser, ".empty p", "Nothing waits to be labelled.").await;
    assert_eq!(labels(running).await, ["yes", "no", "no", "yes"], "newest first");
}

/// An incident is taken up in the list, and closed on its own page.
async fn close_an_incident_by_keys(running: &Running, browser: &Browser) {
    browser.visit(&format!("{}/incidents", running.url)).await;
    browser.keep_screenshot("web-incidents").await;
    type_into(browser, ".incidents button", ENTER).await;
    wait_for_text(browser, ".incidents .state", "◐ acknowledged").await;
    type_into(browser, ".incident-title a", ENTER).await;
    type_into(browser, "#note", &format!("a new lamp{TAB}{ENTER}")).await;
    wait_for_text(browser, ".state", "✓ resolved").await;
}

/// Pages to read: what is current on them, after a choice by keyboard or mouse.
async fn read_on(running: &Running, browser: &Browser, choose: impl AsyncFn(&Browser, &'static str)) {
    let pages = [
        ("/metrics", ".tabs a[href*='window=7d']", ".tabs [aria-current]", "last 7 days"),
        ("/incidents", ".tabs a:not([aria-current])", ".tabs [aria-current]", "All"),
        ("/datasets", "tbody a[href='/datasets/readings']", "h1", "readings@1"),
        ("/runs", ".crumbs a", "h1", "Models"),
    ];
    for (page, choice, shown, expected) in pages {
        browser.visit(&format!("{}{page}", running.url)).await;
        choose(browser, choice).await;
        wait_for_text(browser, shown, expected).await;
    }
}

/// Every page at the width of a phone, light or dark: nothing is wider than the window.
async fn fits_a_phone(running: &Running, browser: &Browser) {
    browser.set_window_size(500, 900).await.expect("a narrow window");
    let pages = [
        "/",
        "/duties",
        "/rota",
        "/labels",
        "/datasets",
        "/datasets/readings",
        "/histograms/readings",
        "/models",
        "/models/delay@2",
        "/runs",
        "/services",
        "/services/delay",
        "/metrics",
        "/incidents",
        "/cadence",
        "/lineage?ref=delay@2",
    ];
    for page in pages {
        browser.visit(&format!("{}{page}", running.url)).await;
        let script = "return [document.documentElement.scrollWidth, window.innerWidth]";
        let widths = browser.execute(script, Vec::new()).await.expect("two widths");
        let width = |at: usize| widths.get(at).and_then(Value::as_u64).expect("a width");
        assert!(width(0) <= width(1), "{page} is {} wide in a window of {}", width(0), width(1));
    }
}

#[tokio::test]
async fn a_shift_is_done_by_keyboard() {
    if is_skipped(SKIP_BROWSER_VARIABLE) {
        return;
    }
    let running = running().await;
    let browser = Browser::open().await;
    sign_by_keys(&running, &browser).await;
    label_by_keys(&running, &browser).await;
    browser.visit(&format!("{}/histograms/readings", running.url)).await;
    browser.keep_screenshot("web-histograms").await;
    press(&browser, LEFT).await;
    wait_for_text(&browser, ".legend li", "Now: 2013-04-02, 48 rows").await;
    browser.visit(&format!("{}/models/delay@2", running.url)).await;
    browser.keep_screenshot("web-model").await;
    // Tab leads from the note over Approve to Reject.
    type_into(&browser, "#note", &format!("the slices hold{TAB}{ENTER}")).await;
    wait_for_text(&browser, ".page-head .state", "✓ approved").await;
    assert_eq!(candidate(&running).await, ModelState::Approved);
    close_an_incident_by_keys(&running, &browser).await;
    read_on(&running, &browser, async |browser, choice| type_into(browser, choice, ENTER).await).await;
    fits_a_phone(&running, &browser).await;
    browser.close().await;
}

#[tokio::test]
async fn a_shift_is_done_with_the_mouse_and_without_scripts() {
    if is_skipped(SKIP_BROWSER_VARIABLE) {
        return;
    }
    let running = running().await;
    let browser = Browser::open_without_javascript().await;
    browser.visit(&running.url).await;
    browser.click(".incidents button").await;
    wait_for_text(&browser, ".incidents .state", "◐ acknowledged").await;
    browser.click(".incident-title a").await;
    type_into(&browser, "#note", "a new lamp").await;
    browser.click(".sign .buttons button").await;
    wait_for_text(&browser, ".state", "✓ resolved").await;

    browser.visit(&running.url).await;
    browser.click("a.button[href^='/duties/']").await;
    for said in ["1 of 3 said", "2 of 3 said"] {
        browser.click(".judge .approve").await;
        wait_for_text(&browser, ".places-count", said).await;
    }
    browser.click(".suspicion summary").await;
    type_into(&browser, "#note", "brighter than ever").await;
    browser.click(".suspicion button").await;
    wait_for_text(&browser, ".page-head .state", "✓ done").await;
    assert!(is_done(&running).await);

    browser.visit(&format!("{}/labels", running.url)).await;
    browser.click(".choices button:last-child").await;
    wait_for_text(&browser, ".done b", "yes").await;
    assert_eq!(labels(&running).await, ["yes"]);

    browser.visit(&format!("{}/models", running.url)).await;
    browser.click(".waiting .button").await;
    type_into(&browser, "#note", "worse on short flights").await;
    browser.click("button.reject").await;
    wait_for_text(&browser, ".page-head .state", "✕ rejected").await;
    assert_eq!(candidate(&running).await, ModelState::Rejected);
    read_on(&running, &browser, async |browser, choice| browser.click(choice).await).await;
    browser.close().await;
}
