//! Numbers, times and long hashes as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
pub(crate) use lamp_core::human::count;
use lamp_core::human::{exact_instant, instant};
use serde::Serialize;
use serde_json::Value;

/// Hexadecimal words of at least so many digits are shown short: a commit has 40, a digest 64.
const HEX_LONG: usize = 40;

/// Digits that stand for the whole.
const HEX_SHORT: usize = 12;

/// A text as one value in a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// `1 row`, `12 rows`
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Microseconds as `850 µs`, `4.2 ms`, `1.20 s`; a dash for none.
pub(crate) fn latency(micros: Option<u64>) -> String {
    let Some(micros) = micros else { return "–".to_owned() };
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        _ => format!("{}.{:02} s", micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

/// `part` of `whole` in thousandths, to the nearest; but something is never nothing, nor all.
pub(crate) fn per_mille(part: u64, whole: u64) -> u64 {
    let (part, whole) = (u128::from(part), u128::from(whole.max(1)));
    let nearest = (part * 2_000 + whole) / (whole * 2);
    let is_between = part > 0 && part < whole;
    let thousandths = if is_between { nearest.clamp(1, 999) } else { nearest };
    u64::try_from(thousandths).unwrap_or(1_000)
}

/// `93.4 %`
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let thousandths = per_mille(part, whole);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

/// `12 min`, `5 h`, `3 days`: how long ago `at` was.
pub(crate) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = u64::try_from(now.duration_since(at).as_secs()).unwrap_or(0);
    match seconds {
        0..60 => "less than a minute".to_owned(),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", count(seconds / 86_400)),
    }
}

/// The word by which a value is known in JSON: for enums of crates that this one does not know.
pub(crate) fn word_of(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => "unknown".to_owned(),
    }
}

/// An instant for machines and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instant {
    pub(crate) iso: String,
    /// To the second, with the zone.
    pub(crate) text: String,
    /// To the minute, for lists.
    pub(crate) short: String,
}

impl Instant {
    pub(crate) fn new(at: Timestamp, zone: &TimeZone) -> Self {
        Self { iso: at.to_string(), text: exact_instant(at, zone), short: instant(at, zone) }
    }
}

/// A stretch of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// As it is.
    Plain(String),
    /// A hash, cut short, and the whole of it.
    Hash(String, String),
}

/// Cuts `text` into pieces, with long hashes shortened.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    for word in text.split_inclusive(' ') {
        let core = word.trim_end_matches([' ', ',', ';', ':', ')']);
        if !is_long_hex(core) {
            plain.push_str(word);
            continue;
        }
        if !plain.is_empty() {
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Hash(format!("{}…", &core[..HEX_SHORT]), core.to_owned()));
        plain.push_str(&word[core.len()..]);
    }
    if !plain.is_empty() {
        pieces.push(Piece::Plain(plain));
    }
    pieces
}

fn is_long_hex(word: &str) -> bool {
    word.len() >= HEX_LONG && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Words of an error or a hint: those between backticks, and whole commands, are code.
pub(crate) fn prose(text: &str) -> Vec<(bool, String)> {
    if text.starts_with("lamp ") && !text.contains('`') {
        return vec![(true, text.to_owned())];
    }
    let parts = text.split('`').enumerate().filter(|(_, part)| !part.is_empty());
    parts.map(|(index, part)| (index % 2 == 1, part.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([counted(1, "row", "rows"), counted(1_000, "row", "rows")], ["1 row", "1,000 rows"]);
        let latencies = [None, Some(0), Some(850), Some(4_249), Some(99_999), Some(1_204_000)].map(latency);
        assert_eq!(latencies, ["–", "0 µs", "850 µs", "4.2 ms", "99.9 ms", "1.20 s"]);
        assert_eq!([share(0, 0), share(995, 1_000), share(9_999, 10_000)], ["–", "99.5 %", "99.9 %"]);
        assert_eq!([share(0, 9), share(1, 1_000_000), share(66, 12_411)], ["0.0 %", "0.1 %", "0.5 %"]);
        assert_eq!(share(u64::MAX, u64::MAX), "100.0 %");
    }

    #[test]
    fn an_age_in_its_largest_unit() {
        let now: Timestamp = "2013-04-10T12:00:00Z".parse().expect("an instant");
        let ago = |seconds: i64| age(now - jiff::SignedDuration::from_secs(seconds), now);
        let ages = [5, 59, 60, 3_599, 3_600, 172_799, 172_800, 40 * 86_400].map(ago);
        let minute = "less than a minute";
        assert_eq!(ages, [minute, minute, "1 min", "59 min", "1 h", "47 h", "2 days", "40 days"]);
        assert_eq!(ago(-100), minute, "a clock that was ahead");
    }

    #[test]
    fn an_instant_is_shown_in_the_zone_of_the_workspace() {
        let zone = TimeZone::get("America/New_York").expect("a zone");
        let shown = Instant::new("2013-04-01T04:00:00Z".parse().expect("an instant"), &zone);
        assert_eq!(shown.iso, "2013-04-01T04:00:00Z");
        assert_eq!((shown.text.as_str(), shown.short.as_str()), ("2013-04-01 00:00:00 EDT", "2013-04-01 00:00"));
    }

    #[test]
    fn long_hashes_are_shortened_and_nothing_is_lost() {
        let digest = "0123456789abcdef".repeat(4);
        let hash = || Piece::Hash("0123456789ab…".to_owned(), digest.clone());
        let plain = |text: &str| Piece::Plain(text.to_owned());
        let shown = pieces(&format!("{digest} (python), {digest}"));
        assert_eq!(shown, [hash(), plain(" (python), "), hash()]);
        let text = "12 rows of <b>é</b> deadbeef 0140c1f0-1b2c-7def-8000-000000000001 2013-01-01";
        assert_eq!(pieces(text), [plain(text)]);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        let part = |is_code: bool, text: &str| (is_code, text.to_owned());
        assert_eq!(prose("try `a`, or b"), [part(false, "try "), part(true, "a"), part(false, ", or b")]);
        assert_eq!(prose("lamp models ls delay"), [part(true, "lamp models ls delay")]);
        assert_eq!(prose("no ` pair"), [part(false, "no "), part(true, " pair")]);
        assert_eq!(prose(""), []);
    }
}
