//! `POST /api/v1/login`: a personal token for whoever knows a password.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{Extensions, StatusCode, header::HeaderMap};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use lamp_core::account::{TOKEN_DAYS_DEFAULT, Token};
use lamp_core::error::Kind;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::pages::login::{client, status_of};
use crate::site::{House, Routes};

/// Who wants in. Not shown: it holds a password.
#[derive(Deserialize)]
struct Asked {
    email: String,
    password: String,
    /// What the token is for.
    name: String,
}

#[derive(Serialize)]
struct SignedIn {
    token: Token,
    secret: String,
}

pub(crate) fn routes() -> Routes {
    Routes::new().route("/api/v1/login", post(sign_in))
}

async fn sign_in(
    State(house): State<House>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Result<Json<Asked>, JsonRejection>,
) -> Response {
    let Ok(Json(asked)) = body else {
        return Failure::new(Kind::Invalid, "send {\"email\", \"password\", \"name\"} as JSON").into_response();
    };
    let from = client(&house, &headers, &extensions);
    let user = match house.door().check_password(&asked.email, asked.password, from).await {
        Ok(user) => user,
        Err(error) => {
            let mut response = Failure::of(&error).into_response();
            *response.status_mut() = status_of(&error);
            return response;
        }
    };
    match house.door().make_token(&user, asked.name, TOKEN_DAYS_DEFAULT).await {
        Ok(made) => {
            let body = SignedIn { token: made.token, secret: made.secret.reveal().to_owned() };
            (StatusCode::OK, Json(body)).into_response()
        }
        Err(error) => Failure::of(&error).into_response(),
    }
}
