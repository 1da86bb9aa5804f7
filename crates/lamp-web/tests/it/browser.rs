//! The pages in a real Chromium.

use std::path::Path;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use lamp_testkit::browser::Locator;
use lamp_testkit::{Browser, SKIP_BROWSER_VARIABLE, is_skipped};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::kit::TestSite;
use crate::seed;

/// How long a page may take to show something.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A site on a port of its own, until it is dropped.
pub struct Running {
    pub site: TestSite,
    pub url: String,
    _stop: oneshot::Sender<()>,
}

impl Running {
    async fn start() -> Self {
        Self::of(TestSite::seeded().await).await
    }

    pub async fn of(site: TestSite) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = lamp_web::serve(site.app.clone(), site.settings.clone(), listener, async {
            let _ = stopped.await;
        });
        tokio::spawn(serving);
        Self { site, url, _stop: stop }
    }
}

/// The text of an element, if it is there and stays there: pages change under a test's hands.
async fn find_text(browser: &Browser, selector: &str) -> Option<String> {
    browser.find(Locator::Css(selector)).await.ok()?.text().await.ok()
}

pub async fn wait_for_text(browser: &Browser, selector: &str, expected: &str) {
    let ends_at = Instant::now() + PATIENCE;
    loop {
        let text = find_text(browser, selector).await;
        if text.as_deref() == Some(expected) {
            return;
        }
        assert!(Instant::now() < ends_at, "`{selector}` says {text:?}, not {expected:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn keep_picture(browser: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("LAMP_TEST_SCREENSHOTS") {
        browser.screenshot(Path::new(&folder).join(name)).await;
    }
}

#[tokio::test]
async fn the_switch_is_made_with_the_mouse_and_the_page_keeps_itself_fresh() {
    if is_skipped(SKIP_BROWSER_VARIABLE) {
        return;
    }
    let running = Running::start().await;
    let browser = Browser::open().await;
    browser.visit(&format!("{}/services/delay", running.url)).await;
    assert_eq!(browser.text(".panel-who .who-headline").await, "The primary answers");
    keep_picture(&browser, "web-service.png").await;

    let mut state = seed::state(2);
    state["answered_by_primary"] = 12_400.into();
    seed::ack(&running.site, 1, 2, 1, &state).await;
    wait_for_text(&browser, "[data-live='by-primary']", "12,400").await;

    browser.element("#why").await.send_keys("odd answers").await.expect("a text field");
    browser.click(".switch-button").await;
    wait_for_text(&browser, ".panel-who .who-headline", "The shadow answers").await;
    assert!(browser.text(".done").await.contains("epoch 3"));
    assert_eq!(running.site.route().await, (3, "shadow".to_owned()));
    assert_eq!(running.site.told(), 1);
    keep_picture(&browser, "web-service-switched.png").await;
    browser.close().await;
}

#[tokio::test]
async fn another_persons_switch_is_seen_without_loading_and_without_losing_what_is_typed() {
    if is_skipped(SKIP_BROWSER_VARIABLE) {
        return;
    }
    let running = Running::start().await;
    let browser = Browser::open().await;
    browser.visit(&format!("{}/services/delay", running.url)).await;
    browser.element("#why").await.send_keys("I was about to").await.expect("a text field");
    let body = serde_json::json!({"to": "shadow", "why": "by somebody else"});
    let answer = running.site.post_json("/api/v1/services/delay/switch", &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    wait_for_text(&browser, ".panel-who .who-headline", "The shadow answers").await;
    let typed = browser.element("#why").await.prop("value").await.expect("a value");
    assert_eq!(typed.as_deref(), Some("I was about to"));
    browser.close().await;
}

#[tokio::test]
async fn everything_works_by_keyboard_and_without_scripts() {
    if is_skipped(SKIP_BROWSER_VARIABLE) {
        return;
    }
    let running = Running::start().await;
    let browser = Browser::open_without_javascript().await;
    browser.visit(&format!("{}/services/delay", running.url)).await;
    let why = browser.element("#why").await;
    // Tab leads from the reason to the button, Enter presses it.
    why.send_keys("odd answers\u{e004}").await.expect("a text field");
    let button = browser.active_element().await.expect("the button has the focus");
    button.send_keys("\u{e007}").await.expect("a key");
    wait_for_text(&browser, ".panel-who .who-headline", "The shadow answers").await;

    browser.visit(&format!("{}/lineage", running.url)).await;
    browser.element("#ref").await.send_keys("delay@1\u{e007}").await.expect("a text field");
    wait_for_text(&browser, "h1", "Why delay@1?").await;
    assert!(browser.text(".tree").await.contains("second@example.com"));
    keep_picture(&browser, "web-lineage.png").await;
    browser.close().await;
}
