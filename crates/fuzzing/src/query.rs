//! What people ask, and the IDs that they paste.

use crate::records::{NOW, batch, log};
use clew_host::SimFiles;
use clew_kvstore::metrics::{MetricStore, MetricStoreOptions};
use clew_logstore::{LogStore, LogStoreOptions};
use clew_model::correlation::{CorrelationRules, PropagatedContext, looks_like_id};
use clew_model::logs::{LogQuery, LogReader as _, LogRecord, Order};
use clew_model::numeral::Numeral;
use clew_model::value::parse_decimal;
use clew_model::{CanonicalId, Context, RecordId, SpanId, TenantId, TimeRange, TraceId};
use clew_query::promql::{self, PromqlOptions};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Longer texts are refused before they are read.
const LONGEST: usize = 4 << 10;
const RECORDS: u64 = 24;

fn context() -> Context {
    Context::new(Duration::from_secs(10), 64 << 20)
}

/// What is printed of an expression means the same. It is evaluated too, over a few series.
pub(crate) fn promql(data: &[u8]) {
    static STORE: LazyLock<MetricStore> = LazyLock::new(|| {
        let (files, options) = (Arc::new(SimFiles::new()), MetricStoreOptions::default());
        let store = MetricStore::open(files, Path::new("/m"), options, Arc::default()).unwrap();
        store.apply(1, &TenantId::default(), &batch(0..40)).unwrap();
        store
    });
    let Some(text) = std::str::from_utf8(data).ok().filter(|text| text.len() <= LONGEST) else { return };
    let Ok(expr) = promql::parse(text) else { return };
    let printed = expr.to_string();
    let again = promql::parse(&printed).unwrap_or_else(|error| panic!("{text}: {printed}: {error:?}"));
    assert_eq!(again.to_string(), printed, "{text}");
    let _ = (promql::selectors(&expr), promql::reach(&expr));
    let options = PromqlOptions { max_samples: 100_000, max_steps: 100, ..PromqlOptions::default() };
    let at = NOW / 1_000_000 + 300_000;
    let _ = promql::query_instant(&*STORE, &context(), &expr, at, &options);
    let _ = promql::query_range(&*STORE, &context(), &expr, at - 600_000, at, 60_000, &options);
}

/// A store finds what the filter says that it means.
pub(crate) fn log_query(data: &[u8]) {
    static RECORDS_OF: LazyLock<Vec<LogRecord>> = LazyLock::new(|| (0..RECORDS).map(log).collect());
    static STORE: LazyLock<LogStore> = LazyLock::new(|| {
        let (files, options) = (Arc::new(SimFiles::new()), LogStoreOptions::default());
        let store = LogStore::open(files, Path::new("/l"), options, Arc::default()).unwrap();
        let (sealed, hot) = RECORDS_OF.split_at(RECORDS as usize / 2);
        store.apply(1, &TenantId::default(), 0, sealed.to_vec());
        store.seal().unwrap();
        store.apply(2, &TenantId::default(), sealed.len() as u64, hot.to_vec());
        store
    });
    let Some(text) = std::str::from_utf8(data).ok().filter(|text| text.len() <= LONGEST) else { return };
    let Ok(filter) = clew_query::logs::parse(text) else { return };
    let expected = RECORDS_OF.iter().filter(|record| filter.matches(record)).count();
    let query = LogQuery { filter, range: TimeRange::ALL, order: Order::Ascending, limit: 1_000, after: None };
    let context = context();
    if let Ok(page) = clew_query::logs::sinks::search(&context, &*STORE.view(&context), &query) {
        assert_eq!(page.rows.len(), expected, "{text}: {:?}", query.filter);
    }
}

pub(crate) fn pasted(data: &[u8]) {
    static RULES: LazyLock<CorrelationRules> = LazyLock::new(CorrelationRules::default);
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert!(clew_query::pasted::candidates(text, &RULES).len() <= 1_000);
    let _ = clew_query::pasted::service_names(text);
}

/// What is printed of an ID is the ID.
pub(crate) fn ids(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(id) = RecordId::parse(text) {
        assert_eq!(RecordId::parse(&id.to_string()), Some(id));
    }
    if let Some(id) = TraceId::from_hex(text) {
        assert_eq!(TraceId::from_hex(&id.to_string()), Some(id));
    }
    if let Some(id) = SpanId::from_hex(text) {
        assert_eq!(SpanId::from_hex(&id.to_string()), Some(id));
    }
    if let Some(id) = CanonicalId::new(text) {
        assert_eq!(CanonicalId::new(id.as_str()), Some(id.clone()), "{text}");
    }
    let _ = (CanonicalId::readings(text), PropagatedContext::parse(text), Numeral::parse(text), parse_decimal(text));
    let _ = (TenantId::new(text), looks_like_id(text));
    let _ = (promql::parse_duration(text), promql::parse_selector(text), promql::unescape_label_name(text));
}
