//! `[server]`: how others reach the pages and the API.

use super::Table;
use crate::exposure::{Network, ServerConfig, ServerUrl, TlsFiles};

/// Reads the table.
pub(super) fn read(table: &Table<'_>) -> ServerConfig {
    let public_url = table.parsed("public_url", ServerUrl::parse);
    let file = |key| table.text(key).map(|located| located.value.to_owned());
    let tls = match (file("tls_cert"), file("tls_key")) {
        (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
        (None, None) => None,
        (Some(_), None) => {
            table.missing("tls_key", "tls_key = \"key.pem\"");
            None
        }
        (None, Some(_)) => {
            table.missing("tls_cert", "tls_cert = \"cert.pem\"");
            None
        }
    };
    let proxies = table.texts("trusted_proxies").into_iter();
    let trusted_proxies = proxies.filter_map(|text| table.accept(&text.span, Network::parse(text.value))).collect();
    let require_login = table.flag("require_login").unwrap_or_default();
    table.report_unknown_keys();
    ServerConfig { public_url, tls, trusted_proxies, require_login }
}
