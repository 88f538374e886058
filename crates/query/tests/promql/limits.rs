//! What a query may cost, and how it is stopped.

use crate::script::context;
use crate::store::{MemoryStore, Stored};
use clew_model::metrics::Labels;
use clew_model::{CancelReason, Context, ErrorKind};
use clew_query::QueryError;
use clew_query::promql::{PromqlOptions, parse, query_instant, query_range};
use std::time::Duration;

fn store() -> MemoryStore {
    let mut store = MemoryStore::default();
    for series in 0..10 {
        let labels = Labels::new([("__name__", "m"), ("s", &series.to_string())]).unwrap();
        (0..100).for_each(|minute| store.put(&labels, minute * 60_000, Stored::Float(minute as f64)));
    }
    store
}

fn ask(query: &str, context: &Context, max_samples: u64) -> Result<(), QueryError> {
    let options = PromqlOptions { max_samples, ..PromqlOptions::default() };
    query_range(&store(), context, &parse(query).unwrap(), 0, 5_000_000, 60_000, &options).map(drop)
}

#[test]
fn samples_are_counted_against_their_limit() {
    assert!(ask("m", &context(), 10_000).is_ok());
    for query in ["m", "sum(rate(m[5m]))", "count_values(\"v\", m)", "max_over_time(m[1h:1s])"] {
        let error = ask(query, &context(), 1_000).unwrap_err();
        assert_eq!(error.kind, ErrorKind::LimitExceeded, "{query}");
        assert!(error.message.contains("too many samples") && error.message.contains("1000"), "{error}");
    }
}

#[test]
fn memory_is_taken_from_the_budget_and_given_back() {
    let small = Context::new(Duration::from_secs(1), 10_000);
    assert_eq!(ask("m", &small, 1_000_000).unwrap_err().kind, ErrorKind::LimitExceeded);
    assert_eq!(small.memory.used(), 0);
    let large = Context::new(Duration::from_secs(1), 1_000_000);
    ask("topk(3, m) / m", &large, 1_000_000).unwrap();
    assert_eq!(large.memory.used(), 0);
    // Twice 10 columns of 84 steps of 8 bytes, at the least.
    assert!(large.memory.peak() > 13_440, "{}", large.memory.peak());
}

#[test]
fn an_aggregation_holds_its_groups_and_not_its_series() {
    let mut many = MemoryStore::default();
    for series in 0..1_000 {
        let (name, group) = (series.to_string(), (series % 2).to_string());
        let labels = Labels::new([("__name__", "m_total"), ("s", &name), ("g", &group)]).unwrap();
        (0..100).for_each(|minute| many.put(&labels, minute * 60_000, Stored::Float(minute as f64)));
    }
    for query in ["sum(rate(m_total[5m]))", "avg by (g) (m_total)", "max without (s) (increase(m_total[10m]))"] {
        let context = Context::new(Duration::from_secs(1), 100_000);
        let expr = parse(query).unwrap();
        query_range(&many, &context, &expr, 0, 5_000_000, 60_000, &PromqlOptions::default()).unwrap();
        assert_eq!(context.memory.used(), 0);
        // At most two groups of 84 steps, for the whole and for a run that is being added.
        assert!((1..40_000).contains(&context.memory.peak()), "{query}: {}", context.memory.peak());
    }
}

#[test]
fn a_cancelled_query_stops() {
    let context = context();
    context.cancel.cancel(CancelReason::Deadline);
    assert_eq!(ask("sum(rate(m[5m]))", &context, 1_000_000).unwrap_err().kind, ErrorKind::DeadlineExceeded);
}

#[test]
fn times_at_the_ends_of_the_clock_do_no_harm() {
    let options = PromqlOptions::default();
    for query in
        ["m", "rate(m[5m] offset 200y)", "m @ -9000000000", "sum_over_time(m[300d:1d] offset -200y)", "hour() + year()"]
    {
        let expr = parse(query).unwrap();
        for at in [i64::MIN, -1, i64::MAX] {
            let _ = query_instant(&store(), &context(), &expr, at, &options);
        }
        assert!(query_range(&store(), &context(), &expr, i64::MIN, i64::MAX, 1, &options).is_err());
    }
}
