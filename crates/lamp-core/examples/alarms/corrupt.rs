//! Six ways in which a part of the rows of some columns goes wrong.

use super::table::{Cells, Column, Day};

/// A way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Cells are lost.
    Nulls,
    /// Numbers change their sign.
    Sign,
    /// Cells are of another type: a number among texts, a text among numbers (which makes all of them texts).
    Type,
    /// Numbers are in another unit.
    Units,
    /// Numbers are the day's mean, as a filler puts it.
    Average,
    /// Cells are stuck at the first of the day.
    Pinned,
}

impl Kind {
    pub const ALL: [Self; 6] = [Self::Nulls, Self::Sign, Self::Type, Self::Units, Self::Average, Self::Pinned];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nulls => "nulls",
            Self::Sign => "sign",
            Self::Type => "type",
            Self::Units => "units",
            Self::Average => "average",
            Self::Pinned => "pinned",
        }
    }
}

/// Reproducible numbers that look random (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal, with mean 0 and deviation 1 (Irwin–Hall).
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// Which rows go wrong: a share of them, at least one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows")]
pub fn rows_hit(rows: usize, share: f64, dice: &mut Dice) -> Vec<usize> {
    let wanted = ((rows as f64 * share).round() as usize).clamp(1, rows.max(1));
    let mut all: Vec<usize> = (0..rows).collect();
    for at in 0..wanted.min(rows) {
        let other = at + (dice.next() % (rows - at) as u64) as usize;
        all.swap(at, other);
    }
    all.truncate(wanted);
    all
}

/// A column whose `rows` went wrong; none where that kind of wrong does nothing to such a column.
pub fn corrupted(column: &Column, kind: Kind, unit: Option<(f64, f64)>, rows: &[usize]) -> Option<Column> {
    let cells = match (&column.cells, kind) {
        (Cells::Numbers(cells), Kind::Type) => {
            let mut texts: Vec<_> = cells.iter().map(|cell| cell.map(|value| value.to_string())).collect();
            for row in rows {
                texts[*row] = texts[*row].take().map(|text| format!("'{text}'"));
            }
            Cells::Texts(texts)
        }
        (Cells::Numbers(cells), _) => {
            let present: Vec<f64> = cells.iter().flatten().copied().collect();
            let first = *present.first()?;
            let mean = present.iter().sum::<f64>() / present.len() as f64;
            let mut cells = cells.clone();
            for row in rows {
                cells[*row] = cells[*row].and_then(|value| match kind {
                    Kind::Nulls | Kind::Type => None,
                    Kind::Sign => Some(-value),
                    Kind::Units => Some(unit.map_or(value, |(factor, offset)| value * factor + offset)),
                    Kind::Average => Some(mean),
                    Kind::Pinned => Some(first),
                });
            }
            Cells::Numbers(cells)
        }
        (Cells::Texts(cells), _) => {
            let first = cells.iter().flatten().next()?.clone();
            let mut cells = cells.clone();
            for row in rows {
                cells[*row] = match kind {
                    Kind::Nulls => None,
                    Kind::Type => Some(row.to_string()),
                    Kind::Pinned => Some(first.clone()),
                    Kind::Sign | Kind::Units | Kind::Average => return None,
                };
            }
            Cells::Texts(cells)
        }
    };
    Some(Column { name: column.name.clone(), cells })
}

/// The columns of a group of `day`, after a share of their rows went wrong, with their places; the same rows in each.
pub fn incident(
    day: &Day,
    group: &[(&str, Option<(f64, f64)>)],
    kind: Kind,
    share: f64,
    dice: &mut Dice,
) -> Vec<(usize, Column)> {
    let rows = rows_hit(day.rows(), share, dice);
    let found = group.iter().filter_map(|(name, unit)| day.find(name).map(|(at, column)| (at, column, *unit)));
    found.filter_map(|(at, column, unit)| Some((at, corrupted(column, kind, unit, &rows)?))).collect()
}
