//! What the words of `logicalTypeOptions.format` mean: regular expressions for text, ranges for numbers.

/// What a format asks of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextFormat {
    /// Any text will do: `password`, `binary`.
    Any,
    /// The whole text must match this.
    Pattern(String),
}

/// Groups of four hexadecimal digits of an IPv6 address.
const GROUP: &str = "[0-9a-f]{1,4}";

/// The end of an IPv6 address may be an IPv4 address.
const IPV4: &str = r"((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";

/// What a format of `string` asks; none for a word that is not known.
pub fn text_format(word: &str) -> Option<TextFormat> {
    let pattern = match word {
        "password" | "binary" => return Some(TextFormat::Any),
        "uuid" => r"(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$".to_owned(),
        "email" => r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$".to_owned(),
        "hostname" => r"(?i)^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$".to_owned(),
        "ipv4" => format!("^{IPV4}$"),
        "ipv6" => ipv6(),
        "uri" | "url" => r#"^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`]+$"#.to_owned(),
        "byte" => "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$".to_owned(),
        _ => return None,
    };
    Some(TextFormat::Pattern(pattern))
}

/// RFC 4291: eight groups, of which one run may be left out as `::`, and the last two written as IPv4.
fn ipv6() -> String {
    let mut forms = vec![format!("({GROUP}:){{7}}({GROUP}|:)"), format!("({GROUP}:){{6}}({IPV4}|:{GROUP}|:)")];
    for before in (0..=5).rev() {
        let after = 7 - before;
        let groups = format!("(:{GROUP}){{1,{after}}}");
        let ipv4 = format!("(:{GROUP}){{0,{}}}:{IPV4}", after - 2);
        let end = if before == 0 { format!(":({groups}|{ipv4}|:)") } else { format!("({groups}|{ipv4}|:)") };
        forms.push(if before == 0 { end } else { format!("({GROUP}:){{{before}}}{end}") });
    }
    format!("(?i)^({})$", forms.join("|"))
}

/// A regular expression for text that is written as this pattern of Java's `DateTimeFormatter` says, for example
/// `yyyy-MM-dd'T'HH:mm:ss`. It holds the shape and the range of each part: a 30th of February matches. None when
/// the pattern has a letter that is not known.
pub fn date_pattern(format: &str) -> Option<String> {
    let mut pattern = String::from("^");
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\'' {
            quoted(&mut letters, &mut pattern);
            continue;
        }
        if !letter.is_ascii_alphabetic() {
            // Brackets hold an optional section.
            match letter {
                '[' => pattern.push_str("(?:"),
                ']' => pattern.push_str(")?"),
                _ => pattern.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4]))),
            }
            continue;
        }
        let mut length = 1;
        while letters.next_if_eq(&letter).is_some() {
            length += 1;
        }
        pattern.push_str(&part(letter, length)?);
    }
    pattern.push('$');
    regex::Regex::new(&pattern).is_ok().then_some(pattern)
}

/// A text in single quotes; two of them are one.
fn quoted(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, pattern: &mut String) {
    if letters.next_if_eq(&'\'').is_some() {
        pattern.push('\'');
        return;
    }
    while let Some(letter) = letters.next() {
        if letter == '\'' && letters.next_if_eq(&'\'').is_none() {
            return;
        }
        pattern.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    }
}

fn part(letter: char, length: usize) -> Option<String> {
    const MONTHS: &str = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";
    const LONG_MONTHS: &str = "(January|February|March|April|May|June|July|August|September|October|November|December)";
    let fixed = match (letter, length) {
        ('y' | 'u', 2) => "[0-9]{2}",
        ('y' | 'u', 1) => "[0-9]{1,9}",
        ('y' | 'u' | 'S' | 'n', _) => return Some(format!("[0-9]{{{length}}}")),
        ('M' | 'L' | 'h', 1) => "([1-9]|1[0-2])",
        ('M' | 'L' | 'h', 2) => "(0[1-9]|1[0-2])",
        ('M' | 'L', 3) => MONTHS,
        ('M' | 'L', 4) => LONG_MONTHS,
        ('d', 1) => "([1-9]|[12][0-9]|3[01])",
        ('d', 2) => "(0[1-9]|[12][0-9]|3[01])",
        ('D', 3) => "([012][0-9]{2}|3[0-5][0-9]|36[0-6])",
        ('E', 1..=3) => "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
        ('E', 4) => "(Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)",
        ('H', 1) => "([0-9]|1[0-9]|2[0-3])",
        ('H', 2) => "([01][0-9]|2[0-3])",
        ('m' | 's', 1) => "([0-9]|[1-5][0-9])",
        ('m' | 's', 2) => "[0-5][0-9]",
        ('a', 1) => "(?i:AM|PM)",
        ('X', 1) => "(Z|[+-][0-9]{2}([0-9]{2})?)",
        ('X', 2) => "(Z|[+-][0-9]{4})",
        ('X', 3) => "(Z|[+-][0-9]{2}:[0-9]{2})",
        ('x', 1) => "[+-][0-9]{2}([0-9]{2})?",
        ('x', 2) => "[+-][0-9]{4}",
        ('x', 3) => "[+-][0-9]{2}:[0-9]{2}",
        // Java writes +0000; people write the colon too.
        ('Z', 1..=3) => "(Z|[+-][0-9]{2}:?[0-9]{2})",
        ('V', 2) => "[A-Za-z_]+(/[A-Za-z0-9_+-]+)*",
        ('z', 1..=3) => "[A-Z]{2,5}",
        _ => return None,
    };
    Some(fixed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        regex::Regex::new(pattern).expect("a pattern").is_match(text)
    }

    #[test]
    fn texts_are_held_to_their_format() {
        for (word, good, bad) in [
            ("uuid", &["123e4567-e89b-12d3-a456-426614174000"][..], &["123e4567", ""][..]),
            ("email", &["a@b.org", "a+b@c.d.e"], &["a@b", "a b@c.d", "@b.org"]),
            ("hostname", &["localhost", "a-b.example.org"], &["-a.org", "a..b", ""]),
            ("ipv4", &["0.0.0.0", "255.249.199.1"], &["256.1.1.1", "1.2.3", "1.2.3.4.5"]),
            (
                "ipv6",
                &["::", "::1", "1::", "2001:db8::8a2e:370:7334", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "1::8"],
                &[":", "1:2:3:4:5:6:7", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9", "::1.2.3", ":::1"],
            ),
            ("uri", &["https://example.org/a?b#c", "mailto:a@b.org"], &["example.org", "http://a b", "://x"]),
            ("byte", &["", "aGk=", "aGkh"], &["aGk", "a*=="]),
        ] {
            let Some(TextFormat::Pattern(pattern)) = text_format(word) else { panic!("{word} is known") };
            for text in good {
                assert!(matches(&pattern, text), "{text:?} is {word}");
            }
            for text in bad {
                assert!(!matches(&pattern, text), "{text:?} is not {word}");
            }
        }
        assert_eq!(text_format("password"), Some(TextFormat::Any));
        assert_eq!(text_format("telephone"), None);
    }

    #[test]
    fn dates_are_held_to_their_pattern() {
        for (format, good, bad) in [
            ("yyyy-MM-dd", "2013-04-30", "2013-4-30"),
            ("yyyy-MM-dd", "2013-12-31", "2013-13-01"),
            ("dd.MM.yy", "01.02.13", "01-02-13"),
            ("yyyy-MM-dd HH:mm:ss", "2013-04-30 23:59:59", "2013-04-30 24:00:00"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2013-04-30T00:00:00.123Z", "2013-04-30T00:00:00Z"),
            ("yyyy-MM-dd HH:mm:ssZ", "2013-04-30 00:00:00+10:00", "2013-04-30 00:00:00"),
            ("h:mm a", "1:05 pm", "13:05 pm"),
            ("d MMM yyyy", "3 Feb 2013", "3 feb 2013"),
            ("HH 'o''clock'", "07 o'clock", "07 oclock"),
            ("HH:mm[:ss]", "07:05", "07:05:"),
        ] {
            let pattern = date_pattern(format).unwrap_or_else(|| panic!("{format} is known"));
            assert!(matches(&pattern, good), "{good:?} is {format}: {pattern}");
            assert!(!matches(&pattern, bad), "{bad:?} is not {format}: {pattern}");
        }
        assert_eq!(date_pattern("yyyy-QQ"), None);
    }
}
