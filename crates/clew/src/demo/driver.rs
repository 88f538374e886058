//! Feeds the story to a running server: first the history, then what happens as it happens.

use super::generator::{Batch, Generator};
use super::system::{Instance, Service};
use crate::limits::{DEMO_CATCH_UP, DEMO_CHUNK, DEMO_HISTORY, DEMO_TICK};
use anyhow::{Context as _, Result};
use clew_app::reads::traces::SearchTraces;
use clew_app::{App, AppError, Protocol};
use clew_codec::error::Decoded;
use clew_model::Caller;
use clew_model::logs::FieldTest;
use clew_model::traces::{AttributeTest, TraceFilter};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// A demo over a started server.
pub(crate) struct Demo {
    app: Arc<App>,
    generator: Generator,
    /// Up to when the story is told, nanoseconds.
    told: i64,
}

impl Demo {
    /// Writes the history up to now. Where the data directory holds an earlier demo, the story goes on after it.
    ///
    /// # Errors
    /// The server takes nothing in.
    pub(crate) async fn begin(app: Arc<App>) -> Result<Self> {
        let now = app.clock().now();
        let newest = newest_request(&app).await?.min(now);
        let start = now.saturating_sub(nanos(DEMO_HISTORY)).max(newest.saturating_add(nanos(DEMO_TICK)));
        let mut generator = Generator::new(start.unsigned_abs(), start);
        let mut told = start;
        let mut batch = Batch::default();
        while told < now {
            told = told.saturating_add(nanos(DEMO_CHUNK)).min(now);
            // One part is written while the next is made up.
            let next = tokio::task::spawn_blocking(move || {
                let batch = generator.advance(told);
                (generator, batch)
            });
            let (written, next) = tokio::join!(write(&app, std::mem::take(&mut batch)), next);
            written.context("cannot write the demo's history")?;
            (generator, batch) = next.context("the demo's history could not be made up")?;
        }
        write(&app, batch).await.context("cannot write the demo's history")?;
        Ok(Self { app, generator, told })
    }

    /// Where there is something to see: the correlation ID of a request in trouble, and what troubled it.
    #[must_use]
    pub(crate) fn headline(&self) -> Option<(String, &'static str)> {
        self.generator.headline(self.told).map(|one| (one.id.clone(), one.trouble.as_str()))
    }

    /// Goes on live until it is told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(DEMO_TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let now = self.app.clock().now();
            if now.saturating_sub(self.told) > nanos(DEMO_CATCH_UP) {
                self.generator.skip_to(now);
            }
            if let Err(error) = self.tell(now).await {
                tracing::warn!(error = %error.full_message(), "the demo could not write; it goes on");
            }
        }
    }

    async fn tell(&mut self, to: i64) -> Result<(), AppError> {
        if to <= self.told {
            // The clock was set back: the story waits until it has caught up.
            return Ok(());
        }
        self.told = to;
        write(&self.app, self.generator.advance(to)).await
    }
}

/// Writes as if it had been sent; what the server refuses of it is logged.
async fn write(app: &App, batch: Batch) -> Result<(), AppError> {
    let Batch { logs, spans, metrics } = batch;
    let caller = Caller::server("demo");
    let logs = async {
        if logs.is_empty() {
            return Ok(0);
        }
        app.ingest_logs(&caller, Protocol::Demo, decoded(logs)).await.map(|outcome| outcome.rejected)
    };
    let spans = async {
        if spans.is_empty() {
            return Ok(0);
        }
        app.ingest_traces(&caller, Protocol::Demo, decoded(spans)).await.map(|outcome| outcome.rejected)
    };
    let samples = async {
        let mut rejected = 0;
        for batch in metrics {
            rejected += app.ingest_metrics(&caller, Protocol::Demo, decoded(batch)).await?.rejected;
        }
        Ok::<_, AppError>(rejected)
    };
    let (logs, spans, samples) = tokio::join!(logs, spans, samples);
    let (logs, spans, samples) = (logs?, spans?, samples?);
    if logs + spans + samples > 0 {
        tracing::warn!(logs, spans, samples, "the server refused records of the demo");
    }
    Ok(())
}

/// The end of the newest request of an earlier demo, all of which enter by its gateway; the earliest time where there is
/// none. Others' traces in the same folder say nothing about the story.
async fn newest_request(app: &Arc<App>) -> Result<i64> {
    let gateway = Instance::first(Service::ApiGateway);
    let attributes =
        vec![AttributeTest { key: "resource.service.instance.id".to_owned(), test: FieldTest::Equals(gateway.name()) }];
    let filter = TraceFilter { service: Some(gateway.service.name().to_owned()), attributes, ..TraceFilter::default() };
    let question = SearchTraces { filter, limit: Some(1), ..SearchTraces::default() };
    let caller = Caller::server("demo");
    let asked = app.ask(&caller, question).await;
    let page = asked.context("cannot look for an earlier demo")?;
    Ok(page.traces.first().map_or(i64::MIN, |trace| trace.start.saturating_add(trace.duration)))
}

fn decoded<T>(records: T) -> Decoded<T> {
    Decoded::of(records)
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
