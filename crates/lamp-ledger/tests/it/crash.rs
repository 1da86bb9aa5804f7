//! A writer that is killed leaves all of a transaction or nothing.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lamp_ledger::Ledger;

use crate::place::{Place, on_both};
use crate::samples::{dataset, entry, version};

/// Tells a copy of this program which ledger to write to.
const VICTIM_URL: &str = "LAMP_LEDGER_TEST_VICTIM_URL";
/// How often the victim is killed at a moment of its own.
const KILLS: u64 = 6;

/// Not a test of its own: what the copy does, until it is killed.
#[tokio::test]
async fn victim() {
    let Ok(url) = std::env::var(VICTIM_URL) else { return };
    let ledger = Ledger::open(&url).await.expect("the ledger opens");
    for number in 0_u64.. {
        let mut tx = ledger.begin().await.expect("a transaction");
        let content = format!("{} {number}", std::process::id());
        tx.add_version(version("flights", &content)).await.expect("added");
        tx.add_version(version("weather", &content)).await.expect("added");
        tx.audit(&entry("data.added", "flights")).await.expect("recorded");
        if number == 2 {
            println!("\nhalf-way");
        }
        // Time to be killed between the writes and the commit.
        tokio::time::sleep(Duration::from_millis(number % 3)).await;
        tx.commit().await.expect("saved");
    }
}

/// Starts a victim and waits until it is in the middle of its third transaction.
fn start_victim(place: &Place) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut victim = Command::new(program)
        .args(["--exact", "crash::victim", "--nocapture"])
        .env(VICTIM_URL, &place.url)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a copy of this program");
    let output = BufReader::new(victim.stdout.take().expect("its output"));
    let half_way = output.lines().map_while(Result::ok).any(|line| line == "half-way");
    assert!(half_way, "the victim ended too early");
    victim
}

async fn a_killed_writer_leaves_whole_transactions(place: Place) {
    place.open().await.close().await;
    let mut before = 0;
    for kill in 0..KILLS {
        let mut victim = start_victim(&place);
        tokio::time::sleep(Duration::from_millis(kill * 7)).await;
        victim.kill().expect("killed");
        victim.wait().expect("gone");

        let ledger = place.open().await;
        let mut tx = ledger.begin().await.expect("its lock is gone");
        tx.add_version(version("flights", &format!("after {kill}"))).await.expect("added");
        tx.add_version(version("weather", &format!("after {kill}"))).await.expect("added");
        tx.audit(&entry("data.added", "flights")).await.expect("recorded");
        tx.commit().await.expect("saved");

        let report = ledger.verify_audit().await.expect("a report");
        let flights = ledger.versions(&dataset("flights")).await.expect("versions").len();
        let weather = ledger.versions(&dataset("weather")).await.expect("versions").len();
        assert_eq!(report.broken, None);
        assert_eq!((flights, weather), (weather, usize::try_from(report.events).expect("a size")));
        assert!(report.events >= before + 3, "two of the victim's and one of ours");
        before = report.events;
        ledger.close().await;
    }
}

on_both! {
    a_killed_writer_leaves_whole_transactions,
}
