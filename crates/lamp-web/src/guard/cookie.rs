//! The cookie that carries a session.

use axum::http::header::{self, HeaderMap, HeaderValue};
use lamp_core::account::{SESSION_AGE_MAX, Secret};

use crate::settings::WebSettings;

/// Over TLS: no other host, path or plain connection can set or read it (the prefix says so).
const SECURE_NAME: &str = "__Host-lamp";
/// On this machine, without TLS.
const PLAIN_NAME: &str = "lamp-session";

fn name(settings: &WebSettings) -> &'static str {
    if settings.is_secure() { SECURE_NAME } else { PLAIN_NAME }
}

/// The session that a request carries.
pub(crate) fn session(headers: &HeaderMap, settings: &WebSettings) -> Option<Secret> {
    let name = name(settings);
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).and_then(|(_, value)| Secret::parse(value))
}

/// The header that gives a browser its session: not for scripts, not for requests that other sites make.
pub(crate) fn give(secret: &Secret, settings: &WebSettings) -> Option<HeaderValue> {
    set(secret.reveal(), SESSION_AGE_MAX.as_secs(), settings)
}

/// The header that takes it back.
pub(crate) fn take(settings: &WebSettings) -> Option<HeaderValue> {
    set("", 0, settings)
}

fn set(value: &str, seconds: i64, settings: &WebSettings) -> Option<HeaderValue> {
    let secure = if settings.is_secure() { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", name(settings));
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use lamp_core::exposure::{Exposure, ServerUrl};

    use super::*;

    fn settings(is_secure: bool) -> WebSettings {
        let listen = "127.0.0.1:8420".parse().expect("an address");
        let mut settings = WebSettings::new(listen, listen);
        if is_secure {
            let public_url = ServerUrl::parse("https://lamp.example.com").expect("an address");
            settings.exposure = Exposure::BehindProxy { proxies: Vec::new(), public_url };
        }
        settings
    }

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|cookie| (header::COOKIE, cookie.parse().expect("a header value"))).collect()
    }

    #[test]
    fn a_session_is_given_taken_and_found_among_others() {
        let text = "a".repeat(43);
        let secret = Secret::parse(&text).expect("a secret");
        let given = give(&secret, &settings(true)).expect("a header");
        let expected = format!("__Host-lamp={text}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(given.to_str().expect("text"), expected);
        let taken = take(&settings(false)).expect("a header");
        assert_eq!(taken.to_str().expect("text"), "lamp-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");

        let sent = headers(&["theme=dark", &format!("x=y; __Host-lamp={text};z=1")]);
        assert_eq!(session(&sent, &settings(true)), Some(secret));
        assert_eq!(session(&sent, &settings(false)), None, "over TLS, only the name that TLS protects counts");
        for other in ["", "__Host-lamp", "__Host-lamp=", "__Host-lamp=short", "__Host-lampx=y"] {
            assert_eq!(session(&headers(&[other]), &settings(true)), None, "{other}");
        }
    }
}
