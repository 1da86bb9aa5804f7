//! `lamp audit ls|verify`.

use std::process::ExitCode;

use console::style;
use lamp_app::call::{ListEvents, VerifyAudit};

use super::verdict;
use crate::args::Audit;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, out};

pub async fn run(desk: &Desk, args: &Audit) -> Result<ExitCode, Failure> {
    match args {
        Audit::Ls(args) => {
            let events = desk.ask(ListEvents { after: args.after, limit: args.limit }).await?;
            if args.json {
                ui::print_json(&events)?;
                return Ok(ExitCode::SUCCESS);
            }
            let mut listing = Listing::new(&["NO", "AT", "WHO", "WHAT", "TO", "HASH"]);
            for event in events {
                let injected = if event.entry.injected_time { " (injected)" } else { "" };
                listing.row([
                    event.seq.to_string(),
                    format!("{}{injected}", ui::instant(event.entry.at, desk.zone())),
                    event.entry.actor.to_string(),
                    event.entry.action,
                    event.entry.subject,
                    event.hash.short(),
                ]);
            }
            listing.print("Nothing was recorded yet.");
            Ok(ExitCode::SUCCESS)
        }
        Audit::Verify(args) => {
            let report = desk.ask(VerifyAudit {}).await?;
            if args.json {
                let broken = &report.broken;
                ui::print_json(&serde_json::json!({"events": report.events, "head": report.head, "broken": broken}))?;
            } else if let Some(broken) = &report.broken {
                out!("{} at event {}: {}", style("broken").red().bold(), broken.seq, broken.why);
            } else {
                let head = report.head.short();
                out!("{}  {} events, head {head}", style("whole").green().bold(), ui::count(report.events));
            }
            Ok(verdict(report.broken.is_none()))
        }
    }
}
