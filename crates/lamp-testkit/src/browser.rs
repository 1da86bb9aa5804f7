//! A real, headless Chromium, driven over WebDriver.

use std::ops::Deref;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

pub use fantoccini::{Locator, elements::Element};

/// How long the driver may take to listen.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Names a folder for pictures that people look at.
const SCREENSHOTS_VARIABLE: &str = "LAMP_TEST_SCREENSHOTS";
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What the driver prints, in the profile's folder.
const DRIVER_LOG: &str = "chromedriver.log";
/// The window of every page, so that screenshots have one size.
const WINDOW: (u32, u32) = (1280, 900);

/// Chromium must ask nobody but the page under test.
const CHROMIUM_FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--hide-scrollbars",
];

/// A browser with a profile of its own. It derefs to [`fantoccini::Client`]. Driver, browser and
/// profile are gone when it is dropped.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    processes: Processes,
}

/// The driver and what it started. Killed as one, also when a test panics.
#[derive(Debug)]
struct Processes {
    driver: Child,
    profile: TempDir,
}

impl Browser {
    /// A browser on an empty page.
    ///
    /// # Panics
    /// When Chromium or its driver is missing or does not start, saying what to do.
    pub async fn open() -> Self {
        Self::open_with(&json!({})).await
    }

    /// A browser that runs no script, for pages that must work without.
    ///
    /// # Panics
    /// As [`Browser::open`].
    pub async fn open_without_javascript() -> Self {
        Self::open_with(&json!({"profile.managed_default_content_settings.javascript": 2})).await
    }

    async fn open_with(preferences: &serde_json::Value) -> Self {
        let profile = tempfile::Builder::new().prefix("lamp-browser-").tempdir().expect("a temporary folder");
        let processes = Processes::start(profile);
        let url = format!("http://127.0.0.1:{}", processes.port().await);
        let capabilities = capabilities(&program("chromium"), processes.profile.path(), preferences);
        let client = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&url).await;
        let client = client.unwrap_or_else(|error| panic!("chromedriver cannot start Chromium: {error}"));
        client.set_window_size(WINDOW.0, WINDOW.1).await.expect("a window that can be sized");
        Self { client, processes }
    }

    /// Goes to `url` and waits until the page has loaded.
    ///
    /// # Panics
    /// When the page cannot be loaded.
    pub async fn visit(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("cannot load {url}: {error}"));
    }

    /// The text that a person sees in the first element that the CSS `selector` matches, waiting
    /// for one to appear.
    ///
    /// # Panics
    /// When none appears.
    pub async fn text(&self, selector: &str) -> String {
        self.element(selector).await.text().await.unwrap_or_else(|error| panic!("`{selector}` has no text: {error}"))
    }

    /// Clicks the first element that the CSS `selector` matches, waiting for one to appear.
    ///
    /// # Panics
    /// When none appears or it cannot be clicked.
    pub async fn click(&self, selector: &str) {
        let clicked = self.element(selector).await.click().await;
        clicked.unwrap_or_else(|error| panic!("cannot click `{selector}`: {error}"));
    }

    /// The first element that the CSS `selector` matches, waiting for one to appear.
    ///
    /// # Panics
    /// When none appears, with the page's source.
    pub async fn element(&self, selector: &str) -> Element {
        match self.client.wait().for_element(Locator::Css(selector)).await {
            Ok(element) => element,
            Err(error) => {
                let source = self.client.source().await.unwrap_or_default();
                panic!("nothing matches `{selector}` ({error}) in:\n{source}")
            }
        }
    }

    /// Writes a picture of the window to `path` (PNG).
    ///
    /// # Panics
    /// When there is none or it cannot be written.
    pub async fn screenshot(&self, path: impl AsRef<Path>) {
        let picture = self.client.screenshot().await.unwrap_or_else(|error| panic!("no screenshot: {error}"));
        let path = path.as_ref();
        std::fs::write(path, picture).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }

    /// Keeps a picture of the window as `NAME.png` in the folder that `LAMP_TEST_SCREENSHOTS` names,
    /// for people to look at. Does nothing when it names none.
    ///
    /// # Panics
    /// When the picture cannot be written.
    pub async fn keep_screenshot(&self, name: &str) {
        if let Some(folder) = std::env::var_os(SCREENSHOTS_VARIABLE) {
            self.screenshot(Path::new(&folder).join(format!("{name}.png"))).await;
        }
    }

    /// Ends the session in good order. Dropping does without.
    ///
    /// # Panics
    /// When the driver does not answer.
    pub async fn close(self) {
        self.client.clone().close().await.expect("a session that can be closed");
    }

    /// The browser's profile folder.
    pub fn profile(&self) -> &Path {
        self.processes.profile.path()
    }
}

impl Deref for Browser {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Processes {
    /// The driver chooses a free port and prints it.
    fn start(profile: TempDir) -> Self {
        let path = program("chromedriver");
        let log = std::fs::File::create(profile.path().join(DRIVER_LOG)).expect("a log file in the temporary folder");
        let driver = Command::new(&path)
            .arg("--port=0")
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path())
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", path.display()));
        Self { driver, profile }
    }

    async fn port(&self) -> u16 {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            let log = std::fs::read_to_string(self.profile.path().join(DRIVER_LOG)).unwrap_or_default();
            if let Some(port) = find_port(&log) {
                return port;
            }
            assert!(Instant::now() < deadline, "chromedriver does not say its port:\n{log}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// The port in `ChromeDriver was started successfully on port 38279.`
fn find_port(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once("successfully on port ")?;
    let (port, _) = rest.split_once('.')?;
    port.parse().ok()
}

/// Ids of the processes whose command line names the profile: Chromium leaves the driver's group.
fn browser_processes(profile: &Path) -> Vec<String> {
    let profile = profile.to_string_lossy().into_owned();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| {
        let arguments = std::fs::read(entry.path().join("cmdline")).ok()?;
        let is_ours = String::from_utf8_lossy(&arguments).contains(&profile);
        is_ours.then(|| entry.file_name().to_string_lossy().into_owned())
    });
    ids.collect()
}

impl Drop for Processes {
    fn drop(&mut self) {
        let group = format!("-{}", self.driver.id());
        let mut targets = browser_processes(self.profile.path());
        targets.push(group);
        // What has ended by itself is not there any more, and kill says so: not of interest.
        let kill = Command::new("kill").arg("-KILL").arg("--").args(targets).stderr(Stdio::null()).status();
        if kill.is_err() {
            let _ = self.driver.kill();
        }
        let _ = self.driver.wait();
    }
}

fn capabilities(chromium: &Path, profile: &Path, preferences: &serde_json::Value) -> Capabilities {
    let profile_flag = format!("--user-data-dir={}", profile.join("profile").display());
    let flags: Vec<&str> = CHROMIUM_FLAGS.iter().copied().chain(std::iter::once(profile_flag.as_str())).collect();
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    let options = json!({"binary": chromium, "args": flags, "prefs": preferences});
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities
}

/// Finds a program on `PATH`, or says how to get it.
fn program(name: &str) -> PathBuf {
    find_program(name).unwrap_or_else(|| {
        panic!("`{name}` is not on PATH; type `cargo xtask setup`, or leave browser tests out with `cargo xtask test --skip-browser`")
    })
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!doctype html><html lang="en"><title>Lamps</title>
        <style>body { font: 24px sans-serif; background: #fdf6e3 }</style>
        <h1>Some light is better than none</h1><button id="light">Light it</button><p id="lamp">dark</p>
        <script>document.querySelector('#light').onclick = () => { document.querySelector('#lamp').textContent = 'lit' }</script>"#;

    fn skipped() -> bool {
        crate::is_skipped(crate::SKIP_BROWSER_VARIABLE)
    }

    fn write_page(folder: &TempDir) -> String {
        let page = folder.path().join("page.html");
        std::fs::write(&page, PAGE).expect("the page");
        format!("file://{}", page.display())
    }

    #[tokio::test]
    async fn a_page_is_clicked_and_photographed_and_nothing_is_left_running() {
        if skipped() {
            return;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = write_page(&folder);
        let browser = Browser::open().await;
        browser.visit(&url).await;
        assert_eq!(browser.title().await.expect("a title"), "Lamps");
        assert_eq!(browser.text("#lamp").await, "dark");
        browser.click("#light").await;
        assert_eq!(browser.text("#lamp").await, "lit");

        let picture = folder.path().join("page.png");
        browser.screenshot(&picture).await;
        let bytes = std::fs::read(&picture).expect("the picture");
        let width = u32::from_be_bytes(bytes[16..20].try_into().expect("four bytes"));
        assert_eq!((&bytes[1..4], width), (&b"PNG"[..], WINDOW.0));
        browser.keep_screenshot("testkit-page").await;

        let profile = browser.profile().to_owned();
        assert!(!browser_processes(&profile).is_empty());
        drop(browser);
        let ends_at = Instant::now() + Duration::from_secs(10);
        while !browser_processes(&profile).is_empty() {
            assert!(Instant::now() < ends_at, "Chromium is still running");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        assert!(!profile.exists(), "the profile is gone");
    }

    #[tokio::test]
    async fn a_browser_without_scripts_runs_none() {
        if skipped() {
            return;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let browser = Browser::open_without_javascript().await;
        browser.visit(&write_page(&folder)).await;
        browser.click("#light").await;
        assert_eq!(browser.text("#lamp").await, "dark");
        browser.close().await;
    }

    #[test]
    fn the_port_is_read_when_its_line_is_whole() {
        let log = "Starting ChromeDriver 156.0 on port 0\nChromeDriver was started successfully on port 38279.\n";
        assert_eq!(find_port(log), Some(38279));
        assert_eq!(find_port(&log[..log.len() - 3]), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_not_found() {
        assert_eq!(find_program("no-such-program-anywhere"), None);
        assert!(find_program("sh").is_some());
    }
}
