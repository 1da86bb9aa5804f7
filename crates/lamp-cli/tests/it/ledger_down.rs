//! The ledger is away: predictions go on, and one click still switches.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lamp_testkit::SKIP_POSTGRES_VARIABLE;
use lamp_testkit::postgres::TestPostgres;

use super::process::{eventually, predict, predict_until};
use super::serve::serve;
use super::shop::Shop;

/// A Postgres that can be taken away: it is reached through a link of ours.
struct Ledger {
    database: TestPostgres,
    folder: PathBuf,
    link: PathBuf,
}

impl Ledger {
    fn of(shop: &Shop) -> Self {
        let database = TestPostgres::start();
        let folder = database.url().split_once("?host=").map(|(_, folder)| PathBuf::from(folder)).expect("a folder");
        let link = std::env::temp_dir().join(format!("lamp-pg-link-{}", std::process::id()));
        let ledger = Self { database, folder, link };
        ledger.come_back();
        let url = ledger.database.url().replace(path(&ledger.folder), path(&ledger.link));
        let root = shop.context.repo.read("lamp.toml");
        shop.context.repo.write("lamp.toml", format!("{root}ledger = \"{url}\"\n"));
        shop.context.repo.commit("A ledger for all of us");
        ledger
    }

    fn go_away(&self) {
        std::fs::remove_file(&self.link).expect("the link");
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
        self.database.sql(others);
    }

    fn come_back(&self) {
        symlink(&self.folder, &self.link).expect("a link");
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // It may be away.
        let _ = std::fs::remove_file(&self.link);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_ledger_predictions_go_on_and_a_switch_is_recorded_later() {
    if lamp_testkit::is_skipped(SKIP_POSTGRES_VARIABLE) {
        return;
    }
    let shop = Shop::new();
    let ledger = Ledger::of(&shop);
    shop.lamp("data add orders --commit").succeeds();
    shop.open_for_business();
    let (serving, base) = serve(&shop).await;
    let enough = Arc::new(AtomicBool::new(false));
    let customer = tokio::spawn({
        let (base, enough) = (base.clone(), Arc::clone(&enough));
        async move {
            let mut answers = Vec::new();
            while !enough.load(Ordering::Relaxed) {
                answers.push(predict(&base, "elm").await);
            }
            answers
        }
    });
    assert_eq!(predict(&base, "elm").await.epoch, 2);

    ledger.go_away();
    shop.lamp("models ls").exits(2);
    let switched = shop.lamp("switch late shadow --why 'says 0.75 for everything'").succeeds();
    switched.says("the shadow (late-simple@1) answers from epoch 3").says("this machine's gateway alone was told");
    let answer = predict(&base, "elm").await;
    assert_eq!((answer.served_by.as_str(), answer.reason.as_deref(), answer.epoch), ("shadow", Some("switched"), 3));
    shop.lamp("switch late shadow --why 'again'").exits(2).says("answers already");

    ledger.come_back();
    eventually("the ledger is told", || {
        let why = shop.lamp("why late");
        why.0.stdout.contains("says 0.75 for everything").then_some(())
    });
    shop.lamp("incidents ls").succeeds().says("while the ledger was away: says 0.75 for everything");
    shop.lamp("audit verify").succeeds().says("whole");
    shop.lamp("audit ls --json").succeeds().says("without_ledger");
    assert_eq!(predict(&base, "elm").await.epoch, 3, "the epoch that this replica gave is the ledger's");
    shop.lamp("switch late primary --why 'it was the weather'").succeeds().says("answers from epoch 4");
    predict_until(&base, "the primary answers again", |answer| answer.served_by == "primary").await;

    enough.store(true, Ordering::Relaxed);
    let answers = customer.await.expect("a customer");
    let failed: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(failed.is_empty(), "{} of {} failed: {:?}", failed.len(), answers.len(), failed.first());
    assert_eq!(serving.stop(), Some(0));
}
