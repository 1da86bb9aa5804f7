//! The frame of a chart of values over something, and the paths in it. In units of the chart's view box.

use std::fmt::Write as _;

/// Size of a chart.
pub(crate) const SIZE: (f64, f64) = (320.0, 132.0);
/// Where the plot begins: beside it stand the numbers of the axis.
pub(crate) const LEFT: f64 = 40.0;
const RIGHT: f64 = 6.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 8.0;

/// From values to places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    first: f64,
    last: f64,
    low: f64,
    high: f64,
}

impl Frame {
    /// A frame of all `values`, with a little room, and of everything from `first` to `last`. None without values.
    pub(crate) fn around(first: f64, last: f64, values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        if !low.is_finite() || !high.is_finite() {
            return None;
        }
        let room = ((high - low) * 0.08).max(high.abs().max(low.abs()) * 0.005).max(1e-9);
        Some(Self { first, last, low: low - room, high: high + room })
    }

    pub(crate) fn x(&self, at: f64) -> f64 {
        let share = if self.last > self.first { (at - self.first) / (self.last - self.first) } else { 0.5 };
        LEFT + (SIZE.0 - LEFT - RIGHT) * share
    }

    pub(crate) fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        TOP + (SIZE.1 - TOP - BOTTOM) * (1.0 - share.clamp(0.0, 1.0))
    }

    /// A line through points.
    pub(crate) fn line(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (at, (x, y)) in points.iter().enumerate() {
            let command = if at == 0 { "M" } else { "L" };
            // Writing to a string does not fail.
            let _ = write!(path, "{command}{} {}", coordinate(self.x(*x)), coordinate(self.y(*y)));
        }
        path
    }

    /// A band between lower and upper ends.
    pub(crate) fn band(&self, points: &[(f64, (f64, f64))]) -> String {
        let there: Vec<_> = points.iter().map(|(x, (_, high))| (*x, *high)).collect();
        let back: Vec<_> = points.iter().rev().map(|(x, (low, _))| (*x, *low)).collect();
        format!("{}Z", self.line(&[there, back].concat()))
    }

    /// Two to five round numbers within the frame, with their places.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the magnitude of a step, and its decimals from 0 to 9"
    )]
    pub(crate) fn ticks(&self) -> Vec<(String, String)> {
        let span = self.high - self.low;
        let magnitude = 10_f64.powi((span / 3.0).log10().floor() as i32);
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|of| of * magnitude).find(|step| span / step <= 4.0);
        let step = step.unwrap_or(span);
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let mut ticks = Vec::new();
        let mut at = (self.low / step).ceil() * step;
        while at <= self.high && ticks.len() < 5 {
            // Adding steps may miss zero by a hair.
            let shown = if at.abs() < step / 1e6 { 0.0 } else { at };
            ticks.push((coordinate(self.y(at)), format!("{shown:.decimals$}").replace('-', "−")));
            at += step;
        }
        ticks
    }
}

/// A place, to a tenth.
pub(crate) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(low: f64, high: f64) -> Frame {
        Frame { first: 0.0, last: 10.0, low, high }
    }

    #[test]
    fn ticks_are_few_and_round() {
        let of = |low: f64, high: f64| {
            frame(low, high).ticks().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of(0.61, 0.83), "0.7 0.8");
        assert_eq!(of(0.0, 1.0), "0.0 0.5 1.0");
        assert_eq!(of(-3.0, 14.0), "0 5 10");
        assert_eq!(of(-0.002, 0.0051), "−0.002 0.000 0.002 0.004");
    }

    #[test]
    fn a_band_goes_there_and_back() {
        let frame = frame(0.0, 1.0);
        assert_eq!(frame.line(&[(0.0, 0.0), (10.0, 1.0)]), "M40 124L314 8");
        assert_eq!(frame.band(&[(0.0, (0.0, 1.0)), (10.0, (0.5, 1.0))]), "M40 8L314 8L314 66L40 124Z");
        assert!(Frame::around(0.0, 1.0, std::iter::empty()).is_none());
        let flat = Frame::around(0.0, 0.0, [0.5, 0.5].into_iter()).expect("a frame");
        assert_eq!((coordinate(flat.x(0.0)), coordinate(flat.y(0.5))), ("177".to_owned(), "66".to_owned()));
    }
}
