//! Where records begin their way: within the rates of their tenant, checked one by one, written, counted.

use super::{Admission, IngestOutcome, Pipeline, SeriesVerdicts};
use crate::error::AppError;
use crate::limits::SPAN_METRIC_INTERVAL;
use crate::server::{App, Protocol};
use crate::signal::SignalStore;
use crate::tenants::{Arrival, Tenant};
use clew_codec::error::Decoded;
use clew_model::logs::LogRecord;
use clew_model::metrics::{LabelSets, MetricBatch};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::traces::Span;
use clew_model::{Caller, ErrorKind, Signal, TenantId};
use std::sync::Arc;
use std::time::Instant;

/// Whose records are written, and how they came.
struct Whose<'a> {
    caller: &'a Caller,
    protocol: Protocol,
    tenant: Option<Arc<Tenant>>,
    /// The limit of the tenant that records of this signal can be beyond by themselves.
    limit: &'static str,
}

impl App {
    /// Writes a request of a caller's where it is within the rates of its tenant, and takes from them what it brings unless
    /// nothing of it is written. For those who send; what the server fetches itself is bounded by its own configuration.
    ///
    /// # Errors
    /// It is beyond a rate, or its tenant is one too many: then `write` is not begun. What `write` answers.
    pub async fn within_rates(
        &self,
        caller: &Caller,
        arrival: Arrival,
        write: impl Future<Output = Result<IngestOutcome, AppError>>,
    ) -> Result<IngestOutcome, AppError> {
        let Some(tenant) = self.tenant_of(caller, arrival.records > 0)? else { return write.await };
        // All of it first: of several at once none is let in by what another is about to take.
        tenant.admit(arrival)?;
        let outcome = write.await;
        // It may come again, and is not paid twice.
        if outcome.as_ref().map_or(true, |outcome| outcome.accepted == 0) {
            tenant.give_back(arrival);
        }
        outcome
    }

    /// The tenant of a request; a name becomes one with records alone.
    fn tenant_of(&self, caller: &Caller, has_records: bool) -> Result<Option<Arc<Tenant>>, AppError> {
        let Some(tenants) = self.tenants() else { return Ok(None) };
        if has_records {
            return tenants.of_records(&caller.tenant).map(Some);
        }
        Ok(Some(tenants.of_question(&caller.tenant)))
    }

    /// Writes log records on behalf of a caller; answers when those within the limits are durable and readable.
    ///
    /// # Errors
    /// Overload, a stopping server, or a store that failed: nothing of the request is acknowledged.
    pub async fn ingest_logs(
        &self,
        caller: &Caller,
        protocol: Protocol,
        decoded: Decoded<Vec<LogRecord>>,
    ) -> Result<IngestOutcome, AppError> {
        let tenant = self.tenant_of(caller, !decoded.records.is_empty())?;
        let admission = self.admission(self.logs().maintenance().oldest_kept());
        let (records, outcome) = admission.logs_within(decoded, tenant.as_deref());
        let whose = Whose { caller, protocol, tenant, limit: "streams" };
        self.write(self.logs(), whose, records, outcome).await
    }

    /// Writes spans, as [`App::ingest_logs`].
    ///
    /// # Errors
    /// As [`App::ingest_logs`].
    pub async fn ingest_traces(
        &self,
        caller: &Caller,
        protocol: Protocol,
        decoded: Decoded<Vec<Span>>,
    ) -> Result<IngestOutcome, AppError> {
        let whose = Whose { caller, protocol, tenant: self.tenant_of(caller, !decoded.records.is_empty())?, limit: "" };
        let (spans, outcome) = self.admission(self.traces().maintenance().oldest_kept()).traces(decoded);
        self.write(self.traces(), whose, spans, outcome).await
    }

    /// Writes samples, as [`App::ingest_logs`].
    ///
    /// # Errors
    /// As [`App::ingest_logs`].
    pub async fn ingest_metrics(
        &self,
        caller: &Caller,
        protocol: Protocol,
        mut decoded: Decoded<MetricBatch>,
    ) -> Result<IngestOutcome, AppError> {
        let tenant = self.tenant_of(caller, !decoded.records.series.is_empty())?;
        let limit = tenant.as_ref().and_then(|tenant| tenant.limits().series);
        let verdicts = self.series_verdicts(&caller.tenant, limit, &mut decoded.records.series).await?;
        let admission = self.admission(self.metrics().maintenance().oldest_kept());
        let (batch, outcome) = admission.metrics(decoded, &verdicts);
        let whose = Whose { caller, protocol, tenant, limit: "series" };
        self.write(self.metrics(), whose, batch, outcome).await
    }

    /// Writes what is counted of spans as samples of the present moment.
    ///
    /// # Errors
    /// As [`App::ingest_logs`]; what could not be written is told again by the next call.
    pub async fn write_span_metrics(&self) -> Result<(), AppError> {
        let now = self.clock().now().div_euclid(NANOS_PER_MILLI);
        let mut first_failure = Ok(());
        for (tenant, batch) in self.span_metrics().samples(now) {
            let accepted = batch.sample_count() as u64;
            let decoded = Decoded { accepted, ..Decoded::of(batch) };
            let caller = Caller { tenant, ..Caller::server("span-metrics") };
            let written = self.ingest_metrics(&caller, Protocol::SpanMetrics, decoded).await;
            // What was refused is told again too, lest a series that returns look as if it had stood still.
            let are_durable = written.as_ref().is_ok_and(|outcome| outcome.rejected == 0);
            self.span_metrics().were_written(&caller.tenant, are_durable);
            first_failure = first_failure.and(written.map(drop));
        }
        first_failure
    }

    /// Writes what is counted of spans again and again, until the caller drops it; returns where nothing is counted.
    pub async fn keep_writing_span_metrics(self: Arc<Self>) {
        if !self.writes_span_metrics() {
            return;
        }
        loop {
            tokio::time::sleep(SPAN_METRIC_INTERVAL).await;
            match self.write_span_metrics().await {
                Ok(()) => {}
                Err(AppError::Stopping) => return,
                Err(error) => {
                    tracing::warn!(error = %error.full_message(), "cannot write the metrics of spans; they follow")
                }
            }
        }
    }

    /// Which series of a batch may enter: those within the limits of labels and of active series.
    async fn series_verdicts(
        &self,
        tenant: &TenantId,
        limit: Option<usize>,
        series: &mut LabelSets,
    ) -> Result<SeriesVerdicts, AppError> {
        let mut verdicts = SeriesVerdicts::of_labels(series);
        if self.metrics().store().has_room(tenant, limit, series.len()) {
            return Ok(verdicts);
        }
        // A seal that forgets ended series holds the head for a while: no thread that serves connections waits for that.
        let (store, tenant, batch) = (Arc::clone(self.metrics().store()), tenant.clone(), std::mem::take(series));
        let look = tokio::task::spawn_blocking(move || {
            store.refuse_beyond_limit(&tenant, limit, &batch, &mut verdicts);
            (batch, verdicts)
        });
        let (batch, verdicts) = look.await.map_err(|error| {
            if error.is_panic() { AppError::WritePathFailed { signal: Signal::Metrics } } else { AppError::Stopping }
        })?;
        *series = batch;
        Ok(verdicts)
    }

    async fn write<S: SignalStore>(
        &self,
        pipeline: &Pipeline<S>,
        Whose { caller, protocol, tenant, limit }: Whose<'_>,
        records: S::Records,
        mut outcome: IngestOutcome,
    ) -> Result<IngestOutcome, AppError> {
        let started = Instant::now();
        if let Some(tenant) = tenant.as_ref().filter(|_| outcome.beyond_tenant > 0) {
            tenant.refused(S::SIGNAL.as_str(), limit, outcome.beyond_tenant);
            // Where something of the request is taken, the answer tells of the rest; where nothing is, it is sent again later.
            let is_nothing_taken = outcome.accepted == 0 && outcome.beyond_tenant == outcome.rejected;
            if let Some(first) = outcome.rejections.first().filter(|_| is_nothing_taken && protocol.is_sent()) {
                return Err(Tenant::nothing_taken(first.reason.clone()));
            }
        }
        self.observer().refused(outcome.rejections.iter().map(|rejection| rejection.reason.as_str()));
        match pipeline.write(caller.tenant.clone(), records).await {
            Ok(dropped) => {
                outcome.dropped(dropped);
                self.observer().has_room(S::SIGNAL);
                let now = self.clock().now();
                self.observer().accepted(S::SIGNAL, protocol, outcome.accepted, now, started.elapsed());
                if let Some(tenant) = &tenant {
                    tenant.took(S::SIGNAL, protocol, (outcome.accepted, outcome.rejected), now);
                }
                if outcome.rejected > 0 {
                    self.observer().rejected(S::SIGNAL, protocol, "record", outcome.rejected);
                }
                Ok(outcome)
            }
            Err(error) => {
                let refused = outcome.accepted.saturating_add(outcome.rejected);
                let reason = match &error {
                    AppError::Overloaded { .. } => "overload",
                    error if error.kind() == ErrorKind::StorageFull => {
                        self.observer().refused_for_room(S::SIGNAL, self.clock().monotonic(), &error.full_message());
                        "storage_full"
                    }
                    _ => "write_failed",
                };
                self.observer().rejected(S::SIGNAL, protocol, reason, refused);
                Err(error)
            }
        }
    }

    fn admission(&self, oldest: i64) -> Admission {
        Admission { now: self.clock().now(), oldest }
    }
}
