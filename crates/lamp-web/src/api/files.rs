//! `PUT /api/v1/uploads/DIGEST` and `GET /api/v1/files/DIGEST?of=NAME@V`: contents on their way to and from clients.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::header::{self, HeaderMap};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, put};
use futures::StreamExt as _;
use lamp_core::digest::Digest;
use lamp_core::error::Kind;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;

use crate::failure::Failure;
use crate::site::{Routes, Site};

/// How long a client may say nothing while it sends.
const SILENCE_MAX: Duration = Duration::from_mins(1);

pub(crate) fn routes() -> Routes {
    Routes::new().route("/api/v1/uploads/{digest}", put(receive)).route("/api/v1/files/{digest}", get(send))
}

/// Which version a content is asked of.
#[derive(Deserialize)]
struct Asked {
    of: String,
}

async fn receive(
    site: Site,
    Path(digest): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let digest = parse(&digest)?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let length = length.ok_or_else(|| Failure::new(Kind::Invalid, "the request does not say how long it is"))?;
    let mut upload = site.app().begin_upload(digest, length).await?;
    let mut blocks = body.into_data_stream();
    loop {
        let next = tokio::time::timeout(SILENCE_MAX, blocks.next()).await;
        match next.map_err(|_| Failure::new(Kind::Unavailable, "the client stopped sending"))? {
            None => break,
            Some(Ok(block)) => upload.write(block.to_vec()).await?,
            Some(Err(error)) => return Err(Failure::new(Kind::Unavailable, format!("the client is gone: {error}"))),
        }
    }
    upload.finish().await?;
    Ok(Json(json!({"digest": digest})))
}

async fn send(site: Site, Path(digest): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let digest = parse(&digest)?;
    let (path, length) = site.app().data_file(&asked.of, digest).await?;
    let file = tokio::fs::File::open(&path).await.map_err(|error| {
        tracing::warn!(path = %path.display(), %error, "cannot read a content of the store");
        Failure::new(Kind::Unavailable, "the content cannot be read at the server")
    })?;
    let headers =
        [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

fn parse(digest: &str) -> Result<Digest, Failure> {
    Digest::parse(digest).map_err(|error| Failure::new(Kind::Invalid, error.to_string()))
}
