//! Exemplars, metadata, native histograms, label names and values.

use super::*;
use clew_model::CanonicalId;
use clew_model::metrics::{BucketSpan, Exemplar, ExemplarRow, HistogramSample, Metadata, MetricType, NativeHistogram};

fn histogram(count: u32) -> Arc<NativeHistogram> {
    Arc::new(NativeHistogram {
        schema: 3,
        zero_threshold: 1e-128,
        count: count.into(),
        sum: f64::from(count) / 3.0,
        positive_spans: vec![BucketSpan { offset: -2, length: 2 }],
        positive_buckets: vec![f64::from(count / 2), f64::from(count - count / 2)],
        ..NativeHistogram::default()
    })
}

#[test]
fn native_histograms_stay_through_seal_compaction_and_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let latency = labels(&[("__name__", "latency")]);
    let batch = |times: &[i64]| MetricBatch {
        series: [latency.clone()].into(),
        histograms: times
            .iter()
            .map(|time| HistogramSample { series: 0, time: *time, histogram: histogram(*time as u32) })
            .collect(),
        ..MetricBatch::default()
    };
    let tenant = TenantId::default();
    let mut expected = Vec::new();
    for round in 0..4i64 {
        let times = [round * 10 + 1, round * 10 + 5, 3 * round];
        expected.extend(times);
        assert_eq!(store.apply(round as u64 + 1, &tenant, &batch(&times)).unwrap().conflicting, 0);
        if round < 3 {
            store.seal().unwrap();
        }
    }
    expected.sort_unstable();
    expected.dedup();
    for step in 0..3 {
        let found = select(&store, &[], 0, 1_000);
        let times: Vec<i64> = found[0].histograms.iter().map(|(time, _)| *time).collect();
        assert_eq!(times, expected);
        assert!(found[0].histograms.iter().all(|(time, one)| **one == *histogram(*time as u32)));
        match step {
            0 => assert_eq!(store.compact().unwrap().runs, 3),
            _ => {
                store.seal().unwrap();
                drop(store);
                store = open(dir.path());
            }
        }
    }
    let again = store.apply(
        99,
        &tenant,
        &MetricBatch {
            histograms: vec![HistogramSample { series: 0, time: 35, histogram: histogram(1) }],
            ..batch(&[35, 35])
        },
    );
    assert_eq!(again.unwrap().appended, 1);
    assert_eq!(select(&store, &[], 35, 35)[0].histograms[0].1, histogram(35));
}

#[test]
fn exemplars_are_found_by_series_and_by_id_wherever_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let all = [labels(&[("__name__", "a")]), labels(&[("__name__", "b")])];
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let send = |store: &MetricStore, position: u64, time: i64| {
        let ids = labels(&[("trace_id", trace)]);
        let other = labels(&[("trace_id", &format!("{time:032x}")), ("note", "x")]);
        let batch = MetricBatch {
            series: all.as_slice().into(),
            exemplars: vec![
                Exemplar { series: 0, time, value: 0.5, labels: ids },
                Exemplar { series: 1, time: time + 1, value: 0.25, labels: other },
            ],
            ..MetricBatch::default()
        };
        store.apply(position, &TenantId::default(), &batch).unwrap()
    };
    for round in 0..4u64 {
        assert_eq!(send(&store, round * 2 + 1, round as i64 * 100).exemplars, 2);
        // Sent again: kept once.
        assert_eq!(send(&store, round * 2 + 2, round as i64 * 100).exemplars, 0);
        if round < 3 {
            store.seal().unwrap();
        }
    }
    let range = TimeRange::from_millis(0, 10_000);
    for step in 0..3 {
        let (context, of_b) = (context(), [matcher("__name__", MatchOp::Equal, "b")]);
        let view = store.view(&context);
        let by_series = metrics::exemplars(&context, &*view, &of_b, range).unwrap();
        assert_eq!(by_series.iter().map(|row| row.time).collect::<Vec<_>>(), [1, 101, 201, 301], "step {step}");
        let id = CanonicalId::new("4BF92F35-77B3-4DA6-A3CE-929D0E0E4736").unwrap();
        let (rows, more) = metrics::find_ids(&context, &*view, std::slice::from_ref(&id), range, 3).unwrap();
        assert!(more);
        let expected =
            |time| ExemplarRow { series: all[0].clone(), labels: labels(&[("trace_id", trace)]), value: 0.5, time };
        assert_eq!(rows, [expected(0), expected(100), expected(200)]);
        let late = TimeRange::from_millis(150, 250);
        let (rows, more) = metrics::find_ids(&context, &*view, &[id], late, 3).unwrap();
        drop(view);
        assert_eq!((rows, more), (vec![expected(200)], false));
        match step {
            0 => assert_eq!(store.compact().unwrap().runs, 3),
            _ => {
                store.seal().unwrap();
                drop(store);
                store = open(dir.path());
            }
        }
    }
}

fn known(store: &MetricStore, metric: Option<&str>) -> Vec<Metadata> {
    let context = context();
    metrics::metadata(&context, &*store.view(&context), metric).unwrap()
}

#[test]
fn metadata_is_kept_and_the_newest_wins() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let family = |name: &str, help: &str| Metadata {
        metric: name.into(),
        metric_type: MetricType::Counter,
        help: help.into(),
        unit: "seconds".into(),
    };
    let tell = |position: u64, metadata: Vec<Metadata>| {
        store.apply(position, &TenantId::default(), &MetricBatch { metadata, ..MetricBatch::default() }).unwrap();
    };
    tell(1, vec![family("b", "old"), family("a", "x")]);
    store.seal().unwrap();
    tell(2, vec![family("b", "new")]);
    let expected = [family("a", "x"), family("b", "new")];
    assert_eq!(known(&store, None), expected);
    assert_eq!(store.seal().unwrap().position, 2);
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.sealed_position(), 2);
    assert_eq!(known(&store, None), expected);
    assert_eq!(known(&store, Some("b")), expected[1..]);
    assert!(known(&store, Some("c")).is_empty());
}

#[test]
fn label_names_and_values_are_those_of_the_partitions_a_range_touches() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let old = labels(&[("__name__", "a"), ("job", "old")]);
    let new = labels(&[("__name__", "b"), ("job", "new"), ("zone", "z")]);
    apply(&store, 1, &[(&old, 10, 1.0), (&new, 3 * WIDTH, 1.0)]);
    for _ in 0..2 {
        let context = context();
        let view = store.view(&context);
        let range = TimeRange::from_millis;
        let values = |matchers: &[Matcher], start, end| {
            let found = metrics::label_values(&context, &*view, "job", matchers, range(start, end)).unwrap();
            Vec::from_iter(found)
        };
        assert_eq!(values(&[], 0, 4 * WIDTH), ["new", "old"]);
        assert_eq!(values(&[], 500, 600), ["old"]);
        assert_eq!(values(&[], WIDTH, 2 * WIDTH), Vec::<String>::new());
        assert_eq!(values(&[matcher("zone", MatchOp::NotEqual, "")], 0, 4 * WIDTH), ["new"]);
        let names = metrics::label_names(&context, &*view, &[], range(0, 4 * WIDTH)).unwrap();
        assert_eq!(Vec::from_iter(names), ["__name__", "job", "zone"]);
        let series = metrics::series(&context, &*view, &[], range(0, 4 * WIDTH)).unwrap();
        assert_eq!(Vec::from_iter(series), [old.clone(), new.clone()]);
        drop(view);
        store.seal().unwrap();
    }
}

#[test]
fn labels_and_metadata_of_megabytes_can_be_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut random = fastrand::Rng::with_seed(5);
    // More than what one list of label sets may hold.
    let long: Vec<Labels> = (0..1_100)
        .map(|number| {
            let text: String = (0..64_000).map(|_| random.alphanumeric()).collect();
            labels(&[("__name__", "m"), ("number", &format!("{number}")), ("text", &text)])
        })
        .collect();
    let samples: Vec<(&Labels, i64, f64)> = long.iter().map(|labels| (labels, 1, 1.0)).collect();
    apply(&store, 1, &samples);
    let help = "h".repeat(1 << 20);
    let family = |number: u32| Metadata {
        metric: format!("family{number}"),
        metric_type: MetricType::Counter,
        help: help.clone(),
        unit: String::new(),
    };
    let metadata = (0..100).map(family).collect();
    let told = store.apply(2, &TenantId::default(), &MetricBatch { metadata, ..MetricBatch::default() }).unwrap();
    assert!((60..100).contains(&told.metadata_dropped), "{told:?}");
    store.seal().unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(select(&store, &[], 0, 10).len(), long.len());
    let listed = known(&store, None).len() as u64;
    assert_eq!(listed + told.metadata_dropped, 100);
}
