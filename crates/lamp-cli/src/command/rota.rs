//! `lamp rota` and `lamp rota swap`.

use std::process::ExitCode;

use console::style;
use jiff::tz::TimeZone;
use lamp_app::call::ListRotas;
use lamp_app::rota::{RotaView, SwapShift};
use lamp_core::rota::parse_instant;

use crate::args::{Rota, RotaCommand, RotaSwap};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, out};

pub async fn run(desk: &Desk, args: &Rota) -> Result<ExitCode, Failure> {
    match &args.command {
        None => {
            let rotas = desk.ask(ListRotas {}).await?;
            if args.json {
                ui::print_json(&rotas)?;
                return Ok(ExitCode::SUCCESS);
            }
            if rotas.is_empty() {
                out!("No rota: add [rota.NAME] with its `people` to the lamp.toml at the root.");
            }
            for rota in &rotas {
                print(desk.zone(), rota);
            }
        }
        Some(RotaCommand::Swap(swap)) => {
            let rota = desk.ask(request(desk.zone(), swap)?).await?;
            if swap.json || args.json { ui::print_json(&rota)? } else { print(desk.zone(), &rota) }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn request(zone: &TimeZone, args: &RotaSwap) -> Result<SwapShift, Failure> {
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
pub fn print(zone: &TimeZone, view: &RotaView) {
    let until = view.on.until.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M").to_string();
    let why = |swapped: &Option<String>| swapped.as_ref().map(|why| format!(" (swapped: {why})")).unwrap_or_default();
    let you = if view.is_me { " (you)" } else { "" };
    out!("{}  {}{you} until {until}{}", style(&view.rota).bold(), view.on.person, why(&view.on.swapped));
    out!("  then {}{}", view.next.person, why(&view.next.swapped));
}
