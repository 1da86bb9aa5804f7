//! Practice 2: models are trained from committed code, and say from which.

use super::shop::{Shop, training_day};

const TRAIN_PY: &str = "projects/bakery/bakery/train.py";

/// 28 March with one more late order.
fn correct(shop: &Shop) {
    shop.write_day("2013-03-28", &training_day("2013-03-28").replace(",elm,2,0", ",elm,2,1"));
}

#[test]
fn what_is_not_committed_is_refused_and_named() {
    let shop = Shop::with_orders();
    let train = shop.context.repo.read(TRAIN_PY);
    shop.context.repo.write(TRAIN_PY, format!("{train}\n# a thought\n"));
    shop.lamp("train late")
        .exits(2)
        .says("changed  projects/bakery/bakery/train.py")
        .hints("git add projects/bakery/bakery/train.py");
    shop.context.repo.write(TRAIN_PY, train);

    // Python could import it, so it counts, though git does not know it; also in a project that is used.
    shop.context.repo.write("projects/streets/streets/maps.py", "MAPS = []\n");
    shop.lamp("train late").exits(2).says("new      projects/streets/streets/maps.py").hints("--wip");
    assert_eq!(shop.lamp("runs ls").succeeds().0.stdout, "No run yet: lamp train MODEL\n", "a refusal leaves no run");
    shop.context.repo.commit("Maps");

    // What the run does not see does not matter.
    shop.context.repo.write("README.md", "# Being rewritten\n");
    shop.lamp("train late").succeeds().says("late@1");
    // What is pinned but not committed does.
    correct(&shop);
    shop.lamp("data add orders").succeeds().says("orders@2");
    shop.lamp("train late").exits(2).says("lamp.lock");
}

#[test]
fn a_model_is_registered_with_metrics_that_lamp_computed() {
    let shop = Shop::with_orders();
    let trained = shop.train("late -p note=first -p pause=0.0");
    assert_eq!(trained.commit(), shop.context.repo.head());
    // Elm Street was late in 3 of 4 orders, Oak Street in 1 of 4. The exam: elm late, elm not,
    // oak not, oak not, and one order of which nobody knows.
    let evidence = trained.evidence();
    assert_eq!((&evidence["rows"], &evidence["null_targets"]), (&4.into(), &1.into()), "{evidence}");
    let expected = [
        ("roc_auc", (0.5 + 1.0 + 1.0) / 3.0),
        ("brier", (0.0625 + 0.5625 + 0.0625 + 0.0625) / 4.0),
        ("log_loss", -(3.0 * 0.75_f64.ln() + 0.25_f64.ln()) / 4.0),
        ("accuracy", 0.75),
    ];
    for (name, value) in expected {
        let found = trained.metric(name);
        assert!((found - value).abs() < 1e-9, "{name} is {found}, by hand {value}");
    }
    shop.lamp("models show late@1")
        .succeeds()
        .says("late@1  candidate  python")
        .says("0.8333")
        .says("roc_auc >= 0.6 passed")
        .says("4 rows, 1 without target");
    let listed = shop.lamp("models ls").succeeds().line("late@1");
    assert!(listed.contains("candidate") && listed.contains("roc_auc 0.8333 passed"), "{listed}");

    let run = trained.run();
    shop.lamp(&format!("runs show {run}"))
        .succeeds()
        .says("succeeded")
        .says(&trained.commit())
        .says("python3 -m bakery.train")
        .says("orders@1 as orders[..2013-03-30] (3 files)")
        .says("orders@1 as orders[2013-03-30..] (2 files)")
        .says("note=\"first\"")
        .says("model/shares.json")
        .says("late@1 (candidate)")
        .says("step 1");
    shop.lamp(&format!("runs logs {run}")).succeeds().says("counted 24 orders");
    shop.lamp("why late@1").succeeds().says(&trained.commit()).says("orders@1").says("2013-03-27.csv").says("digest");
}

#[test]
fn two_versions_stand_side_by_side() {
    let shop = Shop::with_orders();
    shop.train("late");
    correct(&shop);
    shop.lamp("data add orders --commit").succeeds().says("orders@2");
    shop.train("late");
    let compared = shop.lamp("models compare late@1 late@2").succeeds().says("first: late@1   second: late@2");
    compared.says("measured on different held-out data").says("roc_auc");
    // An older commit is trained again as it was, with its data.
    let again = shop.train("late --rev HEAD~1");
    assert_eq!(again.commit(), shop.context.repo.git(&["rev-parse", "HEAD~1"]));
    assert_eq!(again.evidence()["valid"], "orders@1 as orders[2013-03-30..]");
    shop.lamp("train late --rev nowhere").exits(2).says("nowhere");
    shop.lamp("train late --rev HEAD --wip").exits(2).hints("leave out --rev or --wip");
    shop.lamp("train bread").exits(2).says("no project declares a model `bread`").hints("[models.bread]");
    shop.lamp("train late -p pause").exits(2).says("`pause` is not KEY=VALUE");
}

#[test]
fn work_in_progress_is_looked_at_but_not_approved() {
    let shop = Shop::with_orders();
    let train = shop.context.repo.read(TRAIN_PY);
    shop.context.repo.write(TRAIN_PY, train.replace("\"counted\"", "\"totted up\""));
    let head = shop.context.repo.head();
    let trained = shop.train("late --wip");
    assert_ne!(trained.commit(), head);
    shop.lamp(&format!("runs logs {}", trained.run())).succeeds().says("totted up 24 orders");
    assert_eq!(shop.context.repo.head(), head, "the branch did not move");
    assert_eq!(
        shop.context.repo.git(&["status", "--porcelain"]),
        "M projects/bakery/bakery/train.py",
        "nor did the index"
    );

    shop.lamp("approve late@1 --note 'looks good'").exits(2).says("no branch reaches").hints("into a branch");
    shop.lamp("why late@1").succeeds().says("work in progress");
    // The same tree on a branch is the same code.
    shop.context.repo.commit("Tot up");
    shop.lamp("approve late@1 --note 'looks good'").succeeds().says("late@1 approved by ada@example.com");
}

#[test]
fn a_command_that_fails_is_told_with_its_log() {
    let shop = Shop::with_orders();
    let failed =
        shop.lamp("train late -p fail=true").exits(2).says("the oven is cold").says("exit").hints("lamp runs logs");
    let hint = failed.0.stderr.lines().find(|line| line.starts_with("hint:")).expect("a hint").to_owned();
    let command = hint.trim_start_matches("hint: lamp ").to_owned();
    shop.lamp(&command).succeeds().says("the oven is cold");
    let run = shop.lamp("runs ls").succeeds().line("train late");
    assert!(run.contains("failed"), "{run}");
    let id = run.split_whitespace().next().expect("an id");
    let failure = shop.lamp(&format!("runs show {id}")).succeeds().line("failure");
    assert!(
        failure.contains("exited with code 1; its last words:") && failure.contains("the oven is cold"),
        "{failure}"
    );
    shop.lamp("models ls").succeeds().says("No model yet");
    let worktrees = shop.context.repo.git(&["worktree", "list"]);
    assert_eq!(worktrees.lines().count(), 1, "nothing is left behind:\n{worktrees}");
}

#[test]
fn a_run_is_repeated_to_the_bit_or_not() {
    let shop = Shop::with_orders();
    let plain = shop.train("late").run();
    shop.lamp(&format!("reproduce {plain}")).succeeds().says("bit-identical");

    // A file that says when it was written differs; the answers are the same.
    let noted = shop.train("late -p stamp=note").run();
    shop.lamp(&format!("reproduce {noted}")).succeeds().says("within tolerance").says("shares.json");

    // Its answers are the time of day, with which it passes its gate or not.
    let trained = shop.lamp("train late -p stamp=answers --json").json();
    let dated = trained["run"]["id"].as_str().expect("an id").to_owned();
    shop.lamp(&format!("reproduce {dated}")).exits(1).says("different");
    let verdict = shop.lamp(&format!("reproduce {dated} --json")).exits(1);
    // The log goes beside it.
    assert_eq!(verdict.json()["outcome"], "different", "{}", verdict.0.text());
    assert!(verdict.0.stderr.contains("counted 24 orders"), "{}", verdict.0.text());
    let kept = std::fs::read_dir(shop.context.repo.path().join(".lamp/runs")).expect("run folders").count();
    assert_eq!(kept, 5, "three runs, and the two repetitions that differ and can be looked at");
    let models = shop.lamp("models ls --json").succeeds().json();
    assert_eq!(models.as_array().map(Vec::len), Some(3), "a repetition registers nothing");
}
