//! Makes output the same on every machine and in every run, for snapshots.

use regex::Regex;

/// An ordered list of replacements.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    rules: Vec<(Regex, String)>,
}

/// What no snapshot should hold: the first rule that matches a place wins.
const COMMON: &[(&str, &str)] = &[
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "[ID]"),
    (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
    (r"\b[0-9a-f]{40}\b", "[COMMIT]"),
    (r"\b(?:127\.0\.0\.1|localhost|\[::1\]):\d{2,5}\b", "[ADDRESS]"),
    (r"\b\d+(?:\.\d+)? ?(?:ns|µs|us|ms)\b", "[TIME]"),
    (r"\b(?:\d+m ?)?\d+(?:\.\d+)? ?s\b", "[TIME]"),
    (r"\bpid \d+\b", "pid [PID]"),
];

impl Filters {
    /// No replacements.
    pub fn none() -> Self {
        Self::default()
    }

    /// Ids, digests, commits, local addresses, durations and process ids.
    pub fn common() -> Self {
        COMMON.iter().fold(Self::none(), |filters, (pattern, replacement)| filters.with(pattern, replacement))
    }

    /// Also replaces what `pattern` matches; `$1` in `replacement` is its first group.
    ///
    /// # Panics
    /// When `pattern` is not a regular expression.
    #[must_use]
    pub fn with(mut self, pattern: &str, replacement: &str) -> Self {
        let regex = Regex::new(pattern).unwrap_or_else(|error| panic!("`{pattern}` is no pattern: {error}"));
        self.rules.push((regex, replacement.to_owned()));
        self
    }

    /// Also replaces the text `literal`, before all other rules.
    ///
    /// # Panics
    /// When `literal` is too long for a regular expression.
    #[must_use]
    pub fn with_text(mut self, literal: &str, replacement: &str) -> Self {
        let regex = Regex::new(&regex::escape(literal)).expect("an escaped text is a pattern");
        self.rules.insert(0, (regex, replacement.to_owned()));
        self
    }

    /// Applies all rules in order.
    pub fn apply(&self, text: &str) -> String {
        self.rules.iter().fold(text.to_owned(), |text, (regex, replacement)| {
            regex.replace_all(&text, replacement.as_str()).into_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_between_runs_is_replaced_and_nothing_else() {
        let filters = Filters::common().with_text("/tmp/x1", "[WORKSPACE]").with(r"took (\w+)", "took <$1>");
        for (input, expected) in [
            ("run 0195d1a2-0000-7000-8000-00000000002a", "run [ID]"),
            (&format!("digest {}", "ab".repeat(32)), "digest [DIGEST]"),
            (&format!("commit {}", "ab".repeat(20)), "commit [COMMIT]"),
            ("on http://127.0.0.1:43121/v2", "on http://[ADDRESS]/v2"),
            ("done in 12.5s, 3 ms each, 1m 02s in all", "done in [TIME], [TIME] each, [TIME] in all"),
            ("wrote /tmp/x1/lamp.lock", "wrote [WORKSPACE]/lamp.lock"),
            ("took long", "took <long>"),
            ("flights@7: 842 rows, 31 days, 2013-04-01", "flights@7: 842 rows, 31 days, 2013-04-01"),
        ] {
            assert_eq!(filters.apply(input), expected);
        }
    }
}
