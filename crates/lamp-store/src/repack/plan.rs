//! Which chunks of a file are compressed against which of another.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::index::{ByDigest, DigestHasher};
use crate::pack::Part;

/// Chunks that are written together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run<'a> {
    pub(super) new: &'a [Part],
    /// What stood in their place in the earlier file.
    pub(super) old: &'a [Part],
}

/// Cuts the chunks of `file` that are not `is_placed` into runs of about `new_max` bytes, each with
/// at most `old_max` bytes of `earlier` that lie between the same two shared chunks.
pub(super) fn runs<'a>(
    file: &'a [Part],
    is_placed: &[bool],
    earlier: &'a [Part],
    new_max: usize,
    old_max: usize,
) -> Vec<Run<'a>> {
    let mut at: ByDigest<usize> = HashMap::with_hasher(BuildHasherDefault::<DigestHasher>::default());
    for (index, part) in earlier.iter().enumerate() {
        at.entry(part.digest).or_insert(index);
    }
    let shared: Vec<Option<usize>> = file.iter().map(|part| at.get(&part.digest).copied()).collect();
    // For each chunk, the nearest shared one behind it.
    let mut next = vec![None; file.len() + 1];
    for index in (0..file.len()).rev() {
        next[index] = shared[index].or(next[index + 1]);
    }
    let mut found = Vec::new();
    let (mut start, mut before) = (0, None);
    while start < file.len() {
        if is_placed[start] {
            before = shared[start].or(before);
            start += 1;
            continue;
        }
        let mut end = start;
        let mut bytes = 0;
        while end < file.len() && !is_placed[end] && bytes < new_max {
            bytes += file[end].length as usize;
            end += 1;
        }
        let new = &file[start..end];
        let old = between(earlier, before, next[end], old_max);
        // A long run goes on where its first part ended, in both files.
        before = old_end(before, old, bytes).or(before);
        found.push(Run { new, old });
        start = end;
    }
    found
}

/// The chunks from the shared one before to the shared one after, both with it: the cut between
/// them may have moved.
fn between(earlier: &[Part], before: Option<usize>, after: Option<usize>, max: usize) -> &[Part] {
    let from = before.unwrap_or(0);
    let to = match after {
        Some(after) if after >= from => after + 1,
        _ => earlier.len(),
    };
    let mut bytes = 0;
    let within = earlier[from.min(to)..to].iter().take_while(|part| {
        bytes += part.length as usize;
        bytes <= max
    });
    let count = within.count();
    &earlier[from.min(to)..from.min(to) + count]
}

/// The chunk of the earlier file that lies `bytes` further on.
fn old_end(before: Option<usize>, old: &[Part], bytes: usize) -> Option<usize> {
    let mut passed = 0;
    let count = old.iter().take_while(|part| {
        passed += part.length as usize;
        passed <= bytes
    });
    let count = count.count();
    (count > 0).then(|| before.unwrap_or(0) + count)
}

#[cfg(test)]
mod tests {
    use lamp_core::digest::Digest;

    use super::*;

    fn parts(text: &str) -> Vec<Part> {
        text.chars().map(|c| Part { digest: Digest::of(c.to_string().as_bytes()), length: 10 }).collect()
    }

    fn show(of: &[Part], text: &str) -> String {
        let letter = |part: &Part| text.chars().find(|c| Digest::of(c.to_string().as_bytes()) == part.digest);
        of.iter().filter_map(letter).collect()
    }

    /// Capitals are new, the rest is there already.
    fn planned(file: &str, earlier: &str, new_max: usize, old_max: usize) -> String {
        let (file_parts, earlier_parts) = (parts(file), parts(earlier));
        let is_placed: Vec<bool> = file.chars().map(char::is_lowercase).collect();
        let runs = runs(&file_parts, &is_placed, &earlier_parts, new_max, old_max);
        let run = |run: &Run<'_>| format!("{}/{}", show(run.new, file), show(run.old, earlier));
        runs.iter().map(run).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_changed_goes_with_what_it_was_before() {
        assert_eq!(planned("abcXYfg", "abcdefg", 1_000, 1_000), "XY/cdef");
        assert_eq!(planned("aXcYe", "abcde", 1_000, 1_000), "X/abc Y/cde");
        assert_eq!(planned("abX", "ab", 1_000, 1_000), "X/b", "at the end");
        assert_eq!(planned("Xab", "ab", 1_000, 1_000), "X/a", "at the start");
        assert_eq!(planned("XYZ", "abc", 1_000, 1_000), "XYZ/abc", "nothing shared");
        assert_eq!(planned("XYZ", "", 1_000, 1_000), "XYZ/", "nothing before");
        assert_eq!(planned("cXa", "abc", 1_000, 1_000), "X/c", "shuffled");
        assert_eq!(planned("abc", "abc", 1_000, 1_000), "", "nothing new");
    }

    #[test]
    fn runs_and_what_they_lean_on_are_bounded() {
        assert_eq!(planned("aWXYZg", "abcdefg", 20, 1_000), "WX/abcdefg YZ/cdefg");
        assert_eq!(planned("aWXYZg", "abcdefg", 20, 30), "WX/abc YZ/cde");
    }
}
