//! Why a scrape failed.

use super::sink::SinkError;
use clew_config::yaml::render_duration;
use std::path::PathBuf;
use std::time::Duration;

/// Why a scrape failed; the status shows it as the target's last error.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScrapeError {
    #[error("the job's client cannot be made: {0}")]
    Client(String),
    #[error("{0} is not built, and the job asks for it")]
    NotBuilt(&'static str),
    #[error("no token of oauth2 could be had: {0}")]
    Token(String),
    #[error("no connection: {0}")]
    Request(String),
    #[error("no complete answer within the timeout of {}", render_duration(*.0))]
    Timeout(Duration),
    #[error("server returned HTTP status {0}")]
    Status(reqwest::StatusCode),
    #[error("the answer is larger than the body_size_limit of {0} bytes")]
    BodySize(u64),
    #[error("the answer is larger than {0} bytes, all that the memory has room for (limits.memory)")]
    NoMemory(u64),
    #[error("the answer has no Content-Type, and the job has no fallback_scrape_protocol")]
    NoContentType,
    #[error("the answer's Content-Type {0:?} is no metrics format, and the job has no fallback_scrape_protocol")]
    ContentType(String),
    #[error("the secret in {} cannot be read: {reason}", path.display())]
    Secret { path: PathBuf, reason: String },
    #[error("the header {0:?} or its value cannot be sent")]
    Header(String),
    #[error("{0}")]
    Body(#[from] clew_codec::DecodeError),
    #[error("the answer has {found} samples after relabelling, the sample_limit is {limit}")]
    SampleLimit { found: u64, limit: u64 },
    #[error("a series has {found} labels, the label_limit is {limit}: {series}")]
    LabelLimit { found: u64, limit: u64, series: String },
    #[error("a label has a name of {found} bytes, the label_name_length_limit is {limit}: {series}")]
    LabelNameLimit { found: u64, limit: u64, series: String },
    #[error("a label has a value of {found} bytes, the label_value_length_limit is {limit}: {series}")]
    LabelValueLimit { found: u64, limit: u64, series: String },
    #[error("a series has no metric name after relabelling: {0}")]
    NoMetricName(String),
    #[error("a name is not of the classic alphabet, which metric_name_validation_scheme asks for: {0}")]
    LegacyName(String),
    #[error("a series cannot be labelled: {0}")]
    Labels(#[from] clew_model::metrics::LabelError),
    #[error("the job has {found} targets, the target_limit is {limit}")]
    TargetLimit { found: u64, limit: u64 },
    #[error("reading the answer has failed: {0}")]
    Reading(String),
    #[error("the samples were not stored: {0}")]
    Sink(#[from] SinkError),
}
