//! Series, samples, native histograms, exemplars, and the trait by which queries read a metric store.

mod exponential_bounds;
mod histogram;
mod label_sets;
mod labels;
mod matcher;
mod reader;
mod sample;
mod shared_labels;

pub use exponential_bounds::exponential_bound;
pub use histogram::{CUSTOM_BUCKETS_SCHEMA, HistogramBucket, NativeHistogram, ResetHint, Span as BucketSpan};
pub use label_sets::{LabelSets, LabelSizes, SeriesKey};
pub use labels::{
    BUCKET_LABEL, LabelError, Labels, METADATA_LABELS, METRIC_NAME, QUANTILE_LABEL, SPAN_LATENCY, TYPE_LABEL,
    UNIT_LABEL,
};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use reader::{
    ExemplarRow, ExemplarScan, ExemplarsOf, MetricReader, MetricView, SeriesBatch, SeriesData, SeriesScan, SeriesSet,
};
pub use sample::{
    Exemplar, HistogramSample, Metadata, MetricBatch, MetricType, STALE_NAN, Sample, SampleStart, is_stale,
};
pub use shared_labels::SharedLabels;
