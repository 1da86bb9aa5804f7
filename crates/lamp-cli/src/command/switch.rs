//! `lamp switch SERVICE shadow|primary`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use console::style;
use lamp_app::App;
use lamp_app::serving::switch::Switch as Request;
use lamp_core::route::Route;

use crate::args::Switch;
use crate::failure::Failure;
use crate::gateway_process;
use crate::ui::out;

/// How long replicas are given to obey. New models have to warm up first.
const OBEY_WITHIN: Duration = Duration::from_secs(30);

pub async fn run(app: &App, args: &Switch) -> Result<ExitCode, Failure> {
    let request = Request { service: args.service.clone(), to: args.to.into(), why: args.why.clone() };
    let route = app.switch(request).await?;
    let model = route.model(route.active).map_or_else(String::new, |model| format!(" ({model})"));
    out!("{}: the {}{model} answers from epoch {}", style(&route.service).bold(), route.active, route.epoch);
    report_obedience(app, &route).await
}

/// Tells the local gateway at once, then says which replicas obey.
pub async fn report_obedience(app: &App, route: &Route) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    gateway_process::refresh(&app.layout().admin_socket()).await;
    let obeyed = app.wait_until_obeyed(route, OBEY_WITHIN).await?;
    match (obeyed.acknowledged.len(), obeyed.waiting.len()) {
        (0, 0) => out!("no gateway is running; it will start with this route: lamp up"),
        (replicas, 0) => out!("{replicas} replica(s) obey after {} ms", started.elapsed().as_millis()),
        (_, waiting) => {
            let message = format!("{waiting} replica(s) have not taken epoch {} up", route.epoch);
            return Err(Failure::operation(message)
                .with_hint(format!("lamp why {}; and look at the gateway's log", route.service)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
