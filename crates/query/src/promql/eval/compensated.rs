//! Sums that keep what rounding loses (Neumaier's variant of Kahan's summation), as Prometheus sums.

/// A running sum with its compensation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub fn add(&mut self, value: f64) {
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

    pub fn total(self) -> f64 {
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
    pub fn add(&mut self, value: f64) {
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

    pub fn mean(self) -> f64 {
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
    pub fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean.total();
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - self.mean.total()));
    }

    /// The variance of the population.
    pub fn variance(self) -> f64 {
        self.squares.total() / self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
