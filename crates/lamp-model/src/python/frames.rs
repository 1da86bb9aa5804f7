//! The worker protocol: frames of a big-endian `u32` length and a UTF-8 JSON object.

use bytes::{BufMut, BytesMut};
use lamp_core::table::Values;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::signature::Batch;

/// Longest frame, in bytes.
pub const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The protocol version that workers must speak.
pub const PROTOCOL: u32 = 1;

/// What is said to a worker.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum ToWorker {
    /// Asks for the outputs of rows.
    Predict {
        /// Comes back in the answer.
        id: u64,
        /// Number of rows.
        rows: usize,
        /// Inputs by name.
        columns: Map<String, Value>,
    },
    /// Asks whether it lives.
    Ping {
        /// Comes back in the answer.
        id: u64,
    },
    /// Asks it to exit.
    Stop,
}

/// What a worker says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum FromWorker {
    /// The package is loaded.
    Ready {
        /// Which version it speaks.
        protocol: u32,
    },
    /// The package cannot be loaded.
    Failed {
        /// Why.
        message: String,
        /// Where.
        #[serde(default)]
        traceback: String,
    },
    /// Outputs.
    Answer {
        /// Of which request.
        id: u64,
        /// Columns by output name.
        outputs: Map<String, Value>,
    },
    /// The predictor raised an error.
    Error {
        /// Of which request.
        id: u64,
        /// Why.
        message: String,
        /// Where.
        #[serde(default)]
        traceback: String,
    },
    /// It lives.
    Pong {
        /// Of which ping.
        id: u64,
    },
}

/// Why a conversation with a worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The socket is closed or broken.
    #[error("the connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// The bytes are not a frame of ours.
    #[error("it does not keep to the worker protocol: {0}")]
    Protocol(String),
}

pub(super) async fn write(socket: &mut (impl AsyncWrite + Unpin), message: &ToWorker) -> Result<(), FrameError> {
    let body = serde_json::to_vec(message).map_err(|error| FrameError::Protocol(error.to_string()))?;
    if body.len() > FRAME_BYTES_MAX {
        return Err(FrameError::Protocol(format!("a request of {} bytes is too long", body.len())));
    }
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut frame = BytesMut::with_capacity(4 + body.len());
    frame.put_u32(length);
    frame.put_slice(&body);
    socket.write_all(&frame).await?;
    Ok(socket.flush().await?)
}

pub(super) async fn read(socket: &mut (impl AsyncRead + Unpin)) -> Result<FromWorker, FrameError> {
    let length = usize::try_from(socket.read_u32().await?).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::Protocol(format!("a frame of {length} bytes is too long")));
    }
    // Grows with what arrives, so that a length alone cannot claim memory.
    let mut body = Vec::with_capacity(length.min(64 * 1024));
    let limit = u64::try_from(length).unwrap_or(u64::MAX);
    let got = socket.take(limit).read_to_end(&mut body).await?;
    if got < length {
        return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
    }
    serde_json::from_slice(&body).map_err(|error| FrameError::Protocol(error.to_string()))
}

/// The batch's inputs as JSON columns; rows with a shape become arrays.
pub(super) fn columns(batch: &Batch) -> Map<String, Value> {
    batch
        .inputs()
        .map(|(field, values)| {
            let width: usize = field.shape.iter().product();
            let column = if field.shape.is_empty() {
                scalars(values, 0, batch.rows())
            } else {
                (0..batch.rows()).map(|row| Value::Array(scalars(values, row * width, (row + 1) * width))).collect()
            };
            (field.name.clone(), Value::Array(column))
        })
        .collect()
}

fn scalars(values: &Values, from: usize, to: usize) -> Vec<Value> {
    (from..to).map(|at| values.json(at)).collect()
}
