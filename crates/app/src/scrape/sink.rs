//! Where scraped samples go.

use clew_model::ErrorKind;
use clew_model::metrics::MetricBatch;
use futures_util::future::BoxFuture;

/// Why a batch was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SinkError {
    /// What may be done about it.
    pub kind: ErrorKind,
    /// What went wrong; lowercase, no final dot.
    pub message: String,
}

/// Takes scraped samples in.
pub trait MetricSink: Send + Sync {
    /// Writes a batch and answers when it is durable.
    ///
    /// The batch of one scrape is one call. An error loses the batch: the next scrape brings new samples.
    fn write(&self, batch: MetricBatch) -> BoxFuture<'_, Result<(), SinkError>>;
}
