//! `cargo xtask pictures FOLDER`: the book's pictures, taken from the demo's pages in Chromium.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::steps;

/// Where the book looks for them, from the repository's root. Git does not keep them.
pub const FOLDER: &str = "docs/src/pictures";

/// Name of a picture, and the address of its page in the demo.
pub const PICTURES: &[(&str, &str)] = &[
    ("shift", "/"),
    ("datasets", "/datasets"),
    ("dataset", "/datasets/flights"),
    ("histograms", "/histograms/flights"),
    ("models", "/models"),
    ("candidate", "/models/delay@2"),
    ("services", "/services"),
    ("service", "/services/delay"),
    ("labels", "/labels"),
    ("metrics", "/metrics"),
    ("cadence", "/cadence"),
    ("incidents", "/incidents"),
    ("lineage", "/lineage?ref=delay%401"),
];

/// How long the pages are given to come up.
const UP_WITHIN: Duration = Duration::from_mins(1);

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
    for (name, path) in PICTURES {
        take(&format!("{}{path}", pages.address), &folder.join(format!("{name}.png")))?;
    }
    println!("{} pictures in {FOLDER}", PICTURES.len());
    Ok(ExitCode::SUCCESS)
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
        let began = Instant::now();
        while std::net::TcpStream::connect(&pages).is_err() {
            if began.elapsed() > UP_WITHIN {
                bail!("the pages did not come up");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
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

fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.to_string())
}

fn take(address: &str, picture: &Path) -> Result<()> {
    let profile = std::env::temp_dir().join(format!("lamp-pictures-{}", std::process::id()));
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    chromium.arg(format!("--user-data-dir={}", profile.display())).arg("--window-size=1280,900");
    chromium.arg(format!("--screenshot={}", picture.display())).arg(address).stderr(Stdio::null());
    let taken = steps::run(&mut chromium);
    let _ = std::fs::remove_dir_all(&profile);
    taken?;
    if !picture.is_file() {
        bail!("Chromium took no picture of {address}");
    }
    Ok(())
}
