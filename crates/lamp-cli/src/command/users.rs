//! `lamp users add|ls|role|disable|enable|password`.

use std::io::BufRead as _;
use std::process::ExitCode;

use console::{Term, style};
use lamp_app::App;
use lamp_app::accounts::users::AddUser;
use lamp_core::account::User;

use crate::args::{Json, Users, UsersAdd};
use crate::failure::Failure;
use crate::ui::{self, Listing, out};

pub async fn run(app: &App, args: Users) -> Result<ExitCode, Failure> {
    match args {
        Users::Add(args) => add(app, args).await?,
        Users::Ls(args) => ls(app, &args).await?,
        Users::Role(args) => {
            let user = app.set_user_role(&args.email, args.role).await?;
            out!("{} is {} from their next request on", style(&user.email).bold(), user.role);
        }
        Users::Disable(args) => {
            let user = app.set_user_disabled(&args.email, true).await?;
            out!("{} is shut out; their name stays on what they did", style(&user.email).bold());
        }
        Users::Enable(args) => {
            let user = app.set_user_disabled(&args.email, false).await?;
            out!("{} may come in again, as {}", style(&user.email).bold(), user.role);
        }
        Users::Password(args) => {
            let password = read_new_password(args.password_stdin)?;
            let user = app.set_user_password(&args.email, password).await?;
            out!("{} has a new password, and no session any more", style(&user.email).bold());
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(app: &App, args: UsersAdd) -> Result<(), Failure> {
    let password = if args.no_password { None } else { Some(read_new_password(args.password_stdin)?) };
    let user = app.add_user(AddUser { email: args.email, role: args.role, password }).await?;
    out!("{} added as {}", style(&user.email).bold(), user.role);
    if !user.has_password {
        out!("\nNext: lamp tokens create NAME --user {}", user.email);
    }
    Ok(())
}

async fn ls(app: &App, args: &Json) -> Result<(), Failure> {
    let users = app.list_users().await?;
    if args.json {
        return ui::print_json(&users);
    }
    let mut listing = Listing::new(&["USER", "ROLE", "SIGNS IN WITH", "ADDED", "BY"]);
    let zone = &app.workspace().root.time_zone;
    for user in users {
        listing.row([
            user.email.to_string(),
            user.role.to_string(),
            credentials(&user).to_owned(),
            ui::instant(user.created_at, zone),
            user.created_by.to_string(),
        ]);
    }
    listing.print("No user yet: lamp users add you@example.com --role admin");
    Ok(())
}

fn credentials(user: &User) -> &'static str {
    match (user.is_disabled, user.has_password) {
        (true, _) => "nothing: disabled",
        (false, true) => "password or token",
        (false, false) => "token",
    }
}

/// A new password from the terminal, asked for twice; or from standard input.
fn read_new_password(from_stdin: bool) -> Result<String, Failure> {
    let password = read_password("Password: ", from_stdin)?;
    if from_stdin || read_password("Again: ", false)? == password {
        return Ok(password);
    }
    Err(Failure::operation("the two passwords differ"))
}

/// A password from the terminal, where it is not shown; or the first line of standard input.
pub fn read_password(what: &str, from_stdin: bool) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::operation(format!("cannot read the password: {error}"));
    if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(Failure::operation("there is no terminal to ask for a password on")
            .with_hint("send it to standard input with --password-stdin"));
    }
    terminal.write_str(what).map_err(failed)?;
    terminal.read_secure_line().map_err(failed)
}
