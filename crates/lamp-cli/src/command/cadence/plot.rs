//! A line with an interval on it, for a terminal.

/// Columns of a plot.
const WIDTH: usize = 36;

/// What is drawn: from the least to the largest of all values, zero taken in.
pub struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// The scale of some values.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        Self { low, high }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a column of a terminal"
    )]
    fn column(&self, value: f64) -> usize {
        let width = self.high - self.low;
        if width <= 0.0 {
            return 0;
        }
        (((value - self.low) / width).clamp(0.0, 1.0) * (WIDTH - 1) as f64).round() as usize
    }

    /// One value with its interval: `┊  ──●───`, or `──┼──●──` where zero lies within.
    pub fn draw(&self, low: f64, value: f64, high: f64) -> String {
        let (from, at, to, zero) = (self.column(low), self.column(value), self.column(high), self.column(0.0));
        let drawn = (0..WIDTH).map(|column| match column {
            column if column == at => '●',
            column if (from..=to).contains(&column) => {
                if column == zero {
                    '┼'
                } else {
                    '─'
                }
            }
            column if column == zero => '┊',
            _ => ' ',
        });
        drawn.collect::<String>().trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_drawn_around_its_value() {
        let scale = Scale::of([-0.01, 0.0, 0.025].into_iter());
        assert_eq!(scale.draw(0.005, 0.015, 0.02), "          ┊    ──────────●─────");
        assert_eq!(scale.draw(-0.01, 0.0, 0.025), "──────────●─────────────────────────");
        assert_eq!(Scale::of([0.0].into_iter()).draw(0.0, 0.0, 0.0), "●", "nothing to scale");
    }
}
