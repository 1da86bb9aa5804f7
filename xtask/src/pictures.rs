//! `cargo xtask pictures FOLDER`: the book's pictures, taken from the demo's pages in Chromium.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::steps;

/// Where the book looks for them, from the repository's root. Git does not keep them.
pub const FOLDER: &str = "docs/src/pictures";

/// Height of a page's picture, in pixels.
const PAGE_HEIGHT: usize = 900;

/// Name of a picture, and the address of its page in the demo, in which `{study}` stands for the id of a study.
pub const PICTURES: &[(&str, &str)] = &[
    ("shift", "/"),
    ("datasets", "/datasets"),
    ("dataset", "/datasets/flights"),
    ("histograms", "/histograms/flights"),
    ("models", "/models"),
    ("candidate", "/models/delay@2"),
    ("runs", "/runs"),
    ("services", "/services"),
    ("service", "/services/delay"),
    ("labels", "/labels"),
    ("metrics", "/metrics?window=all"),
    ("cadence", "/cadence"),
    ("study", "/studies/{study}"),
    ("incidents", "/incidents"),
    ("lineage", "/lineage?ref=delay%401"),
];

/// Name of a picture, and the command of `lamp` in the demo whose terminal it shows.
pub const TERMINALS: &[(&str, &[&str])] = &[
    ("terminal-doctor", &["doctor"]),
    ("terminal-hooks", &["hooks", "run", "--all-files"]),
    ("terminal-affected", &["affected", "--base", "HEAD~1"]),
    ("terminal-tests", &["test", "delay"]),
];

/// A terminal of the book: its text goes between the two, and its height, in pixels, follows its lines.
const TERMINAL_HEAD: &str = "<!doctype html><meta charset=utf-8><style>body{margin:0;background:#1f2328;color:#e6e6e6}\
    pre{margin:20px;font:12px/18px 'DejaVu Sans Mono',monospace}</style><pre>";
const LINE_HEIGHT: usize = 18;
const TERMINAL_MARGIN: usize = 20;

/// How long the pages are given to come up.
const UP_WITHIN: Duration = Duration::from_mins(1);

/// How long the pages may take to hear of a gateway that is ready.
const HEARD_AFTER: Duration = Duration::from_secs(5);

/// Whether there is a picture of that name.
pub fn is_taken(name: &str) -> bool {
    PICTURES.iter().any(|(known, _)| *known == name) || TERMINALS.iter().any(|(known, _)| *known == name)
}

/// Time of the page's own, in milliseconds, after which everything in it is drawn.
const SETTLED_AFTER_MS: u32 = 2_000;

/// Serves the demo that was made in the folder and takes a picture of each page.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let [demo] = arguments else {
        bail!(
            "`cargo xtask pictures FOLDER` takes the folder of a demo that was played; see `cargo xtask demo --no-serve`"
        );
    };
    let demo = std::path::absolute(demo)?;
    if !demo.join(".lamp/clock.json").is_file() {
        bail!("`{}` holds no demo; type `cargo xtask demo --no-serve --dir {}`", demo.display(), demo.display());
    }
    let binary = crate::target_directory(root).join("debug").join("lamp");
    let folder = root.join(FOLDER);
    std::fs::create_dir_all(&folder).context("cannot make the folder of pictures")?;
    let pages = Pages::start(&binary, &demo)?;
    let study = a_study(&demo)?;
    for (name, path) in PICTURES {
        let path = path.replace("{study}", &study);
        take(&format!("{}{path}", pages.address), PAGE_HEIGHT, &folder.join(format!("{name}.png")))?;
    }
    for (name, words) in TERMINALS {
        take_terminal(&binary, &demo, words, &folder.join(format!("{name}.png")))?;
    }
    println!("{} pictures in {FOLDER}", PICTURES.len() + TERMINALS.len());
    Ok(ExitCode::SUCCESS)
}

/// The id of a study of the demo.
fn a_study(demo: &Path) -> Result<String> {
    let studies = std::fs::read_dir(demo.join(".lamp/studies")).context("the demo was not played to its end")?;
    let first = studies.flatten().next().context("the demo has no study: it was not played to its end")?;
    Ok(first.file_name().to_string_lossy().into_owned())
}

/// Runs a command and takes a picture of what a terminal shows of it.
fn take_terminal(binary: &Path, demo: &Path, words: &[&str], picture: &Path) -> Result<()> {
    let mut command = Command::new(binary);
    let output = command.args(words).current_dir(demo).env("CLICOLOR_FORCE", "1").output()?;
    let text = format!("$ lamp {}\n{}", words.join(" "), String::from_utf8_lossy(&output.stdout));
    let html = format!("{TERMINAL_HEAD}{}</pre>", ansi_to_html::convert(&text)?);
    let page = picture.with_extension("html");
    std::fs::write(&page, html).with_context(|| format!("cannot write {}", page.display()))?;
    let height = text.lines().count() * LINE_HEIGHT + 2 * TERMINAL_MARGIN;
    let taken = take(&format!("file://{}", page.display()), height, picture);
    std::fs::remove_file(&page).with_context(|| format!("cannot remove {}", page.display()))?;
    taken
}

/// `lamp up`, ended with this value.
struct Pages {
    child: Child,
    address: String,
}

impl Pages {
    fn start(binary: &Path, demo: &Path) -> Result<Self> {
        let [pages, predictions] = [free_address()?, free_address()?];
        let mut command = Command::new(binary);
        command.arg("-C").arg(demo).args(["up", "--listen", &pages, "--predictions", &predictions]);
        let child =
            command.stdout(Stdio::null()).spawn().with_context(|| format!("cannot run {}", binary.display()))?;
        let started = Self { child, address: format!("http://{pages}") };
        // The models take requests only when both are warm, and the pages are to show them so.
        let began = Instant::now();
        while std::net::TcpStream::connect(&pages).is_err() || !is_ready(&predictions) {
            if began.elapsed() > UP_WITHIN {
                bail!("the pages did not come up");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        // One beat of the gateway more, until the pages have heard of it.
        std::thread::sleep(HEARD_AFTER);
        Ok(started)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SIGTERM, so that the gateway is ended too.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Whether the gateway says that it is ready.
fn is_ready(address: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        write!(stream, "GET /v2/health/ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.to_string())
}

fn take(address: &str, height: usize, picture: &Path) -> Result<()> {
    let profile = std::env::temp_dir().join(format!("lamp-pictures-{}", std::process::id()));
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]);
    chromium.arg(format!("--virtual-time-budget={SETTLED_AFTER_MS}"));
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    chromium.arg(format!("--user-data-dir={}", profile.display())).arg(format!("--window-size=1280,{height}"));
    chromium.arg(format!("--screenshot={}", picture.display())).arg(address).stderr(Stdio::null());
    let taken = steps::run(&mut chromium);
    let _ = std::fs::remove_dir_all(&profile);
    taken?;
    if !picture.is_file() {
        bail!("Chromium took no picture of {address}");
    }
    Ok(())
}
