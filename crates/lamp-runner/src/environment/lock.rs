//! A lock must pin every byte: requirements with hashes, and nothing that points elsewhere.

use super::EnvironmentError;

/// Options that say how to look, not what to install; they may stand in a lock.
const ALLOWED_OPTIONS: [&str; 9] = [
    "--index-url",
    "-i",
    "--extra-index-url",
    "--find-links",
    "--no-index",
    "--only-binary",
    "--no-binary",
    "--require-hashes",
    "--trusted-host",
];

/// Checks that each requirement of `text` has a hash.
pub(super) fn check(text: &str) -> Result<(), EnvironmentError> {
    for (line, logical) in logical_lines(text) {
        let first = logical.split([' ', '=', '\t']).next().unwrap_or_default();
        let is_option = logical.starts_with('-');
        if is_option && !ALLOWED_OPTIONS.contains(&first) {
            return Err(EnvironmentError::Unpinned { line, text: shortened(&logical) });
        }
        if !is_option && !logical.contains("--hash=") {
            return Err(EnvironmentError::NoHash { line, requirement: shortened(&logical) });
        }
    }
    Ok(())
}

/// Lines without comments, with `\` continuations joined, and the number of their first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let is_comment = raw.trim_start().starts_with('#');
        let code = raw.split(" #").next().unwrap_or_default().trim();
        // A comment between continued lines does not end them.
        if is_comment {
            continue;
        }
        let (code, goes_on) = code.strip_suffix('\\').map_or((code, false), |code| (code.trim_end(), true));
        let (number, mut joined) = open.take().unwrap_or_else(|| (index + 1, String::new()));
        if !joined.is_empty() && !code.is_empty() {
            joined.push(' ');
        }
        joined.push_str(code);
        if goes_on {
            open = Some((number, joined));
        } else if !joined.is_empty() {
            lines.push((number, joined));
        }
    }
    lines.extend(open.filter(|(_, joined)| !joined.is_empty()));
    lines
}

fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_as_the_tools_write_them_are_accepted() {
        let uv = "# This file was made by a tool\n--index-url https://example.com/simple\n\n\
            numpy==2.1.3 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via -r requirements.in\n\
            colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:cc\n";
        for good in [uv, "", "# nothing\n", "six==1.17.0 --hash=sha256:aa  # why\r\n"] {
            assert!(check(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn what_is_not_pinned_is_named_with_its_line() {
        let cases = [
            ("# c\nsix==1.17.0\n", "line 2 of the lock has no hash: `six==1.17.0`"),
            ("a==1 --hash=sha256:a\nb==2 \\\n  # via a\nc==1 --hash=sha256:a", ""),
            ("-r other.txt\n", "line 1 of the lock cannot be reproduced from the lock alone: `-r other.txt`"),
            ("-e .\n", "line 1 of the lock cannot be reproduced from the lock alone: `-e .`"),
            ("six @ git+https://example.com/six\n", "line 1 of the lock has no hash"),
        ];
        for (text, expected) in cases {
            let said = check(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(said.starts_with(expected), "{text:?}: {said}");
        }
    }
}
