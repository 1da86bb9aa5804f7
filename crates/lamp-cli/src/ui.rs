//! What people see: tables, bars, sizes. Progress goes to stderr, and only to a terminal.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use console::{Term, measure_text_width, style};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lamp_store::Progress;

use crate::failure::Failure;

/// Rows of text under headings, columns aligned.
pub struct Listing {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Listing {
    /// An empty listing.
    pub fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, as long as the headings.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Prints the listing, or `empty` when there is no row.
    pub fn print(&self, empty: &str) {
        if self.rows.is_empty() {
            println!("{empty}");
            return;
        }
        print!("{}", self.render());
    }

    fn render(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| measure_text_width(cell));
            cells.chain([self.headings[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let mut text = String::new();
        let headings: Vec<String> = self.headings.iter().map(|heading| style(heading).bold().to_string()).collect();
        push_row(&mut text, &headings, &widths);
        for row in &self.rows {
            push_row(&mut text, row, &widths);
        }
        text
    }
}

fn push_row(text: &mut String, cells: &[String], widths: &[usize]) {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let padding = width.saturating_sub(measure_text_width(cell));
        line.push_str(cell);
        line.push_str(&" ".repeat(padding + 2));
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", line.trim_end());
}

/// Prints a value as JSON, indented.
pub fn print_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::operation(format!("cannot write this as JSON: {error}")))?;
    println!("{text}");
    Ok(())
}

/// `12.3 MB`, in powers of 1000.
#[expect(clippy::cast_precision_loss, reason = "shown to one decimal")]
pub fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An instant in a zone, to the minute.
pub fn instant(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `1.2 s`, `3 min 4 s`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds {
        0..60 => format!("{seconds}.{} s", milliseconds % 1_000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A line that says what is going on, overwritten by the next one.
pub struct Spinner(ProgressBar);

impl Spinner {
    /// Starts with a first message.
    pub fn start(message: &str) -> Self {
        let bar = if Term::stderr().is_term() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_style(
            ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.enable_steady_tick(Duration::from_millis(100));
        bar.set_message(message.to_owned());
        Self(bar)
    }

    /// Says what is going on now.
    pub fn say(&self, message: &str) {
        self.0.set_message(message.to_owned());
    }

    /// Prints a line above the spinner.
    pub fn line(&self, text: &str) {
        if self.0.is_hidden() {
            println!("{text}");
        } else {
            self.0.suspend(|| println!("{text}"));
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A bar over bytes, for the store.
struct ByteBar(ProgressBar);

/// Progress of the store on the terminal.
pub fn byte_bar() -> Arc<dyn Progress> {
    let bar = if Term::stderr().is_term() { ProgressBar::no_length() } else { ProgressBar::hidden() };
    let template = "{bar:30.cyan/dim} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta:.dim} {msg}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    Arc::new(ByteBar(bar))
}

impl Progress for ByteBar {
    fn begin(&self, _files: u64, bytes: u64) {
        self.0.set_length(bytes);
    }

    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn file_done(&self, name: &str) {
        self.0.set_message(name.to_owned());
    }
}

impl Drop for ByteBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(999_960), "1.0 MB");
        assert_eq!(bytes(1_500), "1.5 kB");
        assert_eq!(count(336_776), "336,776");
        assert_eq!(count(12), "12");
        assert_eq!(duration(1_250), "1.2 s");
        assert_eq!(duration(184_000), "3 min 4 s");
    }
}
