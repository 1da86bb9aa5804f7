//! Talking to a gateway on this machine through its admin socket.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use lamp_gateway::{SwitchOrder, Switched};
use serde_json::Value;
use tokio::net::UnixStream;

/// How long a gateway is given to answer. A refresh may have to warm a model up.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// Longest path that the kernel takes for a socket, less some room.
const SOCKET_PATH_MAX: usize = 100;

/// A socket's path as the kernel takes it: one that is too long is reached through its folder, which
/// must stay open meanwhile.
pub fn short_path(socket: &Path) -> std::io::Result<(PathBuf, Option<File>)> {
    use std::os::fd::AsRawFd as _;
    let (true, Some(folder), Some(name)) =
        (socket.as_os_str().len() > SOCKET_PATH_MAX, socket.parent(), socket.file_name())
    else {
        return Ok((socket.to_owned(), None));
    };
    let folder = File::open(folder)?;
    Ok((Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name), Some(folder)))
}

/// Asks the gateway to look for newer routes at once. No gateway is no failure here: its
/// acknowledgement is what counts. Gives back why a gateway that runs does not obey.
pub async fn refresh(socket: &Path) -> Option<String> {
    let error = ask(socket, "POST", "/refresh", Bytes::new()).await.err()?;
    tracing::debug!(%error, "no gateway was told");
    let (short, _folder) = short_path(socket).ok()?;
    UnixStream::connect(short).await.ok().map(|_| error)
}

/// What the gateway says of itself.
pub async fn state(socket: &Path) -> Result<Value, String> {
    ask(socket, "GET", "/state", Bytes::new()).await
}

/// Asks the gateway to close its log segments; they are on disk when this returns.
pub async fn rotate(socket: &Path) -> Result<Value, String> {
    ask(socket, "POST", "/rotate", Bytes::new()).await
}

/// Switches at this gateway alone.
pub async fn switch(socket: &Path, order: &SwitchOrder) -> Result<Switched, String> {
    let order = serde_json::to_vec(order).map_err(|error| error.to_string())?;
    let switched = ask(socket, "POST", "/switch", order.into()).await?;
    serde_json::from_value(switched).map_err(|error| error.to_string())
}

async fn ask(socket: &Path, method: &str, path: &str, body: Bytes) -> Result<Value, String> {
    let asked = tokio::time::timeout(ANSWER_WITHIN, ask_patiently(socket, method, path, body));
    asked.await.map_err(|_| "the gateway did not answer".to_owned())?
}

async fn ask_patiently(socket: &Path, method: &str, path: &str, body: Bytes) -> Result<Value, String> {
    let (short, _folder) = short_path(socket).map_err(|error| error.to_string())?;
    let stream = UnixStream::connect(short).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::new(body))
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let is_fine = response.status().is_success();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    let value: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    if is_fine { Ok(value) } else { Err(value["error"].as_str().unwrap_or("it failed").to_owned()) }
}
