//! Sums that keep what rounding loses (Neumaier's variant of Kahan's summation), as Prometheus sums.

/// A running sum with its compensation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(super) fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    /// Adds a sum of values that come later.
    pub(super) fn append(&mut self, later: Self) {
        self.add(later.sum);
        self.lost += later.lost;
    }

    pub(super) fn total(self) -> f64 {
        self.sum + self.lost
    }

    fn divided(self, by: f64) -> f64 {
        self.sum / by + self.lost / by
    }
}

/// A mean that survives sums beyond the largest double.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    sum: Sum,
    count: f64,
    /// From the overflow on: the mean so far, updated value by value.
    running: Option<Sum>,
}

impl Mean {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let running = match &mut self.running {
            Some(running) => running,
            None => {
                let mut sum = self.sum;
                sum.add(value);
                if sum.sum.is_finite() || sum.sum.is_nan() || self.count == 1.0 {
                    self.sum = sum;
                    return;
                }
                let before = self.count - 1.0;
                self.running.insert(Sum { sum: self.sum.sum / before, lost: self.sum.lost / before })
            }
        };
        let mean = running.total();
        if mean.is_infinite() && (value == mean || value.is_finite()) {
            return;
        }
        running.add(value / self.count - mean / self.count);
    }

    /// Adds a mean of values that come later.
    pub(super) fn append(&mut self, later: Self) {
        let count = self.count + later.count;
        let mut sum = self.sum;
        sum.append(later.sum);
        if self.running.is_none() && later.running.is_none() && (sum.sum.is_finite() || sum.sum.is_nan()) {
            (self.sum, self.count) = (sum, count);
            return;
        }
        let mean = self.mean() * (self.count / count) + later.mean() * (later.count / count);
        (self.running, self.count) = (Some(Sum { sum: mean, lost: 0.0 }), count);
    }

    pub(super) fn mean(self) -> f64 {
        match self.running {
            Some(running) => running.total(),
            None => self.sum.divided(self.count),
        }
    }
}

/// Mean and variance in one pass (Welford), compensated.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Variance {
    count: f64,
    mean: Sum,
    squares: Sum,
}

impl Variance {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean.total();
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - self.mean.total()));
    }

    /// Adds the variance of values that come later (Chan, Golub and LeVeque).
    pub(super) fn append(&mut self, later: Self) {
        let count = self.count + later.count;
        let delta = later.mean.total() - self.mean.total();
        self.mean.add(delta * (later.count / count));
        self.squares.append(later.squares);
        self.squares.add(delta * delta * (self.count * later.count / count));
        self.count = count;
    }

    /// The variance of the population.
    pub(super) fn variance(self) -> f64 {
        self.squares.total() / self.count
    }
}

/// A variance of which the square root is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Deviation(pub Variance);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(left: f64, right: f64) -> bool {
        left == right
            || (left.is_nan() && right.is_nan())
            || (left - right).abs() <= 1e-9 * left.abs().max(right.abs()).max(1.0)
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            values in prop::collection::vec(prop_oneof![
                -1e6f64..1e6, Just(f64::MAX), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(f64::NAN)
            ], 1..40),
            cut in 0usize..40,
        ) {
            let (first, second) = values.split_at(cut.min(values.len()));
            let sum = |values: &[f64]| values.iter().fold(Sum::default(), |mut sum, value| { sum.add(*value); sum });
            let mut parts = sum(first);
            parts.append(sum(second));
            prop_assert!(near(parts.total(), sum(&values).total()) || values.contains(&f64::MAX));
            let mean = |values: &[f64]| values.iter().fold(Mean::default(), |mut mean, value| { mean.add(*value); mean });
            if !first.is_empty() && !second.is_empty() {
                let mut parts = mean(first);
                parts.append(mean(second));
                let (parts, whole) = (parts.mean(), mean(&values).mean());
                prop_assert!(near(parts, whole) || (parts - whole).abs() <= whole.abs() * 1e-12, "{parts} {whole}");
            }
            let finite: Vec<f64> = values.iter().copied().filter(|value| value.abs() < 1e7).collect();
            let (first, second) = finite.split_at(cut.min(finite.len()));
            let variance = |values: &[f64]| values.iter().fold(Variance::default(), |mut all, value| { all.add(*value); all });
            if !first.is_empty() && !second.is_empty() {
                let mut parts = variance(first);
                parts.append(variance(second));
                prop_assert!(near(parts.variance(), variance(&finite).variance()));
            }
        }
    }

    #[test]
    fn small_values_beside_large_ones_are_not_lost() {
        let mut sum = Sum::default();
        [1.0, 1e100, 1.0, -1e100].into_iter().for_each(|value| sum.add(value));
        assert_eq!(sum.total(), 2.0);
        let mut mean = Mean::default();
        [1e308, 1e308, 1e308].into_iter().for_each(|value| mean.add(value));
        assert!((mean.mean() - 1e308).abs() < 1e293, "{}", mean.mean());
        let mut variance = Variance::default();
        [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().for_each(|value| variance.add(value));
        assert_eq!(variance.variance(), 4.0);
    }
}
