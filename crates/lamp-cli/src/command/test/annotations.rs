//! Failures as GitHub shows them beside the code: workflow commands on the step's output.

use lamp_core::ml_test::{Outcome, TestReport};

use super::junit::everything;
use crate::ui::out;

/// GitHub shows ten of a kind for each step.
const ANNOTATIONS_MAX: usize = 10;

/// Prints the first failures; with JSON on stdout, to stderr, which is read too.
pub fn print(reports: &[TestReport], json: bool) {
    for line in lines(reports) {
        if json {
            eprintln!("{line}");
        } else {
            out!("{line}");
        }
    }
}

fn lines(reports: &[TestReport]) -> Vec<String> {
    let failed = reports.iter().flat_map(|report| {
        let failed = report.results.iter().filter(|result| result.outcome == Outcome::Failed);
        failed.map(move |result| {
            let title = format!("{}: {}", report.subject_text(), result.name);
            let (file, title) = (property(&report.file), property(&title));
            format!("::error file={file},line={},title={title}::{}", report.line, message(&everything(result)))
        })
    });
    failed.take(ANNOTATIONS_MAX).collect()
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::sample::failed_report;
    use super::*;

    #[test]
    fn a_failure_is_one_line_whatever_is_in_it() {
        let found = lines(&[failed_report()]);
        assert_eq!(
            found,
            ["::error file=projects/de%3Alay%2C/lamp.toml,line=12,title=delay%3A overfit::\
              roc_auc 0.5 | <b> 100 %25 of `rows`%0Aline one%0Aline two%0Anext: lamp test delay --only overfit"]
        );
    }

    #[test]
    fn no_more_are_printed_than_are_shown() {
        assert_eq!(lines(&vec![failed_report(); 30]).len(), ANNOTATIONS_MAX);
    }
}
