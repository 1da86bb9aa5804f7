//! Runs commands one after another, streaming what they print, and sums up at the end.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Widest step name in the summary.
const NAME_WIDTH: usize = 44;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    Passed,
    Failed(String),
    Skipped(&'static str),
}

#[derive(Debug)]
struct Done {
    name: String,
    took: Duration,
    ending: Ending,
}

/// What has been done so far.
#[derive(Debug, Default)]
pub struct Steps {
    done: Vec<Done>,
}

impl Steps {
    /// Runs `work` as a step. A failure is kept for the summary and the next step goes ahead, so
    /// that one run tells everything that is wrong. Says whether it passed.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        println!("\n==> {name}");
        let started = Instant::now();
        let ending = match work() {
            Ok(()) => Ending::Passed,
            Err(error) => {
                println!("{name} failed: {error:#}");
                Ending::Failed(format!("{error:#}"))
            }
        };
        let passed = ending == Ending::Passed;
        self.done.push(Done { name: name.to_owned(), took: started.elapsed(), ending });
        passed
    }

    /// Notes that a step was left out, and why.
    pub fn skip(&mut self, name: &str, why: &'static str) {
        println!("\n==> {name}: skipped ({why})");
        self.done.push(Done { name: name.to_owned(), took: Duration::ZERO, ending: Ending::Skipped(why) });
    }

    /// Whether no step failed.
    pub fn all_passed(&self) -> bool {
        self.done.iter().all(|step| !matches!(step.ending, Ending::Failed(_)))
    }

    /// A table of all steps with their times, and the failures in full.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for Done { name, took, ending } in &self.done {
            let (word, detail) = match ending {
                Ending::Passed => ("ok", String::new()),
                Ending::Failed(why) => ("FAILED", format!("  {}", first_line(why))),
                Ending::Skipped(why) => ("skipped", format!("  {why}")),
            };
            let _ = writeln!(text, "{name:NAME_WIDTH$} {word:8}{:>8}{detail}", show(*took));
        }
        let total = self.done.iter().map(|step| step.took).sum();
        let _ = writeln!(text, "{:NAME_WIDTH$} {:8}{:>8}", "all", "", show(total));
        text
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// `7.2s`, `3m 05s`.
fn show(took: Duration) -> String {
    let seconds = took.as_secs();
    if seconds < 60 { format!("{:.1}s", took.as_secs_f64()) } else { format!("{}m {:02}s", seconds / 60, seconds % 60) }
}

/// Runs a command, its output going straight through, and fails unless it exits 0.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Whether a command can be run and exits 0; what it prints is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_does_not_hide_what_comes_after_it() {
        let mut steps = Steps::default();
        assert!(!steps.step("first", || run(Command::new("sh").args(["-c", "exit 3"]))));
        assert!(steps.step("second", || run(&mut Command::new("true"))));
        steps.skip("third", "--skip-third");
        assert!(!steps.all_passed());
        let summary = steps.summary();
        let words: Vec<Vec<&str>> = summary.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
        assert_eq!(words[..3], [["first", "FAILED"], ["second", "ok"], ["third", "skipped"]]);
        assert!(summary.contains("`sh -c exit 3` ended with exit status: 3"), "{summary}");
    }

    #[test]
    fn a_command_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program-anywhere")).expect_err("it is not there");
        assert!(format!("{error:#}").starts_with("cannot run `no-such-program-anywhere`"));
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(show(Duration::from_millis(7_240)), "7.2s");
        assert_eq!(show(Duration::from_secs(185)), "3m 05s");
    }
}
