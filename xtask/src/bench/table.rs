//! Tables in Markdown, and their place on the page.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::measure::{Cost, Outcome};

/// A table under a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    heading: String,
    note: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows. `note` says under the heading what was done.
    pub(super) fn new(heading: &str, note: &str, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { heading: heading.to_owned(), note: note.to_owned(), columns, rows: Vec::new() }
    }

    /// Adds a row; cells that are not given are empty.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().take(self.columns.len()).map(|cell| escaped(&cell)).collect();
        row.resize(self.columns.len(), String::new());
        self.rows.push(row);
    }

    /// The heading, the note and the table. The first column is to the left, the others to the right.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n", self.heading, self.note);
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        text.push_str(&line(&self.columns));
        let rules: Vec<String> = (0..self.columns.len()).map(|at| if at == 0 { "---" } else { "--:" }.into()).collect();
        text.push_str(&line(&rules));
        for row in &self.rows {
            text.push_str(&line(row));
        }
        text
    }
}

/// A cell must stay one cell.
fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// Measurements of the same work, repeated.
#[derive(Debug, Clone, Default)]
pub(super) struct Repeated {
    outcomes: Vec<Outcome>,
}

impl Repeated {
    /// Adds one.
    pub(super) fn push(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// Whether nothing was tried.
    pub(super) fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// Whether there is no use in trying again: it failed, or took too long.
    pub(super) fn is_hopeless(&self) -> bool {
        self.outcomes.iter().any(|outcome| !matches!(outcome, Outcome::Done(_)))
    }

    fn costs(&self) -> impl Iterator<Item = Cost> {
        self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Done(cost) => Some(*cost),
            Outcome::TooLong(_) | Outcome::Failed(_) => None,
        })
    }

    /// The fastest.
    pub(super) fn best(&self) -> Option<Cost> {
        self.costs().min_by(|left, right| left.seconds.total_cmp(&right.seconds))
    }

    /// The seconds in the middle; of an even number, the slower of the two.
    pub(super) fn median_seconds(&self) -> Option<f64> {
        let mut seconds: Vec<f64> = self.costs().map(|cost| cost.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        seconds.get(seconds.len() / 2).copied()
    }

    /// Columns [`COST_COLUMNS`] of a row.
    pub(super) fn cells(&self) -> [String; 4] {
        let none = || String::from("–");
        if let Some(failure) = self.outcomes.iter().find(|outcome| !matches!(outcome, Outcome::Done(_))) {
            let said = match failure {
                Outcome::TooLong(limit) => format!("> {}", limit.as_secs()),
                Outcome::Failed(why) => format!("failed: {why}"),
                Outcome::Done(_) => none(),
            };
            return [said, none(), none(), none()];
        }
        let Some(best) = self.best() else { return [none(), none(), none(), none()] };
        let median = self.median_seconds().map_or_else(none, seconds);
        let peak = self.costs().map(|cost| cost.peak_bytes).max().unwrap_or(0);
        [seconds(best.seconds), median, seconds(best.cpu_seconds), megabytes(peak)]
    }
}

/// What [`Repeated::cells`] are.
pub(super) const COST_COLUMNS: [&str; 4] = ["seconds", "median", "CPU s", "peak MB"];

/// Seconds in three figures.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{s:.3}"),
        s if s < 10.0 => format!("{s:.2}"),
        s if s < 100.0 => format!("{s:.1}"),
        s => format!("{s:.0}"),
    }
}

/// Megabytes (10⁶).
#[allow(clippy::cast_precision_loss, reason = "for people to read")]
pub(super) fn megabytes(bytes: u64) -> String {
    let megabytes = bytes as f64 / 1e6;
    if megabytes < 10.0 { format!("{megabytes:.1}") } else { format!("{megabytes:.0}") }
}

/// `part` of `whole` in per cent.
#[allow(clippy::cast_precision_loss, reason = "for people to read")]
pub(super) fn percent(part: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}

/// How many times `of` a time is.
pub(super) fn times(cost: Option<Cost>, of: Option<Cost>) -> String {
    match (cost, of) {
        (Some(cost), Some(of)) if of.seconds > 0.0 => format!("{:.1}", cost.seconds / of.seconds),
        _ => "–".to_owned(),
    }
}

/// The page with a section's body replaced: what stands between `<!-- bench NAME -->` and `<!-- end NAME -->`.
pub(super) fn spliced(page: &str, section: &str, body: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- bench {section} -->\n"), format!("<!-- end {section} -->"));
    let Some((before, rest)) = page.split_once(&begin) else { bail!("the page has no line `{}`", begin.trim()) };
    let Some((_, after)) = rest.split_once(&end) else { bail!("the page has no line `{end}`") };
    let mut text = String::new();
    let _ = write!(text, "{before}{begin}\n{}\n\n{end}{after}", body.trim());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn done(seconds: f64) -> Outcome {
        Outcome::Done(Cost { seconds, cpu_seconds: 2.0 * seconds, peak_bytes: 12_000_000 })
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new("Small files", "What was done.", &["tool", "seconds", "MB"]);
        table.row(["a | b".to_owned(), "0.5".to_owned(), "3".to_owned()]);
        table.row(["two\nlines".to_owned()]);
        let wanted = "### Small files\n\nWhat was done.\n\n| tool | seconds | MB |\n| --- | --: | --: |\n\
                      | a \\| b | 0.5 | 3 |\n| two lines |  |  |\n";
        assert_eq!(table.markdown(), wanted);
    }

    #[test]
    fn the_best_and_the_middle_of_repetitions_are_shown() {
        let mut repeated = Repeated::default();
        for seconds in [0.5, 0.25, 4.0] {
            repeated.push(done(seconds));
        }
        assert_eq!(repeated.cells(), ["0.250", "0.500", "0.500", "12"]);
        assert!(!repeated.is_hopeless());
    }

    #[test]
    fn what_was_not_done_is_said() {
        let mut late = Repeated::default();
        late.push(done(1.0));
        late.push(Outcome::TooLong(Duration::from_mins(1)));
        assert_eq!(late.cells()[0], "> 60");
        let mut failed = Repeated::default();
        failed.push(Outcome::Failed("no such tool".to_owned()));
        assert_eq!(failed.cells()[0], "failed: no such tool");
        assert!(late.is_hopeless() && failed.is_hopeless());
        assert_eq!(Repeated::default().cells()[0], "–");
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([0.0123, 1.234, 12.34, 123.4].map(seconds), ["0.012", "1.23", "12.3", "123"]);
        assert_eq!([1_234_567, 75_000_000].map(megabytes), ["1.2", "75"]);
        assert_eq!(percent(15, 60), "25.0 %");
        let cost = |seconds| Some(Cost { seconds, ..Cost::default() });
        assert_eq!((times(cost(3.0), cost(2.0)), times(cost(3.0), None)), ("1.5".to_owned(), "–".to_owned()));
    }

    #[test]
    fn a_section_is_replaced_and_the_rest_of_the_page_stays() {
        let page =
            "# Page\n<!-- bench data -->\nold\n<!-- end data -->\nmore\n<!-- bench profile -->\n<!-- end profile -->\n";
        let once = spliced(page, "data", "new\n").expect("the section is there");
        let wanted = "# Page\n<!-- bench data -->\n\nnew\n\n<!-- end data -->\nmore\n<!-- bench profile -->\n<!-- end profile -->\n";
        assert_eq!(once, wanted);
        assert_eq!(spliced(&once, "data", "new").expect("still there"), wanted);
        assert!(spliced(page, "alarms", "new").is_err());
    }
}
