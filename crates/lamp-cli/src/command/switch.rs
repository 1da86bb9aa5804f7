//! `lamp switch SERVICE shadow|primary`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use console::style;
use lamp_app::App;
use lamp_app::call::WhoObeys;
use lamp_app::serving::switch::Switch as Request;
use lamp_core::route::Route;

use crate::args::Switch;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::gateway_process;
use crate::ui::out;

/// How long replicas are given to obey. New models have to warm up first.
const OBEY_WITHIN: Duration = Duration::from_secs(30);

/// The same where the local gateway has said that it cannot.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);

/// How often a server is asked whether a first replica has come.
const LOOK_AGAIN_EVERY: Duration = Duration::from_millis(500);

/// How often it is looked whether a replica obeys.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub async fn run(desk: &Desk, args: &Switch) -> Result<ExitCode, Failure> {
    let request = Request { service: args.service.clone(), to: args.to.into(), why: args.why.clone() };
    let route = desk.ask(request).await?;
    let model = route.model(route.active).map_or_else(String::new, |model| format!(" ({model})"));
    out!("{}: the {}{model} answers from epoch {}", style(&route.service).bold(), route.active, route.epoch);
    report_obedience(desk, &route).await
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
