//! Words for people: what they may have meant, and lists of what they may write.

/// Fewest letters of a word that counts as part of another.
const PART_MIN: usize = 3;

/// The candidate that `word` was probably meant to be: the nearest by edits (a swap of neighbours counts as one), if
/// no more than a third of the letters differ; else one that holds the word, or is held by it.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let lower = word.to_lowercase();
    let letters = lower.chars().count();
    let edits_max = (letters / 3).max(1);
    let mut nearest: Option<(usize, &str)> = None;
    for candidate in candidates {
        let other = candidate.to_lowercase();
        let is_part =
            letters.min(other.chars().count()) >= PART_MIN && (other.contains(&lower) || lower.contains(&other));
        let edits = strsim::damerau_levenshtein(&lower, &other);
        let rank = if edits <= edits_max { edits } else { edits + letters };
        let fits = edits <= edits_max || is_part;
        if fits && nearest.is_none_or(|(best, _)| rank < best) {
            nearest = Some((rank, candidate));
        }
    }
    nearest.map(|(_, candidate)| candidate)
}

/// `` `a`, `b`, `c` `` in sorted order.
pub(crate) fn list<'c>(words: impl IntoIterator<Item = &'c str>) -> String {
    let mut words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    words.sort();
    words.dedup();
    words.join(", ")
}

/// `did you mean …?`, or what there is, or that there is nothing.
pub(crate) fn suggest<'c>(what: &str, word: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    let candidates: Vec<_> = candidates.into_iter().collect();
    if let Some(meant) = did_you_mean(word, candidates.iter().copied()) {
        return format!("did you mean `{meant}`?");
    }
    if candidates.is_empty() {
        return format!("there are no {what}");
    }
    format!("known {what}: {}", list(candidates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_a_stranger_is_not() {
        let known = ["partition", "source", "inputs", "roc_auc", "by"];
        assert_eq!(did_you_mean("partitoin", known), Some("partition"));
        assert_eq!(did_you_mean("Source", known), Some("source"));
        assert_eq!(did_you_mean("input", known), Some("inputs"));
        assert_eq!(did_you_mean("auc", known), Some("roc_auc"));
        assert_eq!(did_you_mean("colour", known), None);
        assert_eq!(did_you_mean("xy", []), None);
    }
}
