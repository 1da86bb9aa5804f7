//! `lamp switch SERVICE shadow|primary`.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use console::style;
use lamp_app::App;
use lamp_app::call::{PriceOfSwitch, WhoObeys};
use lamp_app::layout::Layout;
use lamp_app::serving::switch::Switch as Request;
use lamp_core::actor::Actor;
use lamp_core::route::Route;
use lamp_gateway::SwitchOrder;

use crate::args::Switch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::gateway_process;
use crate::open;
use crate::ui::{self, out};

/// How long replicas are given to obey. New models have to warm up first.
const OBEY_WITHIN: Duration = Duration::from_secs(30);

/// The same where the local gateway has said that it cannot.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);

/// How long the ledger is waited for before this machine's gateway is told without it.
const LEDGER_WITHIN: Duration = Duration::from_secs(4);

/// How long the price may take: whoever switches is in a hurry.
const PRICE_WITHIN: Duration = Duration::from_secs(3);

/// How often a server is asked whether a first replica has come.
const LOOK_AGAIN_EVERY: Duration = Duration::from_millis(500);

/// How often it is looked whether a replica obeys.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub async fn run(directory: Option<&Path>, args: &Switch) -> Result<ExitCode, Failure> {
    let switched = match in_time(open::desk(directory)).await {
        Ok(desk) => switch(&desk, args).await,
        Err(failure) => Err(failure),
    };
    match switched {
        Err(failure) if failure.is_unavailable() && !args.dry_run => without_ledger(directory, args, failure).await,
        other => other,
    }
}

async fn switch(desk: &Desk, args: &Switch) -> Result<ExitCode, Failure> {
    let price = say_price(desk, args).await;
    if args.dry_run {
        return price.map(|()| ExitCode::SUCCESS);
    }
    if let Err(failure) = price {
        // What it costs is good to know; that it can be done is what counts.
        tracing::warn!(failure = failure.message(), "the price of the switch is not known");
    }
    if !args.yes && std::io::stdin().is_terminal() && !ui::confirmed("Switch?").await? {
        out!("nothing was changed");
        return Ok(ExitCode::SUCCESS);
    }
    let request = Request { service: args.service.clone(), to: args.to.into(), why: why(args) };
    let asking = desk.ask(request);
    // A server's own time is for the server to say.
    let route = if desk.app().is_some() { in_time(asking).await? } else { asking.await? };
    say_who_answers(&route);
    report_obedience(desk, &route).await
}

/// What takes longer is taken for a ledger that does not answer.
async fn in_time<T>(asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let answered = tokio::time::timeout(LEDGER_WITHIN, asking).await;
    answered.unwrap_or_else(|_| Err(Failure::unavailable("the ledger does not answer")))
}

fn why(args: &Switch) -> String {
    args.why.clone().unwrap_or_default()
}

/// Says what the switch would cost; after some time it goes on without.
async fn say_price(desk: &Desk, args: &Switch) -> Result<(), Failure> {
    let asking = desk.ask(PriceOfSwitch { service: args.service.clone(), to: args.to.into() });
    let price = tokio::time::timeout(PRICE_WITHIN, asking).await;
    let price = price.map_err(|_| Failure::operation("the price of the switch cannot be told in time"))??;
    for (what, said) in price.in_words() {
        out!("{:<13} {said}", style(what).dim());
    }
    if !price.is_healthy() {
        out!("{} the {} does not answer everywhere", style("careful:").yellow().bold(), price.to);
    }
    Ok(())
}

fn say_who_answers(route: &Route) {
    let model = route.model(route.active).map_or_else(String::new, |model| format!(" ({model})"));
    out!("{}: the {}{model} answers from epoch {}", style(&route.service).bold(), route.active, route.epoch);
}

/// The ledger does not answer: the gateway on this machine is told by its own socket.
async fn without_ledger(directory: Option<&Path>, args: &Switch, failure: Failure) -> Result<ExitCode, Failure> {
    let root = open::find_root(directory)?;
    let socket = Layout::of(&root).admin_socket();
    let Some(email) = open::repository(&root).await?.user_email().await? else { return Err(failure) };
    let order =
        SwitchOrder { service: args.service.clone(), to: args.to.into(), why: why(args), by: Actor::local(&email) };
    let switched = match gateway_process::switch(&socket, &order).await {
        Ok(switched) => switched,
        Err(why) => {
            tracing::debug!(why, "the gateway did not switch");
            let hint =
                "type this on a machine that runs the gateway: without the ledger each replica is switched there";
            return Err(
                Failure::operation(format!("{}; and this machine's gateway: {why}", failure.message())).with_hint(hint)
            );
        }
    };
    say_who_answers(&switched.route);
    out!("the ledger does not answer: this machine's gateway alone was told, and other replicas answer as before");
    if switched.is_kept {
        out!("it is recorded with your name and reason when the ledger is back");
    } else {
        out!("it could not be written to disk either: if this gateway ends before the ledger is back, it is lost");
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells the local gateway at once (a server tells its own), then says which replicas obey.
pub async fn report_obedience(desk: &Desk, route: &Route) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let refusal = match desk.app() {
        Some(app) => refused_by_gateway(app, route).await,
        None => None,
    };
    let limit = if refusal.is_some() { REFUSED_WITHIN } else { OBEY_WITHIN };
    let wait_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    let obeyed = loop {
        let obeyed = desk.ask(WhoObeys { route: route.clone(), wait_ms }).await?;
        // A server has a gateway, which may be at its first model still.
        let may_come_yet = desk.app().is_none() && obeyed.is_nobody() && started.elapsed() < limit;
        if !may_come_yet {
            break obeyed;
        }
        tokio::time::sleep(LOOK_AGAIN_EVERY).await;
    };
    match (obeyed.acknowledged, obeyed.waiting) {
        (0, 0) if refusal.is_none() => out!("no gateway is running; it will start with this route: lamp up"),
        (replicas @ 1.., 0) => out!("{replicas} replica(s) obey after {} ms", started.elapsed().as_millis()),
        (_, waiting) => {
            let hint = format!("lamp why {}; and look at the gateway's log", route.service);
            return Err(match refusal {
                Some(why) => Failure::operation(format!("the gateway does not take epoch {} up: {why}", route.epoch))
                    .with_hint(format!("lamp rollback {} --why \"…\"", route.service)),
                None => Failure::operation(format!("{waiting} replica(s) have not taken epoch {} up", route.epoch))
                    .with_hint(hint),
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Why the gateway on this machine does not take the route up, if it says so.
async fn refused_by_gateway(app: &App, route: &Route) -> Option<String> {
    let socket = app.layout().admin_socket();
    tokio::select! {
        refusal = gateway_process::refresh(&socket) => refusal,
        // Nobody waits for models of other services that warm up meanwhile.
        () = until_obeyed(app, route) => None,
    }
}

/// Completes when somebody serves the route and nobody else is waited for.
async fn until_obeyed(app: &App, route: &Route) {
    loop {
        if let Ok(obeyed) = app.wait_until_obeyed(route, OBEY_WITHIN).await
            && !obeyed.acknowledged.is_empty()
            && obeyed.waiting.is_empty()
        {
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
