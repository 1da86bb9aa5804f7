//! Made-up tables of other shapes than flights: what the check was not made on.

use jiff::ToSpan as _;
use jiff::civil::date;
use lamp_core::partition::PartitionKey;

use super::corrupt::Dice;
use super::flights::Group;
use super::table::{Cells, Column, Day};

/// A shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Numbers grow from day to day, and so do the rows.
    Trending,
    /// Weekends have a fifth of the rows, and other numbers.
    Weekly,
    /// Forty rows a day, most columns null or zero most of the time.
    Sparse,
    /// Three hundred columns.
    Wide,
}

impl Shape {
    pub const ALL: [Self; 4] = [Self::Trending, Self::Weekly, Self::Sparse, Self::Wide];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trending => "trending",
            Self::Weekly => "weekly seasons",
            Self::Sparse => "sparse, 40 rows a day",
            Self::Wide => "300 columns",
        }
    }

    /// Columns that one cause hits together.
    pub fn groups() -> &'static [Group] {
        &[
            ("amounts", &[("a0", Some((100.0, 0.0))), ("a1", Some((100.0, 0.0)))]),
            ("sizes", &[("b0", Some((2.54, 0.0))), ("b1", Some((2.54, 0.0))), ("b2", Some((2.54, 0.0)))]),
            ("names", &[("t0", None), ("t1", None)]),
        ]
    }

    fn columns(self) -> (usize, usize) {
        match self {
            Self::Wide => (270, 30),
            Self::Trending | Self::Weekly | Self::Sparse => (12, 4),
        }
    }

    /// `days` days of it.
    pub fn days(self, days: i64) -> Vec<Day> {
        let mut dice = Dice(11 + self as u64);
        (0..days).map(|day| self.day(day, &mut dice)).collect()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred rows")]
    fn day(self, day: i64, dice: &mut Dice) -> Day {
        let start = date(2023, 1, 2) + day.days();
        let is_weekend = day % 7 > 4;
        let age = day as f64;
        let usual = match self {
            Self::Trending => 300.0 * (1.0 + age / 200.0),
            Self::Weekly if is_weekend => 80.0,
            Self::Weekly => 400.0,
            Self::Sparse => 40.0,
            Self::Wide => 200.0,
        };
        let rows = (usual * (1.0 + 0.05 * dice.normal())).max(5.0).round() as usize;
        let level = match self {
            Self::Trending => 1.0 + age / 100.0,
            Self::Weekly if is_weekend => 0.6,
            Self::Weekly | Self::Sparse | Self::Wide => 1.0,
        };
        // What all columns of a day share: a busy day is busy everywhere.
        let mood = 1.0 + 0.05 * dice.normal();
        let (numbers, texts) = self.columns();
        let mut columns: Vec<Column> = (0..numbers).map(|at| self.numbers(at, rows, level * mood, dice)).collect();
        columns.extend((0..texts).map(|at| text_column(at, rows, dice)));
        Day { key: PartitionKey::parse(&start.to_string()).expect("a day"), columns }
    }

    fn numbers(self, at: usize, rows: usize, level: f64, dice: &mut Dice) -> Column {
        let name = match at {
            0 | 1 => format!("a{at}"),
            2..5 => format!("b{}", at - 2),
            _ => format!("c{at}"),
        };
        let empty = match self {
            Self::Sparse => 0.7,
            Self::Trending | Self::Weekly | Self::Wide => 0.02 * (at % 3) as f64,
        };
        let cell = |dice: &mut Dice| {
            if dice.unit() < empty {
                return if at.is_multiple_of(2) { None } else { Some(0.0) };
            }
            // Amounts are skewed, sizes are not; both with two decimals.
            let value = match at % 5 {
                0 | 1 => level * 40.0 * (0.8 * dice.normal()).exp(),
                _ => level * (100.0 + 15.0 * dice.normal()),
            };
            Some((value * 100.0).round() / 100.0)
        };
        Column { name, cells: Cells::Numbers((0..rows).map(|_| cell(dice)).collect()) }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "one of a few words")]
fn text_column(at: usize, rows: usize, dice: &mut Dice) -> Column {
    let words = 4 + at * 6;
    let cell = |dice: &mut Dice| Some(format!("word{}", (dice.unit() * dice.unit() * words as f64) as usize));
    Column { name: format!("t{at}"), cells: Cells::Texts((0..rows).map(|_| cell(dice)).collect()) }
}
