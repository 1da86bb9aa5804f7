//! Words that no file may hold.

use super::{File, Finding};

/// Written in two halves, so that this file may be checked like any other.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("/ho", "me/", "a path of one person's machine; write a relative one"),
    ("/Us", "ers/", "a path of one person's machine; write a relative one"),
    ("/ro", "ot/", "a path of one person's machine; write a relative one"),
    ("pypi", ".org", "the address of a registry; name the package, and let the user's own settings say where from"),
    ("python", "hosted.org", "the address of a registry; pin by hash, without an address"),
    ("static.", "crates.io", "the address of a registry; name the crate"),
    ("index.", "crates.io", "the address of a registry; name the crate"),
    ("registry.", "npmjs", "the address of a registry; name the package"),
    ("deb.", "debian.org", "the address of a registry; name the package"),
    ("TO", "DO", "unfinished; finish it or open an issue"),
    ("FIX", "ME", "unfinished; finish it or open an issue"),
];

/// Licences and lock files are others' words.
const EXEMPT: &[&str] = &["LICENSE", "Cargo.lock"];

/// Checks every line of a file.
pub fn check(file: &File) -> Vec<Finding> {
    if EXEMPT.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for (start, end, reason) in FORBIDDEN {
            let word = format!("{start}{end}");
            if holds(line, &word) {
                findings.push(Finding::new(&file.path, index + 1, format!("`{word}` is {reason}")));
            }
        }
    }
    findings
}

/// Whether `line` has `word` with no letter, digit or dot before it: `/srv` + `/ho` + `me/` is a
/// path of some server, and no one's own.
fn holds(line: &str, word: &str) -> bool {
    let starts_free = |at: usize| {
        let before = line[..at].chars().next_back();
        let is_path = word.starts_with('/');
        !before.is_some_and(|c| c.is_alphanumeric() || (is_path && matches!(c, '.' | '_' | '-' | '}' | ']')))
    };
    line.match_indices(word).any(|(at, _)| starts_free(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::said;

    #[test]
    fn forbidden_words_are_found_wherever_they_stand() {
        for (start, end, _) in FORBIDDEN {
            let word = format!("{start}{end}");
            let found = said(check, "docs/a.md", &format!("fine\nsee {word}x\n"));
            assert!(found.starts_with(&format!("docs/a.md:2: `{word}` is ")), "{found}");
            assert_eq!(said(check, "LICENSE", &word), "");
        }
    }

    #[test]
    fn words_that_look_alike_are_allowed() {
        for text in ["a mastodon", "work in $HOME/x", "root/lamp.toml", "/srv/ho\u{6d}e/x", "[HOME]/x", "Debian"] {
            assert_eq!(said(check, "a.md", text), "", "{text}");
        }
    }
}
