//! Runs that go on by themselves.

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
