//! The files of stores and journals: a good folder with one file edited. What opens serves, and says what it lacks.

use crate::records::{batch, log, span};
use crate::template::Template;
use clew_host::{SeededRandom, SimFiles};
use clew_journal::{Beside, Frame, Journal, JournalError, JournalMetrics, JournalPosition, Options};
use clew_kvstore::metrics::{MetricStore, MetricStoreOptions};
use clew_kvstore::traces::{TraceStore, TraceStoreOptions};
use clew_logstore::{LogStore, LogStoreOptions};
use clew_model::logs::{LogFilter, LogQuery, LogReader as _, Order};
use clew_model::metrics::MetricReader as _;
use clew_model::traces::TraceReader as _;
use clew_model::{Context, TenantId, TimeRange, TraceId};
use clew_telemetry::{BuildInfo, Registry};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const DIR: &str = "/store";

fn context() -> Context {
    Context::new(Duration::from_secs(10), 64 << 20)
}

fn open_journal(files: &SimFiles) -> Result<Journal, JournalError> {
    let registry = Registry::new(BuildInfo { version: "0", revision: "0" });
    let (files, random, metrics) =
        (Arc::new(files.clone()), Arc::new(SeededRandom::new(7)), JournalMetrics::new(&registry, "logs"));
    let options = Options { segment_bytes: 200, salvage: true };
    let beside = Beside { mark: Path::new(DIR).join("logs.mark"), journal: None };
    let dir = Path::new(DIR).join("journal");
    Journal::open_beside(files, random, &dir, options, metrics, Some(&beside)).map(|(journal, _)| journal)
}

fn frames(journal: &Journal) -> Result<Vec<(u64, Vec<u8>)>, JournalError> {
    let mut frames = Vec::new();
    journal.replay(JournalPosition(0), |frame: Frame<'_>| {
        frames.push((frame.position.0, frame.payload.to_vec()));
        Ok::<(), JournalError>(())
    })?;
    Ok(frames)
}

fn payload(number: u64) -> Vec<u8> {
    format!("frame {number} {}", "x".repeat(number as usize * 3)).into_bytes()
}

/// What is read of a damaged journal are frames that were written, each at its place; and it goes on.
pub(crate) fn journal(data: &[u8]) {
    static GOOD: LazyLock<Template> = LazyLock::new(|| {
        let files = SimFiles::new();
        let journal = open_journal(&files).unwrap();
        for number in 1..=14 {
            journal.append(1, &payload(number)).unwrap();
            journal.sync().unwrap();
        }
        drop(journal);
        Template::of(&files, Path::new(DIR))
    });
    let files = GOOD.edited(data);
    let Ok(journal) = open_journal(&files) else { return };
    let before = frames(&journal).unwrap();
    assert!(before.iter().all(|(position, bytes)| *bytes == payload(*position)));
    assert!(before.is_sorted_by(|one, next| one.0 < next.0));
    let position = journal.append(1, b"new").unwrap();
    journal.sync().unwrap();
    assert!(before.iter().all(|(own, _)| *own < position.0));
    drop(journal);
    let again = frames(&open_journal(&files).unwrap()).unwrap();
    assert_eq!(again.last(), Some(&(position.0, b"new".to_vec())));
    assert_eq!(again.len(), before.len() + 1);
}

/// No record is found that was not written, and none twice; where one is missing that is said.
pub(crate) fn log_store(data: &[u8]) {
    static GOOD: LazyLock<Template> = LazyLock::new(|| {
        let files = SimFiles::new();
        let store = open_logs(&files).unwrap();
        for part in 0..2 {
            let records = (part * 10..part * 10 + 10).map(log).collect();
            store.apply(part + 1, &TenantId::default(), part * 10, records);
            store.seal().unwrap();
        }
        drop(store);
        Template::of(&files, Path::new(DIR))
    });
    let Ok(store) = open_logs(&GOOD.edited(data)) else { return };
    let query =
        LogQuery { filter: LogFilter::All, range: TimeRange::ALL, order: Order::Ascending, limit: 1_000, after: None };
    let context = context();
    let page = clew_query::logs::sinks::search(&context, &*store.view(&context), &query).unwrap();
    let mut numbers: Vec<u64> = page.rows.iter().map(|row| row.id.number).collect();
    assert!(page.rows.iter().all(|row| format!("{:?}", row.record) == format!("{:?}", log(row.id.number))));
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), page.rows.len());
    let is_said = !page.warnings.is_empty() || !store.set_aside().is_empty() || !context.warnings.take().is_empty();
    assert!(numbers.len() == 20 || is_said, "{} of 20", numbers.len());
    store.apply(9, &TenantId::default(), 100, vec![log(100)]);
    store.seal().unwrap();
}

fn open_logs(files: &SimFiles) -> Result<LogStore, clew_logstore::LogStoreError> {
    LogStore::open(Arc::new(files.clone()), Path::new(DIR), LogStoreOptions::default(), Arc::default())
}

/// As [`log_store`], of samples.
pub(crate) fn metric_store(data: &[u8]) {
    static GOOD: LazyLock<Template> = LazyLock::new(|| {
        let files = SimFiles::new();
        let store = open_metrics(&files).unwrap();
        for run in 0..2 {
            store.apply(run + 1, &TenantId::default(), &batch(run * 10..run * 10 + 10)).unwrap();
            store.seal().unwrap();
        }
        drop(store);
        Template::of(&files, Path::new(DIR))
    });
    let Ok(store) = open_metrics(&GOOD.edited(data)) else { return };
    let mut context = context();
    let mut found = clew_query::metrics::samples(&context, &*store.view(&context), &[], TimeRange::ALL);
    for _ in 0..4 {
        if found.is_ok() {
            break;
        }
        // A file that was not known to be damaged: the question begins anew without it.
        assert!(!store.set_aside().is_empty(), "{:?}", found.err());
        context = self::context();
        found = clew_query::metrics::samples(&context, &*store.view(&context), &[], TimeRange::ALL);
    }
    let found = found.unwrap();
    let mut values: Vec<u64> =
        found.iter().flat_map(|series| &series.values).map(|value| (value / 1.5) as u64).collect();
    values.sort_unstable();
    assert!(values.is_sorted_by(|one, next| one < next) && values.iter().all(|value| *value < 20), "{values:?}");
    let is_said = !store.set_aside().is_empty() || !context.warnings.take().is_empty();
    assert!(values.len() == 20 || is_said, "{values:?}");
    store.apply(9, &TenantId::default(), &batch(100..101)).unwrap();
    store.seal().unwrap();
}

fn open_metrics(files: &SimFiles) -> Result<MetricStore, clew_kvstore::KvError> {
    MetricStore::open(Arc::new(files.clone()), Path::new(DIR), MetricStoreOptions::default(), Arc::default())
}

/// As [`log_store`], of spans.
pub(crate) fn trace_store(data: &[u8]) {
    static GOOD: LazyLock<Template> = LazyLock::new(|| {
        let files = SimFiles::new();
        let store = open_traces(&files).unwrap();
        for run in 0..2 {
            store.apply(run + 1, &TenantId::default(), (run * 8..run * 8 + 8).map(span).collect::<Vec<_>>());
            store.seal().unwrap();
        }
        drop(store);
        Template::of(&files, Path::new(DIR))
    });
    let Ok(store) = open_traces(&GOOD.edited(data)) else { return };
    let mut found = Vec::new();
    let mut is_said = false;
    for trace in 0..4 {
        for attempt in 0..5 {
            let context = context();
            let answer = clew_query::traces::trace(&context, &*store.view(&context), TraceId([1 + trace; 16]));
            is_said |= !context.warnings.take().is_empty();
            match answer {
                Ok(page) => {
                    found.extend(page.spans);
                    break;
                }
                Err(error) => assert!(attempt < 4 && !store.set_aside().is_empty(), "{error}"),
            }
        }
    }
    let number = |span: &clew_model::traces::Span| u64::from_be_bytes(span.span_id.0) - 1;
    assert!(found.iter().all(|own| format!("{own:?}") == format!("{:?}", span(number(own)))));
    let mut numbers: Vec<u64> = found.iter().map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), found.len());
    assert!(numbers.len() == 16 || is_said || !store.set_aside().is_empty(), "{numbers:?}");
    store.apply(9, &TenantId::default(), vec![span(100)]);
    store.seal().unwrap();
}

fn open_traces(files: &SimFiles) -> Result<TraceStore, clew_kvstore::KvError> {
    TraceStore::open(Arc::new(files.clone()), Path::new(DIR), TraceStoreOptions::default(), Arc::default())
}
