//! `lamp up`: the pages, the API and the scheduler; supervises `lamp serve` as a child process.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lamp_app::App;
use lamp_app::scheduler::{Happened, Scheduler};
use lamp_core::exposure::{Exposure, ServerConfig, TlsFiles};
use lamp_web::{Tls, WebSettings};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::serve::stop_signal;
use super::until_interrupted;
use crate::args::Up;
use crate::failure::Failure;
use crate::gateway_process;
use crate::open::own_path;
use crate::ui::out;

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

/// How often the store is looked at.
const TEND_EVERY: Duration = Duration::from_mins(10);

pub async fn run(app: &App, args: &Up) -> Result<ExitCode, Failure> {
    let settings = UpSettings {
        listen: args.listen,
        predictions: args.predictions,
        gateway_log: None,
        server: server_config(app, args)?,
    };
    up(app, settings, until_interrupted()).await?;
    Ok(ExitCode::SUCCESS)
}

/// `[server]` of `lamp.toml`, under what the flags say.
fn server_config(app: &App, args: &Up) -> Result<ServerConfig, Failure> {
    let written = app.workspace().root.serving.clone();
    let absolute = |path: &Path| {
        let path = std::path::absolute(path)
            .map_err(|error| Failure::operation(format!("cannot find `{}`: {error}", path.display())))?;
        Ok::<_, Failure>(path.to_string_lossy().into_owned())
    };
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => Some(TlsFiles { cert: absolute(cert)?, key: absolute(key)? }),
        (None, _) | (_, None) => written.tls,
    };
    let proxies = if args.behind_proxy.is_empty() { written.trusted_proxies } else { args.behind_proxy.clone() };
    Ok(ServerConfig {
        public_url: args.public_url.clone().or(written.public_url).or(app.workspace().root.server.clone()),
        tls,
        trusted_proxies: proxies,
        require_login: args.require_login || written.require_login,
    })
}

/// Where to listen and for whom, and how much the gateway says.
#[derive(Debug, Clone)]
pub struct UpSettings {
    /// Address of pages and API.
    pub listen: SocketAddr,
    /// Address of the predictions.
    pub predictions: SocketAddr,
    /// Log filter of the gateway where `LAMP_LOG` does not say.
    pub gateway_log: Option<&'static str>,
    /// Who is to reach the pages.
    pub server: ServerConfig,
}

/// Runs everything until `until` completes.
pub async fn up(app: &App, settings: UpSettings, until: impl Future<Output = ()>) -> Result<(), Failure> {
    let UpSettings { listen, predictions, .. } = settings;
    lamp_web::refuse_unless_loopback(predictions)?;
    let exposure = Exposure::decide(listen, &settings.server, app.count_admins().await?)?;
    let web = web_settings(app, &settings, exposure)?;
    let pages = web.exposure.public_url().map_or_else(|| format!("http://{listen}"), ToString::to_string);
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::operation(format!("cannot listen on {listen}: {error}"))
            .with_hint("another `lamp up` may be running; choose a port with --listen")
    })?;
    let (stop, stopped) = watch::channel(false);
    let gateway = tokio::spawn(supervise(app.clone(), settings.clone(), stopped.clone()));
    let scheduler = Scheduler::new(app);
    let rounds = tokio::spawn(schedule(scheduler.clone(), stopped.clone()));
    let deliveries = tokio::spawn(deliver(scheduler.clone(), stopped.clone()));
    let tending = tokio::spawn(tend_store(scheduler.clone(), stopped.clone()));
    out!("pages on {pages}");
    let web = tokio::spawn(lamp_web::serve(app.clone(), web, listener, stop_signal(stopped)));
    until.await;
    stop.send_replace(true);
    for task in [gateway, rounds, deliveries, tending] {
        if let Err(error) = task.await {
            tracing::warn!(%error, "a task did not end well");
        }
    }
    say(&scheduler.compact_all().await);
    // Browsers keep connections open; the pages hold nothing that could be lost.
    web.abort();
    Ok(())
}

fn web_settings(app: &App, settings: &UpSettings, exposure: Exposure) -> Result<WebSettings, Failure> {
    let socket = app.layout().admin_socket();
    let tls = match &exposure {
        Exposure::Tls { files, .. } => Some(Tls::load(files, app.root())?),
        Exposure::Loopback { .. } | Exposure::BehindProxy { .. } => None,
    };
    Ok(WebSettings {
        listen: settings.listen,
        predictions: settings.predictions,
        allowed_hosts: Vec::new(),
        exposure,
        tls,
        on_route_changed: Some(Arc::new(move || {
            let socket = socket.clone();
            async move {
                if let Some(why) = gateway_process::refresh(&socket).await {
                    tracing::warn!(%why, "the gateway does not obey");
                }
            }
            .boxed()
        })),
    })
}

/// Keeps a gateway running. It is a process of its own, so that nothing here can take it down.
async fn supervise(app: App, settings: UpSettings, stopped: watch::Receiver<bool>) {
    let mut pause = RESTART_AFTER;
    loop {
        let started = std::time::Instant::now();
        watch_over_survivor(&app, &stopped).await;
        if *stopped.borrow() {
            return;
        }
        match start_gateway(&app, &settings) {
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

/// A gateway that outlived the `lamp up` that started it goes on answering: it is left in place,
/// and followed by a new one only when it ends.
async fn watch_over_survivor(app: &App, stopped: &watch::Receiver<bool>) {
    let socket = app.layout().admin_socket();
    let mut is_said = false;
    while !*stopped.borrow() && gateway_process::state(&socket).await.is_ok() {
        if !is_said {
            tracing::warn!("a gateway serves this workspace already; leaving it in place");
            is_said = true;
        }
        tokio::select! {
            () = tokio::time::sleep(TICK_EVERY) => {}
            () = stop_signal(stopped.clone()) => return,
        }
    }
}

fn start_gateway(app: &App, settings: &UpSettings) -> std::io::Result<Child> {
    let mut command = Command::new(own_path()?);
    if let (Some(filter), None) = (settings.gateway_log, std::env::var_os("LAMP_LOG")) {
        command.env("LAMP_LOG", filter);
    }
    command
        .arg("-C")
        .arg(app.root())
        .args(["serve", "--listen", &settings.predictions.to_string()])
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

/// The scheduler's loop: a round, a rest.
async fn schedule(scheduler: Scheduler, stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK_EVERY) => {}
            () = stop_signal(stopped.clone()) => return,
        }
        say(&scheduler.round().await);
    }
}

/// Tells the team, beside everything else. What is cut short at the end is told again later.
async fn deliver(scheduler: Scheduler, stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TICK_EVERY) => {}
            () = stop_signal(stopped.clone()) => return,
        }
        tokio::select! {
            happened = scheduler.deliver() => say(&happened),
            () = stop_signal(stopped.clone()) => return,
        }
    }
}

/// Keeps the store small, beside everything else. A repack that is cut short leaves the packs as they were.
async fn tend_store(scheduler: Scheduler, stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(TEND_EVERY) => {}
            () = stop_signal(stopped.clone()) => return,
        }
        tokio::select! {
            happened = scheduler.tend_store() => say(&happened),
            () = stop_signal(stopped.clone()) => return,
        }
    }
}

fn say(happened: &[Happened]) {
    for Happened { step, what } in happened {
        tracing::info!(step, "{what}");
    }
}
