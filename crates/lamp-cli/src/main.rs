//! The `lamp` command: arguments, rendering, composition root.

mod args;
mod clock;
mod command;
mod demo;
mod desk;
mod failure;
mod gateway_process;
mod open;
mod remote;
mod sdk;
mod ui;

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Arguments, Command};
use failure::{Failure, INTERRUPTED};

/// How long work on blocking threads may hold up the exit.
const SHUTDOWN_MAX: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    command::remember_name(&matches);
    let mut arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    start_logging(&arguments.command);
    if let Err(error) = open::own_path() {
        return Failure::operation(format!("cannot find myself: {error}")).report();
    }
    if let Err(failure) = enter_directory(&mut arguments) {
        return failure.report();
    }
    // The shim must stay one plain thread: it forks nothing but the command.
    if let Command::Child(child) = &arguments.command {
        return lamp_runner::shim::main(&child.folder);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::operation(format!("cannot start: {error}")).report(),
    };
    let code = runtime.block_on(async {
        tokio::select! {
            outcome = command::run(arguments) => match outcome {
                Ok(code) => code,
                Err(failure) => failure.report(),
            },
            () = interrupted() => {
                if let Some(words) = command::last_words() {
                    eprintln!("{words}");
                }
                ExitCode::from(INTERRUPTED)
            }
        }
    });
    // A thread that reads the terminal or hashes a file must not hold the exit up.
    runtime.shutdown_timeout(SHUTDOWN_MAX);
    code
}

/// Goes to `-C DIR`, so that relative paths count from there. `lamp init` makes the folder itself.
fn enter_directory(arguments: &mut Arguments) -> Result<(), Failure> {
    if matches!(arguments.command, Command::Init(_)) {
        return Ok(());
    }
    let Some(directory) = arguments.directory.take() else { return Ok(()) };
    std::env::set_current_dir(&directory)
        .map_err(|error| Failure::operation(format!("cannot go to `{}`: {error}", directory.display())))
}

/// Completes on Ctrl-C, unless a command that serves has taken that over.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() || command::handles_interrupt() {
        std::future::pending::<()>().await;
    }
}

fn start_logging(command: &Command) {
    let default = match command {
        Command::Serve(_) | Command::Up(_) => "warn,lamp_app=info,lamp_gateway=info,lamp=info",
        _ => "error",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("LAMP_LOG").unwrap_or_else(|_| default.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(console::Term::stderr().is_term())
        .init();
}
