//! `[server]`: how others reach the pages and the API; and what the server alone knows.

use super::{ConfigError, Table, reader, rules};
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

/// Where the server's clone keeps what no other clone may know, relative to the root. It is not in git.
pub const SERVER_FILE: &str = ".lamp/server.toml";

/// [`SERVER_FILE`]: the clone that has it is the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerFile {
    /// The ledger's address.
    pub ledger: Option<String>,
    /// The store.
    pub store: Option<String>,
}

impl ServerFile {
    /// Parses the file.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let read = |file: &Table<'_>| {
            Some(Self { ledger: file.parsed("ledger", rules::ledger), store: file.parsed("store", rules::store) })
        };
        Ok(reader::read(text, SERVER_FILE, read)?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_knows_where_ledger_and_store_are() {
        let text = "ledger = \"postgres://lamp@db/lamp\"\nstore = \"s3://team/ml\"\n";
        let file = ServerFile::parse(text).expect("the file");
        assert_eq!(file.ledger.as_deref(), Some("postgres://lamp@db/lamp"));
        assert_eq!(file.store.as_deref(), Some("s3://team/ml"));
        assert_eq!(ServerFile::parse("").expect("an empty file"), ServerFile::default());
        let error = ServerFile::parse("ledgr = \"x\"").expect_err("unknown");
        assert!(error.to_string().contains(".lamp/server.toml:1:1: unknown key `ledgr`"), "{error}");
    }
}
