//! The first of April: trips are built, two models trained, signed for and deployed.

use console::style;
use lamp_app::App;
use lamp_app::registry::RegistryError;
use lamp_app::registry::decide::Decide;
use lamp_app::serving::deploy::Deploy;
use lamp_app::training::build::BuildData;
use lamp_app::training::code::CodeChoice;
use lamp_app::training::start::TrainModel;
use lamp_core::ids::RunId;
use lamp_core::lock::{LOCK_FILE, LockFile};
use lamp_core::names::{DatasetName, ModelName, ServiceName};
use lamp_core::registry::{Decision, ModelState, ModelVersion};
use lamp_core::route::Role;
use lamp_core::run::Params;

use super::live::commit_lock;
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
    // What an interrupted tour left running may have ended by now.
    app.adopt_finished_runs().await?;
    build_trips(stage, app).await?;
    if is_deployed(app).await? {
        stage.begin("Two models: a main one and a simpler one behind it");
        stage.done("both places of the service are taken already");
        return Ok(());
    }
    for (model, role) in MODELS {
        let version = train(stage, app, model).await?;
        sign_and_deploy(stage, app, &version, role).await?;
    }
    Ok(())
}

async fn is_deployed(app: &App) -> Result<bool, Failure> {
    let view = app.show_service(&service()?, 1).await?;
    Ok(MODELS.iter().all(|(_, role)| view.route.as_ref().is_some_and(|route| route.model(*role).is_some())))
}

async fn build_trips(stage: &mut Stage, app: &App) -> Result<(), Failure> {
    stage.begin("lamp data build trips: flights joined with weather, by a command at a commit");
    let trips = DatasetName::parse("trips")?;
    if let Ok(version) = app.dataset_version("trips").await {
        if let Some(run) = version.run {
            pin_unless_pinned(stage, app, &trips, run).await?;
        }
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
    let Some(version) = app.pin_built(&run, false).await? else {
        return Err(Failure::operation("the build left no version"));
    };
    commit_lock(stage, app, &format!("lamp: pin trips@{}", version.version)).await?;
    let rows = version.rows.unwrap_or_default();
    stage.done(&format!("trips@{}: {} rows, run {}", version.version, crate::ui::count(rows), run.id));
    Ok(())
}

/// A tour that ended between building and pinning left the lock without the version.
async fn pin_unless_pinned(stage: &Stage, app: &App, dataset: &DatasetName, run: RunId) -> Result<(), Failure> {
    let path = app.root().join(LOCK_FILE);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::operation(format!("cannot read `{}`: {error}", path.display())))?;
    let is_pinned = LockFile::parse(&text, LOCK_FILE)?.find(dataset).is_some();
    if !is_pinned {
        app.pin_built(&app.find_run(&run.to_string()).await?, false).await?;
    }
    commit_lock(stage, app, &format!("lamp: pin {dataset}")).await
}

/// The demo signs for and deploys the first version of a model and no other: later ones are not its own.
async fn train(stage: &mut Stage, app: &App, model: &str) -> Result<ModelVersion, Failure> {
    stage.begin(&format!("lamp train {model}: January and February, measured on March"));
    let first = format!("{model}@1");
    match app.model_version(&first).await {
        Ok(version) => {
            stage.done(&format!("{} is there already", version.id));
            return Ok(version);
        }
        Err(RegistryError::UnknownVersion { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let request = TrainModel { model: ModelName::parse(model)?, code: CodeChoice::Head, params: Params::new() };
    {
        let stage: &Stage = stage;
        let run = app.start_training(request, &|line| stage.say(line)).await?;
        stage.say("training");
        app.follow_run(run.id, &mut |line| stage.line(&style(line).dim().to_string())).await?;
    }
    let version = app.model_version(&first).await?;
    let metrics: Vec<_> = ["roc_auc", "log_loss"]
        .into_iter()
        .filter_map(|name| version.evidence.metrics.get(name).map(|value| format!("{name} {value:.4}")))
        .collect();
    stage.done(&format!("{} at commit {}: {}", version.id, &version.commit[..12], metrics.join(", ")));
    Ok(version)
}

/// The demo signs as the local git user, and says so.
async fn sign_and_deploy(stage: &mut Stage, app: &App, version: &ModelVersion, role: Role) -> Result<(), Failure> {
    stage.begin(&format!("A person signs for {}, and it is deployed as the {role}", version.id.model));
    let service = service()?;
    let view = app.show_service(&service, 1).await?;
    if let Some(placed) = view.route.as_ref().and_then(|route| route.model(role)) {
        stage.done(&format!("{placed} is the {role} already"));
        return Ok(());
    }
    if version.state == ModelState::Candidate {
        let request = Decide {
            model: version.id.to_string(),
            decision: Decision::Approved,
            note: "demo: gate passed on held-out March; golden rows agree".to_owned(),
            gate_override: false,
            budget_override: false,
        };
        app.decide(request).await?;
    }
    let request = Deploy {
        service: service.clone(),
        model: version.id.to_string(),
        role,
        why: "the demo's first deployment".to_owned(),
    };
    app.deploy(request).await?;
    stage.done(&format!("approved by {} (you); lamp deploy {service} {} --as {role}", app.actor(), version.id));
    Ok(())
}
