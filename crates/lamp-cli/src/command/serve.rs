//! `lamp serve`: a gateway, fed from the ledger.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lamp_app::App;
use lamp_app::serving::feeder::Feeder;
use lamp_app::serving::switch::Switch;
use lamp_core::ids::ReplicaId;
use lamp_gateway::{AdminHooks, DiskGauge, Gateway, GatewaySettings, RefreshHook, SwitchHook, SwitchOrder, Switched};
use nix::sys::signal::Signal;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::until_interrupted;
use crate::args::Serve;
use crate::failure::Failure;
use crate::gateway_process;
use crate::ui::out;

/// How often the ledger is asked for newer routes, for replicas that nobody told.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// Rounds of the poll at a time: one that mounts, and one that obeys meanwhile.
const ROUNDS_MAX: usize = 2;

pub async fn run(app: &App, args: &Serve) -> Result<ExitCode, Failure> {
    lamp_web::refuse_unless_loopback(args.listen)?;
    let (stop, stopped) = watch::channel(false);
    let serving = serve(app, args.listen, stopped);
    tokio::pin!(serving);
    tokio::select! {
        outcome = &mut serving => outcome?,
        () = until_interrupted() => {
            stop.send_replace(true);
            serving.await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Serves until `stopped` turns true; requests under way are finished and the log is closed.
pub async fn serve(app: &App, listen: SocketAddr, stopped: watch::Receiver<bool>) -> Result<(), Failure> {
    // A file that meets this process's limit of size is a full disk, and no reason to end: listening is enough.
    let _too_large = signal(SignalKind::from_raw(Signal::SIGXFSZ as i32));
    let replica = ReplicaId::new(app.now(), &*app.ids());
    let gateway = Gateway::new(GatewaySettings {
        replica,
        log_dir: app.layout().log(),
        allowed_hosts: Vec::new(),
        disk: DiskGauge::of_system(),
        clock: app.clock(),
        ids: app.ids(),
    })?;
    let feeder = Arc::new(Feeder::new(app.clone(), gateway.clone(), replica));
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::operation(format!("cannot listen on {listen}: {error}"))
            .with_hint("another `lamp serve` may be running; choose a port with --listen")
    })?;
    let admin = bind_admin(&app.layout().admin_socket())?;
    tokio::select! {
        fed = feeder.feed() => {
            if let Err(error) = fed {
                tracing::warn!(%error, "a service cannot be served yet; trying again");
            }
        }
        () = stop_signal(stopped.clone()) => {}
    }
    let address = listener.local_addr().unwrap_or(listen);
    out!("predictions on http://{address}");
    let polling = tokio::spawn(poll(Arc::clone(&feeder), stopped.clone()));
    let admin_server = tokio::spawn({
        let hooks = AdminHooks { refresh: refresh_hook(&feeder), switch: switch_hook(&feeder) };
        let (gateway, stopped) = (gateway.clone(), stopped.clone());
        async move {
            if let Err(error) = gateway.serve_admin(admin, hooks, stop_signal(stopped)).await {
                tracing::error!(%error, "the admin socket ended");
            }
        }
    });
    let served = gateway.serve(listener, stop_signal(stopped)).await;
    gateway.close().await;
    // Both have ended before we say goodbye, or a late word would bring this replica back.
    for task in [polling, admin_server] {
        task.abort();
        if let Err(error) = task.await
            && error.is_panic()
        {
            tracing::error!(%error, "a task of the gateway panicked");
        }
    }
    if let Err(error) = feeder.forget().await {
        tracing::warn!(%error, "could not say goodbye to the ledger");
    }
    served.map_err(|error| Failure::operation(format!("serving ended: {error}")))
}

/// Completes when `stopped` turns true, or when nobody can turn it any more.
pub async fn stop_signal(mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        if stopped.changed().await.is_err() {
            return;
        }
    }
}

fn refresh_hook(feeder: &Arc<Feeder>) -> RefreshHook {
    let feeder = Arc::clone(feeder);
    Arc::new(move || {
        let feeder = Arc::clone(&feeder);
        async move {
            // Whoever asked may go away; what was begun goes on.
            let fed = tokio::spawn(async move { feeder.feed_now().await.map_err(|error| error.to_string()) });
            fed.await.unwrap_or_else(|error| Err(error.to_string()))
        }
        .boxed()
    })
}

fn switch_hook(feeder: &Arc<Feeder>) -> SwitchHook {
    let feeder = Arc::clone(feeder);
    Arc::new(move |order: SwitchOrder| {
        let feeder = Arc::clone(&feeder);
        async move {
            let SwitchOrder { service, to, why, by } = order;
            let switching = tokio::task::spawn_blocking(move || feeder.break_glass(Switch { service, to, why }, by));
            let switched = switching.await.map_err(|error| error.to_string())?;
            let (route, is_kept) = switched.map_err(|error| error.to_string())?;
            Ok(Switched { route, is_kept })
        }
        .boxed()
    })
}

async fn poll(feeder: Arc<Feeder>, mut stopped: watch::Receiver<bool>) {
    // Mounting may take minutes: a round goes on beside the ticks, and one more may pass it to
    // obey what needs no mounting.
    let mut rounds = JoinSet::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(POLL_EVERY) => {}
            _ = stopped.changed() => return,
        }
        while rounds.try_join_next().is_some() {}
        if rounds.len() >= ROUNDS_MAX {
            continue;
        }
        let feeder = Arc::clone(&feeder);
        rounds.spawn(async move {
            // The route in force goes on answering while the ledger is away.
            if let Err(error) = feeder.feed().await {
                tracing::warn!(%error, "cannot follow the ledger");
            }
        });
    }
}

/// The admin socket is the owner's: whoever can open it may give orders.
fn bind_admin(path: &Path) -> Result<UnixListener, Failure> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    let failed =
        |error: std::io::Error| Failure::operation(format!("cannot make the socket `{}`: {error}", path.display()));
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let (short, _folder) = gateway_process::short_path(path).map_err(failed)?;
    if std::os::unix::net::UnixStream::connect(&short).is_ok() {
        return Err(
            Failure::operation("another gateway serves this workspace").with_hint("stop it first, or use its pages")
        );
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&short).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(listener)
}
