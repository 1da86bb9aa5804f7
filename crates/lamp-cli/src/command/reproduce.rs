//! `lamp reproduce RUN`.

use std::process::ExitCode;
use std::sync::Arc;

use console::style;
use lamp_app::App;
use lamp_app::training::reproduce::Reproduced;

use super::verdict;
use crate::args::Reproduce;
use crate::failure::Failure;
use crate::ui::{self, Spinner, out};

pub async fn run(app: &App, args: &Reproduce) -> Result<ExitCode, Failure> {
    let spinner = Arc::new(Spinner::start("repeating"));
    let say = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.say(line)
    };
    let mut on_log = {
        let spinner = Arc::clone(&spinner);
        move |line: &str| spinner.line(&format!("  {}", style(line).dim()))
    };
    let reproduction = app.reproduce(&args.run, &say, &mut on_log).await?;
    drop((say, on_log, spinner));
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
