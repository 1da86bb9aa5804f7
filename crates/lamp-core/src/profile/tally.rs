//! Exact counts of values that are not too many: open addressing with linear probing, because a table of a few
//! thousand slots is asked once for every value of a column.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

/// Slots of a table that is not empty; a power of two.
const SLOTS_MIN: usize = 64;

/// How often each number occurs. Numbers are keys whose order is that of the values.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Keys with their counts; a count of zero marks a free slot.
    slots: Vec<(i64, u64)>,
    len: usize,
}

/// Mixes all bits of a key into all bits of the hash: a folded multiplication, as in foldhash.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "the two halves of the product")]
fn mixed(key: i64) -> usize {
    let product = u128::from(key.cast_unsigned() ^ 0x243F_6A88_85A3_08D3) * 0x9E37_79B9_7F4A_7C15;
    (product as u64 ^ (product >> 64) as u64) as usize
}

impl Tally {
    /// Different keys so far.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Counts each of `keys` once, until there are more than `max` different ones. Returns how many of `keys` were
    /// counted.
    pub(super) fn add_until(&mut self, keys: &[i64], max: usize) -> usize {
        for (at, key) in keys.iter().enumerate() {
            self.add(*key, 1);
            if self.len > max {
                return at + 1;
            }
        }
        keys.len()
    }

    /// Counts `key` another `count` times.
    #[inline]
    pub(super) fn add(&mut self, key: i64, count: u64) {
        if count == 0 {
            return;
        }
        // At most half of the slots are taken.
        if self.len * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = mixed(key) & mask;
        loop {
            let slot = &mut self.slots[at];
            if slot.1 == 0 {
                *slot = (key, count);
                self.len += 1;
                return;
            }
            if slot.0 == key {
                slot.1 += count;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(SLOTS_MIN);
        let old = std::mem::replace(&mut self.slots, vec![(0, 0); slots]);
        self.len = 0;
        for (key, count) in old {
            self.add(key, count);
        }
    }

    /// Keys with their counts, in order of key: the order of a hash table never leaves it.
    pub(super) fn sorted(&self) -> Vec<(i64, u64)> {
        let mut counts: Vec<_> = self.slots.iter().copied().filter(|(_, count)| *count > 0).collect();
        counts.sort_unstable();
        counts
    }
}

/// How often each text occurs. The texts lie one after the other in one string.
#[derive(Debug, Default)]
pub(super) struct TextTally {
    /// Hashes with the place of the entry plus one; zero marks a free slot.
    slots: Vec<(u64, u32)>,
    entries: Vec<TextEntry>,
    texts: String,
}

#[derive(Debug, Clone, Copy)]
struct TextEntry {
    start: u32,
    end: u32,
    count: u64,
}

/// The hash by which texts are told apart within one process; never stored.
#[inline]
pub(super) fn hash_of(text: &str) -> u64 {
    FixedState::with_seed(0).hash_one(text)
}

impl TextTally {
    /// Different texts so far.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of the different texts.
    pub(super) fn bytes(&self) -> usize {
        self.texts.len()
    }

    /// Counts `text` another `count` times.
    #[inline]
    pub(super) fn add(&mut self, text: &str, count: u64) {
        if self.entries.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let hash = hash_of(text);
        let mut at = place(hash, mask);
        loop {
            let (known, entry) = self.slots[at];
            if entry == 0 {
                return self.insert(at, hash, text, count);
            }
            if known == hash {
                let entry = &mut self.entries[entry as usize - 1];
                if self.texts[entry.start as usize..entry.end as usize] == *text {
                    entry.count += count;
                    return;
                }
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn insert(&mut self, at: usize, hash: u64, text: &str, count: u64) {
        // The caller stops long before there are four gigabytes of text.
        let place = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let start = place(self.texts.len());
        self.texts.push_str(text);
        self.entries.push(TextEntry { start, end: place(self.texts.len()), count });
        self.slots[at] = (hash, place(self.entries.len()));
    }

    #[cold]
    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(SLOTS_MIN);
        let mask = slots - 1;
        let old = std::mem::replace(&mut self.slots, vec![(0, 0); slots]);
        for (hash, entry) in old.into_iter().filter(|(_, entry)| *entry > 0) {
            let mut at = place(hash, mask);
            while self.slots[at].1 > 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = (hash, entry);
        }
    }

    /// Texts with their counts, in the order in which they were first seen.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.entries.iter().map(|entry| (&self.texts[entry.start as usize..entry.end as usize], entry.count))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "only the low bits choose the slot")]
fn place(hash: u64, mask: usize) -> usize {
    hash as usize & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_counted() {
        let mut tally = Tally::default();
        let keys: Vec<i64> = (0..10_000).map(|at| (at % 500 - 250) << 40).collect();
        assert_eq!(tally.add_until(&keys, 1_000), 10_000);
        let counts = tally.sorted();
        assert_eq!((tally.len(), counts.len(), counts[0]), (500, 500, (-250 << 40, 20)));
        assert!(counts.iter().all(|(_, count)| *count == 20));
        assert_eq!(Tally::default().add_until(&keys, 99), 100, "it stops at the one too many");
        tally.add(7, 0);
        assert_eq!(tally.len(), 500, "nothing is no value");
    }

    #[test]
    fn every_text_is_counted() {
        let mut tally = TextTally::default();
        for at in 0..3_000 {
            tally.add(&format!("é{}", at % 300), 2);
        }
        tally.add("", 5);
        assert_eq!((tally.len(), tally.bytes()), (301, 300 * 2 + 10 + 90 * 2 + 200 * 3));
        assert_eq!(tally.iter().next(), Some(("é0", 20)));
        assert_eq!(tally.iter().last(), Some(("", 5)));
    }
}
