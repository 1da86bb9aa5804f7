//! `lamp deploy` and `lamp rollback`.

use std::process::ExitCode;

use lamp_app::call::RollBack;
use lamp_app::serving::deploy::Deploy as Request;
use lamp_core::route::Route;

use super::switch::report_obedience;
use crate::args::{Deploy, Rollback};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::out;

pub async fn run(desk: &Desk, args: &Deploy) -> Result<ExitCode, Failure> {
    let request = Request {
        service: args.service.clone(),
        model: args.model.clone(),
        role: args.place.into(),
        why: args.why.clone(),
    };
    let route = desk.ask(request).await?;
    print(&route);
    report_obedience(desk, &route).await
}

pub async fn rollback(desk: &Desk, args: &Rollback) -> Result<ExitCode, Failure> {
    let request = RollBack { service: args.service.clone(), role: args.place.into(), why: args.why.clone() };
    let route = desk.ask(request).await?;
    print(&route);
    report_obedience(desk, &route).await
}

fn print(route: &Route) {
    let name =
        |model: &Option<lamp_core::route::ModelRef>| model.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
    out!(
        "{}  primary {}  shadow {}  {} answers  (epoch {})",
        route.service,
        name(&route.primary),
        name(&route.shadow),
        route.active,
        route.epoch
    );
}
