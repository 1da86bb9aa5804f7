//! A report for tests.

use lamp_core::ml_test::{Judgement, Outcome, REPORT_FORMAT, Subject, TestReport, TestResult};
use lamp_core::names::{ModelName, ProjectName};

/// A report with a failure whose text has everything that needs escaping.
pub fn failed_report() -> TestReport {
    let failed = Judgement::new(Outcome::Failed, "roc_auc 0.5 | <b> 100 % of `rows`");
    let failed = TestResult {
        output: Some("line one\nline two".to_owned()),
        next: Some("lamp test delay --only overfit".to_owned()),
        ..TestResult::of("overfit", failed, 1_500)
    };
    let silent = Judgement::new(Outcome::Uninformative, "too few rows");
    TestReport {
        format: REPORT_FORMAT,
        subject: Subject::Model(ModelName::parse("delay").expect("a model name")),
        project: ProjectName::parse("delay").expect("a project name"),
        file: "projects/de:lay,/lamp.toml".to_owned(),
        line: 12,
        commit: Some("0123456789abcdef".to_owned()),
        tree: "fedcba9876543210".to_owned(),
        committed: false,
        data: vec!["trips@3 as trips[..-1month]".to_owned()],
        results: vec![failed, TestResult::of("signal", silent, 0)],
    }
}
