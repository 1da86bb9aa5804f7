//! Requests to a server.

use std::path::Path;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use lamp_app::call::{Call, CallError};
use lamp_core::account::{Email, Secret, Token};
use lamp_core::dataset::FileEntry;
use lamp_core::digest::Digest;
use lamp_core::exposure::ServerUrl;
use lamp_store::Progress;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use super::credentials;
use crate::failure::Failure;

/// How long a server is given to take a connection. An answer may take as long as the work does.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Signs of life on a connection that is waited on.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Most of an unexpected answer that is shown.
const SHOWN_MAX: usize = 200;

/// Somebody's way to a server.
pub struct Client {
    http: reqwest::Client,
    server: ServerUrl,
    token: Option<Secret>,
}

/// What a server gives to somebody whose password was right.
#[derive(Deserialize)]
pub struct SignedIn {
    /// The token that was made.
    pub token: Token,
    /// Its secret.
    pub secret: String,
}

/// A failure as the API says it.
#[derive(Deserialize)]
struct Refusal {
    error: CallError,
}

impl Client {
    /// A client of whoever has signed in on this machine, or whose token is in `LAMP_TOKEN`.
    pub fn signed_in(server: &ServerUrl) -> Result<Self, Failure> {
        let token = credentials::token_for(server)?;
        let nobody = || Failure::operation(format!("you are not signed in to {server}")).with_hint("lamp login");
        Ok(Self { token: Some(token.ok_or_else(nobody)?), ..Self::nobody(server)? })
    }

    /// A client with the token that `lamp login` has kept, whatever `LAMP_TOKEN` says.
    pub fn kept(server: &ServerUrl) -> Result<Self, Failure> {
        let token = credentials::find(server)?.and_then(|kept| kept.secret());
        Ok(Self { token, ..Self::nobody(server)? })
    }

    /// A client of nobody yet.
    pub fn nobody(server: &ServerUrl) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .tcp_keepalive(KEEPALIVE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("lamp/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::operation(format!("cannot speak to {server}: {}", told(&error))))?;
        Ok(Self { http, server: server.clone(), token: None })
    }

    /// The server.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// The answer to a call, or the server's refusal; the outer failure is of the way there.
    pub async fn call<C: Call>(&self, call: &C) -> Result<Result<C::Answer, CallError>, Failure> {
        let body = serde_json::to_vec(call)
            .map_err(|error| Failure::operation(format!("cannot write this request: {error}")))?;
        let path = format!("/api/v1/do/{}", C::NAME);
        let request = self.http.post(self.url(&path)).header(CONTENT_TYPE, "application/json").body(body);
        self.answer(request).await
    }

    /// A new token for whoever knows a password.
    pub async fn sign_in(&self, email: &Email, password: &str, name: &str) -> Result<SignedIn, Failure> {
        let body = serde_json::json!({"email": email, "password": password, "name": name}).to_string();
        let request = self.http.post(self.url("/api/v1/login")).header(CONTENT_TYPE, "application/json").body(body);
        Ok(self.answer(request).await??)
    }

    /// Sends the content of an entry, which is at `path`.
    pub async fn upload(&self, entry: &FileEntry, path: &Path, progress: &dyn Progress) -> Result<(), Failure> {
        let unreadable = |error| Failure::operation(format!("cannot read `{}`: {error}", path.display()));
        let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
        let request = self
            .http
            .put(self.url(&format!("/api/v1/uploads/{}", entry.digest)))
            .header(CONTENT_LENGTH, entry.size)
            .body(Body::wrap_stream(ReaderStream::new(file)));
        let _: serde_json::Value = self.answer(request).await??;
        progress.advance(entry.size);
        Ok(())
    }

    /// Fetches a content of a version into a new file at `to`. Whether it is what it should be is seen
    /// where it is taken in.
    pub async fn download(
        &self,
        reference: &str,
        digest: Digest,
        to: &Path,
        progress: &dyn Progress,
    ) -> Result<(), Failure> {
        let unwritable = |error| Failure::operation(format!("cannot write `{}`: {error}", to.display()));
        let request = self.http.get(self.url(&format!("/api/v1/files/{digest}?of={reference}")));
        let response = self.send(request).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await?.into());
        }
        let mut file = tokio::fs::File::create(to).await.map_err(unwritable)?;
        let mut body = response.bytes_stream().map_err(|error| self.unanswered(&error));
        while let Some(block) = body.next().await {
            let block = block?;
            file.write_all(&block).await.map_err(unwritable)?;
            progress.advance(block.len() as u64);
        }
        file.flush().await.map_err(unwritable)
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Result<T, CallError>, Failure> {
        let response = self.send(request).await?;
        if !response.status().is_success() {
            return Ok(Err(self.refusal(response).await?));
        }
        let body = response.bytes().await.map_err(|error| self.unanswered(&error))?;
        serde_json::from_slice(&body).map(Ok).map_err(|error| {
            Failure::operation(format!(
                "{} gave an answer that this version of lamp does not understand: {error}",
                self.server
            ))
            .with_hint("use the version of lamp that the server has")
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let request = match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {}", token.reveal())),
            None => request,
        };
        request.send().await.map_err(|error| self.unanswered(&error))
    }

    /// Why the server did not do it, in its own words.
    async fn refusal(&self, response: Response) -> Result<CallError, Failure> {
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unanswered(&error))?;
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(Refusal { error }) => Ok(error),
            Err(_) => Err(self.not_lamp(status, &String::from_utf8_lossy(&body))),
        }
    }

    /// Something between us and the server has answered, or something else is there.
    fn not_lamp(&self, status: StatusCode, body: &str) -> Failure {
        let shown: String = body.chars().take(SHOWN_MAX).collect();
        Failure::operation(format!("{} answered {status}, and not as lamp does: {}", self.server, shown.trim()))
            .with_hint("look at `server` in lamp.toml, and at the proxy before it")
    }

    fn unanswered(&self, error: &reqwest::Error) -> Failure {
        Failure::operation(format!("{} does not answer: {}", self.server, told(error)))
            .with_hint("look at `server` in lamp.toml; on the server, `lamp up` must run")
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }
}

/// The last cause is the one that tells.
fn told(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
