//! One file a command; this one only sends each to its place.

mod affected;
mod audit;
mod cadence;
mod care;
mod check;
mod contract;
mod data;
mod deploy;
mod doctor;
mod duty;
mod histograms;
pub mod hooks;
mod incidents;
mod init;
mod label;
mod login;
mod metrics;
mod models;
mod notify;
mod params;
mod profile;
mod replay;
mod reproduce;
mod rota;
mod runs;
mod serve;
mod sla;
mod switch;
mod test;
mod tokens;
mod train;
pub mod up;
mod users;
mod why;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use clap::ArgMatches;
pub use why::print as why_print;

use crate::args::{Arguments, Command};
use crate::demo;
use crate::failure::{Failure, VERDICT_NO};
use crate::open::{desk, open};

/// Set by commands that finish their work on Ctrl-C themselves.
static HANDLES_INTERRUPT: AtomicBool = AtomicBool::new(false);

/// What to say when Ctrl-C ends a command whose work goes on.
static WHEN_INTERRUPTED: Mutex<Option<String>> = Mutex::new(None);

/// The command's words, as typed: `data verify`.
static NAME: OnceLock<String> = OnceLock::new();

/// Keeps the command's words, to name it later.
pub fn remember_name(matches: &ArgMatches) {
    let mut words = Vec::new();
    let mut at = matches;
    while let Some((word, below)) = at.subcommand() {
        words.push(word);
        at = below;
    }
    NAME.get_or_init(|| words.join(" "));
}

/// The command's words, as typed.
pub fn name() -> &'static str {
    NAME.get().map_or("", String::as_str)
}

/// Says on Ctrl-C that work goes on, and how to stop it.
fn say_when_interrupted(text: String) {
    *WHEN_INTERRUPTED.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
}

/// What is to be said on Ctrl-C.
pub fn last_words() -> Option<String> {
    WHEN_INTERRUPTED.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Whether a command has taken Ctrl-C over.
pub fn handles_interrupt() -> bool {
    HANDLES_INTERRUPT.load(Ordering::Relaxed)
}

/// Takes Ctrl-C over; completes when it, or SIGTERM, comes.
pub async fn until_interrupted() {
    HANDLES_INTERRUPT.store(true, Ordering::Relaxed);
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

/// Completes when Ctrl-C or SIGTERM comes. It listens from this call on, whatever else is waited for.
fn interruption() -> impl Future<Output = ()> {
    let (interrupt, interrupted) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        until_interrupted().await;
        // Nobody listens any more once the work is done.
        let _ = interrupt.send(());
    });
    async {
        if interrupted.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A verdict as an exit code.
fn verdict(is_yes: bool) -> ExitCode {
    if is_yes { ExitCode::SUCCESS } else { ExitCode::from(VERDICT_NO) }
}

/// Runs a command.
pub async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let directory = arguments.directory.as_deref();
    match arguments.command {
        Command::Init(args) => init::run(directory, &args).await,
        Command::Hooks(args) => hooks::run(directory, &args).await,
        Command::Contract(args) => contract::run(directory, &args).await,
        Command::Demo(args) => Box::pin(demo::run(&args)).await,
        Command::Child(_) => Err(Failure::operation("the shim runs before the runtime starts")),
        Command::Data(args) => data::run(&desk(directory).await?, args).await,
        Command::Check(args) => check::run(&desk(directory).await?, &args).await,
        Command::Sla(args) => sla::run(&desk(directory).await?, &args).await,
        Command::Profile(args) => profile::run(&desk(directory).await?, &args).await,
        Command::Incidents(args) => incidents::run(&desk(directory).await?, &args).await,
        Command::Rota(args) => rota::run(&desk(directory).await?, &args).await,
        Command::Duty(args) => duty::run(&desk(directory).await?, &args).await,
        Command::Notify(args) => notify::run(&desk(directory).await?, &args).await,
        Command::Train(args) => train::run(&desk(directory).await?, &args).await,
        Command::Runs(args) => runs::run(&desk(directory).await?, &args).await,
        Command::Reproduce(args) => reproduce::run(&open(directory).await?, &args).await,
        Command::Models(args) => models::run(&desk(directory).await?, &args).await,
        Command::Approve(args) => {
            models::decide(&desk(directory).await?, &args, lamp_core::registry::Decision::Approved).await
        }
        Command::Reject(args) => {
            models::decide(&desk(directory).await?, &args, lamp_core::registry::Decision::Rejected).await
        }
        Command::Retire(args) => models::retire(&desk(directory).await?, &args).await,
        Command::Cadence(args) => Box::pin(cadence::run(&desk(directory).await?, &args)).await,
        Command::Deploy(args) => deploy::run(&desk(directory).await?, &args).await,
        Command::Rollback(args) => deploy::rollback(&desk(directory).await?, &args).await,
        Command::Switch(args) => switch::run(directory, &args).await,
        Command::Replay(args) => replay::run(&desk(directory).await?, &args).await,
        Command::Serve(args) => serve::run(&open(directory).await?, &args).await,
        Command::Up(args) => up::run(&open(directory).await?, &args).await,
        Command::Label(args) => label::run(&desk(directory).await?, &args).await,
        Command::Metrics(args) => metrics::run(&desk(directory).await?, &args).await,
        Command::Why(args) => why::run(&desk(directory).await?, &args).await,
        Command::Affected(args) => affected::run(&desk(directory).await?, &args).await,
        Command::Doctor(args) => doctor::run(&desk(directory).await?, &args).await,
        Command::Test(args) => test::run(&desk(directory).await?, &args).await,
        Command::Audit(args) => audit::run(&desk(directory).await?, &args).await,
        Command::Users(args) => users::run(&open(directory).await?, args).await,
        Command::Tokens(args) => tokens::run(&open(directory).await?, args).await,
        Command::Login(args) => login::run(directory, &args).await,
        Command::Logout => login::end(directory).await,
        Command::Collect(args) => train::collect(&open(directory).await?, args.run).await,
    }
}
