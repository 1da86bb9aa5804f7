//! Whether the book speaks of what the code can do.

use std::path::Path;

/// The text of every page of the book.
///
/// # Panics
/// When the book cannot be read.
pub fn pages() -> String {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src");
    let mut text = String::new();
    read_pages(&book, &mut text);
    text
}

fn read_pages(folder: &Path, text: &mut String) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("a folder entry").path()) {
        if path.is_dir() {
            read_pages(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            text.push_str(&std::fs::read_to_string(&path).expect("a page"));
            text.push('\n');
        }
    }
}

/// Those of `commands` (`train`, `models ls`) that `pages` never shows as `lamp train`, `lamp models ls`.
pub fn undocumented<'c>(pages: &str, commands: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
    commands.into_iter().filter(|command| !is_shown(pages, command)).collect()
}

fn is_shown(pages: &str, command: &str) -> bool {
    let whole = format!("lamp {command}");
    let ends_there = |at: usize| {
        let after = pages[at + whole.len()..].chars().next();
        !after.is_some_and(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    pages.match_indices(&whole).any(|(at, _)| ends_there(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_when_it_stands_whole_on_a_page() {
        let pages = "Type `lamp models ls`, then\n$ lamp approve delay@1\n";
        assert_eq!(undocumented(pages, ["models ls", "approve", "models", "model", "why"]), ["model", "why"]);
    }

    #[test]
    fn the_book_is_found() {
        assert!(pages().contains("# Introduction"));
    }
}
