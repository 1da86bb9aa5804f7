//! What people see: tables, bars, sizes. Progress goes to stderr, and only to a terminal.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use console::{Term, measure_text_width, style};
use indicatif::{ProgressBar, ProgressStyle};
pub use lamp_core::human::{bytes, count, duration, exact_instant, instant};
use lamp_store::Progress;

use crate::failure::Failure;

/// Prints a line to stdout, like `println!`, but goes on when nobody reads any more.
macro_rules! out {
    ($($text:tt)*) => {
        $crate::ui::line(format_args!($($text)*))
    };
}
pub(crate) use out;

/// Prints a line; see [`out!`]. A reader that went away (`lamp check | head -1`) is no failure, and
/// no reason to stop either: the exit code is still to be told.
pub fn line(text: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let written = writeln!(std::io::stdout().lock(), "{text}");
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        Err(error) => {
            eprintln!("error: cannot write to stdout: {error}");
            std::process::exit(i32::from(crate::failure::WENT_WRONG));
        }
    }
}

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
            out!("{empty}");
            return;
        }
        out!("{}", self.render().trim_end());
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
    out!("{text}");
    Ok(())
}

/// Asks on the terminal; only `y` and `yes` mean yes.
pub async fn confirmed(question: &str) -> Result<bool, Failure> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| Failure::operation(format!("cannot ask: {error}"));
    let mut stdout = std::io::stdout();
    write!(stdout, "{question} [y/N] ").and_then(|()| stdout.flush()).map_err(failed)?;
    // On a thread of its own: Ctrl-C must be heard while nobody answers.
    let asking = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    let answer = asking.await.map_err(|error| failed(std::io::Error::other(error)))?.map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A line that says what is going on, overwritten by the next one.
pub struct Spinner {
    bar: ProgressBar,
    lines: Lines,
}

/// Where the lines above a spinner go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// They are what the command prints.
    Stdout,
    /// Stdout is kept for one JSON document.
    Stderr,
}

impl Lines {
    /// Where they go for a command with `--json`, or without.
    pub fn beside(json: bool) -> Self {
        if json { Self::Stderr } else { Self::Stdout }
    }
}

impl Spinner {
    /// Starts with a first message.
    pub fn start(message: &str) -> Self {
        Self::start_with(message, Lines::Stdout)
    }

    /// Starts with a first message; says where its lines go.
    pub fn start_with(message: &str, lines: Lines) -> Self {
        let bar = if Term::stderr().is_term() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.set_style(
            ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.enable_steady_tick(Duration::from_millis(100));
        bar.set_message(message.to_owned());
        Self { bar, lines }
    }

    /// Says what is going on now.
    pub fn say(&self, message: &str) {
        self.bar.set_message(message.to_owned());
    }

    /// Prints a line above the spinner.
    pub fn line(&self, text: &str) {
        let print = || match self.lines {
            Lines::Stdout => out!("{text}"),
            Lines::Stderr => eprintln!("{text}"),
        };
        if self.bar.is_hidden() {
            print();
        } else {
            self.bar.suspend(print);
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar over steps, each about as long as the others.
pub struct Steps(ProgressBar);

impl Steps {
    /// A bar over so-called things.
    pub fn new(things: &str) -> Self {
        let bar = if Term::stderr().is_term() { ProgressBar::no_length() } else { ProgressBar::hidden() };
        let template = format!("{{bar:30.cyan/dim}} {{pos}}/{{len}} {things}, {{eta}} to go  {{msg:.dim}}");
        bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self(bar)
    }

    /// So many of all are done.
    pub fn set(&self, done: usize, all: usize, message: &str) {
        if self.0.length().is_none() {
            self.0.set_length(all as u64);
            // What was there before took no time.
            self.0.set_position(done as u64);
            self.0.reset_eta();
        }
        self.0.set_position(done as u64);
        self.0.set_message(message.to_owned());
    }

    /// Removes the bar.
    pub fn clear(&self) {
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
        // What is done in parts, version by version, grows as it goes.
        self.0.set_length(self.0.length().unwrap_or(0) + bytes);
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
