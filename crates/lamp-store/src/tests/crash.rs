//! The process is killed at every boundary between two steps; the same work again succeeds.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};

use super::*;

const NAMES: [&str; 4] = ["a", "folder/b", "large", "link"];
const SERIES: &str = "datasets/flights";

/// The number of `SIGABRT`.
const ABORTED: i32 = 6;

/// More boundaries than the work below has.
const STEPS_MAX: u64 = 200;

fn prepare() -> (Bench, BTreeMap<PathBuf, Vec<u8>>) {
    let bench = Bench::new();
    let contents = [("a", noise(10, 1)), ("folder/b", noise(5_000, 2)), ("large", noise((2 << 20) + 1, 3))];
    symlink("folder/b", bench.sources().join("link")).expect("a link");
    let sources = contents.into_iter().map(|(name, content)| (bench.write(name, &content), content)).collect();
    (bench, sources)
}

/// Runs [`work`] in a process of its own, which aborts at `step`.
fn run_child(bench: &Bench, step: Option<u64>) -> ExitStatus {
    child_process(bench, step).output().expect("the child runs").status
}

fn child_process(bench: &Bench, step: Option<u64>) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test binary"));
    command.args(["--exact", "tests::crash::child", "--nocapture"]).env("LAMP_STORE_TEST_CHILD", bench.dir.path());
    if let Some(step) = step {
        command.env("LAMP_STORE_TEST_ABORT_AT", step.to_string());
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// What the child does: a version from first to last.
async fn work(dir: &Path) {
    let store = Store::open("store", dir, &dir.join("cache")).await.expect("opens");
    let files = NAMES.iter().map(|name| SourceFile { path: dir.join("sources").join(name), name: (*name).to_owned() });
    let entries = store.add_files(files.collect(), quiet()).await.expect("added");
    let digest = store.put_manifest(&manifest(entries.clone())).await.expect("stored");
    store.publish(SERIES, 1, &digest).await.expect("published");
    store.put_document(crate::DocumentKind::Profile, &digest, b"{}").await.expect("document");
    store.local_paths(&entries[..3], quiet()).await.expect("paths");
    store.checkout(&entries, &dir.join("out"), Overwrite::Refuse, quiet()).await.expect("out");
}

/// Not a test of its own: the body of the processes that are killed.
#[tokio::test]
async fn child() {
    if let Ok(dir) = std::env::var("LAMP_STORE_TEST_CHILD") {
        work(Path::new(&dir)).await;
    }
}

/// Every published version is whole, and every file checked out has its name only when it is.
async fn assert_absent_or_whole(bench: &Bench, sources: &BTreeMap<PathBuf, Vec<u8>>, at: &str) {
    for (path, content) in sources {
        assert_eq!(&fs::read(path).expect("the source"), content, "{at}: the source is as it was");
    }
    let store = bench.open().await;
    for (_, digest) in store.published(SERIES).await.expect("listed") {
        let manifest = store.manifest(&digest).await.expect("readable");
        assert_eq!(manifest.files.len(), NAMES.len(), "{at}");
        assert_eq!(store.verify(&manifest, quiet()).await.expect("verified"), Vec::new(), "{at}");
    }
    for (path, content) in sources {
        let name = path.strip_prefix(bench.sources()).expect("a source");
        if let Ok(copy) = fs::read(bench.out().join(name)) {
            assert_eq!(&copy, content, "{at}: {}", name.display());
        }
    }
}

#[tokio::test]
async fn killed_at_any_step_a_version_is_absent_or_whole_and_the_same_again_succeeds() {
    let mut boundaries = 0;
    for step in 1..STEPS_MAX {
        let (bench, sources) = prepare();
        let status = run_child(&bench, Some(step));
        let at = format!("killed at step {step}");
        assert_absent_or_whole(&bench, &sources, &at).await;
        if status.success() {
            break;
        }
        assert_eq!(status.signal(), Some(ABORTED), "{at}");
        boundaries = step;

        assert!(run_child(&bench, None).success(), "{at}: the same again succeeds");
        assert_absent_or_whole(&bench, &sources, &at).await;
        let published = bench.open().await.published(SERIES).await.expect("listed");
        assert_eq!(published.len(), 1, "{at}");
        assert_eq!(fs::read_link(bench.out().join("link")).expect("a link"), Path::new("folder/b"));
    }
    assert!((20..STEPS_MAX - 1).contains(&boundaries), "{boundaries} boundaries were tried");
}

#[tokio::test]
async fn processes_that_do_the_same_at_once_all_succeed() {
    for round in 0..5 {
        let (bench, sources) = prepare();
        let start = |_| child_process(&bench, None).stderr(Stdio::piped()).spawn().expect("the child starts");
        let children: Vec<_> = (0..4).map(start).collect();
        for child in children {
            let output = child.wait_with_output().expect("the child ends");
            assert!(output.status.success(), "round {round}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert_absent_or_whole(&bench, &sources, "at once").await;
        assert_eq!(bench.open().await.published(SERIES).await.expect("listed").len(), 1);
        assert_eq!(names_in(&bench.out()), ["a", "folder", "large", "link"]);
        assert_eq!(bench.left_behind(), Vec::<String>::new());
    }
}
