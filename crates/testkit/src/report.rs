//! Figures for people: medians and Markdown tables.

use std::time::Duration;

/// The middle value; of an even number of them, the lower middle. NaN when there is none.
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    percentile(values, 50)
}

/// The value below or at which `percent` of the values lie; NaN when there is none.
#[must_use]
pub fn percentile(values: impl IntoIterator<Item = f64>, percent: usize) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1) - 1;
    values.get(rank).copied().unwrap_or(f64::NAN)
}

/// Microseconds.
#[must_use]
pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// A number with about three significant digits.
#[must_use]
pub fn figure(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 99.5 => 0,
        size if size >= 9.95 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

/// Prints a Markdown table.
pub fn table(head: &[&str], rows: &[Vec<String>]) {
    println!("\n| {} |", head.join(" | "));
    println!("|{}", "---|".repeat(head.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}

/// The number in an environment variable, or `default` when it is not set.
///
/// # Errors
/// It is not a number.
pub fn setting(name: &str, default: usize) -> anyhow::Result<usize> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| anyhow::anyhow!("{name} is {text:?}; it must be a number")),
        Err(_) => Ok(default),
    }
}

/// Whether this is `cargo bench`; says what to do when it is not, so that a test run never spends minutes here.
#[must_use]
pub fn is_bench() -> bool {
    let bench = std::env::args().any(|argument| argument == "--bench");
    if !bench {
        println!("a bench: run it with `cargo bench --package clew-testkit`");
    }
    bench
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_of_the_list() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.0);
        assert_eq!(percentile((1..=100).map(f64::from), 99), 99.0);
        assert_eq!(percentile([7.0], 99), 7.0);
        assert!(median([]).is_nan());
    }

    #[test]
    fn figures_have_about_three_digits() {
        let shown: Vec<String> = [0.123, 1.234, 12.34, 123.4, 99.9].into_iter().map(figure).collect();
        assert_eq!(shown, ["0.12", "1.23", "12.3", "123", "100"]);
    }
}
