//! `lamp tokens create|ls|revoke`.

use std::process::ExitCode;

use console::style;
use jiff::Timestamp;
use lamp_app::App;
use lamp_app::accounts::tokens::CreateToken;
use lamp_core::account::Token;
use serde_json::json;

use crate::args::{Tokens, TokensCreate, TokensLs};
use crate::failure::Failure;
use crate::ui::{self, Listing, out};

pub async fn run(app: &App, args: Tokens) -> Result<ExitCode, Failure> {
    match args {
        Tokens::Create(args) => create(app, args).await?,
        Tokens::Ls(args) => ls(app, &args).await?,
        Tokens::Revoke(args) => {
            let token = app.revoke_token(&args.token).await?;
            out!("token `{}` of {} lets nobody in any more", token.name, style(&token.email).bold());
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(app: &App, args: TokensCreate) -> Result<(), Failure> {
    let request = CreateToken { email: args.user, name: args.name, days: args.days };
    let created = app.create_token(request).await?;
    let (token, secret) = (&created.token, created.secret.reveal());
    if args.json {
        return ui::print_json(&json!({"token": token, "secret": secret}));
    }
    let until = ui::instant(token.expires_at, &app.workspace().root.time_zone);
    out!("token `{}` of {}, good until {until}", token.name, style(&token.email).bold());
    out!("\n  {}\n", style(secret).bold());
    out!("It is not shown again. Next: export LAMP_TOKEN=…");
    Ok(())
}

async fn ls(app: &App, args: &TokensLs) -> Result<(), Failure> {
    let tokens = app.list_tokens(args.user.as_ref()).await?;
    if args.json {
        return ui::print_json(&tokens);
    }
    let mut listing = Listing::new(&["TOKEN", "USER", "FOR", "STATE", "MADE", "GOOD UNTIL", "LAST USED"]);
    let zone = &app.workspace().root.time_zone;
    let now = app.now();
    for token in tokens {
        listing.row([
            token.id.to_string(),
            token.email.to_string(),
            token.name.clone(),
            state(&token, now).to_owned(),
            ui::instant(token.created_at, zone),
            ui::instant(token.expires_at, zone),
            token.last_used_on.map_or_else(|| "never".to_owned(), |day| day.to_string()),
        ]);
    }
    listing.print("No token yet: lamp tokens create NAME");
    Ok(())
}

fn state(token: &Token, now: Timestamp) -> &'static str {
    match (token.revoked_at.is_some(), token.is_good(now)) {
        (true, _) => "revoked",
        (false, true) => "good",
        (false, false) => "expired",
    }
}
