//! Made-up datasets, watched day by day.

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::*;
use crate::draws::Draws;
use crate::profile::{ColumnBuilder, ColumnKind, ColumnProfile, Profile};

const FIRST: Date = date(2024, 1, 1);

fn key(day: i64) -> PartitionKey {
    PartitionKey::parse(&(FIRST + day.days()).to_string()).expect("a day")
}

/// One day of a made-up shop: three columns of numbers, one of texts.
struct Shop {
    draws: Draws,
    /// Added to the mean of `price` each day.
    trend: f64,
    /// Part of the orders that weekends have.
    weekend: f64,
}

/// What goes wrong on a day.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    Nulls,
    Negative,
    Texts,
    NewStreet,
    Gone,
}

impl Shop {
    fn new() -> Self {
        Self { draws: Draws::seeded("made-up datasets", b"a shop"), trend: 0.0, weekend: 1.0 }
    }

    fn noise(&mut self) -> f64 {
        // About normal: twelve uniform numbers (Irwin and Hall).
        let unit = |draws: &mut Draws| draws.below(1 << 30) as f64 / f64::from(1 << 30);
        (0..12).map(|_| unit(&mut self.draws)).sum::<f64>() - 6.0
    }

    fn day(&mut self, day: i64, wrong: Wrong) -> Summary {
        let usual = if key(day).start().weekday().to_monday_zero_offset() > 4 { 200.0 * self.weekend } else { 200.0 };
        let rows = (usual + 5.0 * self.noise()).max(1.0).round();
        let level = 50.0 + self.trend * f64::from(i32::try_from(day).expect("a day"));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundred rows")]
        let rows = rows as usize;
        let price: Vec<f64> = (0..rows).map(|_| level + 4.0 * self.noise()).collect();
        let weight: Vec<f64> = (0..rows).map(|_| (10.0 + self.noise()).round()).collect();
        let streets = ["elm", "oak", "ash"].map(|street| (street, rows as u64 / 3));
        let bad = rows / 10;
        let mut columns = vec![
            numbers("price", &price, if wrong == Wrong::Nulls { bad } else { 0 }),
            numbers(
                "weight",
                &weight
                    .iter()
                    .enumerate()
                    .map(|(at, value)| match wrong {
                        Wrong::Negative if at < bad => -value,
                        _ => *value,
                    })
                    .collect::<Vec<_>>(),
                0,
            ),
        ];
        let mut street = ColumnBuilder::new("street", "Utf8", ColumnKind::Text);
        street.texts(streets);
        if wrong == Wrong::NewStreet {
            street.texts([("Elm", bad as u64)]);
        }
        match wrong {
            Wrong::Gone => {}
            _ => columns.push(street.finish()),
        }
        if wrong == Wrong::Texts {
            let mut texts = ColumnBuilder::new("price", "Utf8", ColumnKind::Text);
            texts.texts([("12 EUR", rows as u64)]);
            columns[0] = texts.finish();
        }
        Summary::of(&Profile::new(rows as u64, columns), &key(day), &TimeZone::UTC)
    }
}

fn numbers(name: &str, values: &[f64], nulls: usize) -> ColumnProfile {
    let mut builder = ColumnBuilder::new(name, "Float64", ColumnKind::Float);
    builder.nulls(nulls as u64);
    builder.floats(&values[nulls..]);
    builder.finish()
}

fn watched(shop: &mut Shop, days: i64, alpha: f64) -> (Watcher, usize) {
    let mut watcher = Watcher::new(alpha);
    let mut pages = 0;
    for day in 0..days {
        let summary = shop.day(day, Wrong::Nothing);
        let judged = watcher.judge(&key(day), &summary);
        pages += usize::from(judged.judgement.outcome == Outcome::Surprising);
        watcher.learn(&key(day), &summary, &judged);
    }
    (watcher, pages)
}

#[test]
fn nothing_is_said_before_there_is_a_history() {
    let mut shop = Shop::new();
    let mut watcher = Watcher::new(0.07);
    for day in 0..60 {
        let summary = shop.day(day, Wrong::Nothing);
        let judged = watcher.judge(&key(day), &summary);
        let is_known = judged.judgement.outcome != Outcome::NoVerdict;
        assert_eq!(is_known, judged.judgement.history >= HISTORY_MIN, "after {}", judged.judgement.history);
        watcher.learn(&key(day), &summary, &judged);
    }
}

#[test]
fn what_goes_wrong_is_surprising_and_named() {
    let mut shop = Shop::new();
    let (watcher, _) = watched(&mut shop, 60, 0.05);
    for (wrong, column) in [
        (Wrong::Nulls, "price"),
        (Wrong::Negative, "weight"),
        (Wrong::Texts, "price"),
        (Wrong::NewStreet, "street"),
        (Wrong::Gone, "street"),
    ] {
        let said = watcher.judge(&key(60), &shop.day(60, wrong)).judgement;
        assert_eq!(said.outcome, Outcome::Surprising, "{column}: {:?}", said.reasons());
        assert_eq!(said.named().first(), Some(&column), "{:?}", said.reasons());
        assert!(said.reasons()[0].starts_with(column), "{:?}", said.reasons());
    }
    let said = watcher.judge(&key(60), &shop.day(60, Wrong::Nulls)).judgement;
    assert!(said.reasons()[0].contains("share of nulls"), "what is off is said: {:?}", said.reasons());
}

#[test]
fn usual_days_stay_within_the_budget() {
    for (trend, weekend) in [(0.0, 1.0), (0.5, 1.0), (0.0, 0.2)] {
        let mut shop = Shop { trend, weekend, ..Shop::new() };
        let days = 300;
        let (_, pages) = watched(&mut shop, days, 1.0 / 14.0);
        // The budget is 20 pages of 278 days; a binomial number is rarely above 30.
        assert!(pages <= 30, "{pages} pages with trend {trend} and weekends of {weekend}");
    }
}

#[test]
fn a_weekend_is_no_surprise_and_a_quiet_monday_is() {
    let mut shop = Shop { weekend: 0.2, ..Shop::new() };
    let (watcher, _) = watched(&mut shop, 75, 0.05);
    let saturday = shop.day(75, Wrong::Nothing);
    assert_eq!(key(75).start().weekday(), jiff::civil::Weekday::Saturday);
    assert_eq!(watcher.judge(&key(75), &saturday).judgement.outcome, Outcome::Usual);
    let said = watcher.judge(&key(77), &saturday).judgement;
    assert_eq!((said.outcome, said.named()[0]), (Outcome::Surprising, ROWS), "{:?}", said.reasons());
}

#[test]
fn a_change_of_the_schema_is_reported_once() {
    let mut shop = Shop::new();
    let (mut watcher, _) = watched(&mut shop, 40, 0.05);
    let mut changes = Vec::new();
    for day in 40..44 {
        let summary = shop.day(day, Wrong::Gone);
        let judged = watcher.judge(&key(day), &summary);
        changes.push(judged.judgement.changes.len());
        watcher.learn(&key(day), &summary, &judged);
    }
    assert_eq!(changes, [1, 0, 0, 0]);
}

#[test]
fn an_expected_change_begins_the_history_anew() {
    let mut shop = Shop::new();
    let (mut watcher, _) = watched(&mut shop, 60, 0.05);
    let before = watcher.judge(&key(60), &shop.day(60, Wrong::NewStreet)).judgement;
    assert_eq!(before.outcome, Outcome::Surprising);
    watcher.forget(&["street".to_owned()]);
    let after = watcher.judge(&key(60), &shop.day(60, Wrong::NewStreet)).judgement;
    assert!(after.columns.iter().all(|column| column.column != "street"), "nothing is known of it");
}

#[test]
fn the_budget_is_shared_by_the_datasets() {
    for (pages, datasets, days, expected) in
        [(0.5, 1, 1.0, 1.0 / 14.0), (0.5, 2, 1.0, 1.0 / 28.0), (0.5, 0, 1.0, 1.0 / 14.0), (99.0, 1, 1.0, 0.25)]
    {
        assert!((alpha(pages, datasets, days) - expected).abs() < 1e-9, "{pages} {datasets} {days}");
    }
}
