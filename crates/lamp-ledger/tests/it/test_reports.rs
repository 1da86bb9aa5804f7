//! Reports of `lamp test`.

use lamp_core::ml_test::{Judgement, Outcome, REPORT_FORMAT, Subject, TestName, TestRecord, TestReport, TestResult};
use lamp_core::names::ProjectName;

use crate::place::{Place, on_both};
use crate::samples::{at, model_name, person};

fn record(subject: Subject, tree: &str, outcome: Outcome, minutes: i64) -> TestRecord {
    let judgement = Judgement::new(outcome, "roc_auc 1.000 on 32 rows, \"at least\" 0.95").measuring(1.0);
    let result = TestResult {
        details: vec!["`café` is null".to_owned()],
        next: Some("lamp test delay".to_owned()),
        output: Some("Traceback\n  line 1".to_owned()),
        ..TestResult::of(TestName::Overfit.as_str(), judgement, 1_234)
    };
    let report = TestReport {
        format: REPORT_FORMAT,
        subject,
        project: ProjectName::parse("delay").expect("a project name"),
        file: "projects/delay/lamp.toml".to_owned(),
        line: 12,
        commit: None,
        tree: tree.to_owned(),
        committed: false,
        data: vec!["trips@3 as trips[..-1month]".to_owned()],
        results: vec![result],
    };
    TestRecord { report, tested_at: at(minutes), tested_by: person() }
}

async fn the_last_report_of_a_subject_is_found(place: Place) {
    let ledger = place.open().await;
    let delay = || Subject::Model(model_name("delay"));
    let first = record(delay(), "aaaa", Outcome::Failed, 5);
    // The clock was set back: what was written last counts.
    let second = record(delay(), "bbbb", Outcome::Passed, 3);
    let own = record(Subject::Own("features".to_owned()), "bbbb", Outcome::Passed, 3);
    let mut tx = ledger.begin().await.expect("a transaction");
    for record in [&first, &second, &own] {
        tx.add_test_report(record).await.expect("kept");
    }
    tx.commit().await.expect("saved");
    assert_eq!(ledger.find_test_report("delay").await.expect("an answer"), Some(second.clone()));
    assert_eq!(ledger.find_test_report_of_tree("delay", "aaaa").await.expect("an answer"), Some(first));
    assert_eq!(ledger.find_test_report_of_tree("delay", "cccc").await.expect("an answer"), None);
    assert_eq!(ledger.find_test_report("features").await.expect("an answer"), None);
    assert_eq!(ledger.latest_test_reports().await.expect("an answer"), [second, own]);
}

on_both! {
    the_last_report_of_a_subject_is_found,
}
