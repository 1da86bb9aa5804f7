//! `lamp duty histograms` and `lamp duty sign`: a person looks, and says what they saw.

use std::io::{IsTerminal as _, Write as _};

use console::style;
use lamp_app::call::ShowHistograms;
use lamp_app::duties::histograms::{ColumnFacts, HistogramColumn, HistogramTask};
use lamp_app::duties::sign::{HistogramsSigned, JudgeColumn, SignHistograms};
use lamp_core::duty::columns::ChosenAs;
use lamp_core::duty::look::ColumnVerdict;
use lamp_core::profile::PairedBin;

use super::duty::print_end;
use super::profile::{bar_of, number};
use crate::args::{DutyHistograms, DutySign};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, out};

/// Bars of a histogram.
const BINS: usize = 10;

/// Width of the longest bar, in characters.
const BAR_WIDTH: usize = 30;

/// What a person answers about a column.
enum Answer {
    LooksRight,
    Suspicious(String),
    Later,
    Stop,
}

pub async fn look(desk: &Desk, args: &DutyHistograms, json: bool) -> Result<(), Failure> {
    let task = desk.ask(ShowHistograms { duty: args.duty.clone(), bins: BINS }).await?;
    if args.json || json {
        return ui::print_json(&task);
    }
    let duty = &task.duty.duty;
    out!("{} of {}  {} columns", style(&task.duty.title).bold(), duty.project, task.columns.len());
    if std::io::stdin().is_terminal() && task.duty.next.is_some() {
        return walk(desk, &task).await;
    }
    for column in &task.columns {
        out!("");
        print(column);
    }
    if task.duty.next.is_some() && !task.columns.is_empty() {
        out!("\nNext: lamp duty sign {} --right 1 --suspicious 2 --note \"…\"", duty.id);
    }
    Ok(())
}

/// Asks about one column after the other. What was said is recorded at once, so that one can stop anywhere.
async fn walk(desk: &Desk, task: &HistogramTask) -> Result<(), Failure> {
    let mut last = None;
    for column in task.columns.iter().filter(|column| column.verdict.is_none()) {
        out!("");
        print(column);
        let (verdict, note) = match ask().await? {
            Answer::LooksRight => (ColumnVerdict::LooksRight, String::new()),
            Answer::Suspicious(note) => (ColumnVerdict::Suspicious, note),
            Answer::Later => continue,
            Answer::Stop => break,
        };
        let judged =
            JudgeColumn { column: column.place.to_string(), verdict, note, profile: Some(column.look.profile) };
        let duty = Some(task.duty.duty.id.to_string());
        let signed = desk.ask(SignHistograms { duty, verdicts: vec![judged] }).await?;
        print_incidents(&signed);
        last = Some(signed.duty);
    }
    out!("");
    let duty = last.as_ref().unwrap_or(&task.duty);
    print_end(duty);
    if duty.next.is_some() {
        out!(
            "{} of {} columns are left: lamp duty histograms",
            duty.progress.of - duty.progress.done,
            duty.progress.of
        );
    }
    Ok(())
}

async fn ask() -> Result<Answer, Failure> {
    loop {
        let answer = read_line("[Enter] looks right   x suspicious   n later   q stop: ").await?;
        match answer.as_deref().map(str::trim) {
            Some("") => return Ok(Answer::LooksRight),
            Some("x") => {
                let note = read_line("What looks wrong? ").await?.unwrap_or_default();
                if !note.trim().is_empty() {
                    return Ok(Answer::Suspicious(note.trim().to_owned()));
                }
                out!("A suspicion needs a word of why.");
            }
            Some("n") => return Ok(Answer::Later),
            Some("q") | None => return Ok(Answer::Stop),
            Some(other) => out!("`{other}` is none of these."),
        }
    }
}

/// A line of input; none at its end.
async fn read_line(question: &'static str) -> Result<Option<String>, Failure> {
    let failed = |error: std::io::Error| Failure::operation(format!("cannot ask: {error}"));
    let mut stdout = std::io::stdout();
    write!(stdout, "{question}").and_then(|()| stdout.flush()).map_err(failed)?;
    // On a thread of its own: Ctrl-C must be heard while nobody answers.
    let asking = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|bytes| (bytes > 0).then_some(line))
    });
    asking.await.map_err(|error| failed(std::io::Error::other(error)))?.map_err(failed)
}

pub async fn sign(desk: &Desk, args: &DutySign, json: bool) -> Result<(), Failure> {
    if args.right.is_empty() && args.suspicious.is_empty() {
        return Err(Failure::operation("nothing to sign for").with_hint("lamp duty sign --right 1 --right 2"));
    }
    let judged = |column: &String, verdict, note: &str| JudgeColumn {
        column: column.clone(),
        verdict,
        note: note.to_owned(),
        profile: None,
    };
    let right = args.right.iter().map(|column| judged(column, ColumnVerdict::LooksRight, ""));
    let suspicious = args.suspicious.iter().map(|column| judged(column, ColumnVerdict::Suspicious, &args.note));
    let request = SignHistograms { duty: args.duty.clone(), verdicts: right.chain(suspicious).collect() };
    let signed = desk.ask(request).await?;
    if args.json || json {
        return ui::print_json(&signed);
    }
    print_incidents(&signed);
    print_end(&signed.duty);
    let progress = signed.duty.progress;
    if signed.duty.next.is_some() {
        out!("{} of {} columns are left: lamp duty histograms", progress.of - progress.done, progress.of);
    }
    Ok(())
}

fn print_incidents(signed: &HistogramsSigned) {
    for incident in &signed.incidents {
        out!("  incident opened: {}", incident.title);
        out!("    Next: lamp incidents ack {}", incident.id);
    }
}

fn print(column: &HistogramColumn) {
    let look = &column.look;
    let why = match column.because {
        ChosenAs::Moved => "moved most",
        ChosenAs::Turn => "its turn",
    };
    let name = format!("{}. {}  {}", column.place, look.data(), look.column);
    out!("{}  {}  ({why})", style(name).bold(), style(&column.today.data_type).dim());
    out!("  today   {}", facts(&column.today));
    match &column.reference {
        Some(reference) => out!("  before  {}", facts(reference)),
        None => out!("  before  nothing to hold it against"),
    }
    print_bars(column);
    if let Some(verdict) = &column.verdict {
        let note = verdict.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        out!("  {} {}{note}", style(verdict.verdict).bold(), style(format!("says {}", verdict.by)).dim());
    }
}

fn facts(facts: &ColumnFacts) -> String {
    let mut words = vec![format!("{} rows", ui::count(facts.rows)), format!("nulls {:.1} %", facts.null_share * 100.0)];
    let (low, high) = facts.distinct;
    words.push(if low == high {
        format!("distinct {}", ui::count(low))
    } else {
        format!("distinct about {}–{}", ui::count(low), ui::count(high))
    });
    let is_instant = matches!(facts.min, Some(lamp_core::profile::Scalar::Instant(_)));
    let named = [("mean", facts.mean), ("p5", facts.p5), ("median", facts.median), ("p95", facts.p95)];
    words.extend(named.iter().filter_map(|(name, value)| {
        let value = value.filter(|_| !is_instant)?;
        Some(format!("{name} {}", number(value)))
    }));
    words.join("   ")
}

/// Shares of rows: today's as a bar, the history's beside it.
fn print_bars(column: &HistogramColumn) {
    let histogram = &column.histogram;
    let share = |count: u64, rows: u64| count.saturating_mul(10_000).checked_div(rows).unwrap_or(0);
    let of_today = |bin: &PairedBin| share(bin.today, histogram.rows_today);
    let of_reference = |bin: &PairedBin| share(bin.reference, histogram.rows_reference);
    let largest = histogram.bins.iter().map(|bin| of_today(bin).max(of_reference(bin))).max().unwrap_or(0);
    if largest == 0 {
        return;
    }
    let width = histogram.bins.iter().map(|bin| console::measure_text_width(&bin.label)).max().unwrap_or(0);
    let percent = |share: u64| format!("{}.{} %", share / 100, share % 100 / 10);
    for bin in &histogram.bins {
        let padding = " ".repeat(width - console::measure_text_width(&bin.label));
        let bar = bar_of(of_today(bin), largest, BAR_WIDTH);
        let gap = " ".repeat(BAR_WIDTH - console::measure_text_width(&bar));
        let before = if histogram.rows_reference > 0 {
            format!("   before {}", percent(of_reference(bin)))
        } else {
            String::new()
        };
        out!("  {padding}{} {}{gap} {:>7}{before}", bin.label, style(bar).cyan(), percent(of_today(bin)));
    }
}
