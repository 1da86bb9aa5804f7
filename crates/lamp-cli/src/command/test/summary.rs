//! A job's summary, in Markdown.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use lamp_core::ml_test::{Outcome, TestReport, TestResult};

/// Bytes that are appended at most; GitHub takes a mebibyte for all steps of a job.
const BYTES_MAX: usize = 256 << 10;

/// Appends what `reports` say to a file.
pub fn append(path: &Path, reports: &[TestReport]) -> io::Result<()> {
    let mut file = File::options().append(true).create(true).open(path)?;
    file.write_all(render(reports).as_bytes())
}

fn render(reports: &[TestReport]) -> String {
    let failed: usize = reports.iter().map(|report| report.count(Outcome::Failed)).sum();
    let total: usize = reports.iter().map(|report| report.results.len()).sum();
    let mut text = match (total, failed) {
        (0, _) => "## lamp test: nothing to test\n\n".to_owned(),
        (_, 0) => format!("## lamp test: {total} tests, none failed\n\n"),
        (_, failed) => format!("## lamp test: {failed} of {total} tests failed\n\n"),
    };
    for report in reports {
        let part = part(report);
        if text.len() + part.len() > BYTES_MAX {
            text.push_str("\n… the rest is too long for a summary; see the JUnit report.\n");
            break;
        }
        text.push_str(&part);
    }
    text
}

fn part(report: &TestReport) -> String {
    let mut text = format!("### {}\n\n", report.subject_text());
    if !report.data.is_empty() {
        let data: Vec<String> = report.data.iter().map(|data| format!("`{data}`")).collect();
        let _ = writeln!(text, "{}\n", data.join(", "));
    }
    text.push_str("| | test | |\n|---|---|---|\n");
    for result in &report.results {
        let _ = writeln!(text, "| {} | {} | {} |", mark(result.outcome), cell(&result.name), cell(&result.reason));
    }
    text.push('\n');
    for result in report.results.iter().filter(|result| result.outcome == Outcome::Failed) {
        text.push_str(&failure(result));
    }
    text
}

fn failure(result: &TestResult) -> String {
    let mut text = String::new();
    if let Some(next) = &result.next {
        let _ = writeln!(text, "**{}**, next: {}\n", cell(&result.name), cell(next));
    }
    let lines: Vec<&str> = result
        .details
        .iter()
        .map(String::as_str)
        .chain(result.output.iter().flat_map(|output| output.lines()))
        .collect();
    if lines.len() > 1 {
        let indented: String = lines.iter().flat_map(|line| ["    ", line, "\n"]).collect();
        let _ = writeln!(text, "<details><summary>{}</summary>\n\n{indented}\n</details>\n", cell(&result.name));
    }
    text
}

const fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "✅ passed",
        Outcome::Failed => "❌ failed",
        Outcome::Uninformative => "⚪ uninformative",
        Outcome::Skipped => "⚪ skipped",
    }
}

/// Text as the cell of a table: nothing in it ends the cell, the row, or is HTML.
fn cell(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::sample::failed_report;
    use super::*;

    #[test]
    fn what_failed_is_told_and_nothing_in_it_is_markup() {
        let text = render(&[failed_report()]);
        assert!(text.starts_with("## lamp test: 1 of 2 tests failed\n"), "{text}");
        assert!(text.contains("| ❌ failed | overfit | roc_auc 0.5 \\| &lt;b> 100 % of `rows` |"), "{text}");
        assert!(text.contains("    line one\n    line two\n"), "{text}");
        assert!(text.contains("**overfit**, next: lamp test delay --only overfit\n"), "{text}");
    }

    #[test]
    fn a_long_summary_is_cut_and_says_so() {
        let text = render(&vec![failed_report(); 2_000]);
        assert!(text.len() < BYTES_MAX + 200, "{}", text.len());
        assert!(text.ends_with("see the JUnit report.\n"));
    }
}
