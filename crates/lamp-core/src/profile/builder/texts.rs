//! The values of a column of text: listed while they are few, sketched from then on.

use super::rare_in;
use crate::profile::column::TextSummary;
use crate::profile::scalar::Scalar;
use crate::profile::sketch::{self, DistinctSketch};
use crate::profile::tally::{TextTally, hash_of};
use crate::profile::top::{Heavy, TOP_MAX, TOP_TEXT_MAX, TopValues};

/// Bytes of text that are kept for each value of the column's room, on average.
const BYTES_A_VALUE: usize = 32;
/// Low bits of a hash that give way to a value's place in its block.
const PLACE_BITS: u32 = 16;

/// The texts so far.
#[derive(Debug)]
pub(super) struct Texts {
    /// Texts that are listed, or that wait to be sketched, at most.
    room: usize,
    /// All texts, while they are few and short; none once they were too many.
    listed: Option<TextTally>,
    /// All texts from then on.
    sketched: Sketched,
    /// Of what is no longer listed.
    summary: TextSummary,
    /// First and last in code-point order, cut; of what is no longer listed.
    ends: Option<(String, String)>,
}

/// What many texts leave behind. Texts are taken up in blocks, sorted by hash, so that each sketch sees a value once
/// and not every time.
#[derive(Debug, Default)]
struct Sketched {
    waiting: String,
    /// Hash and end of each text that waits.
    places: Vec<(u64, usize)>,
    distinct: DistinctSketch,
    heavy: Heavy<Box<str>>,
}

/// What a column of text comes to.
pub(super) struct Summary {
    pub(super) top: TopValues,
    pub(super) distinct: DistinctSketch,
    pub(super) text: TextSummary,
    pub(super) ends: Option<(String, String)>,
}

impl Texts {
    pub(super) fn new(room: usize) -> Self {
        let room = room.clamp(TOP_MAX, 1 << PLACE_BITS);
        Self {
            room,
            listed: Some(TextTally::default()),
            sketched: Sketched::default(),
            summary: TextSummary::default(),
            ends: None,
        }
    }

    /// Adds `value` so many times.
    #[inline]
    pub(super) fn add(&mut self, value: &str, count: u64) {
        if let Some(tally) = &mut self.listed
            && value.len() <= TOP_TEXT_MAX
        {
            tally.add(value, count);
            if is_full(tally, self.room) {
                self.sketched();
            }
            return;
        }
        self.describe(value, count);
        let room = self.room;
        self.sketched().add(value, count, room);
    }

    /// Takes in the texts of a later part of the column.
    pub(super) fn absorb(&mut self, mut other: Self) {
        if let (Some(ours), Some(theirs)) = (&mut self.listed, &other.listed) {
            theirs.iter().for_each(|(text, count)| ours.add(text, count));
            if is_full(ours, self.room) {
                self.sketched();
            }
            return;
        }
        other.sketched().take_up();
        self.sketched().absorb(other.sketched);
        self.summary = self.summary.merge(&other.summary);
        if let Some((first, last)) = other.ends {
            self.stretch(&first);
            self.stretch(&last);
        }
    }

    /// The sketches; where texts are still listed, they take those in first.
    fn sketched(&mut self) -> &mut Sketched {
        if let Some(tally) = self.listed.take() {
            let rare = rare_in(tally.iter().map(|(_, count)| count).sum());
            for (text, count) in tally.iter() {
                self.describe(text, count);
                self.sketched.distinct.add(sketch::coupon_of_text(text));
                if count > rare {
                    self.sketched.heavy.add(text, count);
                }
            }
            self.sketched.heavy.overlook(rare);
        }
        &mut self.sketched
    }

    /// Takes the lengths and the ends of a text into account.
    fn describe(&mut self, value: &str, count: u64) {
        let length = if value.is_ascii() { value.len() } else { value.chars().count() } as u64;
        let empty = if value.is_empty() { count } else { 0 };
        let (min_length, max_length, total_length) = (length, length, length * count);
        let these = TextSummary { empty, min_length, max_length, total_length, count };
        self.summary = self.summary.merge(&these);
        self.stretch(value);
    }

    fn stretch(&mut self, value: &str) {
        let value = &value[..value.floor_char_boundary(TOP_TEXT_MAX)];
        match &mut self.ends {
            None => self.ends = Some((value.to_owned(), value.to_owned())),
            Some((first, _)) if value < first.as_str() => value.clone_into(first),
            Some((_, last)) if value > last.as_str() => value.clone_into(last),
            Some(_) => {}
        }
    }

    /// What the texts come to.
    pub(super) fn finish(mut self) -> Summary {
        let (top, distinct) = if let Some(tally) = self.listed.take() {
            tally.iter().for_each(|(text, count)| self.describe(text, count));
            let listed = |(text, count): (&str, u64)| (Scalar::Text(text.to_owned()), count);
            let top = TopValues::of_all(tally.iter().map(listed).collect());
            let mut distinct = DistinctSketch::default();
            if !top.exact {
                tally.iter().for_each(|(text, _)| distinct.add(sketch::coupon_of_text(text)));
            }
            (top, distinct)
        } else {
            self.sketched.take_up();
            let (counts, error) = self.sketched.heavy.finish();
            let listed = counts.into_iter().map(|(text, count)| (Scalar::Text(text.into()), count)).collect();
            (TopValues::heaviest(listed, error), self.sketched.distinct)
        };
        Summary { top, distinct, text: self.summary, ends: self.ends }
    }
}

/// Whether texts are too many, or too long, to be listed further. A thousand are always listed.
fn is_full(tally: &TextTally, room: usize) -> bool {
    tally.len() > room || (tally.len() > TOP_MAX && tally.bytes() > room * BYTES_A_VALUE)
}

impl Sketched {
    fn add(&mut self, value: &str, count: u64, room: usize) {
        if value.len() > TOP_TEXT_MAX {
            // Too long to be listed: none of these is among the heavy values.
            self.distinct.add(sketch::coupon_of_text(value));
            self.heavy.overlook(count);
        } else if count > 1 {
            self.distinct.add(sketch::coupon_of_text(value));
            self.heavy.add(value, count);
        } else {
            self.waiting.push_str(value);
            self.places.push((hash_of(value), self.waiting.len()));
            if self.places.len() >= room || self.waiting.len() >= room * BYTES_A_VALUE {
                self.take_up();
            }
        }
    }

    /// Takes up the texts that wait. Texts that are rare in this block are not counted among the heavy ones, and the
    /// error says so.
    fn take_up(&mut self) {
        let rare = rare_in(self.places.len() as u64);
        let mut order: Vec<u64> =
            (0_u64..).zip(&self.places).map(|(place, (hash, _))| hash >> PLACE_BITS << PLACE_BITS | place).collect();
        order.sort_unstable();
        for run in order.chunk_by(|left, right| left >> PLACE_BITS == right >> PLACE_BITS) {
            let first = text_at(&self.waiting, &self.places, run[0]);
            self.distinct.add(sketch::coupon_of_text(first));
            if run.len() as u64 <= rare && run.len() == 1 {
                continue;
            }
            let mut same = 0;
            for place in run {
                let text = text_at(&self.waiting, &self.places, *place);
                if text == first {
                    same += 1;
                } else {
                    // Two texts of nearly one hash.
                    self.distinct.add(sketch::coupon_of_text(text));
                    self.heavy.add(text, 1);
                }
            }
            if same > rare {
                self.heavy.add(first, same);
            }
        }
        self.heavy.overlook(rare);
        self.waiting.clear();
        self.places.clear();
    }

    /// Takes in sketches with which nothing waits any more.
    fn absorb(&mut self, other: Self) {
        self.take_up();
        self.distinct = self.distinct.merge(&other.distinct);
        self.heavy.absorb(other.heavy);
    }
}

/// The text whose place is in the low bits of `ordered`.
#[allow(clippy::cast_possible_truncation, reason = "a place below 2^16")]
fn text_at<'t>(texts: &'t str, places: &[(u64, usize)], ordered: u64) -> &'t str {
    let place = (ordered & ((1 << PLACE_BITS) - 1)) as usize;
    let start = if place == 0 { 0 } else { places[place - 1].1 };
    &texts[start..places[place].1]
}
