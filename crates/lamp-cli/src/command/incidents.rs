//! `lamp incidents ls|show|ack|resolve`.

use std::process::ExitCode;

use console::style;
use jiff::tz::TimeZone;
use lamp_app::call::{AckIncident, ListIncidents, ResolveIncident, ShowIncident};
use lamp_app::incidents::IncidentView;
use lamp_core::incident::IncidentState;

use crate::args::{Incidents, IncidentsLs};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, out};

pub async fn run(desk: &Desk, args: &Incidents) -> Result<ExitCode, Failure> {
    let (view, json) = match args {
        Incidents::Ls(args) => {
            ls(desk, args).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Incidents::Show(args) => (desk.ask(ShowIncident { incident: args.incident.clone() }).await?, args.json),
        Incidents::Ack(args) => (desk.ask(AckIncident { incident: args.incident.clone() }).await?, args.json),
        Incidents::Resolve(args) => {
            let (incident, note) = (args.incident.clone(), args.note.clone());
            let request = ResolveIncident { incident, note, decision: args.decision };
            (desk.ask(request).await?, args.json)
        }
    };
    show(desk.zone(), &view, json)?;
    Ok(ExitCode::SUCCESS)
}

async fn ls(desk: &Desk, args: &IncidentsLs) -> Result<(), Failure> {
    let incidents = desk.ask(ListIncidents { all: args.all }).await?;
    if args.json {
        return ui::print_json(&incidents);
    }
    let zone = desk.zone();
    let mut listing = Listing::new(&["INCIDENT", "STATE", "OPENED", "BY", "WHAT"]);
    for IncidentView { incident, state, .. } in incidents {
        let resolver = incident.resolved.as_ref().map(|resolution| &resolution.by);
        let who = resolver.or(incident.acknowledged.as_ref().map(|acknowledged| &acknowledged.by));
        listing.row([
            incident.id.to_string(),
            coloured(state),
            ui::instant(incident.opened_at, zone),
            who.map_or_else(|| "–".to_owned(), ToString::to_string),
            incident.title,
        ]);
    }
    listing.print(if args.all { "No incident yet." } else { "No incident is open." });
    Ok(())
}

fn coloured(state: IncidentState) -> String {
    match state {
        IncidentState::Open => style("open").red().to_string(),
        IncidentState::Acknowledged => style("acknowledged").yellow().to_string(),
        IncidentState::Resolved => style("resolved").green().to_string(),
    }
}

fn show(zone: &TimeZone, view: &IncidentView, json: bool) -> Result<(), Failure> {
    if json {
        return ui::print_json(view);
    }
    let incident = &view.incident;
    let line = |name: &str, value: &str| out!("  {:<14} {value}", style(name).dim());
    out!("{}  {}", style(incident.id).bold(), coloured(view.state));
    line("what", &incident.title);
    line("cause", &format!("{} of {}", incident.cause, incident.subject));
    if let Some(project) = &incident.project {
        line("project", project.as_str());
    }
    line("opened", &ui::exact_instant(incident.opened_at, zone));
    if let Some(acknowledged) = &incident.acknowledged {
        line("acknowledged", &format!("by {} at {}", acknowledged.by, ui::exact_instant(acknowledged.at, zone)));
    }
    if let Some(resolution) = &incident.resolved {
        let at = ui::exact_instant(resolution.at, zone);
        line("resolved", &format!("by {} at {at}: {}", resolution.by, resolution.note));
    }
    if let Some(look) = &view.look {
        line("look", look);
    }
    match view.state {
        IncidentState::Open => out!("\nNext: lamp incidents ack {}", incident.id),
        IncidentState::Acknowledged => out!("\nNext: lamp incidents resolve {} --note \"…\"", incident.id),
        IncidentState::Resolved => {}
    }
    Ok(())
}
