//! The first of April: trips are built, two models trained, signed for and deployed.

use console::style;
use lamp_app::App;
use lamp_app::registry::decide::Decide;
use lamp_app::serving::deploy::Deploy;
use lamp_app::training::build::BuildData;
use lamp_app::training::code::CodeChoice;
use lamp_app::training::start::TrainModel;
use lamp_core::names::{DatasetName, ModelName, ServiceName};
use lamp_core::registry::{Decision, ModelState};
use lamp_core::route::Role;
use lamp_core::run::Params;

use super::stage::{Stage, TRAINING_DAY};
use crate::failure::Failure;

/// The models, in the places that they take.
const MODELS: [(&str, Role); 2] = [("delay", Role::Primary), ("delay-simple", Role::Shadow)];

/// The demo's service.
pub fn service() -> Result<ServiceName, Failure> {
    Ok(ServiceName::parse("delay")?)
}

/// From raw versions to two deployed models. What was done in an earlier run is kept.
pub async fn two_models(stage: &mut Stage, app: &App) -> Result<(), Failure> {
    stage.set_time(stage.at(TRAINING_DAY, 7)?)?;
    build_trips(stage, app).await?;
    for (model, role) in MODELS {
        train(stage, app, model).await?;
        sign_and_deploy(stage, app, model, role).await?;
    }
    Ok(())
}

async fn build_trips(stage: &mut Stage, app: &App) -> Result<(), Failure> {
    stage.begin("lamp data build trips: flights joined with weather, by a command at a commit");
    let trips = DatasetName::parse("trips")?;
    if let Ok(version) = app.dataset_version("trips").await {
        stage.done(&format!("trips@{} is there already", version.version));
        return Ok(());
    }
    let request = BuildData { dataset: trips, code: CodeChoice::Head, params: Params::new() };
    let run = {
        let stage: &Stage = stage;
        let run = app.start_build(request, &|line| stage.say(line)).await?;
        stage.say("building");
        app.follow_run(run.id, &mut |line| stage.line(&style(line).dim().to_string())).await?
    };
    let Some(version) = app.pin_built(&run, true).await? else {
        return Err(Failure::operation("the build left no version"));
    };
    let rows = version.rows.unwrap_or_default();
    stage.done(&format!("trips@{}: {} rows, run {}", version.version, crate::ui::count(rows), run.id));
    Ok(())
}

async fn train(stage: &mut Stage, app: &App, model: &str) -> Result<(), Failure> {
    stage.begin(&format!("lamp train {model}: January and February, measured on March"));
    if let Ok(version) = app.model_version(model).await {
        stage.done(&format!("{} is there already", version.id));
        return Ok(());
    }
    let request = TrainModel { model: ModelName::parse(model)?, code: CodeChoice::Head, params: Params::new() };
    {
        let stage: &Stage = stage;
        let run = app.start_training(request, &|line| stage.say(line)).await?;
        stage.say("training");
        app.follow_run(run.id, &mut |line| stage.line(&style(line).dim().to_string())).await?;
    }
    let version = app.model_version(model).await?;
    let metrics: Vec<_> = ["roc_auc", "log_loss"]
        .into_iter()
        .filter_map(|name| version.evidence.metrics.get(name).map(|value| format!("{name} {value:.4}")))
        .collect();
    stage.done(&format!("{} at commit {}: {}", version.id, &version.commit[..12], metrics.join(", ")));
    Ok(())
}

/// The demo signs as the local git user, and says so.
async fn sign_and_deploy(stage: &mut Stage, app: &App, model: &str, role: Role) -> Result<(), Failure> {
    stage.begin(&format!("A person signs for {model}, and it is deployed as the {role}"));
    let version = app.model_version(model).await?;
    if version.state == ModelState::Candidate {
        let request = Decide {
            model: version.id.to_string(),
            decision: Decision::Approved,
            note: "demo: gate passed on held-out March; golden rows agree".to_owned(),
            gate_override: false,
        };
        app.decide(request).await?;
    }
    let service = service()?;
    let view = app.show_service(&service, 1).await?;
    let is_in_place = view.route.as_ref().is_some_and(|route| route.model(role) == Some(&version.id));
    if !is_in_place {
        let request = Deploy {
            service: service.clone(),
            model: version.id.to_string(),
            role,
            why: "the demo's first deployment".to_owned(),
        };
        app.deploy(request).await?;
    }
    stage.done(&format!("approved by {} (you); lamp deploy {service} {} --as {role}", app.actor(), version.id));
    Ok(())
}
