//! Native histograms through selectors, rates, sums and quantiles. Expected values: computed by hand from the bucket
//! layout (schema 0: bucket i is (2^(i-1), 2^i]) and the exponential interpolation of Prometheus 3.

use crate::script::context;
use crate::store::{MemoryStore, Stored};
use clew_model::metrics::{BucketSpan, Labels, NativeHistogram, ResetHint};
use clew_query::promql::{PromqlOptions, SampleValue, Value, parse, query_instant};
use std::sync::Arc;

/// `factor` times: 1 in the zero bucket, 2 in (1, 2], 4 in (2, 4], 1 in (8, 16].
fn histogram(factor: f64) -> NativeHistogram {
    NativeHistogram {
        schema: 0,
        zero_threshold: 0.001,
        zero_count: factor,
        count: 8.0 * factor,
        sum: 26.0 * factor,
        positive_spans: vec![BucketSpan { offset: 1, length: 2 }, BucketSpan { offset: 1, length: 1 }],
        positive_buckets: vec![2.0 * factor, 4.0 * factor, factor],
        ..NativeHistogram::default()
    }
}

/// The same observations at twice the resolution: all of a bucket in its upper half.
fn finer(factor: f64) -> NativeHistogram {
    NativeHistogram {
        schema: 1,
        positive_spans: vec![
            BucketSpan { offset: 2, length: 1 },
            BucketSpan { offset: 1, length: 1 },
            BucketSpan { offset: 3, length: 1 },
        ],
        ..histogram(factor)
    }
}

fn store() -> MemoryStore {
    let mut store = MemoryStore::default();
    let coarse = Labels::new([("__name__", "latency"), ("i", "a")]).unwrap();
    let fine = Labels::new([("__name__", "latency"), ("i", "b")]).unwrap();
    let reset = Labels::new([("__name__", "restarted"), ("i", "a")]).unwrap();
    for minute in 0..=10 {
        let factor = minute as f64;
        store.put(&coarse, minute * 60_000, Stored::Histogram(Arc::new(histogram(factor))));
        store.put(&fine, minute * 60_000, Stored::Histogram(Arc::new(finer(factor))));
        let after_restart = if minute >= 5 { factor - 5.0 } else { factor };
        store.put(&reset, minute * 60_000, Stored::Histogram(Arc::new(histogram(after_restart))));
    }
    store
}

fn values(query: &str) -> Vec<SampleValue> {
    let expr = parse(query).unwrap();
    let result = query_instant(&store(), &context(), &expr, 600_000, &PromqlOptions::default()).unwrap();
    match result.value {
        Value::Vector(samples) => samples.into_iter().map(|sample| sample.value).collect(),
        other => panic!("{query}: {other:?}"),
    }
}

fn check(query: &str, expected: &[f64]) {
    let got: Vec<f64> = values(query)
        .into_iter()
        .map(|value| match value {
            SampleValue::Float(value) => value,
            SampleValue::Histogram(histogram) => panic!("{query}: {histogram:?}"),
        })
        .collect();
    let same = got.len() == expected.len() && got.iter().zip(expected).all(|(got, want)| (got - want).abs() < 1e-9);
    assert!(same, "{query}: got {got:?}, want {expected:?}");
}

#[test]
fn histograms_are_counted_summed_and_cut_into_quantiles() {
    check("histogram_count(latency)", &[80.0, 80.0]);
    check("histogram_sum(latency{i=\"a\"})", &[260.0]);
    check("histogram_avg(latency{i=\"a\"})", &[3.25]);
    // One histogram a minute: 8 observations in 60 s.
    check("histogram_count(rate(latency{i=\"a\"}[5m]))", &[8.0 / 60.0]);
    // Samples of minutes 2 to 10: from 2 to 4, a restart, from 0 to 5: 7 histograms in 8 min, stretched to 8.5 min.
    check("histogram_count(increase(restarted[8m30s]))", &[8.0 * 7.0 * 8.5 / 8.0]);
    check("histogram_count(sum(latency))", &[160.0]);
    check("histogram_count(avg(latency))", &[80.0]);
    check("count(latency)", &[2.0]);
    check("histogram_count(latency{i=\"a\"} * 2 - latency{i=\"a\"})", &[80.0]);
    check("histogram_sum(sum_over_time(latency{i=\"a\"}[2m]))", &[26.0 * 19.0]);
    // Half of 8 is 4: one in the zero bucket, two up to 2, one of four in (2, 4]: 2^(1 + 1/4).
    check("histogram_quantile(0.5, latency{i=\"a\"})", &[2f64.powf(1.25)]);
    check("histogram_quantile(0.5, sum(latency))", &[2f64.powf(1.25)]);
    check("histogram_quantile(0.5, latency{i=\"b\"})", &[2f64.powf(1.625)]);
    check("histogram_fraction(2, 4, latency{i=\"a\"})", &[0.5]);
    // Numbers only.
    check("abs(latency)", &[]);
    check("topk(1, latency)", &[]);
}

#[test]
fn a_sum_has_the_coarser_schema_and_all_buckets() {
    let [SampleValue::Histogram(sum)] = &values("sum(latency)")[..] else { panic!("expected one histogram") };
    let expected = NativeHistogram { reset_hint: ResetHint::Unknown, ..histogram(20.0) };
    assert_eq!(**sum, expected);
}
