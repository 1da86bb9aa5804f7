//! Numbers and instants for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `12.3 MB`, in powers of 1000.
#[expect(clippy::cast_precision_loss, reason = "shown to one decimal")]
pub fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", units[unit]) }
}

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 pack`, `1,200 packs`.
pub fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// An instant in a zone, to the minute: `2013-04-01 07:00`.
pub fn instant(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// An instant in a zone, to the second and with the zone's abbreviation: `2013-04-01 07:00:05 EDT`.
pub fn exact_instant(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// `1.2 s`, `3 min 4 s`, `2 h 5 min`, of milliseconds.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds {
        0..60 => format!("{seconds}.{} s", milliseconds % 1_000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(999_960), "1.0 MB");
        assert_eq!(bytes(1_500), "1.5 kB");
        assert_eq!(count(336_776), "336,776");
        assert_eq!(count(12), "12");
        assert_eq!((counted(1, "pack"), counted(1_200, "pack")), ("1 pack".to_owned(), "1,200 packs".to_owned()));
        assert_eq!(duration(1_250), "1.2 s");
        assert_eq!(duration(184_000), "3 min 4 s");
    }

    #[test]
    fn instants_are_shown_in_their_zone() {
        let at: Timestamp = "2013-04-01T11:00:05Z".parse().expect("a timestamp");
        let zone = TimeZone::get("America/New_York").expect("a zone");
        assert_eq!(instant(at, &zone), "2013-04-01 07:00");
        assert_eq!(exact_instant(at, &zone), "2013-04-01 07:00:05 EDT");
    }
}
