//! `lamp affected`.

use std::process::ExitCode;

use console::style;
use lamp_core::affected::Why;

use crate::args::Affected;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, out};

pub async fn run(desk: &Desk, args: &Affected) -> Result<ExitCode, Failure> {
    let affected = desk.affected(&args.base).await?;
    if args.json {
        let by_name = |name: String, why: &Why| serde_json::json!({"name": name, "why": why.steps});
        let tests = affected.tests.iter().map(|((project, test), why)| by_name(format!("{project}/{test}"), why));
        ui::print_json(&serde_json::json!({
            "everything": affected.everything.as_ref().map(|why| &why.steps),
            "projects": affected.projects.iter().map(|(n, why)| by_name(n.to_string(), why)).collect::<Vec<_>>(),
            "datasets": affected.datasets.iter().map(|(n, why)| by_name(n.to_string(), why)).collect::<Vec<_>>(),
            "models": affected.models.iter().map(|(n, why)| by_name(n.to_string(), why)).collect::<Vec<_>>(),
            "services": affected.services.iter().map(|(n, why)| by_name(n.to_string(), why)).collect::<Vec<_>>(),
            "tests": tests.collect::<Vec<_>>(),
            "ignored": affected.ignored,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(why) = &affected.everything {
        out!("{}: {}", style("everything").bold(), why.steps.join(" → "));
    }
    let line = |kind: &str, name: &str, why: &Why| out!("{kind:<8} {}  {}", style(name).bold(), why.steps.join(" → "));
    affected.projects.iter().for_each(|(name, why)| line("project", name.as_str(), why));
    affected.datasets.iter().for_each(|(name, why)| line("dataset", name.as_str(), why));
    affected.models.iter().for_each(|(name, why)| line("model", name.as_str(), why));
    affected.services.iter().for_each(|(name, why)| line("service", name.as_str(), why));
    affected.tests.iter().for_each(|((project, test), why)| line("test", &format!("{project}/{test}"), why));
    if affected.is_nothing() {
        out!("Nothing that runs is touched since {}.", args.base);
    }
    for (path, reason) in &affected.ignored {
        out!("{}", style(format!("ignored  {path}  {reason}")).dim());
    }
    Ok(ExitCode::SUCCESS)
}
