//! A series as lines of text: one a day, the interval as a bar, the estimate as a dot on it.

use lamp_app::metrics::view::{MetricPoint, MetricSeries};

use crate::ui::out;

/// Columns of the plot.
const WIDTH: usize = 48;

/// Days shown: the last ones.
const DAYS_MAX: usize = 28;

/// Prints a series.
pub fn print(series: &MetricSeries) {
    let whose = series.subject.model.as_deref().unwrap_or("whoever answered");
    out!("{} of {whose}, as it was known each day", series.now.metric);
    let from = series.points.len().saturating_sub(DAYS_MAX);
    for line in lines(&series.points[from..], series.report.as_ref().map(|report| report.value)) {
        out!("{line}");
    }
}

fn lines(points: &[MetricPoint], report: Option<f64>) -> Vec<String> {
    let ends = points.iter().filter_map(|point| point.interval).flat_map(|i| [i.lower, i.upper]).chain(report);
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| (low.min(end), high.max(end)));
    let mut lines: Vec<String> = points.iter().map(|point| line(point, low, high, report)).collect();
    if low.is_finite() && high > low {
        let scale = format!("{low:<.3}{:>width$.3}", high, width = WIDTH - format!("{low:.3}").len());
        lines.push(format!("            {scale}"));
    }
    if report.is_some() {
        lines.push("            ┊ is what the report says".to_owned());
    }
    lines
}

fn line(point: &MetricPoint, low: f64, high: f64, report: Option<f64>) -> String {
    let mut cells = [' '; WIDTH];
    if let Some(report) = report {
        cells[column(report, low, high)] = '┊';
    }
    let Some(interval) = point.interval else {
        let drawn: String = cells.iter().collect();
        return format!("{}  {drawn}  not enough labels ({})", point.day, point.labels);
    };
    let [from, at, to] = [interval.lower, interval.value, interval.upper].map(|value| column(value, low, high));
    for cell in &mut cells[from..=to] {
        *cell = '─';
    }
    (cells[from], cells[to], cells[at]) = ('├', '┤', '●');
    let drawn: String = cells.iter().collect();
    format!("{}  {drawn}  {:.4}  {} labels", point.day, interval.value, point.labels)
}

/// The column of a value between the ends.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "48 columns")]
fn column(value: f64, low: f64, high: f64) -> usize {
    let share = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
    ((share * (WIDTH - 1) as f64).round() as usize).min(WIDTH - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use lamp_core::estimate::Interval;

    #[test]
    fn a_day_is_a_bar_with_a_dot() {
        let point = |day, interval| MetricPoint { day: date(2013, 4, day), interval, labels: 10 };
        let measured = Some(Interval { value: 0.5, lower: 0.0, upper: 1.0 });
        let shown = lines(&[point(1, None), point(2, measured)], Some(0.75));
        assert!(shown[0].starts_with("2013-04-01") && shown[0].ends_with("not enough labels (10)"), "{shown:?}");
        assert!(shown[1].contains('├') && shown[1].contains('●') && shown[1].contains('┤'), "{shown:?}");
        assert!(shown[1].ends_with("0.5000  10 labels"), "{shown:?}");
        assert!(shown[2].trim().starts_with("0.000") && shown[2].ends_with("1.000"), "{shown:?}");
    }
}
