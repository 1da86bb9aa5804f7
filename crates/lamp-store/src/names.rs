//! The names of files in a version, and of series.

use std::collections::BTreeSet;

use crate::error::StoreError;

/// Longest name of a file in a version, in bytes (the limit of paths on Linux).
const NAME_MAX: usize = 4_096;

/// Longest part of a name, in bytes (the limit of file systems).
const PART_MAX: usize = 255;

/// Most parts of the name of a series.
const SERIES_PARTS_MAX: usize = 4;

/// Which rule a file's name breaks, if any.
fn find_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > NAME_MAX {
        return Some("it is longer than 4096 bytes");
    }
    if name.starts_with('/') {
        return Some("it is absolute");
    }
    if name.contains('\0') {
        return Some("it has a zero byte");
    }
    for part in name.split('/') {
        match part {
            "" => return Some("it has an empty part"),
            "." | ".." => return Some("it has a part that is `.` or `..`"),
            part if part.len() > PART_MAX => return Some("it has a part that is longer than 255 bytes"),
            _ => {}
        }
    }
    None
}

/// Checks that names are relative and plain, that none occurs twice, and that none is both a file
/// and a folder of another.
pub(crate) fn check_file_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), StoreError> {
    let refuse = |name: &str, why| Err(StoreError::Name { name: name.to_owned(), why });
    let mut seen = BTreeSet::new();
    for name in names {
        if let Some(why) = find_fault(name) {
            return refuse(name, why);
        }
        if !seen.insert(name) {
            return refuse(name, "it occurs twice");
        }
    }
    for name in &seen {
        let folders = name.match_indices('/').map(|(at, _)| &name[..at]);
        for folder in folders {
            if seen.contains(folder) {
                return refuse(folder, "it is a file and also the folder of another file");
            }
        }
    }
    Ok(())
}

/// Checks the name of a series: `datasets/flights`, `datasets/predictions/delay`, `models/delay`.
pub(crate) fn check_series(series: &str) -> Result<(), StoreError> {
    let refuse = |why| Err(StoreError::Series { series: series.to_owned(), why });
    let parts: Vec<_> = series.split('/').collect();
    if !(2..=SERIES_PARTS_MAX).contains(&parts.len()) {
        return refuse("it has not two to four parts");
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    // A series could be mistaken for a version of another one if its part were a number.
    let is_word = |part: &&str| part.starts_with(|c: char| c.is_ascii_lowercase()) && part.chars().all(allowed);
    if !parts.iter().all(is_word) {
        return refuse("each part starts with a lower-case letter and has only letters, digits, `-` and `_`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_relative_plain_and_single() {
        let good = ["a", "a b/ü/日本.parquet", "back\\slash", ".hidden", "...", "a\nb", " "];
        assert!(check_file_names(good).is_ok());
        let long = "x".repeat(256);
        for bad in ["", "/a", "a//b", "a/", "./a", "a/../b", "..", "a\0b", &long] {
            assert!(check_file_names([bad]).is_err(), "{bad:?}");
        }
        assert!(check_file_names(["a", "b", "a"]).is_err());
        assert!(check_file_names(["a/b/c", "a/b"]).is_err());
        assert!(check_file_names(["a/b", "a-b", "a/bc"]).is_ok());
    }

    #[test]
    fn series_are_lower_case_words_under_a_family() {
        for good in ["datasets/flights", "datasets/predictions/delay", "models/delay-simple_2"] {
            assert!(check_series(good).is_ok(), "{good}");
        }
        for bad in
            ["flights", "datasets/", "datasets/../x", "datasets/Flights", "datasets/1", "/datasets/a", "a/b/c/d/e"]
        {
            assert!(check_series(bad).is_err(), "{bad}");
        }
    }
}
