//! Straight lines through the samples of a window, by least squares.

use super::compensated::Sum;
use super::compute::Window;
use clew_model::UnixMillis;

/// The slope per second.
pub(super) fn deriv(window: &Window<'_>) -> Option<f64> {
    window.ignores_histograms();
    let first = *window.times.first()?;
    line(window, first).map(|(slope, _)| slope)
}

/// The value that the line has `seconds` after the instant of evaluation.
pub(super) fn predict(window: &Window<'_>, seconds: f64) -> Option<f64> {
    window.ignores_histograms();
    line(window, window.at).map(|(slope, intercept)| slope * seconds + intercept)
}

/// Slope per second, and the value at `origin`; `None` for fewer than two samples.
fn line(window: &Window<'_>, origin: UnixMillis) -> Option<(f64, f64)> {
    let first = *window.values.first()?;
    if window.values.len() < 2 {
        return None;
    }
    // A constant needs no fit, and its slope is exactly zero.
    if window.values.iter().all(|value| *value == first) {
        return Some(if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) });
    }
    let (mut x_sum, mut y_sum, mut xy_sum, mut xx_sum) =
        (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for (time, y) in window.times.iter().zip(window.values) {
        let x = (time - origin) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let count = window.values.len() as f64;
    let (x, y) = (x_sum.total(), y_sum.total());
    let slope = (xy_sum.total() - x * y / count) / (xx_sum.total() - x * x / count);
    Some((slope, y / count - slope * x / count))
}
