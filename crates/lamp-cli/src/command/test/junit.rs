//! Reports as `JUnit` XML, which every CI reads.

use std::time::Duration;

use lamp_core::ml_test::{Outcome, TestReport, TestResult};
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

/// One suite a model or own test, one case a test. What says nothing, and what was not run, counts as skipped.
pub fn render(reports: &[TestReport]) -> Result<String, SerializeError> {
    let mut document = Report::new("lamp test");
    for report in reports {
        let mut suite = TestSuite::new(report.subject_text());
        suite.add_property(("tree", report.tree.as_str()));
        if let Some(commit) = &report.commit {
            suite.add_property(("commit", commit.as_str()));
        }
        report.data.iter().for_each(|data| {
            suite.add_property(("data", data.as_str()));
        });
        let took: u64 = report.results.iter().map(|result| result.duration_ms).sum();
        suite.set_time(Duration::from_millis(took));
        suite.add_test_cases(report.results.iter().map(|result| case(report, result)));
        document.add_test_suite(suite);
    }
    document.to_string()
}

fn case(report: &TestReport, result: &TestResult) -> TestCase {
    let status = match result.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(&result.reason).set_description(everything(result));
            status
        }
        Outcome::Uninformative | Outcome::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("{}: {}", result.outcome, result.reason));
            status
        }
    };
    let mut case = TestCase::new(result.name.as_str(), status);
    case.set_classname(report.subject_text()).set_time(Duration::from_millis(result.duration_ms));
    case.extra.insert("file".into(), report.file.as_str().into());
    case.extra.insert("line".into(), report.line.to_string().into());
    if result.outcome == Outcome::Passed {
        case.set_system_out(&result.reason);
    }
    case
}

/// The reason, every finding, the end of the output, and what to do next.
pub fn everything(result: &TestResult) -> String {
    let mut lines = vec![result.reason.clone()];
    lines.extend(result.details.iter().cloned());
    lines.extend(result.output.iter().cloned());
    lines.extend(result.next.iter().map(|next| format!("next: {next}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::sample::failed_report;
    use super::*;

    #[test]
    fn a_suite_a_report_and_a_case_a_test() {
        insta::assert_snapshot!(render(&[failed_report()]).expect("XML"), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="lamp test" tests="2" skipped="1" failures="1" errors="0">
            <testsuite name="delay" tests="2" skipped="1" errors="0" failures="1" time="1.500">
                <properties>
                    <property name="tree" value="fedcba9876543210"/>
                    <property name="commit" value="0123456789abcdef"/>
                    <property name="data" value="trips@3 as trips[..-1month]"/>
                </properties>
                <testcase name="overfit" classname="delay" time="1.500" file="projects/de:lay,/lamp.toml" line="12">
                    <failure message="roc_auc 0.5 | &lt;b&gt; 100 % of `rows`">roc_auc 0.5 | &lt;b&gt; 100 % of `rows`
        line one
        line two
        next: lamp test delay --only overfit</failure>
                </testcase>
                <testcase name="signal" classname="delay" time="0.000" file="projects/de:lay,/lamp.toml" line="12">
                    <skipped message="uninformative: too few rows"/>
                </testcase>
            </testsuite>
        </testsuites>
        "#);
    }
}
