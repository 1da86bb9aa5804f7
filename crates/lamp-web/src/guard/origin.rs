//! Where a request that changes something comes from.

use axum::http::header::{self, HeaderMap, HeaderName};

use super::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets through what a page of `host` sends, and JSON from programs that are no browsers.
///
/// A browser always names the origin of a POST. A request that names none is let through only
/// with a JSON body or a token, which no browser sends to another site without asking that site first.
pub(super) fn judge(headers: &HeaderMap, host: &str) -> Result<(), Refusal> {
    let site = one(headers, &SEC_FETCH_SITE)?;
    let origin = one(headers, &header::ORIGIN)?;
    let is_same_site = site.is_none_or(|site| site == "same-origin" || site == "none");
    let is_same_origin = origin.is_none_or(|origin| is_origin_of(origin, host));
    if !is_same_site || !is_same_origin {
        return Err(Refusal::CrossSite);
    }
    let says_where_from = site.is_some() || origin.is_some();
    let is_no_page = is_json(headers) || headers.contains_key(header::AUTHORIZATION);
    if says_where_from || is_no_page { Ok(()) } else { Err(Refusal::NoOrigin) }
}

fn is_origin_of(origin: &str, host: &str) -> bool {
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The value of a header that may stand there once. One that cannot be read is not ours.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Refusal::CrossSite),
        (Some(_), Some(_)) => Err(Refusal::CrossSite),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn check(given: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().expect("a header value"));
        }
        judge(&headers, "localhost:8420")
    }

    #[test]
    fn a_page_of_ours_may_post() {
        assert_eq!(check(&[("origin", "http://localhost:8420"), ("content-type", FORM)]), Ok(()));
        assert_eq!(check(&[("sec-fetch-site", "same-origin"), ("content-type", FORM)]), Ok(()));
        assert_eq!(check(&[("sec-fetch-site", "none"), ("content-type", FORM)]), Ok(()));
        let both = [("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8420"), ("content-type", FORM)];
        assert_eq!(check(&both), Ok(()));
    }

    #[test]
    fn another_site_may_not() {
        for origin in [
            "http://evil.example.com",
            "http://localhost:3000",
            "http://localhost",
            "http://localhost:8420.evil.example.com",
            "null",
            "localhost:8420",
            "file://",
        ] {
            assert_eq!(check(&[("origin", origin), ("content-type", FORM)]), Err(Refusal::CrossSite), "{origin}");
            let json = [("origin", origin), ("content-type", "application/json")];
            assert_eq!(check(&json), Err(Refusal::CrossSite), "{origin}");
        }
        for site in ["cross-site", "same-site", "nonsense"] {
            let given = [("sec-fetch-site", site), ("origin", "http://localhost:8420")];
            assert_eq!(check(&given), Err(Refusal::CrossSite), "{site}");
        }
        let twice = [("origin", "http://localhost:8420"), ("origin", "http://evil.example.com")];
        assert_eq!(check(&twice), Err(Refusal::CrossSite));
    }

    #[test]
    fn a_program_that_names_no_origin_sends_json() {
        assert_eq!(check(&[("content-type", "application/json; charset=utf-8")]), Ok(()));
        assert_eq!(check(&[("authorization", "Bearer lamp_x")]), Ok(()));
        for content_type in [FORM, "text/plain", "multipart/form-data", "text/plain; application/json"] {
            assert_eq!(check(&[("content-type", content_type)]), Err(Refusal::NoOrigin), "{content_type}");
        }
        assert_eq!(check(&[]), Err(Refusal::NoOrigin));
    }
}
