//! Who can reach the pages and the API, and what that takes.

use core::net::{IpAddr, SocketAddr};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Classified, Kind};

/// Addresses with a common beginning: `10.0.0.0/8`, `192.0.2.7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address or a network")]
pub struct NetworkError {
    /// As given.
    pub text: String,
}

impl Classified for NetworkError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("write 10.0.0.7 or 10.0.0.0/24".to_owned())
    }
}

impl Network {
    /// Parses an address, or an address and the number of bits that count.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let refuse = || NetworkError { text: text.to_owned() };
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| refuse())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| refuse())?;
        if bits > most {
            return Err(refuse());
        }
        Ok(Self { address, bits })
    }

    /// Whether an address is one of these.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = u32::from(own) ^ u32::from(other);
                differ.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = u128::from(own) ^ u128::from(other);
                differ.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_one = self.bits == if self.address.is_ipv4() { 32 } else { 128 };
        if is_one { f.pad(&self.address.to_string()) } else { f.pad(&format!("{}/{}", self.address, self.bits)) }
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;
    fn try_from(text: String) -> Result<Self, NetworkError> {
        Self::parse(&text)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl std::str::FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        Self::parse(text)
    }
}

/// An address of a server as people type it: `https://lamp.example.com`, without a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerUrl {
    is_https: bool,
    authority: String,
}

/// A text that is not a server's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a server's address: {why}")]
pub struct ServerUrlError {
    /// As given.
    pub text: String,
    /// Which rule it breaks.
    pub why: &'static str,
}

impl Classified for ServerUrlError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("write it as https://lamp.example.com or https://lamp.example.com:8420".to_owned())
    }
}

impl ServerUrl {
    /// Parses an address. Without TLS only this machine is reached: a token must not be read on its way.
    pub fn parse(text: &str) -> Result<Self, ServerUrlError> {
        let refuse = |why| Err(ServerUrlError { text: text.to_owned(), why });
        let (is_https, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            Some(_) | None => return refuse("it does not begin with https://"),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let host = host_of(authority);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        if host.is_empty() || !authority.chars().all(is_name) {
            return refuse("after the host, only a port may follow");
        }
        let port = authority[host.len()..].strip_prefix(':');
        if port.is_some_and(|port| port.parse::<u16>().is_err()) || (port.is_none() && host.len() != authority.len()) {
            return refuse("its port is not a number up to 65535");
        }
        let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if !is_https && !is_here {
            return refuse("only this machine is reached without TLS");
        }
        Ok(Self { is_https, authority: authority.to_ascii_lowercase() })
    }

    /// Host and port, as a browser sends them.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether what is sent there cannot be read on its way.
    pub fn is_https(&self) -> bool {
        self.is_https
    }
}

/// The host without its port; an IPv6 address stands in brackets.
fn host_of(authority: &str) -> &str {
    match authority.find(']') {
        Some(end) if authority.starts_with('[') => &authority[..=end],
        _ => authority.split(':').next().unwrap_or_default(),
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        f.pad(&format!("{scheme}://{}", self.authority))
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = ServerUrlError;
    fn try_from(text: String) -> Result<Self, ServerUrlError> {
        Self::parse(&text)
    }
}

impl From<ServerUrl> for String {
    fn from(url: ServerUrl) -> Self {
        url.to_string()
    }
}

impl std::str::FromStr for ServerUrl {
    type Err = ServerUrlError;
    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        Self::parse(text)
    }
}

/// A certificate and its key, by their files (PEM), relative to the workspace's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: String,
    /// The private key.
    pub key: String,
}

/// `[server]` in `lamp.toml`, under what the flags of `lamp up` say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerConfig {
    /// The address under which people know the server.
    pub public_url: Option<ServerUrl>,
    /// Its certificate.
    pub tls: Option<TlsFiles>,
    /// Proxies that may stand before it, and are believed about whom they ask for.
    pub trusted_proxies: Vec<Network>,
    /// Whether people must sign in on this machine too.
    pub require_login: bool,
}

/// How a server may be reached. Only [`Exposure::decide`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// From this machine only; whoever does, acts as the local git user unless they must sign in.
    Loopback {
        /// Whether they must.
        require_login: bool,
    },
    /// From elsewhere, over TLS of our own.
    Tls {
        /// The certificate.
        files: TlsFiles,
        /// As people know it.
        public_url: ServerUrl,
    },
    /// From elsewhere, through proxies that speak TLS.
    BehindProxy {
        /// Nobody else is answered.
        proxies: Vec<Network>,
        /// As people know it.
        public_url: ServerUrl,
    },
}

/// Why a server may not be reached like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExposureError {
    /// Everybody would be anybody.
    #[error("{listen} can be reached from other machines, and there is no admin among the users yet")]
    NoAdmin {
        /// The address.
        listen: SocketAddr,
    },
    /// Nobody could sign in.
    #[error("people would have to sign in, and there is no admin among the users yet")]
    NobodyToSignIn,
    /// Passwords would go over the wire.
    #[error("{listen} can be reached from other machines, and there is neither a certificate nor a trusted proxy")]
    NoTls {
        /// The address.
        listen: SocketAddr,
    },
    /// No name to hold requests against.
    #[error("a server that others reach needs the address under which they know it")]
    NoPublicUrl {
        /// The address.
        listen: SocketAddr,
    },
    /// The name says that there is no TLS.
    #[error("people would reach `{url}` without TLS")]
    PlainUrl {
        /// The address.
        url: ServerUrl,
    },
    /// Two ways at once.
    #[error("TLS ends either here or at a proxy, not at both")]
    TlsAndProxy,
}

impl Classified for ExposureError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoAdmin { .. } | Self::NobodyToSignIn | Self::NoTls { .. } => Kind::Forbidden,
            Self::NoPublicUrl { .. } | Self::PlainUrl { .. } | Self::TlsAndProxy => Kind::Invalid,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoAdmin { .. } | Self::NobodyToSignIn => "lamp users add you@example.com --role admin".to_owned(),
            Self::NoTls { listen } => format!(
                "lamp up --listen {listen} --public-url https://HOST --tls-cert CERT.pem --tls-key KEY.pem; or, with \
                 TLS at a proxy, lamp up --listen {listen} --public-url https://HOST --behind-proxy PROXY-ADDRESS"
            ),
            Self::NoPublicUrl { listen } => format!("lamp up --listen {listen} --public-url https://HOST …"),
            Self::PlainUrl { .. } => "write public_url as https://HOST".to_owned(),
            Self::TlsAndProxy => "leave out `tls_cert` and `tls_key`, or `trusted_proxies`".to_owned(),
        };
        Some(hint)
    }
}

impl Exposure {
    /// Whether a server may listen on `listen`, where `admins` users can keep users.
    ///
    /// A certificate or a proxy means that others reach it, whatever the address: a proxy may stand
    /// on this very machine.
    pub fn decide(listen: SocketAddr, config: &ServerConfig, admins: u64) -> Result<Self, ExposureError> {
        let is_for_others = config.tls.is_some() || !config.trusted_proxies.is_empty();
        if listen.ip().to_canonical().is_loopback() && !is_for_others {
            if config.require_login && admins == 0 {
                return Err(ExposureError::NobodyToSignIn);
            }
            return Ok(Self::Loopback { require_login: config.require_login });
        }
        if admins == 0 {
            return Err(ExposureError::NoAdmin { listen });
        }
        let public_url = || {
            let url = config.public_url.clone().ok_or(ExposureError::NoPublicUrl { listen })?;
            if url.is_https() { Ok(url) } else { Err(ExposureError::PlainUrl { url }) }
        };
        match (&config.tls, &config.trusted_proxies[..]) {
            (None, []) => Err(ExposureError::NoTls { listen }),
            (Some(_), [_, ..]) => Err(ExposureError::TlsAndProxy),
            (Some(files), []) => Ok(Self::Tls { files: files.clone(), public_url: public_url()? }),
            (None, proxies) => Ok(Self::BehindProxy { proxies: proxies.to_vec(), public_url: public_url()? }),
        }
    }

    /// Whether nobody is let in without signing in.
    pub fn requires_login(&self) -> bool {
        match self {
            Self::Loopback { require_login } => *require_login,
            Self::Tls { .. } | Self::BehindProxy { .. } => true,
        }
    }

    /// The address under which others know the server.
    pub fn public_url(&self) -> Option<&ServerUrl> {
        match self {
            Self::Loopback { .. } => None,
            Self::Tls { public_url, .. } | Self::BehindProxy { public_url, .. } => Some(public_url),
        }
    }
}

#[cfg(test)]
mod tests;
