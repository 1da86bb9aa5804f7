//! A small HTTP client for tests, with nothing remembered between requests.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// How long one request may take, unless it says otherwise.
const REQUEST_PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts of [`wait_until_ready`].
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A request about to be sent.
#[derive(Debug)]
pub struct Request {
    inner: hyper::http::request::Builder,
    body: Bytes,
    line: String,
    patience: Duration,
}

/// What came back. Redirects are not followed.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    headers: hyper::HeaderMap,
    /// Body, whatever its type; what is not UTF-8 is replaced.
    pub body: String,
    /// Body as it came.
    pub bytes: Bytes,
}

impl Request {
    /// `GET url`.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// `POST url` with no body yet.
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// Any method.
    pub fn new(method: &str, url: &str) -> Self {
        let inner = hyper::Request::builder().method(method).uri(url);
        Self { inner, body: Bytes::new(), line: format!("{method} {url}"), patience: REQUEST_PATIENCE }
    }

    /// Waits no longer than this for the answer.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets a header; `host` and `origin` too, for tests of what a hostile page could send.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.inner = self.inner.header(name, value);
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.typed("application/json", body.to_string())
    }

    /// A form's body, already encoded (`a=1&b=2`).
    #[must_use]
    pub fn form(self, body: &str) -> Self {
        self.typed("application/x-www-form-urlencoded", body.to_owned())
    }

    /// A body as it is.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    fn typed(mut self, content_type: &'static str, body: String) -> Self {
        if let Some(headers) = self.inner.headers_mut() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        self.body(body)
    }

    /// Sends it, or says why there was no answer.
    pub async fn try_send(self) -> Result<Response, String> {
        let Self { inner, body, line, patience } = self;
        let request = inner.body(Full::new(body)).map_err(|error| format!("{line}: {error}"))?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let exchange = async {
            let response = client.request(request).await.map_err(|error| format!("{line}: {error:?}"))?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| format!("{line}: {error:?}"))?.to_bytes();
            let text = String::from_utf8_lossy(&body).into_owned();
            Ok(Response { status: head.status.as_u16(), headers: head.headers, body: text, bytes: body })
        };
        let timed = tokio::time::timeout(patience, exchange).await;
        timed.unwrap_or_else(|_| Err(format!("{line}: no answer within {} s", patience.as_secs())))
    }

    /// Sends it.
    ///
    /// # Panics
    /// When there was no answer.
    pub async fn send(self) -> Response {
        self.try_send().await.unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Response {
    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON, with what it is.
    pub fn json(&self) -> Value {
        let Self { status, body, .. } = self;
        serde_json::from_str(body).unwrap_or_else(|error| panic!("status {status}, not JSON ({error}):\n{body}"))
    }
}

/// Waits until `GET url` answers 2xx.
///
/// # Panics
/// When it has not done so within `patience`, with the last answer.
pub async fn wait_until_ready(url: &str, patience: Duration) {
    let deadline = Instant::now() + patience;
    loop {
        let answer = match Request::get(url).try_send().await {
            Ok(response) if (200..300).contains(&response.status) => return,
            Ok(response) => format!("status {}: {}", response.status, response.body),
            Err(error) => error,
        };
        assert!(Instant::now() < deadline, "{url} did not become ready: {answer}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A local port that nothing listened on a moment ago.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    free_ports::<1>()[0]
}

/// Different local ports that nothing listened on a moment ago.
///
/// # Panics
/// When there are none.
pub fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    // All are held until the last is known: else the system may give one of them twice.
    let listeners = [(); COUNT].map(|()| std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free local port"));
    listeners.map(|listener| listener.local_addr().expect("the address of a listener").port())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use serde_json::json;

    use super::*;

    /// Answers each request with what it was.
    async fn echo(request: hyper::Request<hyper::body::Incoming>) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let text = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let answer = json!({"method": head.method.as_str(), "path": head.uri.path(), "type": text("content-type"),
            "host": text("host"), "body": String::from_utf8_lossy(&body)});
        let response = hyper::Response::builder().status(202).header("x-served-by", "echo");
        Ok(response.body(Full::new(Bytes::from(answer.to_string()))).expect("a response"))
    }

    async fn start_echo() -> String {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free local port");
        let address = listener.local_addr().expect("the address of a listener");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service_fn(echo)));
            }
        });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn requests_arrive_as_written_and_answers_come_back_whole() {
        let base = start_echo().await;
        wait_until_ready(&base, Duration::from_secs(5)).await;
        let url = format!("{base}/predict/delay");
        let answer = Request::post(&url).header("host", "evil.example").json(&json!({"rows": []})).send().await;
        assert_eq!((answer.status, answer.header("x-served-by"), answer.header("x-none")), (202, Some("echo"), None));
        assert_eq!(
            answer.json(),
            json!({"method": "POST", "path": "/predict/delay", "type": "application/json",
                "host": "evil.example", "body": "{\"rows\":[]}"})
        );
    }

    #[tokio::test]
    async fn a_closed_port_is_an_error_that_names_the_request() {
        let url = format!("http://127.0.0.1:{}/health", free_port());
        let error = Request::get(&url).try_send().await.expect_err("nothing listens");
        assert!(error.starts_with(&format!("GET {url}: ")), "{error}");
    }
}
