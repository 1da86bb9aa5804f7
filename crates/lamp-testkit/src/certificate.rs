//! A certificate that nobody but a test trusts.

/// A self-signed certificate and its key.
#[derive(Debug)]
pub struct Certificate {
    cert_pem: String,
    key_pem: String,
}

impl Certificate {
    /// A certificate for these host names or addresses.
    ///
    /// # Panics
    /// When a name cannot stand in a certificate.
    pub fn for_hosts(hosts: &[&str]) -> Self {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(hosts).expect("names that can stand in a certificate");
        Self { cert_pem: made.cert.pem(), key_pem: made.signing_key.serialize_pem() }
    }

    /// The certificate, which a client may trust.
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// Its key.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }
}
