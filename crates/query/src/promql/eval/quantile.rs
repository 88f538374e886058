//! Quantiles of plain values, by linear interpolation between ranks.

/// The φ-quantile of `values`, which are sorted here, NaN lowest. NaN for no values or a φ that is NaN; infinite for φ
/// outside [0, 1].
pub(super) fn quantile(phi: f64, values: &mut [f64]) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    if phi.is_nan() {
        return f64::NAN;
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|left, right| match (left.is_nan(), right.is_nan()) {
        (false, false) => left.total_cmp(right),
        (left, right) => right.cmp(&left),
    });
    let rank = phi * last as f64;
    let low = rank.floor().max(0.0) as usize;
    let high = (low + 1).min(last);
    let weight = rank - rank.floor();
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => low * (1.0 - weight) + high * weight,
        _ => f64::NAN,
    }
}
