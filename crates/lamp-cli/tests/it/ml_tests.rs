//! Practice 9: ML tests. Pipelines of three frameworks that are right pass; bugs that were put in by hand do not.

use std::fmt::Write as _;
use std::path::Path;

use lamp_testkit::{SKIP_PYTHON_VARIABLE, TestContext};
use serde_json::Value;

use super::shop::{NOW, Said, Shop};

const ROOT: &str = "[workspace]\nmembers = [\"projects/*\"]\ntime_zone = \"America/New_York\"\n";
const PROJECT: &str = include_str!("ml_tests/lamp.toml");

/// The project's code, by module.
const CODE: [(&str, &str); 7] = [
    ("__init__", ""),
    ("features", include_str!("ml_tests/features.py")),
    ("serve", include_str!("ml_tests/serve.py")),
    ("train_forest", include_str!("ml_tests/train_forest.py")),
    ("train_boosted", include_str!("ml_tests/train_boosted.py")),
    ("train_minutes", include_str!("ml_tests/train_minutes.py")),
    ("train_usual", include_str!("ml_tests/train_usual.py")),
];

/// Days of March 2013, and rounds of each.
const DAYS: u32 = 31;
const ROUNDS: u32 = 24;

/// Vans that deliver bread, and how many minutes their rounds take.
struct Rounds {
    shop: Shop,
}

/// What a row of the rounds holds.
struct Round {
    at: String,
    van: char,
    stops: u32,
    km: f64,
    rain: Option<f64>,
    minutes: f64,
}

impl Rounds {
    fn new() -> Self {
        let mut context = TestContext::new(Path::new(env!("CARGO_BIN_EXE_lamp")));
        context.use_real_clock();
        let rounds = Self { shop: Shop { context } };
        let repo = &rounds.shop.context.repo;
        repo.write("lamp.toml", ROOT);
        repo.write(".gitignore", ".lamp/\ndata/\n__pycache__/\n");
        repo.write("projects/rounds/lamp.toml", PROJECT);
        for (module, text) in CODE {
            repo.write(module_file(module), text);
        }
        rounds.write_days(|round| round);
        rounds.shop.set_time(NOW);
        repo.commit("Rounds");
        rounds.lamp("data add rounds --commit").succeeds();
        rounds
    }

    fn lamp(&self, line: &str) -> Said {
        self.shop.lamp(line)
    }

    /// Writes every day's file, each row as `change` makes it.
    fn write_days(&self, change: impl Fn(Round) -> Round) {
        for day in 1..=DAYS {
            let mut text = "at,van,stops,km,rain,minutes\n".to_owned();
            for number in 0..ROUNDS {
                let Round { at, van, stops, km, rain, minutes } = change(round(day, number));
                let rain = rain.map(|rain| format!("{rain:.1}")).unwrap_or_default();
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{at},{van},{stops},{km:.2},{rain},{minutes:.1}");
            }
            self.shop.context.repo.write(format!("projects/rounds/data/rounds/2013-03-{day:02}.csv"), text);
        }
    }

    /// Replaces one text of a module by another, in the working tree alone.
    fn edit(&self, module: &str, good: &str, bad: &str) {
        let repo = &self.shop.context.repo;
        let text = repo.read(module_file(module));
        assert!(text.contains(good), "`{good}` is in {module}");
        repo.write(module_file(module), text.replace(good, bad));
    }

    fn restore(&self, module: &str) {
        let (_, text) = CODE.iter().find(|(name, _)| *name == module).expect("a module");
        self.shop.context.repo.write(module_file(module), text);
    }
}

fn module_file(module: &str) -> String {
    format!("projects/rounds/rounds/{module}.py")
}

/// A round whose minutes follow from its stops, its way and the rain, with some luck.
fn round(day: u32, number: u32) -> Round {
    let luck = |salt: u32| {
        let mixed = (day * 1_000 + number * 37 + salt).wrapping_mul(2_654_435_761);
        f64::from((mixed >> 8) % 1_000) / 1_000.0
    };
    let at = format!("2013-03-{day:02}T{:02}:{:02}:00Z", 12 + number / 6, 10 * (number % 6));
    let van = ['a', 'b', 'c'][(number % 3) as usize];
    let stops = 1 + whole(luck(1) * 12.0);
    let km = 2.0 + luck(2) * 30.0;
    let rain = (!number.is_multiple_of(5)).then(|| luck(3) * 8.0);
    let slow = if van == 'c' { 12.0 } else { 0.0 };
    let minutes = 2.5 * f64::from(stops) + 1.2 * km + rain.unwrap_or(0.0) + slow + 12.0 + 10.0 * luck(4);
    Round { at, van, stops, km, rain, minutes }
}

fn is_skipped() -> bool {
    lamp_testkit::is_skipped(SKIP_PYTHON_VARIABLE)
}

/// The outcome of a test in a report, and why.
fn told<'j>(json: &'j Value, subject: &str, test: &str) -> (&'j str, &'j str) {
    let reports = json["reports"].as_array().expect("reports");
    let report = reports.iter().find(|report| report["subject"]["name"] == subject).unwrap_or_else(|| panic!("{json}"));
    let results = report["results"].as_array().expect("results");
    let result =
        results.iter().find(|result| result["name"] == test).unwrap_or_else(|| panic!("no {test} in {report}"));
    (result["outcome"].as_str().expect("an outcome"), result["reason"].as_str().expect("a reason"))
}

/// Nothing is left of a test: no worktree, no ref, no folder of a run, nothing registered.
fn assert_nothing_is_left(rounds: &Rounds) {
    let repo = &rounds.shop.context.repo;
    assert_eq!(repo.git(&["for-each-ref", "refs/lamp"]), "", "no ref");
    assert_eq!(repo.git(&["worktree", "list"]).lines().count(), 1, "no worktree");
    let left: Vec<_> = std::fs::read_dir(repo.path().join(".lamp/tests"))
        .expect("the folder of tests")
        .filter_map(|entry| Some(entry.expect("an entry").file_name().to_str()?.to_owned()))
        .filter(|name| name != "opening.lock")
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(rounds.lamp("models ls --json").succeeds().json(), serde_json::json!([]));
    assert_eq!(rounds.lamp("runs ls --json").succeeds().json(), serde_json::json!([]));
}

#[test]
fn right_pipelines_pass_and_nothing_of_them_is_left() {
    if is_skipped() {
        return;
    }
    let rounds = Rounds::new();
    let said = rounds.lamp("test --junit report.xml --summary summary.md --json").succeeds();
    let json = said.json();
    assert_eq!(json["recorded"], true);
    // scikit-learn, LightGBM and a loop of numpy.
    for model in ["forest", "boosted", "minutes"] {
        for test in ["overfit", "signal", "permuted", "repeat", "shapes", "features/leakage", "features/keys"] {
            let (outcome, reason) = told(&json, model, test);
            assert_eq!(outcome, "passed", "{model} {test}: {reason}");
        }
    }
    // A model that says the same of everything is not called wrong, and not called right.
    assert_eq!(told(&json, "usual", "overfit").0, "skipped");
    assert!(told(&json, "usual", "overfit").1.contains("on purpose"));
    assert_eq!(told(&json, "usual", "signal").0, "uninformative");
    assert_eq!(told(&json, "names", "names").0, "passed");
    assert_nothing_is_left(&rounds);

    let junit = rounds.shop.context.repo.read("report.xml");
    assert!(junit.contains("<testsuite name=\"boosted\""), "{junit}");
    assert!(junit.contains("<skipped message=\"skipped: left out in lamp.toml"), "{junit}");
    let summary = rounds.shop.context.repo.read("summary.md");
    assert!(summary.starts_with("## lamp test: 49 tests, none failed\n"), "{summary}");
    let audit = rounds.lamp("audit ls --json").succeeds().json();
    let events =
        audit.as_array().expect("events").iter().filter(|event| event["entry"]["action"] == "tests.reported").count();
    assert_eq!(events, 5, "four models and a test of the project's own");
}

#[test]
fn bugs_that_were_put_in_are_found_and_named() {
    if is_skipped() {
        return;
    }
    let rounds = Rounds::new();
    let rows = "x, y = (numbers - mean) / spread, minutes.to_numpy(float)\n";

    // Labels shuffled in the training code: what is learned by heart is not the truth. Nothing is committed.
    let shuffled = format!("{rows}y = np.random.default_rng(run.seed).permutation(y)\n");
    rounds.edit("train_minutes", rows, &shuffled);
    let said = rounds.lamp("test minutes --only overfit,signal,permuted");
    let said = said.exits(1).says("changed since").says("Not kept in the ledger");
    said.line_with(&["failed", "overfit", "r2 "]);
    said.line_with(&["failed", "signal", "labels that follow the inputs are not learned"]);
    said.line_with(&["passed", "permuted"]);
    said.line_with(&["next: look for labels that are shuffled"]);

    // No seed.
    rounds.restore("train_minutes");
    rounds.edit("train_minutes", "default_rng(run.seed)", "default_rng()");
    let said = rounds.lamp("test minutes --only repeat").exits(1);
    said.line_with(&["failed", "repeat", "two trainings with one seed differ"]);

    // Held-out rows among the training rows of a model that learns by heart: their labels are known to it.
    let one = "run.dataset(\"train\").to_pandas()";
    let both = "pd.concat([run.dataset(role).to_pandas() for role in (\"train\", \"valid\")])";
    rounds.edit("train_forest", one, both);
    rounds.edit("train_forest", "import lamplighter\n", "import lamplighter\nimport pandas as pd\n");
    rounds.edit("train_forest", "1 if run.tiny else 20", "1");
    let said = rounds.lamp("test forest --only permuted").exits(1);
    said.line_with(&["failed", "permuted", "held-out labels in random order are known to the model"]);

    // A command that fails says so, with its last words.
    rounds.edit("train_forest", "run = lamplighter.current_run()", "raise SystemExit(\"the oven is cold\")");
    let said = rounds.lamp("test forest --only overfit").exits(1);
    said.line_with(&["failed", "overfit", "the training command failed: the command exited with code 1"]);
    said.line_with(&["| the oven is cold"]);
    assert_nothing_is_left(&rounds);
}

#[test]
fn inputs_that_are_not_sound_are_found_and_named() {
    if is_skipped() {
        return;
    }
    let rounds = Rounds::new();
    // The target among the inputs.
    let names = "NAMES = (\"van\", \"stops\", \"km\", \"rain\")";
    let field = "    Field(\"van\", \"BYTES\"),\n";
    rounds.edit("features", names, "NAMES = (\"van\", \"stops\", \"km\", \"rain\", \"minutes\")");
    rounds.edit("features", field, &format!("{field}    Field(\"minutes\", \"FP64\"),\n"));
    let said = rounds.lamp("test minutes --only features").exits(1);
    said.line_with(&["failed", "features/target", "`minutes` is an input, and the target is made from it"]);
    said.line_with(&["failed", "features/leakage", "`minutes` alone tells the target: r2 1.000"]);
    rounds.restore("features");

    // A column that is the target in other words; one that turned null; one that was measured in metres; rows twice.
    rounds.write_days(|round| {
        let is_late_in_march = round.at.as_str() >= "2013-03-26";
        let km = if is_late_in_march { 1_000.0 + round.km } else { round.km };
        Round { rain: round.rain.filter(|_| !is_late_in_march), km, stops: whole(round.minutes * 10.0), ..round }
    });
    rounds.lamp("data add rounds --replace").succeeds();
    let said = rounds.lamp("test minutes --only features").exits(1);
    said.line_with(&["failed", "features/leakage", "`stops` alone tells the target"]);
    said.line_with(&["failed", "features/nulls", "`rain` turned null: every row of validation"]);
    said.line_with(&["failed", "features/ranges", "`km` has its middle at"]);
    said.line_with(&["next:", "lamp profile DATASET shows the column"]);

    // What is declared is believed, and told.
    let project = "projects/rounds/lamp.toml";
    let declared = "\n[models.minutes.tests.except]\nleakage = [\"stops\"]\nnulls = [\"rain\"]\nranges = [\"km\"]\n";
    rounds
        .shop
        .context
        .repo
        .write(project, PROJECT.replace("\n[models.usual]", &format!("{declared}\n[models.usual]")));
    let said = rounds.lamp("test minutes --only features").succeeds();
    said.line_with(&["passed", "features/leakage", "1 excepted in lamp.toml"]);
    rounds
        .shop
        .context
        .repo
        .write(project, PROJECT.replace("\n[models.usual]", "\n[models.minutes.tests]\nrow = 3\n\n[models.usual]"));
    rounds.lamp("test minutes").exits(2).says("lamp.toml:31:1: unknown key `row`").hints("did you mean `rows`?");
}

#[test]
fn a_choice_of_tests_is_what_a_change_touches() {
    if is_skipped() {
        return;
    }
    let rounds = Rounds::new();
    rounds.lamp("test --affected-by HEAD").succeeds().says("Nothing that is tested is touched since HEAD.");
    rounds.lamp("test minuts").exits(2).says("no project declares a model `minuts`").hints("did you mean `minutes`?");
    rounds.lamp("test --only overfitting").exits(2).says("`overfitting` is not a test").hints("known tests: overfit,");

    // The project's own test fails, and so does a training command; GitHub is told both.
    rounds.edit("features", "NAMES = (", "NAMES = () and (");
    let test = rounds.shop.context.lamp(["test", "usual", "--affected-by", "HEAD", "--only", "own,overfit,repeat"]);
    let summary = rounds.shop.context.repo.path().join("summary.md");
    let said = Said(test.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary).run()).exits(1);
    said.line_with(&["failed", "names", "exited with code 1"]);
    said.line_with(&["| AssertionError"]);
    let annotation = said.line("::error file=projects/rounds/lamp.toml,line=38,title=rounds/names%3A names::");
    assert!(annotation.contains("%0A") && annotation.contains("AssertionError"), "{annotation}");
    said.line_with(&["skipped", "repeat", "no training left a package"]);
    let summary = rounds.shop.context.repo.read("summary.md");
    assert!(summary.contains("| ❌ failed | names |"), "{summary}");
    assert_nothing_is_left(&rounds);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers, not negative")]
fn whole(number: f64) -> u32 {
    number as u32
}
