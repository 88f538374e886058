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

/// Samples of a batch that were refused by themselves, while the others were written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refused {
    /// How many.
    pub count: u64,
    /// Why the first of them was; empty when none was.
    pub reason: String,
}

/// Takes scraped samples in.
pub trait MetricSink: Send + Sync {
    /// Writes a batch and answers when it is durable, and which samples were not taken.
    ///
    /// The batch of one scrape is one call. An error loses the batch: the next scrape brings new samples.
    fn write(&self, batch: MetricBatch) -> BoxFuture<'_, Result<Refused, SinkError>>;
}
