//! The other end of a connection, and whom it speaks for.

use std::net::{IpAddr, SocketAddr};

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{HeaderMap, HeaderName};
use axum::serve::IncomingStream;
use lamp_core::exposure::Network;
use tokio::net::TcpListener;

use crate::tls::TlsListener;

/// Says whom a proxy asks for: a list, to which each proxy adds at the end.
pub(crate) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// The address that a request came from directly; tests without a connection have none.
pub(crate) fn of(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.0.ip())
}

/// The address of whoever asks: the last one in the proxies' list that is not a proxy itself, for
/// what stands before that anybody may have written.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    if !is_proxy(peer) {
        return peer;
    }
    let values = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let said: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut nearest = peer;
    for text in said.into_iter().rev() {
        let Ok(address) = text.parse() else { break };
        nearest = address;
        if !is_proxy(address) {
            break;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_of(peer: &str, said: &[&str]) -> String {
        let headers = said.iter().map(|value| (FORWARDED_FOR, value.parse().expect("a header value"))).collect();
        let proxies = [Network::parse("10.0.0.0/8").expect("a network")];
        client(peer.parse().expect("an address"), &headers, &proxies).to_string()
    }

    #[test]
    fn only_proxies_are_believed() {
        assert_eq!(client_of("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client_of("10.0.0.7", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client_of("10.0.0.7", &["1.1.1.1, 198.51.100.1"]), "198.51.100.1", "the rest may be invented");
        assert_eq!(client_of("10.0.0.7", &["1.1.1.1", "198.51.100.1, 10.0.0.8"]), "198.51.100.1");
        assert_eq!(client_of("10.0.0.7", &["198.51.100.1, nonsense"]), "10.0.0.7");
        assert_eq!(client_of("10.0.0.7", &[]), "10.0.0.7");
        assert_eq!(client_of("10.0.0.7", &["2001:db8::1"]), "2001:db8::1");
    }
}
