//! Arithmetic of native histograms against the naive model: counts are small integers, so that every sum is exact.

use crate::naive_histogram::NaiveHistogram;
use crate::script::context;
use crate::store::{MemoryStore, Stored};
use clew_model::metrics::{CUSTOM_BUCKETS_SCHEMA, Labels};
use clew_query::promql::{PromqlOptions, SampleValue, Value, parse, query_instant};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Upper bounds that custom layouts are made of.
const BOUNDS: [f64; 5] = [-1.0, 1.0, 2.0, 5.0, 8.0];
const THRESHOLDS: [f64; 6] = [0.0, 0.001, 0.3, 0.5, 1.0, 2.5];

fn buckets(from: i32, to: i32) -> impl Strategy<Value = BTreeMap<i32, f64>> {
    prop::collection::btree_map(from..to, (0..5u8).prop_map(f64::from), 0..6)
}

fn with_totals(mut one: NaiveHistogram, sum: i8) -> NaiveHistogram {
    one.count = one.zero_count + one.positive.values().chain(one.negative.values()).sum::<f64>();
    one.sum = f64::from(sum);
    one
}

fn exponential() -> impl Strategy<Value = NaiveHistogram> {
    (-1..3i32, prop::sample::select(&THRESHOLDS[..]), 0..4u8, buckets(-3, 8), buckets(-3, 8), any::<i8>()).prop_map(
        |(schema, zero_threshold, zero, positive, negative, sum)| {
            let mut one =
                NaiveHistogram { schema, zero_threshold, zero_count: f64::from(zero), ..NaiveHistogram::default() };
            // What a client observes near zero is in the zero bucket.
            let outside = |one: &NaiveHistogram, side: BTreeMap<i32, f64>| -> BTreeMap<i32, f64> {
                side.into_iter().filter(|(index, _)| one.upper(index - 1) >= one.zero_threshold).collect()
            };
            one.positive = outside(&one, positive);
            one.negative = outside(&one, negative);
            with_totals(one, sum)
        },
    )
}

fn custom() -> impl Strategy<Value = NaiveHistogram> {
    (prop::collection::vec(any::<bool>(), BOUNDS.len()), buckets(0, 6), any::<i8>()).prop_map(|(has, positive, sum)| {
        let bounds: Vec<f64> = BOUNDS.iter().zip(has).filter_map(|(bound, has)| has.then_some(*bound)).collect();
        let positive = positive.into_iter().filter(|(index, _)| *index as usize <= bounds.len()).collect();
        with_totals(
            NaiveHistogram { schema: CUSTOM_BUCKETS_SCHEMA, bounds, positive, ..NaiveHistogram::default() },
            sum,
        )
    })
}

/// Three of one kind.
fn three() -> impl Strategy<Value = Vec<NaiveHistogram>> {
    prop_oneof![prop::collection::vec(exponential(), 3), prop::collection::vec(custom(), 3)]
}

/// `h{i="0"}`, `h{i="1"}` … at 0, and all of them one after the other, a minute apart, as `r`.
fn store(all: &[NaiveHistogram]) -> MemoryStore {
    let mut store = MemoryStore::default();
    for (index, one) in all.iter().enumerate() {
        let sample = || Stored::Histogram(Arc::new(one.to_native()));
        store.put(&Labels::new([("__name__", "h"), ("i", &index.to_string())]).unwrap(), 0, sample());
        store.put(&Labels::new([("__name__", "r")]).unwrap(), index as i64 * 60_000, sample());
    }
    store
}

fn ask(store: &MemoryStore, query: &str, at: i64) -> SampleValue {
    let expr = parse(query).unwrap();
    let result = query_instant(store, &context(), &expr, at, &PromqlOptions::default()).unwrap();
    let Value::Vector(mut samples) = result.value else { panic!("{query}: {:?}", result.value) };
    assert_eq!(samples.len(), 1, "{query}");
    samples.remove(0).value
}

fn check(store: &MemoryStore, query: &str, want: &NaiveHistogram) {
    let SampleValue::Histogram(got) = ask(store, query, 0) else { panic!("{query}: no histogram") };
    let got = NaiveHistogram::of(&got);
    let mut want = NaiveHistogram::of(&want.to_native());
    want.hint = got.hint;
    assert_eq!(got, want, "{query}");
}

fn times(one: &NaiveHistogram, factor: f64) -> NaiveHistogram {
    NaiveHistogram { hint: one.hint, ..one.plus(one, factor - 1.0) }
}

proptest! {
    #[test]
    fn arithmetic_is_that_of_maps_of_buckets(all in three()) {
        let store = store(&all);
        let [first, second, third] = &all[..] else { unreachable!() };
        check(&store, "h{i=\"0\"} + on() h{i=\"1\"}", &first.plus(second, 1.0));
        check(&store, "h{i=\"0\"} - on() h{i=\"1\"}", &first.plus(second, -1.0));
        check(&store, "h{i=\"0\"} * 3", &times(first, 3.0));
        check(&store, "h{i=\"0\"} / 0.5", &times(first, 2.0));
        check(&store, "-h{i=\"0\"}", &times(first, -1.0));
        let sum = first.plus(second, 1.0).plus(third, 1.0);
        check(&store, "sum(h)", &sum);
        check(&store, "avg(h{i!=\"2\"}) * 2", &first.plus(second, 1.0));
    }

    #[test]
    fn resets_are_where_a_count_fell(all in three(), is_growing in any::<bool>()) {
        // Half of the time each is what came before with more, so that there are windows without a reset.
        let mut samples = all;
        if is_growing {
            for index in 1..samples.len() {
                samples[index] = samples[index - 1].plus(&samples[index].clone(), 1.0);
            }
        }
        let store = store(&samples);
        let want = samples.windows(2).filter(|pair| pair[1].is_reset_of(&pair[0])).count();
        let SampleValue::Float(got) = ask(&store, "resets(r[10m])", 120_000) else { panic!("no number") };
        prop_assert_eq!(got, want as f64);
    }
}
