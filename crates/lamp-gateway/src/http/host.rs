//! Which names a client may call the gateway by. A page on a hostile site can make a browser call
//! an address of this machine, but not under this machine's name.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use super::reply::error;
use crate::grpc;

/// The host names that are answered.
#[derive(Debug, Clone)]
pub struct HostPolicy {
    allowed: Arc<[String]>,
}

impl HostPolicy {
    /// Loopback names and addresses, the bound address unless it is a wildcard, and `extra` names.
    pub fn new(bound: Option<IpAddr>, extra: &[String]) -> Self {
        let bound = bound.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string());
        let extra = extra.iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        Self { allowed: bound.into_iter().chain(extra).collect() }
    }

    /// Whether a `Host` header (`name`, `name:port`, `[v6]:port`) is answered.
    pub fn allows(&self, host: &str) -> bool {
        let name = name_of(host);
        let is_loopback = name == "localhost"
            || name.ends_with(".localhost")
            || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        is_loopback || self.allowed.contains(&name)
    }
}

fn name_of(host: &str) -> String {
    let bare = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _port)) => v6,
        None => host.split_once(':').map_or(host, |(name, _port)| name),
    };
    bare.trim_end_matches('.').to_ascii_lowercase()
}

/// Refuses requests under other names, and requests that a page of another site sent.
pub(super) async fn guard(State(policy): State<HostPolicy>, request: Request, next: Next) -> Response {
    match refuse(&policy, request.headers(), request.uri()) {
        Some((_, message)) if grpc::is_grpc(request.headers()) => grpc::refused_at_the_door(message),
        Some((status, message)) => error(status, &message),
        None => next.run(request).await,
    }
}

fn refuse(policy: &HostPolicy, headers: &HeaderMap, uri: &Uri) -> Option<(StatusCode, String)> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let host = text(header::HOST).or_else(|| uri.host()).unwrap_or("");
    if !policy.allows(host) {
        let message = format!("this gateway is not called `{host}`; allow the name in its configuration");
        return Some((StatusCode::MISDIRECTED_REQUEST, message));
    }
    let origin = text(header::ORIGIN)?;
    let is_ours = origin.parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| policy.allows(host)));
    let message = "requests from pages of other sites are refused";
    (!is_ours).then(|| (StatusCode::FORBIDDEN, message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_the_bound_address_and_configured_names_are_answered() {
        let policy = HostPolicy::new("10.0.0.7".parse().ok(), &["Models.Example.com".to_owned()]);
        for good in [
            "localhost",
            "localhost:8421",
            "LOCALHOST.",
            "127.0.0.1:8421",
            "127.8.8.8",
            "[::1]:8421",
            "10.0.0.7:8421",
            "models.example.com",
        ] {
            assert!(policy.allows(good), "{good}");
        }
        for bad in
            ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.8", "[::2]:80", "0.0.0.0"]
        {
            assert!(!policy.allows(bad), "{bad}");
        }
    }

    #[test]
    fn a_wildcard_address_allows_no_name() {
        let policy = HostPolicy::new("0.0.0.0".parse().ok(), &[]);
        assert!(!policy.allows("0.0.0.0:8421"));
        assert!(!policy.allows("host.example"));
    }
}
