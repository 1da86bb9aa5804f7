//! Opening a ledger.

use lamp_core::error::{Classified, Kind};
use lamp_ledger::{Ledger, LedgerError};

use crate::place::{Place, kind, on_both};
use crate::samples::{dataset, version};

async fn every_statement_fits_the_schema(place: Place) {
    let count = place.open().await.check_statements().await.expect("every statement can be prepared");
    assert!(count > 40, "{count} statements");
}

async fn what_was_saved_is_there_after_reopening(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_version(version("flights", "a")).await.expect("added");
    tx.commit().await.expect("saved");
    ledger.close().await;

    let ledger = place.open().await;
    ledger.ping().await.expect("alive");
    assert!(ledger.latest_version(&dataset("flights")).await.expect("an answer").is_some());
}

async fn many_may_open_a_new_ledger_at_once(place: Place) {
    let openings = (0..8).map(|_| {
        let url = place.url.clone();
        tokio::spawn(async move { Ledger::open(&url).await.map(|_| ()) })
    });
    for opening in openings.collect::<Vec<_>>() {
        opening.await.expect("the task ends").expect("the ledger opens");
    }
    assert_eq!(place.open().await.verify_audit().await.expect("a report").broken, None);
}

async fn a_newer_schema_is_refused(place: Place) {
    place.open().await.close().await;
    place.tamper("INSERT INTO ledger_migrations (version, name, digest) VALUES (9000, 'later', 'x')").await;
    let refused = Ledger::open(&place.url).await.expect_err("refused");
    assert!(matches!(refused, LedgerError::SchemaTooNew { found: 9000, .. }), "{refused}");
    assert!(refused.hint().is_some_and(|hint| hint.contains("upgrade lamp")));
}

async fn a_schema_made_by_other_text_is_refused(place: Place) {
    place.open().await.close().await;
    place.tamper(&format!("UPDATE ledger_migrations SET digest = '{}'", "0".repeat(64))).await;
    let refused = Ledger::open(&place.url).await;
    assert!(matches!(refused, Err(LedgerError::NotALedger { .. })), "{refused:?}");
}

async fn somebody_elses_database_is_left_alone(place: Place) {
    if let Some(path) = place.url.strip_prefix("sqlite:") {
        let folder = std::path::Path::new(path).parent().expect("a folder");
        std::fs::create_dir_all(folder).expect("the folder is made");
        std::fs::write(path, "").expect("an empty file is an empty database");
    }
    place.tamper("CREATE TABLE runs (experiment TEXT)").await;
    let refused = Ledger::open(&place.url).await;
    assert!(matches!(refused, Err(LedgerError::NotALedger { .. })), "{refused:?}");
    place.tamper("INSERT INTO runs (experiment) VALUES ('still there')").await;
}

async fn a_damaged_row_is_named(place: Place) {
    let ledger = place.open().await;
    let mut tx = ledger.begin().await.expect("a transaction");
    tx.add_version(version("flights", "a")).await.expect("added");
    tx.commit().await.expect("saved");
    place.tamper("UPDATE dataset_versions SET digest = 'nonsense'").await;
    let damaged = ledger.latest_version(&dataset("flights")).await.expect_err("damaged");
    assert_eq!(
        damaged.to_string(),
        "the ledger's record of a dataset version is damaged: `digest` is `nonsense`, which means nothing there"
    );
}

on_both! {
    every_statement_fits_the_schema,
    what_was_saved_is_there_after_reopening,
    many_may_open_a_new_ledger_at_once,
    a_newer_schema_is_refused,
    a_schema_made_by_other_text_is_refused,
    somebody_elses_database_is_left_alone,
    a_damaged_row_is_named,
}

#[tokio::test]
async fn a_path_may_hold_any_character() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("é #1 100%41/the ledger.db");
    for url in [format!("sqlite:{}", path.display()), format!("sqlite://{}", path.display())] {
        Ledger::open(&url).await.expect("the ledger opens").close().await;
        assert!(path.is_file());
    }
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).expect("a folder").flatten().map(|one| one.file_name()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("notes.txt");
    let notes = "Dear diary, ".repeat(100);
    std::fs::write(&path, &notes).expect("written");
    let refused = Ledger::open(&format!("sqlite:{}", path.display())).await;
    assert!(matches!(refused, Err(LedgerError::NotALedger { .. })), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("the file"), notes);
    assert_eq!(kind(Ledger::open(&format!("sqlite:{}", folder.path().display())).await), Kind::Invalid);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("postgres://somebody:secret@localhost/lamp?host={}", folder.path().display());
    let error = Ledger::open(&url).await.expect_err("nobody listens");
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_an_address_to_correct() {
    let Some(place) = Place::postgres() else { return };
    let error = Ledger::open(&place.url.replace("/lamp_", "/nothing_")).await.expect_err("no such database");
    assert!(matches!(error, LedgerError::Address { .. }), "{error:?}");
}
