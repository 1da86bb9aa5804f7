//! Which hosts are ours. A name that somebody else owns may be made to point at this machine
//! (DNS rebinding); it is still not one of these.

use axum::extract::Request;
use axum::http::header;
use axum::http::uri::Authority;

use super::Refusal;
use crate::settings::WebSettings;

/// Names that only this machine answers to, with any port: a tunnel may change it.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The hosts that a request may be for.
#[derive(Debug, Clone)]
pub(crate) struct AllowedHosts {
    any_port: Vec<String>,
    exact: Vec<String>,
}

impl AllowedHosts {
    pub(crate) fn of(settings: &WebSettings) -> Self {
        let public = settings.exposure.public_url().map(|url| url.authority().to_owned());
        let given = settings.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).chain(public);
        let (mut exact, mut any_port): (Vec<_>, Vec<_>) = given.partition(|host| has_port(host));
        any_port.extend(LOOPBACK.map(str::to_owned));
        exact.push(settings.listen.to_string());
        Self { any_port, exact }
    }

    /// Whether `host`, as it stands in a request, is one of them.
    pub(crate) fn contains(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let name = if has_port(&host) { host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name) } else { &host };
        self.exact.contains(&host) || self.any_port.iter().any(|allowed| allowed == name)
    }
}

/// `name:8420` has one, `[::1]` has none.
fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// The one host that a request is for.
pub(super) fn of(request: &Request) -> Result<String, Refusal> {
    let mut named: Vec<&str> = Vec::new();
    for value in request.headers().get_all(header::HOST) {
        named.push(value.to_str().map_err(|_| Refusal::NoHost)?);
    }
    named.extend(request.uri().authority().map(Authority::as_str));
    named.dedup();
    match named[..] {
        [host] if host.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@')) => Ok(host.to_owned()),
        _ => Err(Refusal::NoHost),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn allowed(extra: &[&str]) -> AllowedHosts {
        let listen = "127.0.0.2:8420".parse().expect("an address");
        let mut settings = WebSettings::new(listen, listen);
        settings.allowed_hosts = extra.iter().map(|host| (*host).to_owned()).collect();
        AllowedHosts::of(&settings)
    }

    #[test]
    fn this_machine_has_these_names() {
        let hosts = allowed(&["lamp.example.com", "other.example.com:8443"]);
        for ours in [
            "localhost",
            "LOCALHOST:8420",
            "127.0.0.1:9000",
            "[::1]:8420",
            "[::1]",
            "127.0.0.2:8420",
            "lamp.example.com",
            "lamp.example.com:443",
            "other.example.com:8443",
        ] {
            assert!(hosts.contains(ours), "{ours}");
        }
    }

    #[test]
    fn a_foreign_name_stays_foreign() {
        let hosts = allowed(&["other.example.com:8443"]);
        for foreign in [
            "evil.example.com:8420",
            "localhost.evil.example.com",
            "127.0.0.1.evil.example.com:8420",
            "127.0.0.2:8421",
            "127.0.0.2",
            "other.example.com",
            "other.example.com:80",
            "localhost:",
            "localhost:84x",
            "",
            "::1",
        ] {
            assert!(!hosts.contains(foreign), "{foreign}");
        }
    }

    fn host_of(hosts: &[&str], uri: &str) -> Option<String> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        of(&request.body(Body::empty()).expect("a request")).ok()
    }

    #[test]
    fn a_request_is_for_one_host() {
        assert_eq!(host_of(&["localhost:1"], "/").as_deref(), Some("localhost:1"));
        assert_eq!(host_of(&[], "http://localhost:1/").as_deref(), Some("localhost:1"));
        assert_eq!(host_of(&["localhost:1"], "http://localhost:1/").as_deref(), Some("localhost:1"));
        assert_eq!(host_of(&[], "/"), None);
        assert_eq!(host_of(&["localhost:1", "evil.example.com"], "/"), None);
        assert_eq!(host_of(&["localhost:1"], "http://evil.example.com/"), None);
        assert_eq!(host_of(&["evil@localhost"], "/"), None);
        assert_eq!(host_of(&["local host"], "/"), None);
    }
}
