//! Servers that others reach: over TLS of their own, and behind a proxy.

use std::time::Duration;

use lamp_core::account::Email;
use lamp_core::exposure::{Exposure, Network, ServerUrl, TlsFiles};
use lamp_testkit::certificate::Certificate;
use lamp_testkit::http::Request;
use lamp_web::Tls;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::kit::{PASSWORD, TestSite, encoded};

const PUBLIC: &str = "lamp.example.com";

fn public_url() -> ServerUrl {
    ServerUrl::parse(&format!("https://{PUBLIC}")).expect("an address")
}

/// A site on a port of its own, until it is dropped.
struct Served {
    site: TestSite,
    port: u16,
    _stop: oneshot::Sender<()>,
}

async fn serve(site: TestSite) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(lamp_web::serve(site.app.clone(), site.settings.clone(), listener, async {
        let _ = stopped.await;
    }));
    Served { site, port, _stop: stop }
}

async fn behind_proxy(proxy: &str) -> Served {
    let mut site = TestSite::seeded().await;
    site.add_users().await;
    site.expose(Exposure::BehindProxy {
        proxies: vec![Network::parse(proxy).expect("a network")],
        public_url: public_url(),
    });
    serve(site).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_walks_around_the_proxy() {
    let served = behind_proxy("10.0.0.7").await;
    for path in ["/services", "/login", "/healthz"] {
        let answer =
            Request::get(&format!("http://127.0.0.1:{}{path}", served.port)).header("host", PUBLIC).send().await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.body.contains("through its proxy only"), "{}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_people_sign_in_and_are_told_apart_by_their_own_addresses() {
    let served = behind_proxy("127.0.0.1").await;
    let base = format!("http://127.0.0.1:{}", served.port);
    let page = Request::get(&format!("{base}/login")).header("host", PUBLIC).send().await;
    let (_, rest) = page.body.split_once("name=\"token\" value=\"").expect("a token in the form");
    let token = rest.split('"').next().expect("the token's end").to_owned();
    let sign_in = async |from: &str, who: &str, password: &str| {
        let form = encoded(&[("token", &token), ("email", who), ("password", password)]);
        Request::post(&format!("{base}/login"))
            .header("host", PUBLIC)
            .header("origin", &format!("https://{PUBLIC}"))
            .header("x-forwarded-for", from)
            .form(&form)
            .send()
            .await
    };
    for guess in 0..20 {
        let refused = sign_in("203.0.113.9", &format!("nobody{guess}@example.com"), "a guess").await;
        assert_eq!(refused.status, 401, "{guess}");
    }
    // What somebody writes before their own address does not help them.
    let held = sign_in("198.51.100.1, 203.0.113.9", "viewer@example.com", PASSWORD).await;
    assert_eq!(held.status, 429, "{}", held.body);
    let signed_in = sign_in("203.0.113.9, 198.51.100.1", "viewer@example.com", PASSWORD).await;
    assert_eq!(signed_in.status, 303, "{}", signed_in.body);
    let cookie = signed_in.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("__Host-lamp=") && cookie.ends_with("; Secure"), "{cookie}");
    let viewer = Email::parse("viewer@example.com").expect("an address");
    assert!(served.site.ledger.find_user(&viewer).await.expect("asked").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_everything_is_answered_and_nothing_without_it() {
    let mut site = TestSite::seeded().await;
    site.add_users().await;
    let certificate = Certificate::for_hosts(&["localhost"]);
    let root = site.app.root().to_owned();
    std::fs::write(root.join(".lamp/cert.pem"), certificate.cert_pem()).expect("written");
    std::fs::write(root.join(".lamp/key.pem"), certificate.key_pem()).expect("written");
    let files = TlsFiles { cert: ".lamp/cert.pem".to_owned(), key: ".lamp/key.pem".to_owned() };
    site.settings.tls = Some(Tls::load(&files, &root).expect("a certificate"));
    site.expose(Exposure::Tls { files: files.clone(), public_url: public_url() });
    let bearer = format!("Bearer {}", site.bearer_of(lamp_core::access::AccessRole::Viewer).await);
    let served = serve(site).await;

    // Somebody who connects and says nothing holds nobody up.
    let _silent = TcpStream::connect(("127.0.0.1", served.port)).await.expect("connected");
    let trusted = reqwest::Certificate::from_pem(certificate.cert_pem().as_bytes()).expect("a certificate");
    let client = reqwest::Client::builder().add_root_certificate(trusted).no_proxy().build().expect("a client");
    let url = format!("https://localhost:{}/api/v1/services", served.port);
    let answer = client.get(&url).header("authorization", &bearer).timeout(Duration::from_secs(10)).send().await;
    let answer = answer.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_2));
    assert!(answer.text().await.expect("text").contains("\"delay\""));
    let nobody = client.get(&url).send().await.expect("an answer");
    assert_eq!(nobody.status().as_u16(), 401);

    let distrusting = reqwest::Client::builder().no_proxy().build().expect("a client");
    assert!(distrusting.get(&url).send().await.is_err(), "the certificate is nobody's that it knows");
    let plain = Request::get(&format!("http://localhost:{}/healthz", served.port)).try_send().await;
    assert!(plain.is_err(), "nothing is answered without TLS");

    let swapped = TlsFiles { cert: files.key.clone(), key: files.cert.clone() };
    assert!(Tls::load(&swapped, &root).is_err_and(|error| error.to_string().contains("as the server's certificate")));
    let other = Certificate::for_hosts(&["localhost"]);
    std::fs::write(root.join(".lamp/other.pem"), other.key_pem()).expect("written");
    let strange = TlsFiles { key: ".lamp/other.pem".to_owned(), ..files };
    assert!(Tls::load(&strange, &root).is_err_and(|error| error.to_string().contains("do not go together")));
}
