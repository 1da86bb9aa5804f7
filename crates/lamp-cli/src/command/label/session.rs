//! The interactive loop: shows a row, takes a key, goes on. Off a terminal it takes a line for each row.

use std::io::{IsTerminal as _, Write as _};

use console::{Key, Term, style};
use lamp_app::call::{LabelDays, NextLabel, ShowLabelTask};
use lamp_app::labels::ask::LabelTask;
use lamp_app::labels::submit::{Answered, SubmitLabel};
use lamp_core::error::{Classified as _, Kind};
use lamp_core::ids::PredictionId;
use lamp_core::label::LabelSpec;
use lamp_core::names::ServiceName;
use lamp_core::package::Task;

use super::{NOTHING_WAITS, bar, print_submitted, print_task, shown};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::out;

/// Most classes that have a key each.
const CLASS_KEYS_MAX: usize = 9;

/// What somebody pressed or typed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reply {
    Value(String),
    CannotTell,
    Back,
    Help,
    Quit,
}

/// Where replies come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// One key a reply.
    Keys,
    /// One line a reply.
    Lines,
}

pub async fn run(desk: &Desk, service: Option<&ServiceName>) -> Result<(), Failure> {
    let days = desk.ask(LabelDays { service: service.cloned() }).await?;
    for progress in days.iter().filter(|progress| progress.waiting > 0) {
        out!("{}  {}", style(&progress.service).bold(), bar(progress));
    }
    let mut done: Vec<PredictionId> = Vec::new();
    let mut again: Option<PredictionId> = None;
    loop {
        let task = match again.take() {
            Some(prediction) => Some(desk.ask(ShowLabelTask { prediction }).await?),
            None => desk.ask(NextLabel { service: service.cloned() }).await?,
        };
        let Some(task) = task else {
            if done.is_empty() {
                out!("{NOTHING_WAITS}");
            } else {
                out!("\nAll done. Next: lamp metrics");
            }
            return Ok(());
        };
        out!("");
        print_task(desk.zone(), &task);
        match ask(desk, &task).await? {
            Outcome::Taken => {
                done.retain(|earlier| *earlier != task.prediction);
                done.push(task.prediction);
            }
            Outcome::Back => {
                again = done.pop();
                if again.is_none() {
                    out!("  this is the first one");
                }
            }
            Outcome::Quit => {
                out!("Stopped; the rest waits.");
                return Ok(());
            }
        }
    }
}

/// What became of one row.
enum Outcome {
    Taken,
    Back,
    Quit,
}

/// Asks until there is something to go on with.
async fn ask(desk: &Desk, task: &LabelTask) -> Result<Outcome, Failure> {
    loop {
        let answer = match reply(&task.spec).await? {
            Reply::Quit => return Ok(Outcome::Quit),
            Reply::Back => return Ok(Outcome::Back),
            Reply::Help => {
                help(&task.spec);
                continue;
            }
            Reply::CannotTell => Answered::CannotTell,
            Reply::Value(text) => Answered::Value(text),
        };
        let request = SubmitLabel { prediction: task.prediction, answer, note: None, event_at: None };
        match desk.try_ask(request, &|_| {}).await? {
            Ok(submitted) => {
                print_submitted(&submitted);
                return Ok(Outcome::Taken);
            }
            // A slip: said, and asked again.
            Err(error) if error.kind() == Kind::Invalid => {
                let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                out!("  {error}{hint}");
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn help(spec: &LabelSpec) {
    match spec.task {
        Task::Binary => out!("  y yes   n no"),
        Task::Multiclass => {
            for (class, number) in spec.classes.iter().zip(1..) {
                out!("  {number} {}", shown(class));
            }
        }
        Task::Regression => out!("  a number, then Enter"),
    }
    out!("  s can't tell   b back to the one before   q stop   ? this");
    out!("  What the models said is hidden until you have answered: it would lead you.");
}

fn prompt(spec: &LabelSpec) -> String {
    let choices = match spec.task {
        Task::Binary => "y/n".to_owned(),
        Task::Multiclass => {
            let classes = spec.classes.iter().zip(1..).map(|(class, number)| format!("{number} {}", shown(class)));
            classes.collect::<Vec<_>>().join("/")
        }
        Task::Regression => "number".to_owned(),
    };
    format!("{choices}, s can't tell, b back, q stop, ? > ")
}

async fn reply(spec: &LabelSpec) -> Result<Reply, Failure> {
    let failed = |error: std::io::Error| Failure::operation(format!("cannot ask: {error}"));
    let has_keys = match spec.task {
        Task::Binary => true,
        Task::Multiclass => spec.classes.len() <= CLASS_KEYS_MAX,
        Task::Regression => false,
    };
    let input = if has_keys && std::io::stdin().is_terminal() { Input::Keys } else { Input::Lines };
    let mut stdout = std::io::stdout();
    write!(stdout, "{}", prompt(spec)).and_then(|()| stdout.flush()).map_err(failed)?;
    // On a thread of its own: Ctrl-C must be heard while nobody answers.
    let asking = tokio::task::spawn_blocking(move || match input {
        Input::Keys => key(),
        Input::Lines => line(),
    });
    let typed = asking.await.map_err(|error| failed(std::io::Error::other(error)))?.map_err(failed)?;
    if input == Input::Keys || !std::io::stdin().is_terminal() {
        out!("");
    }
    Ok(typed.map_or(Reply::Quit, |typed| read(spec, &typed)))
}

/// A key, as the text that would mean the same.
fn key() -> std::io::Result<Option<String>> {
    Ok(match Term::stdout().read_key()? {
        Key::Char(' ') => Some("s".to_owned()),
        Key::Char(letter) => Some(letter.to_string()),
        Key::Backspace => Some("b".to_owned()),
        Key::Escape | Key::CtrlC => None,
        _ => Some("?".to_owned()),
    })
}

fn line() -> std::io::Result<Option<String>> {
    let mut text = String::new();
    let read = std::io::stdin().read_line(&mut text)?;
    Ok((read > 0).then(|| text.trim().to_owned()))
}

fn read(spec: &LabelSpec, typed: &str) -> Reply {
    match typed {
        "q" | "quit" => Reply::Quit,
        "b" | "back" => Reply::Back,
        "s" | "skip" => Reply::CannotTell,
        "?" | "" | "h" | "help" => Reply::Help,
        _ => {
            let number = typed.parse::<usize>().ok().filter(|_| spec.task == Task::Multiclass);
            let class = number.and_then(|number| spec.classes.get(number.checked_sub(1)?));
            Reply::Value(class.map_or_else(|| typed.to_owned(), shown))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_picks_a_class_and_is_a_value_elsewhere() {
        let spec = |task| LabelSpec { task, target: "x".to_owned(), classes: vec![json!("elm"), json!("oak")] };
        assert_eq!(read(&spec(Task::Multiclass), "2"), Reply::Value("oak".to_owned()));
        assert_eq!(read(&spec(Task::Multiclass), "7"), Reply::Value("7".to_owned()));
        assert_eq!(read(&spec(Task::Regression), "2"), Reply::Value("2".to_owned()));
        assert_eq!(read(&spec(Task::Binary), "s"), Reply::CannotTell);
        assert_eq!(read(&spec(Task::Binary), ""), Reply::Help);
    }
}
