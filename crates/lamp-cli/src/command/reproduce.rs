//! `lamp reproduce RUN`.

use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use lamp_app::App;
use lamp_app::training::RunError;
use lamp_app::training::reproduce::Reproduced;

use super::verdict;
use crate::args::Reproduce;
use crate::failure::{Failure, INTERRUPTED};
use crate::ui::{self, Lines, Spinner, out};

pub async fn run(app: &App, args: &Reproduce) -> Result<ExitCode, Failure> {
    let spinner = Arc::new(Spinner::start_with("repeating", Lines::beside(args.json)));
    let say = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.say(line)
    };
    let mut on_log = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.line(&format!("  {}", style(line).dim()))
    };
    let reproduced = app.reproduce(&args.run, &say, &mut on_log, super::interruption()).await;
    drop((say, on_log, spinner));
    let reproduction = match reproduced {
        Ok(reproduction) => reproduction,
        Err(error @ RunError::Interrupted) => {
            eprintln!("{error}");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(error) => return Err(error.into()),
    };
    if args.json {
        ui::print_json(&reproduction)?;
    } else {
        match &reproduction.outcome {
            Reproduced::BitIdentical => {
                out!("{}: every output has the same bytes", style("bit-identical").green().bold());
            }
            Reproduced::WithinTolerance { files, difference } => out!(
                "{}: {} differ in bytes, answers by at most {difference:.3e}",
                style("within tolerance").green().bold(),
                files.join(", ")
            ),
            Reproduced::Different { first } => out!("{}: first {first}", style("different").red().bold()),
        }
    }
    Ok(verdict(!matches!(reproduction.outcome, Reproduced::Different { .. })))
}
