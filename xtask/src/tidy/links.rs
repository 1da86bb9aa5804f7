//! Links between pages lead somewhere, and the book lists exactly its pages.

use std::collections::BTreeSet;
use std::path::Path;

use super::{File, Finding};
use crate::pictures::{FOLDER, is_taken};

/// Where the book's pages are.
const BOOK: &str = "docs/src/";
/// The book's table of contents.
const SUMMARY: &str = "docs/src/SUMMARY.md";

/// Checks every Markdown file against the files that exist.
pub fn check(files: &[File]) -> Vec<Finding> {
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let pages: Vec<&File> =
        files.iter().filter(|file| Path::new(&file.path).extension().is_some_and(|e| e == "md")).collect();
    let mut findings: Vec<Finding> = pages.iter().flat_map(|page| dead_links(page, &paths)).collect();
    findings.extend(unlisted_pages(&pages));
    findings
}

fn dead_links(page: &File, paths: &BTreeSet<&str>) -> Vec<Finding> {
    let leads_nowhere = |target: &String| {
        let path = resolve(&page.path, target);
        let is_folder = || paths.iter().any(|known| known.starts_with(&format!("{path}/")));
        !paths.contains(path.as_str()) && !is_folder() && !is_picture(&path)
    };
    let dead = links(&page.text).into_iter().filter(|(_, target)| leads_nowhere(target));
    dead.map(|(line, target)| Finding::new(&page.path, line, format!("the link to `{target}` leads nowhere"))).collect()
}

/// Pictures are taken when the book is built; the list of them stands in for the files.
fn is_picture(path: &str) -> bool {
    let name = path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')?.strip_suffix(".png"));
    name.is_some_and(is_taken)
}

fn unlisted_pages(pages: &[&File]) -> Vec<Finding> {
    let Some(summary) = pages.iter().find(|page| page.path == SUMMARY) else { return Vec::new() };
    let listed: BTreeSet<String> = links(&summary.text).iter().map(|(_, target)| resolve(SUMMARY, target)).collect();
    let in_book = pages.iter().filter(|page| page.path.starts_with(BOOK) && page.path != SUMMARY);
    let unlisted = in_book.filter(|page| !listed.contains(&page.path));
    unlisted.map(|page| Finding::new(&page.path, 0, format!("list it in {SUMMARY}"))).collect()
}

/// Relative targets of Markdown links outside code blocks, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
            let is_relative = !target.is_empty() && !target.contains(':') && !target.starts_with('/');
            if is_relative {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

/// The path from the root that `target` means on the page at `page`.
fn resolve(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_pages(pages: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        check(&pages.iter().map(file).collect::<Vec<_>>()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_lead_somewhere() {
        let good = "[a](docs/src/a.md#top) [b](crates/) [c](https://example.com)\n```\n[d](none.md)\n```\n";
        assert_eq!(
            check_pages(&[("README.md", good), ("docs/src/a.md", "[up](../../README.md)"), ("crates/x.rs", "")]),
            [] as [&str; 0]
        );
        let picture = ("docs/src/SUMMARY.md", "![a](pictures/shift.png) ![b](pictures/none.png)");
        assert_eq!(check_pages(&[picture]), ["docs/src/SUMMARY.md:1: the link to `pictures/none.png` leads nowhere"]);
        assert_eq!(check_pages(&[("docs/a.md", "fine\n[b](b.md)")]), ["docs/a.md:2: the link to `b.md` leads nowhere"]);
    }

    #[test]
    fn the_book_lists_its_pages() {
        let summary = ("docs/src/SUMMARY.md", "- [A](a.md)\n");
        assert_eq!(check_pages(&[summary, ("docs/src/a.md", "")]), [] as [&str; 0]);
        assert_eq!(
            check_pages(&[summary, ("docs/src/a.md", ""), ("docs/src/ref/b.md", "")]),
            ["docs/src/ref/b.md: list it in docs/src/SUMMARY.md"]
        );
    }
}
