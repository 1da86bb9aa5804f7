//! A server of the Open Inference Protocol that does next to nothing: what a gateway in front of it costs shows.
//!
//! ```text
//! cargo run --release -p lamp-gateway --example upstream -- ADDRESS [MILLISECONDS]
//! ```
//!
//! Any model is ready, and answers every row with `probability` 0.25, after as many milliseconds as are given. One
//! thread. `cargo xtask bench serving` puts it behind every proxy that it measures.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// What stands before the number of rows in a request.
const SHAPE: &[u8] = b"\"shape\":";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().ok_or("upstream ADDRESS [MILLISECONDS]")?.parse()?;
    let delay = Duration::from_millis(arguments.next().map_or(Ok(0), |text| text.parse())?);
    let listener = TcpListener::bind(address).await?;
    println!("answers on http://{}", listener.local_addr()?);
    let one = answer(1);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let one = one.clone();
        let service = service_fn(move |request| respond(request, one.clone(), delay));
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // Whoever closes a connection is measured elsewhere.
            let _ = connection.await;
        });
    }
}

async fn respond(request: Request<Incoming>, one: Bytes, delay: Duration) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_question = request.method() == Method::POST;
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if is_question && !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let reply = match rows(&body) {
        _ if !is_question => Bytes::from_static(b"{\"ready\":true}"),
        1 => one,
        many => answer(many),
    };
    let mut response = Response::new(Full::new(reply));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The first number of the first shape; 1 if there is none. Nothing else of the request is read.
fn rows(body: &[u8]) -> usize {
    let at = body.windows(SHAPE.len()).position(|window| window == SHAPE);
    let list = at.into_iter().flat_map(|at| &body[at + SHAPE.len()..]).skip_while(|byte| matches!(byte, b' ' | b'['));
    let digits = list.take_while(|byte| byte.is_ascii_digit());
    digits.map(|digit| usize::from(digit - b'0')).reduce(|number, digit| number * 10 + digit).unwrap_or(1)
}

fn answer(rows: usize) -> Bytes {
    let data = vec!["0.25"; rows].join(",");
    let output = format!(r#"{{"name":"probability","datatype":"FP64","shape":[{rows}],"data":[{data}]}}"#);
    Bytes::from(format!(r#"{{"model_name":"upstream","outputs":[{output}]}}"#))
}
