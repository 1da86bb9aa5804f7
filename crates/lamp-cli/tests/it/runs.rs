//! Runs that go on by themselves.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;

use lamp_testkit::command::Running;

use super::process::{eventually, is_alive, kill};
use super::shop::Shop;

/// The id of the run in a line such as `run 0140… goes on without you`.
fn run_in(line: &str) -> String {
    line.split_whitespace().nth(1).expect("a run's id").to_owned()
}

/// What a run's log says after `lingering with`, once it does.
fn grandchild_of(shop: &Shop, run: &str) -> u32 {
    eventually("the run says whom it started", || {
        let log = shop.lamp(&format!("runs logs {run}")).succeeds().0.stdout;
        log.lines().find_map(|line| line.strip_prefix("lingering with ")?.parse().ok())
    })
}

#[test]
fn a_detached_run_is_followed_and_collected() {
    let shop = Shop::with_orders();
    let left = shop.lamp("train late -p linger=2.0 --detach").succeeds().says("goes on without you");
    let run = run_in(&left.line("goes on without you"));
    let listed = shop.lamp("runs ls").succeeds().line(&run);
    assert!(listed.contains("train late") && listed.contains("running"), "{listed}");
    // The start of an id will do.
    shop.lamp(&format!("runs logs {} --follow", &run[..13])).succeeds().says("lingering").says("counted 24 orders");
    eventually("the run is collected without anybody asking", || {
        let ledger = shop.lamp("models ls --json").succeeds().json();
        ledger.as_array().is_some_and(|models| models.len() == 1).then_some(())
    });
    shop.lamp(&format!("runs show {run}")).succeeds().says("succeeded").says("late@1 (candidate)");
    shop.lamp("runs show 99").exits(2).says("no run `99`").hints("lamp runs ls");
}

#[test]
fn stopping_a_run_stops_all_that_it_started() {
    let shop = Shop::with_orders();
    let left = shop.lamp("train late -p linger=300.0 -p child=true --detach").succeeds();
    let run = run_in(&left.line("goes on without you"));
    let grandchild = grandchild_of(&shop, &run);
    assert!(is_alive(grandchild));
    shop.lamp(&format!("runs stop {run}")).succeeds().says("is stopped");
    eventually("the grandchild is gone", || (!is_alive(grandchild)).then_some(()));
    let listed = shop.lamp("runs ls").succeeds().line(&run);
    assert!(listed.contains("stopped"), "{listed}");
    shop.lamp(&format!("runs stop {run}")).exits(2).says("is stopped").hints("lamp runs show");
    let worktrees = shop.context.repo.git(&["worktree", "list"]);
    assert_eq!(worktrees.lines().count(), 1, "{worktrees}");
    shop.lamp("models ls").succeeds().says("No model yet");
}

#[test]
fn training_outlives_the_command_that_started_it() {
    let shop = Shop::with_orders();
    let training = shop.context.lamp(["train", "late", "-p", "linger=4.0"]).start();
    training.wait_for("lingering with");
    let run = run_in(&training.wait_for("train late"));
    kill(training.id());
    let before = shop.lamp("runs ls").succeeds().line(&run);
    assert!(before.contains("running"), "{before}");
    eventually("the next `lamp runs ls` collects it", || {
        shop.lamp("runs ls").succeeds().line(&run).contains("succeeded").then_some(())
    });
    shop.lamp("models show late@1").succeeds().says(&run).says("0.8333");
    drop(training);
}

#[test]
fn ctrl_c_leaves_the_run_to_go_on() {
    let shop = Shop::with_orders();
    let training = shop.context.lamp(["train", "late", "-p", "linger=3.0"]).start();
    training.wait_for("lingering with");
    let run = run_in(&training.wait_for("train late"));
    training.signal("INT");
    eventually("the command ends", || (!is_alive(training.id())).then_some(()));
    assert_eq!(training.stop(), Some(130));
    eventually("it was collected", || shop.lamp("runs ls").succeeds().line(&run).contains("succeeded").then_some(()));
}

/// Starts training with an interpreter that takes `seconds` to say what it is, and gives the run
/// back while it is being prepared.
fn start_slowly(shop: &Shop, seconds: u32) -> (Running, String) {
    let folder = shop.context.repo.temporary().join("slow");
    std::fs::create_dir_all(&folder).expect("a folder");
    let python = folder.join("python3");
    std::fs::write(&python, format!("#!/bin/sh\nexec sleep {seconds}\n")).expect("a script");
    std::fs::set_permissions(&python, PermissionsExt::from_mode(0o755)).expect("made executable");
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let path: OsString =
        std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&rest))).expect("PATH");
    let training = shop.context.lamp(["train", "late"]).env("PATH", path).start();
    let run = eventually("the run is being prepared", || {
        let listed = shop.lamp("runs ls").succeeds().0.stdout;
        let line = listed.lines().find(|line| line.contains("preparing"))?;
        line.split_whitespace().next().map(str::to_owned)
    });
    (training, run)
}

/// Worktrees of serving code stay; those of runs do not.
fn assert_no_worktree(shop: &Shop) {
    let worktrees = shop.context.repo.git(&["worktree", "list"]);
    assert!(!worktrees.contains("worktrees/run-"), "{worktrees}");
}

#[test]
fn a_run_whose_starter_was_killed_is_recorded_as_failed() {
    let shop = Shop::with_orders();
    let (training, run) = start_slowly(&shop, 5);
    shop.lamp(&format!("runs show {run}")).succeeds().says("preparing");
    kill(training.id());
    eventually("the run is taken over", || shop.lamp("runs ls").succeeds().line(&run).contains("failed").then_some(()));
    shop.lamp(&format!("runs show {run}")).succeeds().says("the process that was starting it is gone");
    assert_no_worktree(&shop);
    drop(training);
}

#[test]
fn a_run_is_stopped_while_it_is_prepared() {
    let shop = Shop::with_orders();
    let (training, run) = start_slowly(&shop, 3);
    shop.lamp(&format!("runs stop {run}")).succeeds().says("is stopped");
    eventually("the command ends", || (!is_alive(training.id())).then_some(()));
    assert_eq!(training.stop(), Some(2));
    let listed = shop.lamp("runs ls").succeeds().line(&run);
    assert!(listed.contains("stopped"), "{listed}");
    assert_no_worktree(&shop);
}

#[test]
fn an_environment_that_cannot_be_had_leaves_a_run_to_look_at() {
    let shop = Shop::with_orders();
    let toml = shop.context.repo.read("projects/bakery/lamp.toml");
    let changed = toml.replace("[project]\n", "[project]\nenvironment = \"nowhere.lock\"\n");
    assert_ne!(toml, changed);
    shop.context.repo.write("projects/bakery/lamp.toml", changed);
    shop.context.repo.commit("A lock that is not there");
    shop.lamp("train late").exits(2).says("nowhere.lock");
    let run = shop.lamp("runs ls").succeeds().line("failed");
    let run = run.split_whitespace().next().expect("an id");
    shop.lamp(&format!("runs show {run}")).succeeds().says("nowhere.lock");
    assert_no_worktree(&shop);
}

#[test]
fn a_command_that_saves_no_package_is_told_how() {
    let shop = Shop::with_orders();
    let toml = shop.context.repo.read("projects/bakery/lamp.toml");
    shop.context.repo.write("projects/bakery/lamp.toml", toml.replace("python3 -m bakery.train\"", "true\""));
    shop.context.repo.commit("Train nothing");
    shop.lamp("train late").exits(2).says("saved no package").hints("run.save_python(…)");
}

#[test]
fn following_a_log_ends_with_a_run_that_nobody_waits_for() {
    let shop = Shop::with_orders();
    let training = shop.context.lamp(["train", "late", "-p", "linger=3.0"]).start();
    training.wait_for("lingering with");
    let run = run_in(&training.wait_for("train late"));
    kill(training.id());
    shop.lamp(&format!("runs logs {run} --follow")).succeeds().says("counted 24 orders");
    let listed = shop.lamp("runs ls").succeeds().line(&run);
    assert!(listed.contains("succeeded"), "{listed}");
    drop(training);
}

#[test]
fn a_run_that_is_stopped_is_no_success_for_who_waits() {
    let shop = Shop::with_orders();
    let training = shop.context.lamp(["train", "late", "-p", "linger=300.0"]).start();
    training.wait_for("lingering with");
    let run = run_in(&training.wait_for("train late"));
    shop.lamp(&format!("runs stop {run}")).succeeds();
    eventually("the command ends", || (!is_alive(training.id())).then_some(()));
    assert_eq!(training.stop(), Some(2));
}

#[test]
fn relative_paths_count_from_the_folder_of_c() {
    let shop = Shop::with_orders();
    let elsewhere = shop.context.repo.temporary();
    let root = shop.context.repo.path();
    let lamp = |directory: &std::path::Path, line: &[&str]| {
        let folder = directory.to_str().expect("UTF-8");
        shop.context.lamp(["-C", folder].iter().chain(line)).in_folder(&elsewhere).run()
    };
    let got = lamp(&root, &["data", "get", "orders@1", "--to", "copy"]);
    assert_eq!(got.code, Some(0), "{}", got.text());
    assert!(root.join("copy").is_dir() && !elsewhere.join("copy").exists(), "{}", got.text());
    let lost = lamp(&root.join("nowhere"), &["runs", "ls"]);
    assert!(lost.code == Some(2) && lost.stderr.contains("cannot go to"), "{}", lost.text());
}

#[test]
fn ctrl_c_stops_a_repetition() {
    let shop = Shop::with_orders();
    let run = shop.train("late -p linger=4.0 -p child=true").run();
    let repeating = shop.context.lamp(["reproduce", &run]).start();
    let line = repeating.wait_for("lingering with");
    let grandchild: u32 = line.rsplit(' ').next().and_then(|pid| pid.parse().ok()).expect("a process");
    repeating.signal("INT");
    eventually("the command ends", || (!is_alive(repeating.id())).then_some(()));
    assert_eq!(repeating.stop(), Some(130));
    assert!(!is_alive(grandchild), "what was started is stopped");
    assert_no_worktree(&shop);
    let folders = std::fs::read_dir(shop.context.repo.path().join(".lamp/runs")).expect("run folders").count();
    assert_eq!(folders, 1, "only the run itself");
}
