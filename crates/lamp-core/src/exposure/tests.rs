use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn url(text: &str) -> ServerUrl {
    ServerUrl::parse(text).expect("an address")
}

fn files() -> TlsFiles {
    TlsFiles { cert: "cert.pem".to_owned(), key: "key.pem".to_owned() }
}

fn network(text: &str) -> Network {
    Network::parse(text).expect("a network")
}

fn with_tls() -> ServerConfig {
    ServerConfig { public_url: Some(url("https://lamp.example.com")), tls: Some(files()), ..ServerConfig::default() }
}

fn behind_proxy() -> ServerConfig {
    let public_url = Some(url("https://lamp.example.com"));
    ServerConfig { public_url, trusted_proxies: vec![network("10.0.0.7")], ..ServerConfig::default() }
}

#[test]
fn this_machine_needs_nothing() {
    for own in ["127.0.0.1:8420", "127.9.9.9:1", "[::1]:8420", "[::ffff:127.0.0.1]:8420"] {
        for admins in [0, 3] {
            let decided = Exposure::decide(address(own), &ServerConfig::default(), admins);
            assert_eq!(decided, Ok(Exposure::Loopback { require_login: false }), "{own}");
        }
    }
    let strict = ServerConfig { require_login: true, ..ServerConfig::default() };
    let own = address("127.0.0.1:8420");
    assert_eq!(Exposure::decide(own, &strict, 0), Err(ExposureError::NobodyToSignIn));
    assert_eq!(Exposure::decide(own, &strict, 1), Ok(Exposure::Loopback { require_login: true }));
}

#[test]
fn others_need_users_and_tls() {
    for reachable in ["0.0.0.0:8420", "[::]:8420", "192.168.1.7:8420", "10.0.0.1:80", "[::ffff:10.0.0.1]:8420"] {
        let listen = address(reachable);
        let plain = ServerConfig::default();
        assert_eq!(Exposure::decide(listen, &plain, 0), Err(ExposureError::NoAdmin { listen }));
        assert_eq!(Exposure::decide(listen, &plain, 1), Err(ExposureError::NoTls { listen }));
        for config in [with_tls(), behind_proxy()] {
            assert_eq!(Exposure::decide(listen, &config, 0), Err(ExposureError::NoAdmin { listen }));
            assert!(Exposure::decide(listen, &config, 1).is_ok_and(|exposure| exposure.requires_login()));
            let nameless = ServerConfig { public_url: None, ..config.clone() };
            assert_eq!(Exposure::decide(listen, &nameless, 1), Err(ExposureError::NoPublicUrl { listen }));
            let url = url("http://localhost:8420");
            let plain = ServerConfig { public_url: Some(url.clone()), ..config };
            assert_eq!(Exposure::decide(listen, &plain, 1), Err(ExposureError::PlainUrl { url }));
        }
        let both = ServerConfig { tls: Some(files()), ..behind_proxy() };
        assert_eq!(Exposure::decide(listen, &both, 1), Err(ExposureError::TlsAndProxy));
    }
}

#[test]
fn a_proxy_on_this_machine_brings_others() {
    let listen = address("127.0.0.1:8420");
    assert_eq!(Exposure::decide(listen, &behind_proxy(), 0), Err(ExposureError::NoAdmin { listen }));
    assert!(Exposure::decide(listen, &behind_proxy(), 1).is_ok_and(|exposure| exposure.requires_login()));
    assert!(Exposure::decide(listen, &with_tls(), 1).is_ok_and(|exposure| exposure.requires_login()));
}

#[test]
fn each_refusal_says_what_to_type() {
    let listen = address("0.0.0.0:8420");
    for (refusal, words) in [
        (ExposureError::NoAdmin { listen }, "lamp users add"),
        (ExposureError::NobodyToSignIn, "lamp users add"),
        (ExposureError::NoTls { listen }, "--tls-cert"),
        (ExposureError::NoTls { listen }, "--behind-proxy"),
        (ExposureError::NoPublicUrl { listen }, "lamp up --listen 0.0.0.0:8420 --public-url"),
    ] {
        assert!(refusal.hint().is_some_and(|hint| hint.contains(words)), "{refusal}");
    }
}

#[test]
fn a_network_holds_its_addresses() {
    for (text, inside, outside) in [
        ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
        ("10.0.0.7", "::ffff:10.0.0.7", "::1"),
        ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
        ("10.0.0.128/25", "10.0.0.255", "10.0.0.127"),
        ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
        ("::1", "::1", "::2"),
    ] {
        let network = network(text);
        assert_eq!(network.to_string(), text);
        assert!(network.contains(inside.parse().expect("an address")), "{inside} in {text}");
        assert!(!network.contains(outside.parse().expect("an address")), "{outside} in {text}");
    }
    assert!(network("0.0.0.0/0").contains("203.0.113.9".parse().expect("an address")));
    for bad in ["", "10", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "proxy.example.com"] {
        assert!(Network::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_servers_address_has_no_path_and_no_secret() {
    for (text, shown) in [
        ("https://lamp.example.com", "https://lamp.example.com"),
        ("https://Lamp.Example.com/", "https://lamp.example.com"),
        ("https://lamp.example.com:8420", "https://lamp.example.com:8420"),
        ("https://[2001:db8::1]:8420", "https://[2001:db8::1]:8420"),
        ("http://localhost:8420", "http://localhost:8420"),
        ("http://127.0.0.1:8420", "http://127.0.0.1:8420"),
        ("http://[::1]:1", "http://[::1]:1"),
    ] {
        assert_eq!(url(text).to_string(), shown);
    }
    for bad in [
        "",
        "lamp.example.com",
        "ftp://lamp.example.com",
        "http://lamp.example.com",
        "http://localhost.example.com",
        "https://",
        "https://:8420",
        "https://user@host",
        "https://host/path",
        "https://host?x",
        "https://host:port",
        "https://host:99999",
        "https://[::1]x",
    ] {
        assert!(ServerUrl::parse(bad).is_err(), "{bad}");
    }
}
