//! `lamp contract`: suggest, lint, diff.

mod diff;
mod suggest;

use std::path::Path;
use std::process::ExitCode;

use console::style;
use lamp_core::contract::{Severity, lint};

use super::verdict;
use crate::args::{Contract, ContractLint};
use crate::failure::Failure;
use crate::open::desk;
use crate::ui::{out, print_json};

pub async fn run(directory: Option<&Path>, args: &Contract) -> Result<ExitCode, Failure> {
    match args {
        Contract::Suggest(args) => suggest::run(&desk(directory).await?, args).await,
        Contract::Lint(args) => run_lint(args),
        Contract::Diff(args) => diff::run(directory, args).await,
    }
}

fn run_lint(args: &ContractLint) -> Result<ExitCode, Failure> {
    let mut all = Vec::new();
    let mut errors = 0;
    for file in &args.files {
        let label = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::operation(format!("cannot read `{label}`: {error}")))?;
        let found = lint(&text, &label);
        errors += found.iter().filter(|lint| lint.severity == Severity::Error).count();
        if !args.json {
            for lint in &found {
                let word = match lint.severity {
                    Severity::Error => style("error").red().bold(),
                    Severity::Warning => style("warning").yellow().bold(),
                };
                out!("{label}:{}:{}: {word}: {}", lint.line, lint.column, lint.message);
                if let Some(hint) = &lint.hint {
                    out!("  {}: {hint}", style("hint").cyan());
                }
            }
            if found.is_empty() {
                out!("{label}: {}", style("fine").green());
            }
        }
        all.push(serde_json::json!({"file": label, "lints": found}));
    }
    if args.json {
        print_json(&all)?;
    }
    Ok(verdict(errors == 0))
}
