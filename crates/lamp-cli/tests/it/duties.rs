//! Practices 5, 6 and 7: a person on rotation, what is theirs to do, and what became of it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::shop::{Said, Shop};

/// Ten in the morning of a Monday, in New York: an hour after the hand-off.
const MONDAY: &str = "2013-04-01T14:00:00Z";

/// The shop with two people who take turns, Ada first, and duties.
fn shop(duties: &str) -> Shop {
    let shop = Shop::new();
    let root = shop.context.repo.read("lamp.toml");
    let rota = "[rota.ml]\npeople = [\"ada@example.com\", \"grace@example.com\"]\n";
    shop.context.repo.write("lamp.toml", format!("{root}\n{rota}\n[duties]\n{duties}\n"));
    shop.context.repo.commit("People take turns");
    shop.set_time(MONDAY);
    shop
}

fn ids_of(listed: &Value) -> Vec<String> {
    let rows = listed.as_array().expect("a list").iter();
    rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

/// `subject: state` of every duty, newest first.
fn states(shop: &Shop) -> Vec<String> {
    let listed = shop.lamp("duty ls -n 100 --json").succeeds().json();
    let rows = listed.as_array().expect("a list").iter();
    let said = |row: &Value| {
        format!("{}: {}", row["title"].as_str().expect("a title"), row["state"].as_str().expect("a state"))
    };
    rows.map(said).collect()
}

#[test]
fn people_take_turns_and_can_swap() {
    let shop = shop("");
    shop.set_time("2013-04-01T12:59:00Z");
    shop.lamp("rota").succeeds().says("grace@example.com until Mon 2013-04-01 09:00").says("then ada@example.com");
    shop.set_time(MONDAY);
    shop.lamp("rota").succeeds().says("ml  ada@example.com (you) until Mon 2013-04-08 09:00");
    let swap = "rota swap ml --from 2013-04-01 --to 2013-04-03 --person grace@example.com --why 'a wedding'";
    shop.lamp(swap).succeeds().says("grace@example.com until Wed 2013-04-03 00:00 (swapped: a wedding)");
    shop.set_time("2013-04-03T12:00:00Z");
    shop.lamp("rota").succeeds().says("ada@example.com (you) until Mon 2013-04-08 09:00");
    shop.lamp(swap).exits(2).says("the past stays as it was");
    shop.lamp("rota swap ml --from soon --to later --person ada@example.com --why x").exits(2).says("neither a day");
    shop.lamp("rota swap ml --from 2013-04-03 --to 2013-04-05 --person eve@example.com --why x")
        .exits(2)
        .says("`eve@example.com` is not on rota `ml`")
        .hints("ada@example.com, grace@example.com");
    let rotas = shop.lamp("rota --json").succeeds().json();
    assert_eq!(rotas[0]["on"]["person"], "ada@example.com", "{rotas}");
    shop.lamp("audit ls").succeeds().line_with(&["rota.swapped", "ada@example.com", "ml"]);
}

#[test]
fn histograms_are_looked_at_and_signed_for() {
    let shop = shop("histograms = { rota = \"ml\", columns = 2 }");
    // Where there is nothing to look at, nobody is asked to.
    shop.lamp("duty").succeeds().says("ada@example.com: nothing of yours is due.");
    shop.lamp("duty histograms").exits(2).says("no histograms wait to be looked at");
    shop.lamp("data add orders --commit").succeeds();
    let shift = shop.lamp("duty").succeeds();
    shift.line_with(&["histograms 2013-04-01 of bakery", "0/2", "due 2013-04-02 00:00 (13 h"]);

    // Sunday's three orders all went to Oak Street, as never before.
    let task = shop.lamp("duty histograms --json").succeeds().json();
    let id = task["duty"]["id"].as_str().expect("an id").to_owned();
    let columns = task["columns"].as_array().expect("columns");
    let chosen: Vec<_> = columns.iter().map(|column| column["because"].as_str().expect("a word")).collect();
    assert_eq!(chosen, ["moved", "turn"], "{task}");
    assert_eq!(columns[0]["partition"], "2013-03-31", "{task}");
    assert_eq!((&columns[0]["today"]["rows"], &columns[0]["before"]["rows"]), (&3.into(), &26.into()), "{task}");
    let drawn = shop.lamp(&format!("duty histograms {id}")).succeeds().says("orders[2013-03-31]");
    drawn.line_with(&["(moved most)"]);
    drawn.line_with(&["(its turn)"]);
    drawn.line_with(&["before", "26 rows"]);

    // What was chosen stays, whatever comes.
    shop.write_day("2013-04-01", &super::shop::training_day("2013-04-01"));
    shop.lamp("data add orders --commit").succeeds();
    let again = shop.lamp("duty histograms --json").succeeds().json();
    assert_eq!(again["columns"], task["columns"]);

    shop.lamp(&format!("duty sign {id} --right 1")).succeeds().says("1 of 2 columns are left");
    shop.lamp("duty sign --suspicious 2").exits(2).says("is suspicious: say why").hints("--note");
    shop.lamp("duty sign --right 3").exits(2).says("this duty does not ask for `3`");
    // Somebody else may do it too: it is recorded for whom.
    shop.context.repo.git(&["config", "user.email", "grace@example.com"]);
    let name = format!("orders.{}", columns[1]["column"].as_str().expect("a name"));
    let signed = shop.lamp(&format!("duty sign --suspicious {name} --note 'no order before noon'")).succeeds();
    signed.says("incident opened: orders[2013-03-31]").says("histograms 2013-04-01 of bakery is done, evidence");
    let history = shop.lamp(&format!("duty show {}", &id[..13])).succeeds().says("evidence");
    let history = history.says("started by ada@example.com").says("done by grace@example.com for ada@example.com");
    history.line_with(&["judged by grace@example.com for ada@example.com", &name[7..], "suspicious"]);
    shop.lamp("incidents ls").succeeds().line_with(&["open", "grace@example.com: no order before noon"]);
    shop.lamp(&format!("duty sign {id} --right 1")).exits(2).says("is done already").hints("lamp duty show");
    shop.lamp("audit ls -n 99").succeeds().line_with(&["duty.done", "grace@example.com", &id]);
    shop.lamp("audit verify").succeeds().says("whole");
}

/// Runs `lamp` on a terminal, with `keys` typed into it.
fn on_a_terminal(shop: &Shop, arguments: &[&str], keys: &str) -> String {
    let python = lamp_testkit::python::find_python().expect("Python, for a terminal");
    let script = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut command = Command::new(python);
    command.args(["-c", script, env!("CARGO_BIN_EXE_lamp")]).args(arguments).current_dir(shop.context.repo.path());
    shop.context.repo.isolate(&mut command);
    command.env("NO_COLOR", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("Python starts");
    child.stdin.take().expect("its input").write_all(keys.as_bytes()).expect("typed");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn on_a_terminal_one_walks_through_the_columns() {
    let shop = shop("histograms = { rota = \"ml\", columns = 3 }");
    shop.lamp("data add orders --commit").succeeds();
    let stopped = on_a_terminal(&shop, &["duty", "histograms"], "\nq\n");
    assert!(stopped.contains("[Enter] looks right") && stopped.contains("2 of 3 columns are left"), "{stopped}");
    // It goes on where one stopped.
    let ended = on_a_terminal(&shop, &["duty", "histograms"], "x\n\n?\nx\ntoo few\n\n");
    assert!(!ended.contains("\n1. orders") && ended.contains("2. orders"), "{ended}");
    assert!(ended.contains("A suspicion needs a word of why.") && ended.contains("`?` is none of these."), "{ended}");
    assert!(ended.contains("incident opened") && ended.contains("is done, evidence"), "{ended}");
}

#[test]
fn what_nobody_does_is_missed_in_plain_sight() {
    let shop = shop("histograms = { rota = \"ml\" }");
    shop.lamp("data add orders").succeeds();
    let first = ids_of(&shop.lamp("duty ls --json").succeeds().json()).remove(0);
    // Nothing ran on the 2nd and 3rd.
    shop.set_time("2013-04-04T14:00:00Z");
    let shift = shop.lamp("duty").succeeds().says("Missed lately:");
    shift.line_with(&["histograms 2013-04-01 of bakery", &first]);
    shift.line_with(&["histograms 2013-04-04 of bakery", "0/8"]);
    let missed = |day: u8| format!("histograms 2013-04-0{day}: missed");
    let expected = ["histograms 2013-04-04: open".to_owned(), missed(3), missed(2), missed(1)];
    assert_eq!(states(&shop), expected);
    shop.lamp(&format!("duty sign {first} --right 1")).exits(2).says("was due at").says("and is missed");
    shop.lamp(&format!("duty waive {first} --why late")).exits(2).says("and is missed");

    // A clock that jumps a year ahead and back makes nothing twice, and today is still there to be done.
    shop.set_time("2014-04-04T14:00:00Z");
    shop.lamp("duty").succeeds();
    let jumped = states(&shop);
    let made_up = jumped.iter().filter(|line| line.contains(" 2014-")).count();
    assert_eq!(made_up, 32, "31 made up for, and the present one: {jumped:?}");
    shop.set_time("2013-04-05T14:00:00Z");
    shop.lamp("duty").succeeds().says("histograms 2013-04-05 of bakery");
    shop.lamp("duty").succeeds();
    let back = states(&shop);
    assert_eq!(back.len(), jumped.len() + 1, "{back:?}");
    let mut once = back.iter().map(|line| line.split(':').next()).collect::<Vec<_>>();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), back.len(), "{back:?}");

    let today = ids_of(&shop.lamp("duty ls --json").succeeds().json()).remove(0);
    shop.lamp(&format!("duty waive {today}")).exits(2).says("needs a reason").hints("--why");
    let waived: Said = shop.lamp(&format!("duty waive {today} --why 'a holiday'")).succeeds();
    waived.says("histograms 2013-04-05 of bakery is waived");
    shop.lamp(&format!("duty show {today}")).succeeds().says("a holiday").says("waived by ada@example.com");
}

#[test]
fn a_candidate_is_somebodys_to_validate() {
    let shop = shop("validate = { rota = \"ml\" }");
    shop.lamp("data add orders --commit").succeeds();
    shop.lamp("duty").succeeds().says("nothing of yours is due");
    shop.train("late");
    let shift = shop.lamp("duty").succeeds();
    shift.line_with(&["validate late@1 of bakery", "due 2013-04-09 00:00"]);
    let shift = shift.says("Next: lamp models show late@1; then lamp approve late@1 --note");
    drop(shift);
    shop.lamp("reject late@1 --note 'too simple'").succeeds();
    assert_eq!(states(&shop), ["validate late@1: done"]);
    shop.lamp("duty").succeeds().says("nothing of yours is due");

    // A decision that comes too late counts, but the duty stays missed.
    shop.train("late -p note=second");
    shop.lamp("duty").succeeds().says("validate late@2");
    shop.set_time("2013-04-20T14:00:00Z");
    shop.lamp("approve late@2 --note 'on second thought'").succeeds();
    assert_eq!(states(&shop), ["validate late@2: missed", "validate late@1: done"]);
    shop.lamp("models ls").succeeds().line_with(&["late@2", "approved"]);
}
