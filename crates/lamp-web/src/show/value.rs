//! Values of columns, shares and metrics as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lamp_core::human::instant;
use lamp_core::profile::{ColumnKind, Scalar};

use super::text::count;

/// Characters of a text value that are shown.
const TEXT_MAX: usize = 40;

/// `12.3 %` of a share from 0 to 1. Something is never shown as nothing, nor as all.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let is_something = share > 0.0 && share < 1.0;
    match percent {
        _ if is_something && percent < 0.05 => "<0.1 %".to_owned(),
        _ if is_something && percent >= 99.95 => ">99.9 %".to_owned(),
        _ => format!("{percent:.1} %"),
    }
}

/// A number with thousands separated, whole ones without decimals, others with as many as tell.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return if value.is_nan() {
            "not a number"
        } else if value > 0.0 {
            "∞"
        } else {
            "−∞"
        }
        .to_owned();
    }
    if size != 0.0 && !(1e-4..1e12).contains(&size) {
        return format!("{value:.2e}").replace('-', "−");
    }
    let decimals = match size {
        _ if size.fract() == 0.0 => 0,
        100.0.. => 1,
        1.0..100.0 => 2,
        _ => 4,
    };
    let text = format!("{size:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0.0 { "−" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A metric with four decimals; a dash for none.
pub(crate) fn metric(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}").replace('-', "−"))
}

/// A difference with its sign and four decimals; a dash for none.
pub(crate) fn difference(value: Option<f64>) -> String {
    let Some(value) = value else { return "–".to_owned() };
    let text = format!("{value:+.4}").replace('-', "−");
    if text.trim_start_matches(['+', '−']) == "0.0000" { "0.0000".to_owned() } else { text }
}

/// A value of a column. Instants are shown in `zone`, dates as they are.
pub(crate) fn scalar(value: &Scalar, kind: ColumnKind, zone: &TimeZone) -> String {
    match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) if value.unsigned_abs() < 1_000_000_000_000 => {
            let sign = if *value < 0 { "−" } else { "" };
            format!("{sign}{}", count(value.unsigned_abs()))
        }
        Scalar::Int(value) => value.to_string(),
        Scalar::Float(value) => number(*value),
        Scalar::Text(text) => shortened(text, TEXT_MAX),
        Scalar::Instant(micros) => match Timestamp::from_microsecond(*micros) {
            Ok(at) if kind == ColumnKind::Date => at.to_zoned(TimeZone::UTC).date().to_string(),
            Ok(at) => instant(at, zone),
            Err(_) => format!("{micros} µs"),
        },
    }
}

/// The first characters of a text, with a sign that there are more.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    match text.chars().count() {
        0 => "(empty)".to_owned(),
        long if long > characters => text.chars().take(characters.saturating_sub(1)).chain(['…']).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_hide_something() {
        assert_eq!(
            [0.0, 0.0004, 0.123_45, 0.9999, 1.0].map(percent),
            ["0.0 %", "<0.1 %", "12.3 %", ">99.9 %", "100.0 %"]
        );
    }

    #[test]
    fn numbers_have_the_digits_that_tell() {
        let shown = [0.0, 1_301.0, -18.0, 12.345, 1_234.56, 0.071_26, 1e-9, -2.5e15, f64::NAN].map(number);
        assert_eq!(shown, ["0", "1,301", "−18", "12.35", "1,234.6", "0.0713", "1.00e−9", "−2.50e15", "not a number"]);
        assert_eq!([metric(None), metric(Some(0.71234)), difference(Some(-0.01))], ["–", "0.7123", "−0.0100"]);
        assert_eq!(difference(Some(-0.000_01)), "0.0000", "no sign without a difference");
    }

    #[test]
    fn values_are_shown_by_their_kind() {
        let zone = TimeZone::get("America/New_York").expect("a zone");
        let midnight = Scalar::Instant(1_364_774_400_000_000);
        assert_eq!(scalar(&midnight, ColumnKind::Date, &zone), "2013-04-01");
        assert_eq!(scalar(&midnight, ColumnKind::Instant, &zone), "2013-03-31 20:00");
        assert_eq!(scalar(&Scalar::Int(-12_345), ColumnKind::Int, &zone), "−12,345");
        assert_eq!(scalar(&Scalar::Text(String::new()), ColumnKind::Text, &zone), "(empty)");
        assert_eq!(shortened("abcdef", 4), "abc…");
    }
}
