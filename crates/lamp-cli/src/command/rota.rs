//! `lamp rota` and `lamp rota swap`.

use std::process::ExitCode;

use console::style;
use lamp_app::App;
use lamp_app::rota::{RotaView, SwapShift};
use lamp_core::rota::parse_instant;

use crate::args::{Rota, RotaCommand, RotaSwap};
use crate::failure::Failure;
use crate::ui::{self, out};

pub async fn run(app: &App, args: &Rota) -> Result<ExitCode, Failure> {
    match &args.command {
        None => {
            let rotas = app.rotas().await?;
            if args.json {
                ui::print_json(&rotas)?;
                return Ok(ExitCode::SUCCESS);
            }
            if rotas.is_empty() {
                out!("No rota: add [rota.NAME] with its `people` to the lamp.toml at the root.");
            }
            for rota in &rotas {
                print(app, rota);
            }
        }
        Some(RotaCommand::Swap(swap)) => {
            let rota = app.swap_shift(request(app, swap)?).await?;
            if swap.json || args.json { ui::print_json(&rota)? } else { print(app, &rota) }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn request(app: &App, args: &RotaSwap) -> Result<SwapShift, Failure> {
    let zone = &app.workspace().root.time_zone;
    let instant = |text: &str| {
        let parsed = parse_instant(text, zone);
        parsed.ok_or_else(|| {
            Failure::operation(format!("`{text}` is neither a day nor a day and a time"))
                .with_hint("write it as 2013-04-03 or '2013-04-03 09:00'")
        })
    };
    Ok(SwapShift {
        rota: args.rota.clone(),
        from: instant(&args.from)?,
        until: instant(&args.to)?,
        person: args.person.clone(),
        why: args.why.clone(),
    })
}

/// One rota in two lines.
pub fn print(app: &App, view: &RotaView) {
    let zone = &app.workspace().root.time_zone;
    let until = view.on.until.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string();
    let why = |swapped: &Option<String>| swapped.as_ref().map(|why| format!(" (swapped: {why})")).unwrap_or_default();
    let you = if view.is_me { " (you)" } else { "" };
    out!("{}  {}{you} until {until}{}", style(&view.rota).bold(), view.on.person, why(&view.on.swapped));
    out!("  then {}{}", view.next.person, why(&view.next.swapped));
}
