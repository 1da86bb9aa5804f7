//! Histograms as shapes: bars of what is looked at, the outline of what it is held against.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use lamp_app::duties::histograms::ColumnFacts;
use lamp_app::histograms::ColumnOver;
use lamp_core::profile::{ColumnKind, Note, PairedBin, PairedHistogram, Scalar};

use super::plot::coordinate;
use super::text::{count, counted};
use super::value::{number, percent, scalar, shortened};

/// Width of every chart, in its own units.
const WIDTH: f64 = 320.0;
/// Height of the bars of ranges.
const HEIGHT: f64 = 104.0;
/// Height of one row of single values.
const ROW: f64 = 20.0;
/// Where the bars of single values begin and how long the longest is.
const ROW_BARS: (f64, f64) = (96.0, 172.0);
/// Characters of a value beside its bar.
const ROW_LABEL: usize = 14;
/// What is there is drawn at least so high or long.
const VISIBLE: f64 = 1.5;

/// A column as its card shows it.
#[derive(Debug, Clone)]
pub(crate) struct ColumnShown {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) data_type: String,
    pub(crate) chart: Chart,
    /// What is to be noticed, in words.
    pub(crate) notes: Vec<String>,
    /// How much moved, in words; none where it cannot be said.
    pub(crate) moved: Option<String>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) rows: Vec<Row>,
    pub(crate) has_reference: bool,
    /// Whether the reference is in the bars.
    pub(crate) is_compared: bool,
}

/// A number of the column, and of the reference.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) now: String,
    pub(crate) before: String,
}

/// A bar as a row of the table behind the chart.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) now: String,
    pub(crate) now_share: String,
    pub(crate) before_share: String,
}

/// A chart's shapes, in units of its view box.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Whether bars stand beside each other; else they lie below each other with their names.
    pub(crate) is_upright: bool,
    pub(crate) bars: Vec<Bar>,
    /// The reference's outline over upright bars, as a path.
    pub(crate) outline: Option<String>,
    /// The ends of the axis.
    pub(crate) ends: (String, String),
    /// In one sentence, for those who do not see it.
    pub(crate) summary: String,
}

/// One bar.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) width: String,
    pub(crate) height: String,
    /// Length of the reference's bar, for bars that lie.
    pub(crate) before: Option<String>,
    /// Beside a bar that lies.
    pub(crate) name: String,
    pub(crate) name_y: String,
    pub(crate) share: String,
    pub(crate) title: String,
}

/// A column with what it is held against, as the use cases give it.
pub(crate) struct Seen<'a> {
    pub(crate) name: &'a str,
    pub(crate) now: &'a ColumnFacts,
    pub(crate) before: Option<&'a ColumnFacts>,
    pub(crate) histogram: &'a PairedHistogram,
    /// How far it is from its reference, from 0 to 1.
    pub(crate) moved: Option<f64>,
    pub(crate) notes: &'a [Note],
}

impl ColumnShown {
    pub(crate) fn new(seen: &Seen<'_>, zone: &TimeZone) -> Self {
        let (kind, histogram) = (seen.now.kind, seen.histogram);
        let labels: Vec<String> = histogram.bins.iter().map(|bin| label(bin, histogram, kind, zone)).collect();
        Self {
            name: seen.name.to_owned(),
            kind: kind.as_str(),
            data_type: seen.now.data_type.clone(),
            chart: chart(seen, &labels, zone),
            notes: seen.notes.iter().map(|note| noted(note, kind, zone)).collect(),
            moved: seen.moved.map(|moved| format!("{} moved", percent(moved))),
            facts: facts(seen, zone),
            rows: rows(seen, &labels),
            has_reference: seen.before.is_some(),
            is_compared: histogram.rows_reference > 0,
        }
    }

    pub(crate) fn of_look(column: &ColumnOver, zone: &TimeZone) -> Self {
        let seen = Seen {
            name: &column.name,
            now: &column.now,
            before: column.before.as_ref(),
            histogram: &column.histogram,
            moved: column.moved,
            notes: &column.notes,
        };
        Self::new(&seen, zone)
    }

    /// What is noticed first comes first, then what moved most.
    pub(crate) fn weight(column: &ColumnOver) -> (bool, f64) {
        (!column.notes.is_empty(), column.moved.unwrap_or(0.0))
    }
}

#[allow(clippy::cast_precision_loss, reason = "shares of counts far below 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Instants are named anew: the core knows no zone.
fn label(bin: &PairedBin, histogram: &PairedHistogram, kind: ColumnKind, zone: &TimeZone) -> String {
    match (&bin.from, &bin.to) {
        (Scalar::Instant(_), Scalar::Instant(_)) if histogram.ranges => {
            let [from, to] = [&bin.from, &bin.to].map(|end| scalar(end, kind, zone));
            if from == to { from } else { format!("{from} – {to}") }
        }
        // A hyphen is no minus.
        _ if histogram.ranges => {
            let label = bin.label.replace(" -", " −");
            label.strip_prefix('-').map_or(label.clone(), |rest| format!("−{rest}"))
        }
        _ => bin.label.clone(),
    }
}

fn title(label: &str, now: f64, before: Option<f64>) -> String {
    match before {
        Some(before) => format!("{label}: {}, before {}", percent(now), percent(before)),
        None => format!("{label}: {}", percent(now)),
    }
}

fn chart(seen: &Seen<'_>, labels: &[String], zone: &TimeZone) -> Chart {
    let histogram = seen.histogram;
    let is_compared = histogram.rows_reference > 0;
    let shares: Vec<(f64, Option<f64>)> = histogram
        .bins
        .iter()
        .map(|bin| {
            let before = is_compared.then(|| share(bin.reference, histogram.rows_reference));
            (share(bin.today, histogram.rows_today), before)
        })
        .collect();
    let highest = shares.iter().map(|(now, before)| now.max(before.unwrap_or(0.0))).fold(0.0, f64::max);
    let scale = if highest > 0.0 { 1.0 / highest } else { 0.0 };
    let drawn = |share: f64, length: f64| if share > 0.0 { (share * scale * length).max(VISIBLE) } else { 0.0 };
    let mut chart = if histogram.ranges {
        upright(&shares, labels, |share| drawn(share, HEIGHT))
    } else {
        lying(&shares, labels, |share| drawn(share, ROW_BARS.1))
    };
    if let (Some(first), Some(last)) = (labels.first(), labels.last()) {
        let is_split = histogram.ranges && labels.len() > 1;
        let start_of = |label: &str| label.split(" – ").next().unwrap_or_default().to_owned();
        let end_of = |label: &str| label.rsplit(" – ").next().unwrap_or_default().to_owned();
        chart.ends = if is_split { (start_of(first), end_of(last)) } else { (first.clone(), String::new()) };
    }
    chart.summary = summary(seen, zone);
    chart
}

/// The chart in one sentence.
fn summary(seen: &Seen<'_>, zone: &TimeZone) -> String {
    let kind = seen.now.kind;
    let ends = seen.now.min.as_ref().zip(seen.now.max.as_ref()).filter(|_| seen.histogram.ranges);
    let ends = ends.map(|(min, max)| format!(", from {} to {}", scalar(min, kind, zone), scalar(max, kind, zone)));
    let moved = seen.moved.map(|moved| format!("; {} are elsewhere than in the reference", percent(moved)));
    let rows = counted(seen.now.rows, "row", "rows");
    format!("{}: {rows}{}{}", seen.name, ends.unwrap_or_default(), moved.unwrap_or_default())
}

#[allow(clippy::cast_precision_loss, reason = "a small number of bars")]
fn upright(shares: &[(f64, Option<f64>)], labels: &[String], drawn: impl Fn(f64) -> f64) -> Chart {
    let step = WIDTH / shares.len().max(1) as f64;
    let gap = if shares.len() > 1 { 1.0 } else { 0.0 };
    let mut outline = String::new();
    let mut bars = Vec::with_capacity(shares.len());
    for (at, ((now, before), label)) in shares.iter().zip(labels).enumerate() {
        let (left, height) = (step * at as f64, drawn(*now));
        if let Some(before) = before {
            let (x, y) = (coordinate(left), coordinate(HEIGHT - drawn(*before)));
            // Writing to a string does not fail.
            let _ = if at == 0 { write!(outline, "M{x} {}V{y}", coordinate(HEIGHT)) } else { write!(outline, "V{y}") };
            let _ = write!(outline, "H{}", coordinate(left + step));
        }
        bars.push(Bar {
            x: coordinate(left + gap / 2.0),
            y: coordinate(HEIGHT - height),
            width: coordinate(step - gap),
            height: coordinate(height),
            before: None,
            name: String::new(),
            name_y: String::new(),
            share: percent(*now),
            title: title(label, *now, *before),
        });
    }
    let outline = (!outline.is_empty()).then(|| format!("{outline}V{}", coordinate(HEIGHT)));
    let ends = (String::new(), String::new());
    Chart { width: WIDTH, height: HEIGHT, is_upright: true, bars, outline, ends, summary: String::new() }
}

#[allow(clippy::cast_precision_loss, reason = "a small number of bars")]
fn lying(shares: &[(f64, Option<f64>)], labels: &[String], drawn: impl Fn(f64) -> f64) -> Chart {
    let bar = |(at, ((now, before), label)): (usize, (&(f64, Option<f64>), &String))| Bar {
        x: coordinate(ROW_BARS.0),
        y: coordinate(ROW * at as f64 + 3.0),
        width: coordinate(drawn(*now)),
        height: coordinate(ROW - 6.0),
        before: before.map(|before| coordinate(drawn(before))),
        name: shortened(label, ROW_LABEL),
        name_y: coordinate(ROW * at as f64 + ROW - 6.0),
        share: percent(*now),
        title: title(label, *now, *before),
    };
    let bars: Vec<Bar> = shares.iter().zip(labels).enumerate().map(bar).collect();
    let height = ROW * bars.len().max(1) as f64;
    let ends = (String::new(), String::new());
    Chart { width: WIDTH, height, is_upright: false, bars, outline: None, ends, summary: String::new() }
}

fn rows(seen: &Seen<'_>, labels: &[String]) -> Vec<Row> {
    let histogram = seen.histogram;
    let is_compared = histogram.rows_reference > 0;
    let row = |label: &str, now: u64, before: u64| Row {
        label: label.to_owned(),
        now: count(now),
        now_share: percent(share(now, histogram.rows_today)),
        before_share: if is_compared { percent(share(before, histogram.rows_reference)) } else { "–".to_owned() },
    };
    let bars = histogram.bins.iter().zip(labels);
    let mut rows: Vec<Row> = bars.map(|(bin, label)| row(label, bin.today, bin.reference)).collect();
    if histogram.others_today > 0 || histogram.others_reference > 0 {
        let name = if histogram.ranges { "not a number" } else { "all others" };
        rows.push(row(name, histogram.others_today, histogram.others_reference));
    }
    let nulls_before = seen.before.map_or(0, |before| before.nulls);
    rows.push(row("nothing (null)", seen.now.nulls, nulls_before));
    rows
}

fn facts(seen: &Seen<'_>, zone: &TimeZone) -> Vec<Fact> {
    let kind = seen.now.kind;
    let before = seen.before.filter(|before| before.kind.widen(kind).is_some());
    let fact = |name: &'static str, of: &dyn Fn(&ColumnFacts) -> Option<String>| {
        let text = |column: Option<&ColumnFacts>| column.and_then(of).unwrap_or_else(|| "–".to_owned());
        Fact { name, now: text(Some(seen.now)), before: text(before) }
    };
    let end = |value: &Option<Scalar>| value.as_ref().map(|value| scalar(value, kind, zone));
    let mut facts = vec![fact("nulls", &|column| Some(percent(column.null_share)))];
    if kind.is_ordered_number() {
        let at = |value: Option<f64>| {
            value.map(|value| match kind {
                ColumnKind::Date | ColumnKind::Instant => scalar(&Scalar::Instant(rounded(value)), kind, zone),
                _ => number(value),
            })
        };
        facts.push(fact("smallest", &|column| end(&column.min)));
        facts.push(fact("5 % below", &|column| at(column.p5)));
        facts.push(fact("median", &|column| at(column.median)));
        facts.push(fact("5 % above", &|column| at(column.p95)));
        facts.push(fact("largest", &|column| end(&column.max)));
    } else {
        facts.push(fact("different", &|column| {
            let (low, high) = column.distinct;
            Some(if low == high { count(low) } else { format!("{} – {}", count(low), count(high)) })
        }));
    }
    facts
}

#[allow(clippy::cast_possible_truncation, reason = "a quantile lies between two instants")]
fn rounded(micros: f64) -> i64 {
    micros.round() as i64
}

fn noted(note: &Note, kind: ColumnKind, zone: &TimeZone) -> String {
    let shown = |value: &Scalar| scalar(value, kind, zone);
    match note {
        Note::NewColumn => "the reference has no such column".to_owned(),
        Note::OtherType { before } => format!("another type: it was {before}"),
        Note::Nulls { now, before } => format!("nulls: {}, before {}", percent(*now), percent(*before)),
        Note::Below { now, before } => format!("down to {}, before {}", shown(now), shown(before)),
        Note::Above { now, before } => format!("up to {}, before {}", shown(now), shown(before)),
        Note::NewValues { first, kinds, rows } => {
            let listed: Vec<String> = first.iter().map(shown).collect();
            let more = kinds.saturating_sub(first.len() as u64);
            let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
            let rows = if *rows == 1 { "1 row".to_owned() } else { format!("{} rows", count(*rows)) };
            format!("new: {}{more} ({rows})", listed.join(", "))
        }
    }
}
