//! `lamp notify`: what the team was told, and what it could not be told.

use std::process::ExitCode;

use console::style;
use lamp_app::call::ListNotifications;
use lamp_core::notification::NotificationState;

use crate::args::Notify;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Listing, out};

pub async fn run(desk: &Desk, args: &Notify) -> Result<ExitCode, Failure> {
    let notifications = desk.ask(ListNotifications { limit: args.limit }).await?;
    if args.json {
        ui::print_json(&notifications)?;
        return Ok(ExitCode::SUCCESS);
    }
    let zone = desk.zone();
    let mut listing = Listing::new(&["AT", "KIND", "ABOUT", "STATE", "TRIED", "NEXT TRY", "FAILED OF"]);
    for notification in notifications {
        let is_waiting = notification.state == NotificationState::Waiting;
        listing.row([
            ui::instant(notification.created_at, zone),
            notification.kind,
            notification.subject,
            coloured(notification.state),
            notification.attempts.to_string(),
            if is_waiting { ui::instant(notification.due_at, zone) } else { "–".to_owned() },
            notification.last_error.unwrap_or_else(|| "–".to_owned()),
        ]);
    }
    listing.print("The team was not told anything yet.");
    if desk.workspace().root.notify.is_none() {
        out!("Nobody is told: add [notify] with a `webhook` to the lamp.toml at the root.");
    }
    Ok(ExitCode::SUCCESS)
}

fn coloured(state: NotificationState) -> String {
    let word = style(state);
    match state {
        NotificationState::Waiting => word.yellow(),
        NotificationState::Delivered => word.green(),
        NotificationState::GivenUp => word.red(),
    }
    .to_string()
}
