//! Reading bodies: bounded, in time, and with the place of a mistake.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::refusal::{BODY_BYTES_MAX, BODY_WITHIN, Refusal};

/// Reads a whole body. Compressed ones are refused: what they unpack to has no bound.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
        return Err(Refusal::Encoded(String::from_utf8_lossy(encoding.as_bytes()).into_owned()));
    }
    let Ok(read) = timeout(BODY_WITHIN, Limited::new(body, BODY_BYTES_MAX).collect()).await else {
        return Err(Refusal::TooSlow);
    };
    match read {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Refusal::TooLarge),
        Err(error) => Err(Refusal::Invalid(format!("the body broke off: {error}"))),
    }
}

/// Reads JSON. A mistake is told with its path (`inputs[0].shape[1]`), or as one of the `body`.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let error = match serde_json::from_slice(body) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    // Reading again is slower, and knows where it is.
    let again: Result<T, _> = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_slice(body));
    let path = again.err().map(|error| error.path().to_string()).filter(|path| path != ".");
    let path = path.unwrap_or_else(|| "body".to_owned());
    Err(Refusal::Invalid(format!("{path}: {error}")))
}
