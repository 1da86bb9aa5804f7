//! `lamp up`: the pages, the API and the scheduler; supervises `lamp serve` as a child process.

use std::net::SocketAddr;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lamp_app::App;
use lamp_core::names::ServiceName;
use lamp_web::WebSettings;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::serve::stop_signal;
use super::until_interrupted;
use crate::args::Up;
use crate::failure::Failure;
use crate::gateway_process;

/// First pause before the gateway is started again; doubles with each failure.
const RESTART_AFTER: Duration = Duration::from_millis(200);

/// Longest pause before the gateway is started again.
const RESTART_AFTER_MAX: Duration = Duration::from_secs(10);

/// A gateway that lived so long is not failing at its start.
const HEALTHY_AFTER: Duration = Duration::from_secs(30);

/// How long the gateway is given to finish what is under way.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// How often the scheduler looks for work.
const TICK_EVERY: Duration = Duration::from_secs(2);

pub async fn run(app: &App, args: &Up) -> Result<ExitCode, Failure> {
    up(app, args.listen, args.predictions, until_interrupted()).await?;
    Ok(ExitCode::SUCCESS)
}

/// Runs everything until `until` completes.
pub async fn up(
    app: &App,
    listen: SocketAddr,
    predictions: SocketAddr,
    until: impl Future<Output = ()>,
) -> Result<(), Failure> {
    lamp_web::refuse_unless_loopback(listen)?;
    lamp_web::refuse_unless_loopback(predictions)?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::operation(format!("cannot listen on {listen}: {error}"))
            .with_hint("another `lamp up` may be running; choose a port with --listen")
    })?;
    let (stop, stopped) = watch::channel(false);
    let gateway = tokio::spawn(supervise(app.clone(), predictions, stopped.clone()));
    let scheduler = tokio::spawn(schedule(app.clone(), stopped.clone()));
    println!("pages on http://{listen}");
    let web = tokio::spawn(lamp_web::serve(
        app.clone(),
        web_settings(app, listen, predictions),
        listener,
        stop_signal(stopped),
    ));
    until.await;
    stop.send_replace(true);
    for task in [gateway, scheduler] {
        if let Err(error) = task.await {
            tracing::warn!(%error, "a task did not end well");
        }
    }
    // Browsers keep connections open; the pages hold nothing that could be lost.
    web.abort();
    Ok(())
}

fn web_settings(app: &App, listen: SocketAddr, predictions: SocketAddr) -> WebSettings {
    let socket = app.layout().admin_socket();
    WebSettings {
        listen,
        predictions,
        allowed_hosts: Vec::new(),
        on_route_changed: Some(Arc::new(move || {
            let socket = socket.clone();
            async move { gateway_process::refresh(&socket).await }.boxed()
        })),
    }
}

/// Keeps a gateway running. It is a process of its own, so that nothing here can take it down.
async fn supervise(app: App, predictions: SocketAddr, stopped: watch::Receiver<bool>) {
    let mut pause = RESTART_AFTER;
    loop {
        let started = std::time::Instant::now();
        match start_gateway(&app, predictions) {
            Ok(mut child) => {
                tokio::select! {
                    ended = child.wait() => tracing::error!(?ended, "the gateway ended; starting it again"),
                    () = stop_signal(stopped.clone()) => {
                        end_gateway(child).await;
                        return;
                    }
                }
            }
            Err(error) => tracing::error!(%error, "cannot start the gateway"),
        }
        if started.elapsed() > HEALTHY_AFTER {
            pause = RESTART_AFTER;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop_signal(stopped.clone()) => return,
        }
        pause = (pause * 2).min(RESTART_AFTER_MAX);
    }
}

fn start_gateway(app: &App, predictions: SocketAddr) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg("-C")
        .arg(app.root())
        .args(["serve", "--listen", &predictions.to_string()])
        .stdin(Stdio::null())
        // A group of its own: Ctrl-C reaches it through us, in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn end_gateway(mut child: Child) {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid
        && let Err(error) = kill(Pid::from_raw(pid), Signal::SIGTERM)
    {
        tracing::warn!(%error, "cannot ask the gateway to end");
    }
    if tokio::time::timeout(STOP_WITHIN, child.wait()).await.is_err() {
        tracing::warn!("the gateway did not end in time; killing it");
        if let Err(error) = child.kill().await {
            tracing::error!(%error, "cannot kill the gateway");
        }
    }
}

/// The scheduler: runs that ended unseen are collected, closed log segments compacted.
async fn schedule(app: App, stopped: watch::Receiver<bool>) {
    let services: Vec<ServiceName> =
        app.workspace().projects.values().flat_map(|project| project.services.keys().cloned()).collect();
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK_EVERY) => {}
            () = stop_signal(stopped.clone()) => return,
        }
        match app.adopt_finished_runs().await {
            Ok(adopted) => {
                for run in adopted {
                    tracing::info!(run = %run.id, state = run.state.as_str(), "collected");
                }
            }
            Err(error) => tracing::warn!(%error, "cannot collect finished runs"),
        }
        for service in &services {
            match app.compact(service).await {
                Ok(Some(compacted)) => tracing::info!(%service, rows = compacted.rows, "compacted the prediction log"),
                Ok(None) => {}
                Err(error) => tracing::warn!(%service, %error, "cannot compact the prediction log"),
            }
        }
    }
}
