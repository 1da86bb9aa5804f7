//! What the composition root hands over.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use lamp_core::error::{Classified, Kind};
use lamp_core::exposure::Exposure;

use crate::tls::Tls;

/// Called after the route of a service was changed here, so that the local gateway obeys at once
/// and need not wait for its next look at the ledger.
pub type RouteHook = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Settings of the pages and the API.
#[derive(Clone)]
pub struct WebSettings {
    /// The address that is listened on. A browser may use it as the host.
    pub listen: SocketAddr,
    /// Other hosts that browsers may use, as `name` (any port) or `name:port`. Loopback names are
    /// always allowed.
    pub allowed_hosts: Vec<String>,
    /// Where predictions are served; shown on the pages.
    pub predictions: SocketAddr,
    /// Told of a changed route.
    pub on_route_changed: Option<RouteHook>,
    /// Who can reach the pages, and so whether people must sign in.
    pub exposure: Exposure,
    /// The certificate, where TLS ends here.
    pub tls: Option<Tls>,
}

impl WebSettings {
    /// Settings for `listen` on this machine, with predictions at `predictions`, no further hosts and no hook.
    pub fn new(listen: SocketAddr, predictions: SocketAddr) -> Self {
        let exposure = Exposure::Loopback { require_login: false };
        Self { listen, allowed_hosts: Vec::new(), predictions, on_route_changed: None, exposure, tls: None }
    }

    /// Whether browsers reach the pages over TLS, here or at a proxy.
    pub(crate) fn is_secure(&self) -> bool {
        match &self.exposure {
            Exposure::Loopback { .. } => false,
            Exposure::Tls { .. } | Exposure::BehindProxy { .. } => true,
        }
    }
}

impl fmt::Debug for WebSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSettings")
            .field("listen", &self.listen)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("predictions", &self.predictions)
            .field("on_route_changed", &self.on_route_changed.is_some())
            .field("exposure", &self.exposure)
            .field("tls", &self.tls.is_some())
            .finish()
    }
}

/// An address that machines other than this one could reach.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} can be reached from other machines, and predictions know no keys yet")]
pub struct NotLoopback {
    /// The address.
    pub address: SocketAddr,
}

impl Classified for NotLoopback {
    fn kind(&self) -> Kind {
        Kind::Forbidden
    }

    fn hint(&self) -> Option<String> {
        let port = self.address.port();
        Some(format!(
            "listen on 127.0.0.1:{port}, and let the programs that ask run on this machine or come in by \
             `ssh -L {port}:127.0.0.1:{port} HOST`"
        ))
    }
}

/// Refuses an address for predictions that is not this machine's own: they are served to whoever asks.
pub fn refuse_unless_loopback(address: SocketAddr) -> Result<(), NotLoopback> {
    if address.ip().to_canonical().is_loopback() { Ok(()) } else { Err(NotLoopback { address }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(address: &str) -> Option<NotLoopback> {
        refuse_unless_loopback(address.parse().expect("an address")).err()
    }

    #[test]
    fn only_this_machine_is_listened_to() {
        for own in ["127.0.0.1:8420", "127.9.9.9:1", "[::1]:8420", "[::ffff:127.0.0.1]:8420"] {
            assert_eq!(refusal(own), None, "{own}");
        }
        for reachable in ["0.0.0.0:8420", "[::]:8420", "192.168.1.7:8420", "10.0.0.1:80", "[::ffff:10.0.0.1]:8420"] {
            assert!(refusal(reachable).is_some(), "{reachable}");
        }
    }

    #[test]
    fn the_refusal_says_what_to_do() {
        let refused = refusal("0.0.0.0:8420").expect("a refusal");
        assert_eq!(refused.kind(), Kind::Forbidden);
        assert!(refused.to_string().starts_with("0.0.0.0:8420 can be reached from other machines"), "{refused}");
        assert!(refused.hint().is_some_and(|hint| hint.contains("ssh -L 8420:127.0.0.1:8420")));
    }
}
