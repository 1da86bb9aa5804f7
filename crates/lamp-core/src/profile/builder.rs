//! Builds the summary of a column from batches of values.

use datasketches::tdigest::TDigestMut;

use super::column::{ColumnKind, ColumnProfile, NumberSummary, TextSummary};
use super::moments::Moments;
use super::scalar::Scalar;
use super::sketch::{self, DistinctSketch, QuantileSketch};
use super::top::{Counters, TOP_TEXT_MAX, TopValues};

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
    digest: TDigestMut,
    text: TextSummary,
    sketch: DistinctSketch,
    values: Values,
    scratch: Vec<f64>,
}

#[derive(Debug)]
enum Values {
    Bools { trues: u64, falses: u64 },
    Ints(Counters<i64>),
    Floats(Counters<u64>),
    Texts(Counters<Box<str>>),
    Nothing { seen: bool },
}

impl ColumnBuilder {
    /// A column without rows yet.
    pub fn new(name: &str, data_type: &str, kind: ColumnKind) -> Self {
        let values = match kind {
            ColumnKind::Bool => Values::Bools { trues: 0, falses: 0 },
            ColumnKind::Int | ColumnKind::Date | ColumnKind::Instant => Values::Ints(Counters::new()),
            ColumnKind::Float => Values::Floats(Counters::new()),
            ColumnKind::Text | ColumnKind::Time => Values::Texts(Counters::new()),
            ColumnKind::Null | ColumnKind::List | ColumnKind::Struct | ColumnKind::Other => {
                Values::Nothing { seen: false }
            }
        };
        Self {
            name: name.to_owned(),
            data_type: data_type.to_owned(),
            kind,
            count: 0,
            nulls: 0,
            absent: 0,
            extremes: None,
            numbers: NumberSummary::default(),
            digest: sketch::empty_digest(),
            text: TextSummary::default(),
            sketch: DistinctSketch::default(),
            values,
            scratch: Vec::new(),
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
                self.stretch(&Scalar::Bool(value), &Scalar::Bool(value));
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
        self.stretch(&scalar(*min), &scalar(*max));
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend(values.iter().map(|value| *value as f64));
        self.finite(&scratch);
        if let Values::Ints(counters) = &mut self.values {
            for (value, float) in values.iter().zip(&scratch) {
                if !counters.is_exact() {
                    self.sketch.add(sketch::coupon_of_int(*value));
                    self.digest.update(*float);
                    counters.add(value, 1);
                } else if counters.add(value, 1) {
                    // From here on the sketches count; they start with what was listed so far.
                    counters.iter().for_each(|(value, _)| self.sketch.add(sketch::coupon_of_int(*value)));
                    self.digest = sketch::digest_of_counts(&sorted(counters.iter().map(|(v, n)| (*v as f64, n))));
                }
            }
        }
        self.scratch = scratch;
    }

    /// Adds floats, none of them null; NaN and infinities are counted apart.
    pub fn floats(&mut self, values: &[f64]) {
        self.count += values.len() as u64;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        for value in values {
            if value.is_finite() {
                // Adding zero turns −0 into 0: they are one value.
                scratch.push(*value + 0.0);
            } else if value.is_nan() {
                self.numbers.nan += 1;
            } else if *value > 0.0 {
                self.numbers.positive_infinite += 1;
            } else {
                self.numbers.negative_infinite += 1;
            }
        }
        let min = scratch.iter().copied().min_by(f64::total_cmp);
        let max = scratch.iter().copied().max_by(f64::total_cmp);
        if let Some((min, max)) = min.zip(max) {
            self.stretch(&Scalar::Float(min), &Scalar::Float(max));
        }
        self.finite(&scratch);
        if let Values::Floats(counters) = &mut self.values {
            for value in &scratch {
                if !counters.is_exact() {
                    self.sketch.add(sketch::coupon_of_float(*value));
                    self.digest.update(*value);
                    counters.add(&value.to_bits(), 1);
                } else if counters.add(&value.to_bits(), 1) {
                    let listed = sorted(counters.iter().map(|(bits, n)| (f64::from_bits(*bits), n)));
                    for (value, _) in &listed {
                        self.sketch.add(sketch::coupon_of_float(*value));
                    }
                    self.digest = sketch::digest_of_counts(&listed);
                }
            }
        }
        self.scratch = scratch;
    }

    fn finite(&mut self, values: &[f64]) {
        let count = |holds: fn(f64) -> bool| values.iter().filter(|value| holds(**value)).count() as u64;
        self.numbers.zeros += count(|value| value == 0.0);
        self.numbers.negatives += count(|value| value < 0.0);
        self.numbers.moments = self.numbers.moments.merge(Moments::of(values));
    }

    /// Adds one text.
    pub fn text(&mut self, value: &str) {
        self.count += 1;
        let length = if value.is_ascii() { value.len() } else { value.chars().count() } as u64;
        let one = TextSummary {
            empty: u64::from(value.is_empty()),
            min_length: length,
            max_length: length,
            total_length: length,
            count: 1,
        };
        self.text = self.text.merge(&one);
        self.stretch_text(value);
        let Values::Texts(counters) = &mut self.values else { return };
        let was_exact = counters.is_exact();
        let is_one_too_many =
            if value.len() > TOP_TEXT_MAX { counters.give_up_exactness() } else { counters.add(value, 1) };
        if is_one_too_many {
            counters.iter().for_each(|(value, _)| self.sketch.add(sketch::coupon_of_text(value)));
        }
        if !was_exact || is_one_too_many {
            self.sketch.add(sketch::coupon_of_text(value));
        }
    }

    /// Adds values that are only counted.
    pub fn opaque(&mut self, rows: u64) {
        self.count += rows;
        if let Values::Nothing { seen } = &mut self.values {
            *seen |= rows > 0;
        }
    }

    fn stretch(&mut self, low: &Scalar, high: &Scalar) {
        match &mut self.extremes {
            None => self.extremes = Some((low.clone(), high.clone())),
            Some((min, max)) => {
                if low.order(min).is_lt() {
                    *min = low.clone();
                }
                if high.order(max).is_gt() {
                    *max = high.clone();
                }
            }
        }
    }

    fn stretch_text(&mut self, value: &str) {
        let value = &value[..value.floor_char_boundary(TOP_TEXT_MAX)];
        let stretches = match &self.extremes {
            Some((Scalar::Text(min), Scalar::Text(max))) => value < min.as_str() || value > max.as_str(),
            _ => true,
        };
        if stretches {
            let value = Scalar::Text(value.to_owned());
            self.stretch(&value, &value);
        }
    }

    /// The summary.
    pub fn finish(self) -> ColumnProfile {
        let is_instant = matches!(self.kind, ColumnKind::Date | ColumnKind::Instant);
        let top = match self.values {
            Values::Bools { trues, falses } => {
                let mut counters = Counters::<bool>::new();
                for (value, count) in [(true, trues), (false, falses)] {
                    if count > 0 {
                        counters.add(&value, count);
                    }
                }
                counters.finish(Scalar::Bool)
            }
            Values::Ints(counters) => counters.finish(if is_instant { Scalar::Instant } else { Scalar::Int }),
            Values::Floats(counters) => counters.finish(|bits| Scalar::Float(f64::from_bits(bits))),
            Values::Texts(counters) => counters.finish(|text| Scalar::Text(text.into())),
            Values::Nothing { seen: false } => TopValues::default(),
            Values::Nothing { seen: true } => TopValues::untracked(),
        };
        let (min, max) = self.extremes.unzip();
        let mut numbers = self.numbers;
        numbers.quantiles = QuantileSketch::freeze(self.digest);
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
            text: matches!(self.kind, ColumnKind::Text | ColumnKind::Time).then_some(self.text),
            sketch: self.sketch,
            top,
        }
    }
}

/// In order of value, so that the order of a hash table never reaches a sketch.
fn sorted(counts: impl Iterator<Item = (f64, u64)>) -> Vec<(f64, u64)> {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    counts
}
