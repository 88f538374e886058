//! Where scraped samples go: the write path of metrics.

use crate::scrape::{MetricSink, Refused, SinkError};
use crate::server::{App, Protocol};
use clew_codec::error::Decoded;
use clew_model::Caller;
use clew_model::metrics::MetricBatch;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Writes scraped samples for the tenant that the configuration belongs to.
pub struct ScrapeSink {
    app: Arc<App>,
}

impl ScrapeSink {
    /// A sink into the program's write path.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        Self { app }
    }
}

impl MetricSink for ScrapeSink {
    fn write(&self, batch: MetricBatch) -> BoxFuture<'_, Result<Refused, SinkError>> {
        Box::pin(async move {
            let accepted = batch.sample_count() as u64;
            let decoded = Decoded { accepted, ..Decoded::of(batch) };
            match self.app.ingest_metrics(&Caller::server("scrape"), Protocol::Scrape, decoded).await {
                Ok(outcome) => {
                    let reason = outcome.rejections.into_iter().next().map(|first| first.reason);
                    Ok(Refused { count: outcome.rejected, reason: reason.unwrap_or_default() })
                }
                Err(error) => Err(SinkError { kind: error.kind(), message: error.full_message() }),
            }
        })
    }
}
