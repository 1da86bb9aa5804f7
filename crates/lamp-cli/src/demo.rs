//! `lamp demo`: see it all on real flights. Every step calls the same use cases as the commands
//! do; what the demo adds is the year 2013, the passengers and the outage.

mod client;
mod learn;
mod live;
mod new_year;
mod outcomes;
mod replay;
mod report;
mod repository;
mod round;
mod stage;
mod year;

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::args::Demo;
use crate::command::{until_interrupted, up};
use crate::failure::Failure;
use client::Passengers;
use lamp_core::names::ModelName;
use replay::Departures;
use stage::Stage;

/// How long the gateway is given to come up with both models warm.
const UP_WITHIN: Duration = Duration::from_secs(90);

pub async fn run(args: &Demo) -> Result<ExitCode, Failure> {
    let mut stage = Stage::new(args)?;
    let app = repository::prepare(&mut stage).await?;
    live::through_the_winter(&mut stage, &app).await?;
    learn::two_models(&mut stage, &app).await?;
    client::refuse_foreign_gateway(&app, args.predictions).await?;
    let (end_tour, tour_is_over) = oneshot::channel::<()>();
    let serve_on = !args.no_serve;
    let until = async move {
        // Dropped without a word when the tour fails: then nothing is served on.
        let finished = tour_is_over.await.is_ok();
        if finished && serve_on {
            until_interrupted().await;
        }
    };
    stage.begin("Serving: pages and predictions come up");
    // The outage is the demo's own; the gateway's words on it would only confuse.
    let settings = up::UpSettings {
        listen: args.listen,
        predictions: args.predictions,
        gateway_log: Some("error"),
        server: lamp_core::exposure::ServerConfig::default(),
    };
    let serving = up::up(&app, settings, until);
    let touring = async {
        let toured = tour(&mut stage, &app, args).await;
        if toured.is_ok() {
            // The receiver is gone only when serving has ended by itself, which is reported there.
            let _ = end_tour.send(());
        } else {
            drop(end_tour);
        }
        toured
    };
    let (mut serving, mut touring) = (pin!(serving), pin!(touring));
    tokio::select! {
        served = &mut serving => {
            served?;
            return Err(Failure::operation("serving ended before the tour was over"));
        }
        toured = &mut touring => {
            let served = serving.await;
            toured?;
            served?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn tour(stage: &mut Stage, app: &lamp_app::App, args: &Demo) -> Result<(), Failure> {
    let service = learn::service()?;
    client::wait_until_ready(app, args.predictions, UP_WITHIN).await?;
    stage.done(&format!("http://{} and http://{}", args.listen, args.predictions));
    let mut departures = Departures::new(stage, Passengers::of(args.predictions), service)?;
    replay::two_days(stage, app, &mut departures).await?;
    year::april(stage, app, &mut departures).await?;
    let model = ModelName::parse("delay")?;
    year::to_new_year(stage, app, &model, &mut departures).await?;
    new_year::morning(stage, app, &departures).await?;
    new_year::study(stage, app, &model).await?;
    new_year::tests(stage, app, &model).await?;
    report::finish(stage, app, args, &departures).await
}
