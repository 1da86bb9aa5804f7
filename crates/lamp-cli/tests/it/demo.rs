//! `lamp demo` on real flights, whole: the end state that the README promises.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lamp_testkit::http::free_port;
use lamp_testkit::{Outcome, SKIP_PYTHON_VARIABLE, TempRepo, TestContext};
use serde_json::Value;

/// The demo is to take at most about six minutes alone on two cores; beside other tests it gets more.
const DEMO_WITHIN: Duration = Duration::from_mins(15);

struct Demo {
    context: TestContext,
    folder: PathBuf,
}

impl Demo {
    fn new() -> Self {
        let repo = TempRepo::without_git();
        let folder = repo.path().join("demo");
        let mut context = TestContext::with_repo(env!("CARGO_BIN_EXE_lamp"), repo);
        context.use_real_clock();
        Self { context, folder }
    }

    fn play(&self) -> Outcome {
        let [pages, predictions] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
        let folder = self.folder.display().to_string();
        let arguments = ["demo", "--no-serve", "--dir", &folder, "--listen", &pages, "--predictions", &predictions];
        let started = Instant::now();
        let outcome = self.context.lamp(arguments).run();
        assert_eq!(outcome.code, Some(0), "{}", outcome.text());
        assert!(started.elapsed() < DEMO_WITHIN, "it took {:?}", started.elapsed());
        outcome
    }

    fn lamp(&self, words: &[&str]) -> Outcome {
        let folder = self.folder.display().to_string();
        self.context.lamp([&["-C", &folder], words].concat()).run()
    }

    fn json(&self, words: &[&str]) -> Value {
        let outcome = self.lamp(&[words, &["--json"]].concat());
        assert!(matches!(outcome.code, Some(0 | 1)), "{}", outcome.text());
        outcome.json()
    }

    fn versions(&self, dataset: &str) -> usize {
        self.json(&["data", "log", dataset]).as_array().expect("a list").len()
    }

    fn models(&self) -> Vec<Value> {
        self.json(&["models", "ls"]).as_array().expect("a list").clone()
    }
}

fn line<'t>(text: &'t str, with: &str) -> &'t str {
    text.lines().find(|line| line.contains(with)).unwrap_or_else(|| panic!("no line has `{with}`:\n{text}"))
}

/// The days of a feed whose promises the checks found broken.
fn broken_days(told: &str, feed: &str) -> Vec<String> {
    let start = format!("broken {feed}[");
    let lines = told.lines().filter_map(|line| line.trim_start().strip_prefix(&start));
    let mut days: Vec<String> = lines.filter_map(|line| Some(line.split_once(']')?.0.to_owned())).collect();
    days.dedup();
    days
}

#[test]
fn the_tour_ends_as_promised_and_can_be_taken_again() {
    if lamp_testkit::is_skipped(SKIP_PYTHON_VARIABLE) {
        return;
    }
    let demo = Demo::new();
    let played = demo.play();
    data_is_versioned_and_checked(&demo, &played.stdout);
    models_are_signed_for(&demo);
    people_did_their_round(&demo, &played.stdout);
    all_nine_practices_are_kept(&demo, &played.stdout);
    not_one_request_failed(&played.stdout);
    a_rescued_answer_says_why(&demo, &played.stdout);
    a_second_tour_makes_nothing_twice(&demo);
    a_folder_that_is_not_the_demos_is_left_alone(&demo);
}

fn data_is_versioned_and_checked(demo: &Demo, told: &str) {
    // One a day from January to April, then one a month.
    assert_eq!((demo.versions("flights"), demo.versions("weather")), (128, 128));
    // A blizzard closed the airports in February, two storms did in March; and on one day a station
    // measured a wind that no city has seen.
    let broken = broken_days(told, "flights");
    let winter = ["2013-02-08", "2013-02-09", "2013-03-06", "2013-03-08"];
    let later = ["2013-05-23", "2013-09-12", "2013-12-05", "2013-12-10", "2013-12-14"];
    assert_eq!(broken, [&winter[..], &later[..]].concat(), "{told}");
    assert_eq!(broken_days(told, "weather"), ["2013-02-12", "2013-12-30"], "{told}");
    let verdict = demo.lamp(&["check", "flights[2013-02-08]"]);
    assert_eq!(verdict.code, Some(1), "{}", verdict.text());
    let verdict = demo.lamp(&["check", "flights[2013-02-10]"]);
    assert_eq!(verdict.code, Some(0), "{}", verdict.text());

    let trips = demo.lamp(&["why", "trips@1"]);
    let commit = line(&trips.stdout, "commit ");
    assert!(commit.split_whitespace().any(|word| word.len() == 40), "trips were built at a commit: {commit}");
    line(&trips.stdout, "built by run");
    line(&trips.stdout, "flights@90");
    line(&trips.stdout, "weather@90");
    let lock = std::fs::read_to_string(demo.folder.join("lamp.lock")).expect("the lock");
    assert!(["flights", "weather", "trips"].iter().all(|name| lock.contains(&format!("[datasets.{name}]"))), "{lock}");
    assert!(is_clean(&demo.folder), "everything that belongs into git is committed");
}

fn is_clean(folder: &Path) -> bool {
    let output = std::process::Command::new("git").arg("-C").arg(folder).args(["status", "--porcelain"]).output();
    output.expect("git runs").stdout.is_empty()
}

fn models_are_signed_for(demo: &Demo) {
    let models = demo.models();
    let (first, later): (Vec<_>, Vec<_>) = models.iter().partition(|view| view["model"]["id"]["version"] == 1);
    // The cadence trained in July, October and January; nothing of that went live by itself.
    assert_eq!(later.len(), 3, "{later:?}");
    for candidate in later {
        assert_eq!(candidate["model"]["state"], "candidate", "{candidate}");
        assert_eq!(candidate["serving"].as_array().map(Vec::len), Some(0), "{candidate}");
    }
    let mut found: Vec<(String, f64)> = first
        .iter()
        .map(|view| {
            let model = &view["model"];
            assert_eq!(model["state"], "approved", "{model}");
            assert_eq!(model["evidence"]["gate"]["passed"], true, "{model}");
            assert_eq!(view["approvals"].as_array().map(Vec::len), Some(1), "{view}");
            assert_eq!(view["serving"].as_array().map(Vec::len), Some(1), "{view}");
            let auc = model["evidence"]["metrics"]["roc_auc"].as_f64().expect("a metric");
            (model["flavour"].as_str().expect("a flavour").to_owned(), auc)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let [(onnx, simple), (python, main)] = &found[..] else { panic!("two models: {found:?}") };
    assert_eq!((onnx.as_str(), python.as_str()), ("onnx", "python"));
    assert!(*simple > 0.60 && *main > 0.65, "above their gates: {found:?}");
}

/// The labeller, the signer of histograms and New Year's Eve.
fn people_did_their_round(demo: &Demo, told: &str) {
    let april = line(told, "labels (the demo knows");
    assert!(april.contains("280 labels") || april.contains("290 labels") || april.contains("300 labels"), "{april}");
    line(told, "missing no file of weather for 2013-12-31");
    line(told, "broken trips[2013-12-31] `temp` is null in 776 of 776 rows");
    let metrics = demo.json(&["metrics", "delay", "--window", "all"]);
    assert!(metrics.to_string().contains("\"measured\""), "labels say something of the models: {metrics}");
    let incidents = demo.json(&["incidents", "ls", "--all"]);
    let subjects = incidents.to_string();
    assert!(subjects.contains("flights[2013-02-08]") && subjects.contains("trips[2013-12-31]"), "{subjects}");

    // On New Year's Day half of the labels are given, and every histogram is judged: columns without weather are
    // suspicious.
    line(told, "5 labels (5 more wait for you: lamp label next), 8 histograms");
    let duties = demo.json(&["duty", "ls"]);
    let of_today = |kind: &str| {
        let duties = duties.as_array().into_iter().flatten();
        let found = duties.filter(|duty| duty["kind"] == kind && duty["subject"].to_string().contains("2014-01-01"));
        found.map(|duty| duty["state"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of_today("histograms"), ["done"], "{duties}");
    assert!(subjects.contains("gone, all of a sudden"), "{subjects}");
}

/// The year was studied, the cadence adopted with its evidence, the models tested, and the doctor finds nothing.
fn all_nine_practices_are_kept(demo: &Demo, told: &str) {
    let tested = line(told, " passed, ");
    assert!(tested.contains("25 passed, 0 failed"), "{tested}");
    let config = std::fs::read_to_string(demo.folder.join("projects/delay/lamp.toml")).expect("the project's file");
    assert!(config.contains("evidence = \"study:"), "{config}");
    let doctor = demo.json(&["doctor"]);
    let findings = doctor.as_array().expect("a list");
    assert_eq!(findings.len(), 9, "{doctor}");
    for finding in findings {
        assert_eq!(finding["score"], "yes", "{finding}");
    }
}

fn not_one_request_failed(told: &str) {
    let requests = line(told, "requests  ");
    assert!(requests.contains(", 0 failed"), "{requests}");
    line(told, "kill -9");
    line(told, "answered by the primary");
    let by_shadow: Vec<&str> = told.lines().filter(|line| line.starts_with("answered by the shadow")).collect();
    let has = |reason: &str| by_shadow.iter().any(|line| line.contains(&format!("({reason})")));
    assert!(has("switched"), "{by_shadow:?}");
    assert!(has("error") || has("timeout") || has("breaker"), "the outage: {by_shadow:?}");
    assert!(line(told, "audit log").contains("chain whole"), "{told}");
}

fn a_rescued_answer_says_why(demo: &Demo, told: &str) {
    let id = line(told, "lamp why ").rsplit(' ').next().expect("a prediction's id");
    let why = demo.lamp(&["why", id]);
    assert_eq!(why.code, Some(0), "{}", why.text());
    let text = &why.stdout;
    assert!(line(text, "answered by").contains("shadow"), "{text}");
    line(text, "not by the primary because");
    assert!(line(text, "kept in").contains("predictions/delay@"), "{text}");
    assert!(line(text, "commit ").split_whitespace().any(|word| word.len() == 40), "{text}");
    line(text, "approved by");
    line(text, "trips@1");
    line(text, "2013-01-01.parquet");
    let digest = line(text, "sha256").rsplit(' ').next().expect("a digest");
    assert_eq!(digest.len(), 64, "raw files have digests: {text}");
}

fn a_second_tour_makes_nothing_twice(demo: &Demo) {
    let before = (demo.versions("flights"), demo.versions("trips"), demo.models().len());
    let played = demo.play();
    assert_eq!((demo.versions("flights"), demo.versions("trips"), demo.models().len()), before);
    not_one_request_failed(&played.stdout);
    line(&played.stdout, "is there already");
    let audit = demo.lamp(&["audit", "verify"]);
    assert_eq!(audit.code, Some(0), "{}", audit.text());
}

fn a_folder_that_is_not_the_demos_is_left_alone(demo: &Demo) {
    let mine = demo.context.repo.write("mine/thesis.txt", "years of work\n");
    let folder = mine.parent().expect("its folder").display().to_string();
    let refused = demo.context.lamp(["demo", "--no-serve", "--dir", &folder]).run();
    assert_eq!(refused.code, Some(2), "{}", refused.text());
    assert!(refused.stderr.contains("hint: lamp demo --dir ANOTHER"), "{}", refused.text());
    let entries = std::fs::read_dir(&folder).expect("the folder").count();
    assert_eq!(entries, 1, "nothing was written there");
}
