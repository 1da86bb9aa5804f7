//! Checks as `JUnit` XML, which every CI reads.

use lamp_app::check::{CheckReport, PieceChecks};
use lamp_core::check::{Check, Verdict};
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

/// One suite a version, one case a rule and partition. Warnings, and what could not be evaluated, count as skipped.
pub fn render(reports: &[CheckReport]) -> Result<String, SerializeError> {
    let mut document = Report::new("lamp check");
    for report in reports {
        let name = format!("{}@{}", report.version.dataset, report.version.version);
        let mut suite = TestSuite::new(name.as_str());
        suite.add_property(("contract", report.contract.as_str()));
        for piece in &report.pieces {
            suite.add_test_cases(piece.checks.iter().map(|check| case(&name, report, piece, check)));
        }
        document.add_test_suite(suite);
    }
    document.to_string()
}

fn case(version: &str, report: &CheckReport, piece: &PieceChecks, check: &Check) -> TestCase {
    let status = match check.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed if check.is_warning() => {
            let mut status = TestCaseStatus::skipped();
            status
                .set_message(format!("{}: {}", check.severity().as_str(), check.message))
                .set_description(rows(check));
            status
        }
        Verdict::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(&check.message).set_description(rows(check));
            if let Some(dimension) = &check.dimension {
                status.set_type(dimension);
            }
            status
        }
        Verdict::NotEvaluated => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("not evaluated: {}", check.message));
            status
        }
    };
    let partition = piece.partition.as_ref().map(|key| format!("[{key}]")).unwrap_or_default();
    let mut case = TestCase::new(check.rule.as_str(), status);
    case.set_classname(format!("{version}{partition}"));
    case.extra.insert("file".into(), report.contract.as_str().into());
    if check.verdict == Verdict::Passed {
        case.set_system_out(&check.message);
    }
    case
}

/// The promise, and some of the rows that break it.
fn rows(check: &Check) -> String {
    let promised = (!check.bound.is_empty()).then(|| format!("promised: {}", check.bound));
    promised.into_iter().chain(check.samples.iter().map(ToString::to_string)).collect::<Vec<_>>().join("\n")
}
