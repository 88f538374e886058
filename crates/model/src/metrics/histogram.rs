//! Native histograms: exponential buckets by schema, as in Prometheus' `model/histogram` and OTLP's exponential
//! histograms.

/// What is known of a reset of the counter between this histogram and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ResetHint {
    /// Nothing: compare the counts.
    #[default]
    Unknown,
    /// There was a reset.
    Reset,
    /// There was none.
    NoReset,
    /// The histogram is a gauge.
    Gauge,
}

/// A run of buckets that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Gap to the end of the previous run; the index of the first bucket for the first run.
    pub offset: i32,
    /// Buckets in the run.
    pub length: u32,
}

/// A histogram with exponential (schema -4 to 8) or custom buckets (schema -53). Counts are floats, so that both
/// integer and float histograms fit; integers up to 2^53 are exact.
///
/// Bucket `i` of schema `s` holds values in (base^(i-1), base^i] with base = 2^(2^-s).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NativeHistogram {
    /// Resolution; -53 for custom buckets.
    pub schema: i32,
    /// Width of the zero bucket: values in [-threshold, threshold].
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of the observations; staleness marker when its bits are `STALE_NAN`.
    pub sum: f64,
    /// Runs of positive buckets.
    pub positive_spans: Vec<Span>,
    /// Counts of the positive buckets, absolute, in order of the runs.
    pub positive_buckets: Vec<f64>,
    /// Runs of negative buckets.
    pub negative_spans: Vec<Span>,
    /// Counts of the negative buckets, absolute, in order of the runs.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds of custom buckets (schema -53), without +Inf.
    pub custom_bounds: Vec<f64>,
    /// What is known of a counter reset.
    pub reset_hint: ResetHint,
}
