//! Builds the summary of a column from batches of values.

mod numbers;
mod texts;

use numbers::{Fractional, Numbers, Whole, key_of};
use texts::Texts;

use super::column::{ColumnKind, ColumnProfile, NumberSummary, TextSummary};
use super::moments::Moments;
use super::scalar::Scalar;
use super::sketch::DistinctSketch;
use super::top::{TOP_MAX, TopValues};

/// Values that a column holds at most, listed or waiting to be sketched, when there are few columns.
const ROOM_MAX: usize = 8_192;
/// Values that all columns hold at most together.
const ROOM_OF_ALL: usize = 1 << 21;

/// How many values each of `columns` may hold that are built at the same time: see [`ColumnBuilder::with_room`].
pub fn room_for(columns: usize) -> usize {
    (ROOM_OF_ALL / columns.max(1)).clamp(TOP_MAX, ROOM_MAX)
}

/// Values that make up less than this part of a block are not looked at as heavy ones. The error of the heavy ones
/// says so: it grows by as much as half of what their counters leave out.
const RARE_PART: u64 = 4_096;

/// Up to so many equal values among `values` are rare.
fn rare_in(values: u64) -> u64 {
    values.div_ceil(RARE_PART)
}

/// Takes the values of one column, batch by batch, and becomes its [`ColumnProfile`]. The caller
/// feeds the method of the column's kind: `ints` for integers, `instants` for dates and instants,
/// `texts` for text and times of day, `opaque` for what is only counted.
#[derive(Debug)]
pub struct ColumnBuilder {
    name: String,
    data_type: String,
    kind: ColumnKind,
    count: u64,
    nulls: u64,
    absent: u64,
    extremes: Option<(Scalar, Scalar)>,
    numbers: NumberSummary,
    values: Values,
    floats: Vec<f64>,
    keys: Vec<i64>,
}

#[derive(Debug)]
enum Values {
    Bools { trues: u64, falses: u64 },
    Ints(Numbers<Whole>),
    Floats(Numbers<Fractional>),
    Texts(Texts),
    Nothing { seen: bool },
}

impl Values {
    fn new(kind: ColumnKind, room: usize) -> Self {
        match kind {
            ColumnKind::Bool => Self::Bools { trues: 0, falses: 0 },
            ColumnKind::Int | ColumnKind::Date | ColumnKind::Instant => Self::Ints(Numbers::new(room)),
            ColumnKind::Float => Self::Floats(Numbers::new(room)),
            ColumnKind::Text | ColumnKind::Time => Self::Texts(Texts::new(room)),
            ColumnKind::Null | ColumnKind::List | ColumnKind::Struct | ColumnKind::Other => {
                Self::Nothing { seen: false }
            }
        }
    }

    fn absorb(&mut self, other: Self) {
        match (self, other) {
            (Self::Bools { trues, falses }, Self::Bools { trues: more_trues, falses: more_falses }) => {
                *trues += more_trues;
                *falses += more_falses;
            }
            (Self::Ints(ours), Self::Ints(theirs)) => ours.absorb(theirs),
            (Self::Floats(ours), Self::Floats(theirs)) => ours.absorb(theirs),
            (Self::Texts(ours), Self::Texts(theirs)) => ours.absorb(theirs),
            (Self::Nothing { seen }, Self::Nothing { seen: seen_too }) => *seen |= seen_too,
            // Builders of one column are of one kind.
            _ => {}
        }
    }
}

impl ColumnBuilder {
    /// A column without rows yet.
    pub fn new(name: &str, data_type: &str, kind: ColumnKind) -> Self {
        Self::with_room(name, data_type, kind, ROOM_MAX)
    }

    /// A column that lists up to `room` different values before it sketches them, and sketches so many at a time:
    /// at least [`TOP_MAX`]. It takes some forty bytes for each, of text twice as much.
    pub fn with_room(name: &str, data_type: &str, kind: ColumnKind, room: usize) -> Self {
        Self {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            kind,
            count: 0,
            nulls: 0,
            absent: 0,
            extremes: None,
            numbers: NumberSummary::default(),
            values: Values::new(kind, room.min(ROOM_MAX)),
            floats: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Adds null rows.
    pub fn nulls(&mut self, rows: u64) {
        self.count += rows;
        self.nulls += rows;
    }

    /// Adds rows of a file that lacks the column.
    pub fn absent(&mut self, rows: u64) {
        self.nulls(rows);
        self.absent += rows;
    }

    /// Adds booleans.
    pub fn bools(&mut self, more_trues: u64, more_falses: u64) {
        self.count += more_trues + more_falses;
        if let Values::Bools { trues, falses } = &mut self.values {
            *trues += more_trues;
            *falses += more_falses;
        }
        for (value, seen) in [(false, more_falses), (true, more_trues)] {
            if seen > 0 {
                self.stretch(Scalar::Bool(value), Scalar::Bool(value));
            }
        }
    }

    /// Adds integers, none of them null.
    pub fn ints(&mut self, values: &[i64]) {
        self.whole_numbers(values, Scalar::Int);
    }

    /// Adds instants in microseconds since the epoch, none of them null.
    pub fn instants(&mut self, values: &[i64]) {
        self.whole_numbers(values, Scalar::Instant);
    }

    #[allow(clippy::cast_precision_loss, reason = "moments and quantiles are floats; counts and extremes stay exact")]
    fn whole_numbers(&mut self, values: &[i64], scalar: fn(i64) -> Scalar) {
        let (Some(min), Some(max)) = (values.iter().min(), values.iter().max()) else { return };
        self.count += values.len() as u64;
        self.stretch(scalar(*min), scalar(*max));
        self.floats.clear();
        self.floats.extend(values.iter().map(|value| *value as f64));
        self.numbers.add(&self.floats);
        if let Values::Ints(numbers) = &mut self.values {
            numbers.add(values);
        }
    }

    /// Adds floats, none of them null; NaN and infinities are counted apart.
    pub fn floats(&mut self, values: &[f64]) {
        self.count += values.len() as u64;
        self.floats.clear();
        // Adding zero turns −0 into 0: they are one value.
        self.floats.extend(values.iter().map(|value| value + 0.0));
        if !values.iter().fold(true, |so_far, value| so_far & value.is_finite()) {
            self.numbers.count_infinite(values);
            self.floats.retain(|value| value.is_finite());
        }
        let Some((min, max)) = extremes(&self.floats) else { return };
        self.stretch(Scalar::Float(min), Scalar::Float(max));
        self.numbers.add(&self.floats);
        if let Values::Floats(numbers) = &mut self.values {
            self.keys.clear();
            self.keys.extend(self.floats.iter().map(|value| key_of(*value)));
            numbers.add(&self.keys);
        }
    }

    /// Adds one text.
    pub fn text(&mut self, value: &str) {
        self.texts([(value, 1)]);
    }

    /// Adds texts, each so many times.
    pub fn texts<'t>(&mut self, values: impl IntoIterator<Item = (&'t str, u64)>) {
        let Values::Texts(texts) = &mut self.values else { return };
        for (value, count) in values {
            self.count += count;
            texts.add(value, count);
        }
    }

    /// Adds values that are only counted.
    pub fn opaque(&mut self, rows: u64) {
        self.count += rows;
        if let Values::Nothing { seen } = &mut self.values {
            *seen |= rows > 0;
        }
    }

    /// Takes in what another builder of the same column was given: the rows that follow.
    pub fn absorb(&mut self, other: Self) {
        self.count += other.count;
        self.nulls += other.nulls;
        self.absent += other.absent;
        if let Some((low, high)) = other.extremes {
            self.stretch(low, high);
        }
        self.numbers = self.numbers.merge(&other.numbers);
        self.values.absorb(other.values);
    }

    fn stretch(&mut self, low: Scalar, high: Scalar) {
        match &mut self.extremes {
            None => self.extremes = Some((low, high)),
            Some((min, max)) => {
                if low.order(min).is_lt() {
                    *min = low;
                }
                if high.order(max).is_gt() {
                    *max = high;
                }
            }
        }
    }

    /// The summary.
    pub fn finish(self) -> ColumnProfile {
        let is_instant = matches!(self.kind, ColumnKind::Date | ColumnKind::Instant);
        let mut numbers = self.numbers;
        let mut extremes = self.extremes;
        let mut lengths = TextSummary::default();
        let mut of_numbers = |summary: numbers::Summary| {
            numbers.quantiles = summary.quantiles;
            (summary.top, summary.distinct)
        };
        let (top, sketch) = match self.values {
            Values::Bools { trues, falses } => (bools(trues, falses), DistinctSketch::default()),
            Values::Ints(values) => of_numbers(values.finish(if is_instant { Scalar::Instant } else { Scalar::Int })),
            Values::Floats(values) => of_numbers(values.finish(|key| Scalar::Float(numbers::float_of(key)))),
            Values::Texts(texts) => {
                let summary = texts.finish();
                extremes = summary.ends.map(|(first, last)| (Scalar::Text(first), Scalar::Text(last)));
                lengths = summary.text;
                (summary.top, summary.distinct)
            }
            Values::Nothing { seen: false } => (TopValues::default(), DistinctSketch::default()),
            Values::Nothing { seen: true } => (TopValues::untracked(), DistinctSketch::default()),
        };
        let (min, max) = extremes.unzip();
        ColumnProfile {
            name: self.name,
            data_type: self.data_type,
            kind: self.kind,
            count: self.count,
            nulls: self.nulls,
            absent: self.absent,
            min,
            max,
            numbers: self.kind.is_ordered_number().then_some(numbers),
            text: matches!(self.kind, ColumnKind::Text | ColumnKind::Time).then_some(lengths),
            sketch,
            top,
        }
    }
}

fn bools(trues: u64, falses: u64) -> TopValues {
    let counts = [(Scalar::Bool(true), trues), (Scalar::Bool(false), falses)];
    TopValues::of_all(counts.into_iter().filter(|(_, count)| *count > 0).collect())
}

/// Smallest and largest; none without values. Written so that a processor compares several at once.
fn extremes(values: &[f64]) -> Option<(f64, f64)> {
    let first = *values.first()?;
    let min = values.iter().fold(first, |min, value| if *value < min { *value } else { min });
    let max = values.iter().fold(first, |max, value| if *value > max { *value } else { max });
    Some((min, max))
}

impl NumberSummary {
    /// Adds finite values.
    fn add(&mut self, values: &[f64]) {
        let count = |holds: fn(f64) -> bool| values.iter().map(|value| u64::from(holds(*value))).sum::<u64>();
        self.zeros += count(|value| value == 0.0);
        self.negatives += count(|value| value < 0.0);
        self.moments = self.moments.merge(Moments::of(values));
    }

    /// Counts those of `values` that are not finite.
    fn count_infinite(&mut self, values: &[f64]) {
        for value in values.iter().filter(|value| !value.is_finite()) {
            if value.is_nan() {
                self.nan += 1;
            } else if *value > 0.0 {
                self.positive_infinite += 1;
            } else {
                self.negative_infinite += 1;
            }
        }
    }
}
