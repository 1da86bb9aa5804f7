//! Practice 7: models are trained again on a cadence, and nothing goes live by itself.

use serde_json::Value;

use super::process::eventually;
use super::shop::{Shop, training_day};

const CONFIG: &str = "projects/bakery/lamp.toml";

/// A model of Elm Street alone, from a derived dataset, that is trained once a month.
const ELM_LATE: &str = r#"
[models.elm-late]
task   = "binary"
train  = "python3 -m bakery.train"
serve  = "bakery.serve:Predictor"
data   = { train = "elm[..-2days]", valid = "elm[-2days..]" }
target = { sql = "late = 1" }

[cadence.elm-late]
every = "1 month"
"#;

/// A shop whose model of Elm Street is trained once a month, and has never been.
fn monthly() -> Shop {
    let shop = Shop::new();
    let config = shop.context.repo.read(CONFIG);
    shop.context.repo.write(CONFIG, format!("{config}{ELM_LATE}"));
    // Training a package of one street needs no golden row of another.
    let train = shop.context.repo.read("projects/bakery/bakery/train.py");
    let golden = "[{\"street\": \"elm\", \"parcels\": 1}]";
    let train = train.replace("[{\"street\": \"elm\", \"parcels\": 1}, {\"street\": \"oak\", \"parcels\": 2}]", golden);
    shop.context.repo.write("projects/bakery/bakery/train.py", train);
    shop.context.repo.commit("Once a month");
    shop.lamp("data add orders --commit").succeeds();
    shop
}

fn runs(shop: &Shop) -> Vec<Value> {
    let mut runs = shop.lamp("runs ls --json").succeeds().json().as_array().expect("runs").clone();
    runs.reverse();
    runs
}

fn purposes(shop: &Shop) -> Vec<String> {
    let of = |run: &Value| format!("{} {}", run["purpose"]["kind"], run["purpose"]["name"]).replace('"', "");
    runs(shop).iter().map(of).collect()
}

fn days(run: &Value, role: &str) -> Vec<String> {
    let days = run["manifest"]["inputs"][role]["partitions"].as_array().expect("partitions");
    days.iter().map(|day| day.as_str().expect("a day").to_owned()).collect()
}

#[test]
fn a_rotation_builds_trains_and_waits_for_a_person() {
    let shop = monthly();
    // Midnight of 1 April in New York: March is over.
    shop.lamp("cadence ls").succeeds().line_with(&["elm-late", "1 month", "2013-04-01 00:00"]);
    let said = shop.lamp("cadence run elm-late").succeeds();
    said.says("rotation of elm-late of 2013-04-01 is building")
        .says("rotation of elm-late of 2013-04-01 is training")
        .says("elm-late@1  candidate")
        .says("nothing goes live by itself");
    // Not even lamp.lock was asked: it knows no `elm`.
    assert!(!shop.context.repo.read("lamp.lock").contains("elm"));
    assert_eq!(purposes(&shop), ["build elm", "train elm-late"]);
    let trained = runs(&shop).pop().expect("a run");
    assert_eq!(trained["manifest"]["as_of"], "2013-04-01T04:00:00Z");
    assert_eq!(days(&trained, "valid"), ["2013-03-30", "2013-03-31"]);
    shop.lamp("cadence show elm-late").succeeds().line_with(&["2013-04-01", "reported", "elm-late@1 (candidate)"]);
    shop.lamp("cadence run elm-late").exits(2).says("not due before 2013-05-01").hints("--now");
    shop.lamp("audit ls").succeeds().says("rotation.due").says("rotation.reported");

    // Nobody was there in May and June. In July one rotation is run, with the data of its time: the 1st and 2nd of
    // July are there, but not in it.
    for day in ["2013-06-28", "2013-06-29", "2013-06-30", "2013-07-01", "2013-07-02"] {
        shop.write_day(day, &training_day(day));
    }
    shop.lamp("data add orders").succeeds().says("orders@2");
    shop.set_time("2013-07-03T12:00:00Z");
    shop.lamp("cadence run elm-late").succeeds().says("elm-late@2  candidate");
    assert_eq!(purposes(&shop)[2..], ["build elm", "train elm-late"], "the orders moved, so that elm is built again");
    let trained = runs(&shop).pop().expect("a run");
    assert_eq!(days(&trained, "valid"), ["2013-06-29", "2013-06-30"]);
    assert_eq!(days(&trained, "train").last().map(String::as_str), Some("2013-06-28"));
    let view = shop.lamp("cadence show elm-late --json").succeeds().json();
    assert_eq!((&view["rotations"][0]["cutoff"], &view["rotations"][0]["missed"]), (&"2013-07-01".into(), &2.into()));
    // The clock is set back: nothing is run twice.
    shop.set_time("2013-06-02T12:00:00Z");
    shop.lamp("cadence run elm-late").exits(2).says("not due");
    assert_eq!(runs(&shop).len(), 4);
}

#[test]
fn two_schedulers_start_one_run() {
    let shop = monthly();
    let first = shop.context.lamp(["cadence", "run", "elm-late"]).start();
    let second = shop.context.lamp(["cadence", "run", "elm-late"]).start();
    for running in [first, second] {
        running.wait_for("elm-late@1");
    }
    assert_eq!(purposes(&shop), ["build elm", "train elm-late"]);
    let view = shop.lamp("cadence show elm-late --json").succeeds().json();
    assert_eq!(view["rotations"].as_array().map(Vec::len), Some(1), "{view}");
}

#[test]
fn a_rotation_that_fails_opens_an_incident_and_is_tried_again_by_a_person() {
    let shop = monthly();
    let train = shop.context.repo.read("projects/bakery/bakery/train.py");
    shop.context.repo.write(
        "projects/bakery/bakery/train.py",
        train.replace("def main():", "def main():\n    sys.exit('no flour')"),
    );
    shop.context.repo.commit("Run out of flour");
    shop.lamp("cadence run elm-late").exits(2).says("the rotation is failed").says("no flour").hints("tries again");
    assert_eq!(purposes(&shop), ["build elm", "train elm-late"], "what will not pass is tried once");
    let incident = shop.lamp("incidents ls").succeeds().line("rotation");
    assert!(incident.contains("elm-late") && incident.contains("no flour"), "{incident}");
    shop.lamp("cadence show elm-late").succeeds().line_with(&["2013-04-01", "failed", "no flour"]);

    shop.context.repo.write("projects/bakery/bakery/train.py", train);
    shop.context.repo.commit("Buy flour");
    shop.lamp("cadence run elm-late").succeeds().says("elm-late@1  candidate");
    // The build could have imported what was changed, so it is made again.
    assert_eq!(purposes(&shop)[2..], ["build elm", "train elm-late"]);
    shop.lamp("cadence run late --now").succeeds().says("late@1  candidate");
    shop.lamp("cadence run late --now").exits(2).says("of 2013-04-01 was run already: it is reported");
    shop.lamp("cadence run late").exits(2).says("no commit says how often `late`").hints("lamp cadence study late");
    shop.lamp("cadence run bread").exits(2).says("no project declares a model `bread`");
}

#[test]
fn what_a_claimant_left_behind_is_taken_over() {
    let shop = monthly();
    // Claimed by a process that died before it recorded the run.
    shop.lamp("cadence ls").succeeds();
    let ledger = shop.context.repo.path().join(".lamp/ledger.db");
    let claim = "INSERT INTO rotations (model, cutoff, seq, state, as_of, due_at, missed, attempts, commit_hash, \
                 run_id, builds, reason, moved_at, retry_at) VALUES ('elm-late', '2013-04-01', 1, 'training', \
                 1364788800000000, 1364788800000000, 0, 0, 'abc', '0140a5c2-0000-7000-8000-000000000000', '[]', NULL, \
                 1364788800000000, 1364788800000000)";
    let code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";
    let done = std::process::Command::new("python3").args(["-c", code]).arg(&ledger).arg(claim).status();
    assert!(done.expect("python3 can be run").success());
    let waiting = shop.context.lamp(["cadence", "run", "elm-late"]).start();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(runs(&shop).len(), 0, "the claimant may be on the way");
    shop.set_time("2013-04-01T05:00:00Z");
    waiting.wait_for("elm-late@1");
    assert_eq!(purposes(&shop), ["build elm", "train elm-late"]);
}

#[test]
fn lamp_up_runs_what_is_due() {
    let shop = monthly();
    let (pages, predictions) = (lamp_testkit::http::free_port(), lamp_testkit::http::free_port());
    let (listen, predict) = (format!("127.0.0.1:{pages}"), format!("127.0.0.1:{predictions}"));
    let up = shop.context.lamp(["up", "--listen", &listen, "--predictions", &predict]).start();
    eventually("the scheduler trains", || {
        let shown = shop.lamp("cadence ls").succeeds().0.stdout;
        shown.contains("elm-late@1 (candidate)").then_some(())
    });
    shop.lamp("why elm-late@1").succeeds().says("lamplighter");
    up.signal("INT");
    assert_eq!(purposes(&shop), ["build elm", "train elm-late"]);
}
