//! A range query is, by definition, the instant query at each of its steps: over random series with gaps, resets,
//! markers and NaN, the column-wise evaluation must agree with evaluating each step alone.

use crate::script::context;
use crate::store::{MemoryStore, Stored};
use clew_model::metrics::{Labels, STALE_NAN};
use clew_query::promql::{PromqlOptions, SampleValue, Value, parse, query_instant, query_range};
use proptest::prelude::*;
use std::collections::BTreeMap;

const QUERIES: [&str; 43] = [
    "m",
    "m offset 90s",
    "rate(m[3m])",
    "increase(m[150s] offset -1m)",
    "irate(m[5m])",
    "delta(m[4m])",
    "deriv(m[4m])",
    "predict_linear(m[4m], 60)",
    "predict_linear(m[4m] @ 300, 60)",
    "resets(m[6m]) + changes(m[6m])",
    "avg_over_time(m[4m])",
    "min_over_time(m[4m])",
    "quantile_over_time(0.3, m[4m])",
    "stddev_over_time(m[4m])",
    "last_over_time(m[1m])",
    "absent_over_time(m{s=\"0\"}[30s])",
    "absent(m{s=\"0\"})",
    "timestamp(m)",
    "sum by (g) (m)",
    "avg without (s) (m)",
    "stdvar(m)",
    "quantile by (g) (0.7, m)",
    "topk(1, m)",
    "bottomk by (g) (1, m)",
    "count_values(\"v\", m)",
    "max(m) - min(m)",
    "m > 4",
    "m == bool ignoring(s) group_left max by (g) (m)",
    "m / on(s) m",
    "m and on(g) m{s=\"0\"} > 3",
    "m{s=\"0\"} or on(g) m",
    "m unless m{s=\"1\"}",
    "sum_over_time(m[4m:70s])",
    "max_over_time(rate(m[2m])[5m:1m] offset 30s)",
    "count_over_time(m[3m:1m] @ 240)",
    "scalar(m{s=\"0\"}) + time()",
    "clamp(m, 2, scalar(m{s=\"1\"}))",
    "m @ start() + m @ 200",
    "sum(rate(m[3m]))",
    "avg by (g) (m)",
    "stddev without (g) (increase(m[4m]))",
    "min(m) + max(m offset 1m)",
    "count(last_over_time(m[3m])) + group(m)",
];

fn sample() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        2 => Just(None),
        8 => (0..10i32).prop_map(|value| Some(f64::from(value))),
        1 => Just(Some(f64::from_bits(STALE_NAN))),
        1 => Just(Some(f64::NAN)),
    ]
}

/// Points by series; values as bits, with one NaN for all.
type Points = BTreeMap<String, Vec<(i64, u64)>>;

fn bits(value: &SampleValue) -> u64 {
    match value {
        SampleValue::Float(value) if value.is_nan() => f64::NAN.to_bits(),
        SampleValue::Float(value) => value.to_bits(),
        SampleValue::Histogram(histogram) => panic!("{histogram:?}"),
    }
}

fn stepped(store: &MemoryStore, query: &str, times: &[i64]) -> Result<Points, String> {
    let mut points = Points::new();
    for at in times {
        let expr = parse(query).unwrap();
        let result = query_instant(store, &context(), &expr, *at, &PromqlOptions::default()).map_err(|e| e.message)?;
        match result.value {
            Value::Vector(samples) => {
                for sample in samples {
                    points.entry(sample.labels.to_string()).or_default().push((*at, bits(&sample.value)));
                }
            }
            Value::Scalar(_, value) => {
                points.entry("{}".to_owned()).or_default().push((*at, bits(&SampleValue::Float(value))));
            }
            other => panic!("{other:?}"),
        }
    }
    Ok(points)
}

fn ranged(store: &MemoryStore, query: &str, [start, end, step]: [i64; 3]) -> Result<Points, String> {
    let expr = parse(query).unwrap();
    let options = PromqlOptions::default();
    let result = query_range(store, &context(), &expr, start, end, step, &options).map_err(|e| e.message)?;
    let Value::Matrix(series) = result.value else { panic!("{:?}", result.value) };
    let value = |value: f64| bits(&SampleValue::Float(value));
    Ok(series
        .into_iter()
        .map(|s| (s.labels.to_string(), s.floats.iter().map(|(t, v)| (*t, value(*v))).collect()))
        .collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn a_range_is_its_steps(
        series in prop::collection::vec(prop::collection::vec(sample(), 0..20), 1..9),
        step in 1_000i64..200_000,
    ) {
        let mut store = MemoryStore::default();
        for (index, samples) in series.iter().enumerate() {
            let (s, g) = (index.to_string(), (index / 2).to_string());
            let labels = Labels::new([("__name__", "m"), ("s", &s), ("g", &g)]).unwrap();
            for (minute, value) in samples.iter().enumerate() {
                if let Some(value) = value {
                    store.put(&labels, minute as i64 * 60_000 + (index as i64 % 2) * 7_000, Stored::Float(*value));
                }
            }
        }
        let (start, end) = (100_000, 1_300_000);
        let times: Vec<i64> = (start..=end).step_by(step as usize).take(40).collect();
        let last = *times.last().unwrap();
        for query in QUERIES {
            // `start()` is another instant in each instant query; pinned, the two mean the same.
            let query = query.replace("start()", "100");
            let answer = |store: &MemoryStore, query: &str| ranged(store, query, [start, last, step]);
            let (ranged, stepped) = (answer(&store, &query), stepped(&store, &query, &times));
            match (ranged, stepped) {
                (Ok(ranged), Ok(stepped)) => prop_assert_eq!(ranged, stepped, "{}", query),
                (Err(_), Err(_)) => {}
                (ranged, stepped) => prop_assert!(false, "{}: {:?} but {:?}", query, ranged, stepped),
            }
            // However many threads there are and in whatever order they come by, the answer is the same to the bit.
            let scattered = store.scattered();
            prop_assert_eq!(answer(&scattered, &query), answer(&store, &query), "{}", query);
        }
    }
}
