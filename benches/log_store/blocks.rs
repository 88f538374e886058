//! Clew's log store as a contender.

use crate::{Batch, Built, Contender};
use anyhow::{Context as _, Result, ensure};
use clew_host::DiskFiles;
use clew_logstore::{LogStore, LogStoreOptions};
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{FieldTest, LogFilter, LogQuery, LogReader, Order, TextTest};
use clew_model::{Context, TenantId, TimeRange};
use clew_query::logs::sinks;
use clew_testkit::process::own_cpu_time;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The store, sealed.
pub(crate) struct Blocks(LogStore);

/// Applies and seals the batches.
pub(crate) fn build(dir: &Path, batches: &[Batch], batches_per_part: usize) -> Result<(Blocks, Built)> {
    let rules = Arc::new(CorrelationRules::default());
    let store = LogStore::open(Arc::new(DiskFiles), dir, LogStoreOptions::default(), rules)?;
    let tenant = TenantId::default();
    let mut cpu = Duration::ZERO;
    for (index, batch) in batches.iter().enumerate() {
        // The copy stands for what the decoder hands over; it is not part of the cost.
        let records = batch.records.clone();
        let before = own_cpu_time();
        store.apply(index as u64 + 1, &tenant, store.next_record_number(), records);
        if (index + 1) % batches_per_part == 0 || index + 1 == batches.len() {
            store.seal()?;
        }
        cpu += own_cpu_time().saturating_sub(before);
    }
    let stats = store.part_stats();
    ensure!(stats.damaged.is_empty(), "damaged parts: {:?}", stats.damaged);
    Ok((Blocks(store), Built { cpu, bytes: stats.bytes }))
}

impl Blocks {
    fn times(&self, filter: LogFilter, order: Order, limit: usize) -> Result<Vec<i64>> {
        let query = LogQuery { filter, range: TimeRange::ALL, order, limit, after: None };
        let page = sinks::search(&context(), &*self.0.view(&context()), &query)?;
        Ok(page.rows.iter().map(|row| row.record.time).collect())
    }
}

fn context() -> Context {
    Context::new(Duration::from_secs(60), 1 << 30)
}

fn field(name: &str, test: FieldTest) -> LogFilter {
    LogFilter::Field { name: name.to_owned(), test }
}

impl Contender for Blocks {
    fn name(&self) -> &'static str {
        "log store"
    }

    fn needle(&self, correlation: &str) -> Result<Vec<i64>> {
        self.times(field("correlation_id", FieldTest::Is(correlation.to_owned())), Order::Ascending, 1_000)
    }

    fn word_and_service(&self, word: &str, service: &str, limit: usize) -> Result<Vec<i64>> {
        let word = LogFilter::AnyText(TextTest::words(word));
        let service = field("service", FieldTest::Equals(service.to_owned()));
        self.times(LogFilter::And(vec![word, service]), Order::Descending, limit)
    }

    fn phrase_count(&self, phrase: &str) -> Result<u64> {
        let filter = LogFilter::AnyText(TextTest::words(phrase));
        let day = 86_400_000_000_000;
        let last = self.times(LogFilter::All, Order::Descending, 1)?.first().copied().context("no records")?;
        let histogram = sinks::histogram(
            &context(),
            &*self.0.view(&context()),
            &filter,
            TimeRange::new(last - 2 * day, last),
            day,
        )?;
        Ok(histogram.buckets.iter().flat_map(|bucket| bucket.counts).sum())
    }

    fn histogram(&self, range: TimeRange, step: i64) -> Result<Vec<[u64; 7]>> {
        let histogram = sinks::histogram(&context(), &*self.0.view(&context()), &LogFilter::All, range, step)?;
        Ok(histogram.buckets.into_iter().map(|bucket| bucket.counts).collect())
    }
}
