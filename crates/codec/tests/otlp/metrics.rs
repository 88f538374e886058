//! Metrics as Prometheus series: tables after the specification, random requests against a plain oracle.

use crate::generate;
use crate::metrics_oracle::{LabelMap, Meaning, meaning};
use crate::roomy::{decode_metrics, decode_metrics_json};
use clew_codec::Decoded;
use clew_codec::otlp::{OtlpMetricOptions, TranslationStrategy};
use clew_model::metrics::{BucketSpan, Labels, MetricBatch, MetricType, is_stale};
use fastrand::Rng;
use prost::Message as _;
use std::collections::{BTreeMap, HashSet};

fn as_map(labels: &Labels) -> LabelMap {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn bucket_map(spans: &[BucketSpan], counts: &[f64]) -> BTreeMap<i64, u64> {
    let mut counts = counts.iter();
    let mut next = 0;
    let mut out = BTreeMap::new();
    for span in spans {
        next += i64::from(span.offset);
        for _ in 0..span.length {
            let count = *counts.next().unwrap() as u64;
            if count > 0 {
                out.insert(next, count);
            }
            next += 1;
        }
    }
    assert!(counts.next().is_none());
    out
}

fn decoded_meaning(decoded: &Decoded<MetricBatch>) -> Meaning {
    let batch = &decoded.records;
    let series = |index: u32| as_map(&batch.series.labels(index as usize).unwrap());
    let own = |sample: &&clew_model::metrics::Sample| {
        batch.series.labels(sample.series as usize).unwrap().metric_name() != "target_info"
    };
    let histogram = |own: &clew_model::metrics::NativeHistogram| {
        if is_stale(own.sum) {
            return "stale".to_owned();
        }
        let positive = bucket_map(&own.positive_spans, &own.positive_buckets);
        let negative = bucket_map(&own.negative_spans, &own.negative_buckets);
        let (schema, count, sum, zero) = (own.schema, own.count, own.sum, own.zero_count);
        format!("{schema} {count} {sum:?} {zero} {:?} {positive:?} {negative:?}", own.zero_threshold)
    };
    Meaning {
        samples: batch
            .samples
            .iter()
            .filter(own)
            .map(|sample| (series(sample.series), sample.time, sample.value.to_bits()))
            .collect(),
        histograms: batch
            .histograms
            .iter()
            .map(|sample| (series(sample.series), sample.time, histogram(&sample.histogram)))
            .collect(),
        exemplars: batch
            .exemplars
            .iter()
            .map(|own| (series(own.series), as_map(&own.labels), own.time, own.value.to_bits()))
            .collect(),
        accepted: decoded.accepted,
        rejected: decoded.rejected,
    }
}

#[test]
fn random_metrics_mean_what_the_plain_walk_says() {
    let (mut samples, mut histograms, mut exemplars) = (0, 0, 0);
    for seed in 0..400 {
        let request = generate::metrics(&mut Rng::with_seed(seed));
        let decoded = decode_metrics(&request.encode_to_vec(), &OtlpMetricOptions::default()).unwrap();
        let (left, right) = (decoded_meaning(&decoded), meaning(&request));
        for (one, other) in left.samples.iter().zip(&right.samples) {
            assert_eq!(one, other, "seed {seed}");
        }
        for (one, other) in left.histograms.iter().zip(&right.histograms) {
            assert_eq!(one, other, "seed {seed}");
        }
        for (one, other) in left.exemplars.iter().zip(&right.exemplars) {
            assert_eq!(one, other, "seed {seed}");
        }
        assert_eq!((left.accepted, left.rejected), (right.accepted, right.rejected), "seed {seed}");
        assert!(left == right, "seed {seed}: the lists differ in length");
        let unique: HashSet<Labels> = decoded.records.series.iter().collect();
        assert_eq!(unique.len(), decoded.records.series.len(), "seed {seed}: each label set once");
        samples += left.samples.len();
        histograms += left.histograms.len();
        exemplars += left.exemplars.len();
    }
    assert!(samples > 1000 && histograms > 100 && exemplars > 100, "{samples} {histograms} {exemplars}");
}

/// A request with one resource (its attributes as JSON) and these metrics, in OTLP/JSON.
fn request(resource: &str, metrics: &str) -> String {
    format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{resource}]}},"scopeMetrics":[{{
            "scope":{{"name":"lib","version":"1.2","attributes":[{{"key":"kind.of","value":{{"stringValue":"x"}}}}]}},
            "schemaUrl":"http://s","metrics":[{metrics}]}}]}}]}}"#
    )
}

const SERVICE: &str = r#"{"key":"service.name","value":{"stringValue":"shop"}},
    {"key":"service.namespace","value":{"stringValue":"eu"}},
    {"key":"service.instance.id","value":{"stringValue":"pod-1"}}"#;
const HOST: &str = r#"{"key":"host.name","value":{"stringValue":"h1"}}"#;

/// The series without the label of resources that name no service, which most of those here do not.
fn without_unknown(labels: &Labels) -> String {
    let named = labels.iter().filter(|pair| *pair != ("job", "unknown_service"));
    Labels::new(named).unwrap().to_string()
}

/// The samples, one a line.
fn lines(batch: &MetricBatch) -> Vec<String> {
    let line = |sample: &clew_model::metrics::Sample| {
        let value = if is_stale(sample.value) { "stale".to_owned() } else { sample.value.to_string() };
        let series = without_unknown(&batch.series.labels(sample.series as usize).unwrap());
        format!("{series} {value} @{}", sample.time)
    };
    batch.samples.iter().map(line).collect()
}

fn check(options: &OtlpMetricOptions, resource: &str, metrics: &str, expected: &[&str]) {
    let decoded = decode_metrics_json(request(resource, metrics).as_bytes(), options).unwrap();
    assert_eq!(decoded.message(), "");
    assert_eq!(lines(&decoded.records), expected);
}

fn check_refused(metrics: &str, reason: &str) {
    let good = r#"{"name":"good","gauge":{"dataPoints":[{"timeUnixNano":5000000,"asInt":1}]}}"#;
    let body = request("", &format!("{good},{metrics}"));
    let decoded = decode_metrics_json(body.as_bytes(), &OtlpMetricOptions::default()).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected), (1, 1), "{metrics}");
    assert_eq!(lines(&decoded.records), ["good 1 @5"], "nothing of a refused point is left");
    assert_eq!((decoded.rejects[0].index, decoded.rejects[0].reason.as_str()), (1, reason));
}

#[test]
fn sums_and_gauges() {
    let point = r#"{"timeUnixNano":"1700000000123456789","asInt":"7","attributes":[
        {"key":"http.method","value":{"stringValue":"GET"}},{"key":"ok","value":{"boolValue":true}}]}"#;
    let sum = |monotonic: bool| {
        format!(
            r#"{{"name":"http.requests","unit":"{{request}}",
            "sum":{{"aggregationTemporality":2,"isMonotonic":{monotonic},"dataPoints":[{point}]}}}}"#
        )
    };
    let options = OtlpMetricOptions::default();
    check(&options, "", &sum(true), &[r#"http_requests_total{http_method="GET", ok="true"} 7 @1700000000123"#]);
    check(&options, "", &sum(false), &[r#"http_requests{http_method="GET", ok="true"} 7 @1700000000123"#]);
    let gauge = format!(r#"{{"name":"cpu.use","unit":"1","gauge":{{"dataPoints":[{point}]}}}}"#);
    check(&options, "", &gauge, &[r#"cpu_use_ratio{http_method="GET", ok="true"} 7 @1700000000123"#]);
}

#[test]
fn a_histogram_becomes_buckets_sum_and_count() {
    let metric = r#"{"name":"latency","unit":"s","description":"how long","histogram":{"aggregationTemporality":2,
        "dataPoints":[{"timeUnixNano":9000000,"count":"10","sum":12.5,"bucketCounts":["1","2","7"],
        "explicitBounds":[0.005,1]}]}}"#;
    let options = OtlpMetricOptions::default();
    check(
        &options,
        SERVICE,
        metric,
        &[
            r#"latency_seconds_sum{instance="pod-1", job="eu/shop"} 12.5 @9"#,
            r#"latency_seconds_count{instance="pod-1", job="eu/shop"} 10 @9"#,
            r#"latency_seconds_bucket{instance="pod-1", job="eu/shop", le="0.005"} 1 @9"#,
            r#"latency_seconds_bucket{instance="pod-1", job="eu/shop", le="1"} 3 @9"#,
            r#"latency_seconds_bucket{instance="pod-1", job="eu/shop", le="+Inf"} 10 @9"#,
        ],
    );
    let decoded = decode_metrics_json(request("", metric).as_bytes(), &options).unwrap();
    let told = &decoded.records.metadata[0];
    assert_eq!((told.metric.as_str(), told.metric_type), ("latency_seconds", MetricType::Histogram));
    assert_eq!((told.help.as_str(), told.unit.as_str()), ("how long", "seconds"));
}

#[test]
fn a_summary_becomes_quantiles_sum_and_count() {
    let metric = r#"{"name":"rpc","summary":{"dataPoints":[{"timeUnixNano":9000000,"count":4,"sum":2,
        "quantileValues":[{"quantile":0.5,"value":0.25},{"quantile":1,"value":"NaN"}]}]}}"#;
    let expected = ["rpc_sum 2 @9", "rpc_count 4 @9", r#"rpc{quantile="0.5"} 0.25 @9"#, r#"rpc{quantile="1"} NaN @9"#];
    check(&OtlpMetricOptions::default(), "", metric, &expected);
}

#[test]
fn no_recorded_value_ends_every_series_of_the_point() {
    let options = OtlpMetricOptions::default();
    let ended = r#"{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":5000000,"flags":1}]}}"#;
    check(&options, "", ended, &["g stale @5"]);
    let ended = r#"{"name":"h","histogram":{"aggregationTemporality":2,
        "dataPoints":[{"timeUnixNano":5000000,"flags":1,"explicitBounds":[1]}]}}"#;
    let expected =
        ["h_sum stale @5", "h_count stale @5", r#"h_bucket{le="1"} stale @5"#, r#"h_bucket{le="+Inf"} stale @5"#];
    check(&options, "", ended, &expected);
}

#[test]
fn target_info_tells_the_rest_of_the_resource() {
    let point = |time: u64| format!(r#"{{"timeUnixNano":"{}","asInt":1}}"#, time * 1_000_000);
    let gauge = |times: &[u64]| {
        let points: Vec<String> = times.iter().map(|time| point(*time)).collect();
        format!(r#"{{"name":"g","gauge":{{"dataPoints":[{}]}}}}"#, points.join(","))
    };
    let options = OtlpMetricOptions::default();
    let resource = format!("{SERVICE},{HOST}");
    let with = |options: &OtlpMetricOptions, times: &[u64]| {
        let decoded = decode_metrics_json(request(&resource, &gauge(times)).as_bytes(), options).unwrap();
        let mut all = lines(&decoded.records);
        all.retain(|line| line.starts_with("target_info"));
        all
    };
    let labels = r#"target_info{host_name="h1", instance="pod-1", job="eu/shop"}"#;
    assert_eq!(with(&options, &[5]), [format!("{labels} 1 @5")]);
    let expected = [400_000, 250_000, 100_000].map(|time| format!("{labels} 1 @{time}"));
    assert_eq!(with(&options, &[400_000, 100_000]), expected, "a sample at least every 150 s");
    let expected = [150_001, 1, 0].map(|time| format!("{labels} 1 @{}", time + 7));
    assert_eq!(with(&options, &[150_008, 7]), expected);
    assert_eq!(with(&options, &[1, 1_000_000_000_000]).len(), clew_codec::limits::MAX_TARGET_INFO_SAMPLES);
    assert!(with(&OtlpMetricOptions { target_info: false, ..options.clone() }, &[5]).is_empty());
    let keep = OtlpMetricOptions { keep_identifying_resource_attributes: true, ..options.clone() };
    let expected = r#"target_info{host_name="h1", instance="pod-1", job="eu/shop", service_instance_id="pod-1", service_name="shop", service_namespace="eu"} 1 @5"#;
    assert_eq!(with(&keep, &[5]), [expected]);
    check(&options, HOST, &gauge(&[5]), &["g 1 @5"]);
    check(&options, SERVICE, &gauge(&[5]), &[r#"g{instance="pod-1", job="eu/shop"} 1 @5"#]);
}

#[test]
fn labels_from_resource_and_scope_by_choice() {
    let metric = r#"{"name":"g","gauge":{"dataPoints":[{"timeUnixNano":5000000,"asInt":1,"attributes":[
        {"key":"host.name","value":{"stringValue":"own"}},{"key":"job","value":{"stringValue":"lost"}}]}]}}"#;
    let options = OtlpMetricOptions {
        promote_scope: true,
        promote_resource_attributes: vec!["host.name".into(), "service.namespace".into()],
        target_info: false,
        ..OtlpMetricOptions::default()
    };
    let expected = r#"g{host_name="own", instance="pod-1", job="eu/shop", otel_scope_kind_of="x", otel_scope_name="lib", otel_scope_schema_url="http://s", otel_scope_version="1.2", service_namespace="eu"} 1 @5"#;
    check(&options, &format!("{SERVICE},{HOST}"), metric, &[expected]);
}

#[test]
fn attribute_names_and_values_become_labels() {
    let attributes = [
        (r#""a.b""#, r#"{"stringValue":"second"}"#),
        (r#""a-b""#, r#"{"stringValue":"first"}"#),
        (r#""a_b""#, r#"{"intValue":"3"}"#),
        (r#""123""#, r#"{"doubleValue":1}"#),
        (r#""_x""#, r#"{"doubleValue":1e21}"#),
        (r#""__y""#, r#"{"doubleValue":0.0000001}"#),
        (r#""né""#, r#"{"bytesValue":"/w=="}"#),
        (r#""list""#, r#"{"arrayValue":{"values":[{"intValue":1},{"stringValue":"two"}]}}"#),
        (r#""empty""#, r#"{"stringValue":""}"#),
        (r#""__name__""#, r#"{"stringValue":"forged"}"#),
    ];
    let attributes: Vec<String> =
        attributes.iter().map(|(key, value)| format!(r#"{{"key":{key},"value":{value}}}"#)).collect();
    let metric = format!(
        r#"{{"name":"g","gauge":{{"dataPoints":[{{"timeUnixNano":5000000,"asInt":1,"attributes":[{}]}}]}}}}"#,
        attributes.join(",")
    );
    let expected =
        r#"g{__y="1e-7", a_b="first;second;3", key_123="1", key_x="1e+21", list="[1,\"two\"]", n_="/w=="} 1 @5"#;
    check(&OtlpMetricOptions::default(), "", &metric, &[expected]);
    let raw = OtlpMetricOptions { strategy: TranslationStrategy::NoTranslation, ..OtlpMetricOptions::default() };
    let expected =
        r#"g{123="1", __y="1e-7", _x="1e+21", a-b="first", a.b="second", a_b="3", list="[1,\"two\"]", né="/w=="} 1 @5"#;
    check(&raw, "", &metric, &[expected]);
}

#[test]
fn exemplars_carry_trace_span_and_attributes() {
    let exemplar = |value: &str, more: &str| {
        format!(
            r#"{{"timeUnixNano":7000000,"asDouble":{value},"traceId":"0af7651916cd43dd8448eb211c80319c",
            "spanId":"b7ad6b7169203331"{more}}}"#
        )
    };
    let attributes = r#","filteredAttributes":[{"key":"user.id","value":{"stringValue":"u1"}},{"key":"span_id","value":{"stringValue":"no"}}]"#;
    let long = format!(r#","filteredAttributes":[{{"key":"big","value":{{"stringValue":"{}"}}}}]"#, "x".repeat(5000));
    let metric = format!(
        r#"{{"name":"h","histogram":{{"aggregationTemporality":2,"dataPoints":[{{"timeUnixNano":5000000,"count":3,
        "bucketCounts":[1,1,1],"explicitBounds":[1,2],"exemplars":[{},{},{},{{"asInt":1}}]}}]}}}}"#,
        exemplar("2", attributes),
        exemplar("2.5", &long),
        exemplar("\"NaN\"", "")
    );
    let decoded = decode_metrics_json(request("", &metric).as_bytes(), &OtlpMetricOptions::default()).unwrap();
    let batch = &decoded.records;
    let shown: Vec<String> = batch
        .exemplars
        .iter()
        .map(|own| {
            let series = without_unknown(&batch.series.labels(own.series as usize).unwrap());
            format!("{series} {} {} @{}", own.labels, own.value, own.time)
        })
        .collect();
    let ids = r#"span_id="b7ad6b7169203331", trace_id="0af7651916cd43dd8448eb211c80319c""#;
    assert_eq!(
        shown,
        [
            format!(r#"h_bucket{{le="2"}} {{{ids}, user_id="u1"}} 2 @7"#),
            format!(r#"h_bucket{{le="+Inf"}} {{{ids}}} 2.5 @7"#),
            format!(r#"h_bucket{{le="+Inf"}} {{{ids}}} NaN @7"#),
            r#"h_bucket{le="1"} {} 1 @5"#.to_owned(),
        ]
    );
}

#[test]
fn an_exponential_histogram_is_scaled_down_to_schema_8() {
    // scale 9: pairs of buckets merge; index -3 … 2 covers (-3,-2] … (2,3], upper bounds -2 … 3 in half steps -1 … 1.5
    let metric = r#"{"name":"h","exponentialHistogram":{"aggregationTemporality":2,"dataPoints":[{
        "timeUnixNano":5000000,"count":"30","sum":4,"scale":9,"zeroCount":"2","zeroThreshold":0.5,
        "positive":{"offset":-3,"bucketCounts":["1","2","3","4","5","6"]},
        "negative":{"offset":100,"bucketCounts":["7",0,0,0,0,0,0,0,0,0,0,"1"]}}]}}"#;
    let decoded = decode_metrics_json(request("", metric).as_bytes(), &OtlpMetricOptions::default()).unwrap();
    let own = &decoded.records.histograms[0].histogram;
    assert_eq!((own.schema, own.count, own.sum, own.zero_count, own.zero_threshold), (8, 30.0, 4.0, 2.0, 0.5));
    assert_eq!(own.positive_spans, [BucketSpan { offset: -1, length: 4 }]);
    assert_eq!(own.positive_buckets, [1.0, 5.0, 9.0, 6.0]);
    assert_eq!(own.negative_spans, [BucketSpan { offset: 51, length: 1 }, BucketSpan { offset: 4, length: 1 }]);
    assert_eq!(own.negative_buckets, [7.0, 1.0]);
}

#[test]
fn extreme_bucket_indexes_are_kept_or_refused() {
    let metric = |scale: i64, offset: i64| {
        format!(
            r#"{{"name":"h","exponentialHistogram":{{"aggregationTemporality":2,"dataPoints":[{{"timeUnixNano":5000000,
            "count":1,"scale":{scale},"positive":{{"offset":{offset},"bucketCounts":[1]}}}}]}}}}"#
        )
    };
    let spans = |scale, offset| {
        let body = request("", &metric(scale, offset));
        let decoded = decode_metrics_json(body.as_bytes(), &OtlpMetricOptions::default()).unwrap();
        decoded.records.histograms[0].histogram.positive_spans.clone()
    };
    assert_eq!(spans(8, i64::from(i32::MIN)), [BucketSpan { offset: i32::MIN + 1, length: 1 }]);
    assert_eq!(spans(i64::from(i32::MAX), 77), [BucketSpan { offset: 1, length: 1 }]);
    assert_eq!(spans(i64::from(i32::MAX), -77), [BucketSpan { offset: 0, length: 1 }]);
    check_refused(
        &metric(0, i64::from(i32::MAX)),
        "metric \"h\": the bucket index 2147483648 is out of range, expected at most 2147483647",
    );
}

#[test]
fn a_bad_point_is_refused_by_itself() {
    let gauge = |point: &str| format!(r#"{{"name":"m","gauge":{{"dataPoints":[{point}]}}}}"#);
    let histogram = |point: &str| {
        format!(
            r#"{{"name":"m","histogram":{{"aggregationTemporality":2,"dataPoints":[{{"timeUnixNano":1,{point}}}]}}}}"#
        )
    };
    check_refused(&gauge(r#"{"asInt":1}"#), r#"metric "m": no time, expected time_unix_nano"#);
    check_refused(&gauge(r#"{"timeUnixNano":1}"#), r#"metric "m": no value, expected as_double or as_int"#);
    check_refused(
        &gauge(r#"{"timeUnixNano":1,"asInt":1,"attributes":[{"value":{"intValue":1}}]}"#),
        r#"metric "m": an attribute has no name"#,
    );
    check_refused(
        &gauge(r#"{"timeUnixNano":1,"asInt":1,"exemplars":[{"asInt":1},{}]}"#),
        r#"metric "m": exemplars[1]: no value, expected as_double or as_int"#,
    );
    check_refused(
        &histogram(r#""bucketCounts":[1,1,1],"explicitBounds":[1]"#),
        r#"metric "m": 3 bucket_counts for 1 explicit_bounds, expected one more than bounds"#,
    );
    check_refused(
        &histogram(r#""explicitBounds":[1]"#),
        r#"metric "m": 0 bucket_counts for 1 explicit_bounds, expected one more than bounds"#,
    );
    for bounds in ["[2,1]", "[1,1]"] {
        let point = format!(r#""bucketCounts":[1,1,1],"explicitBounds":{bounds}"#);
        check_refused(&histogram(&point), r#"metric "m": explicit_bounds do not rise strictly"#);
    }
    check_refused(
        &histogram(r#""bucketCounts":[1,1],"explicitBounds":["NaN"]"#),
        r#"metric "m": explicit_bounds do not rise strictly"#,
    );
    let many = format!(r#""bucketCounts":[{}0]"#, "0,".repeat(20_000));
    check_refused(&histogram(&many), r#"metric "m": more than 16384 buckets"#);
    check_refused(
        r#"{"name":"","gauge":{"dataPoints":[{"timeUnixNano":1,"asInt":1}]}}"#,
        r#"metric "": the metric has no name"#,
    );
    check_refused(
        r#"{"name":"--","gauge":{"dataPoints":[{"timeUnixNano":1,"asInt":1}]}}"#,
        r#"metric "--": the metric's name has no letter or digit that a Prometheus name may hold"#,
    );
    check_refused(
        r#"{"name":"m","sum":{"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":1,"asInt":1}]}}"#,
        "metric \"m\": delta temporality is not supported; set the exporter's temporality preference to cumulative \
         (OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative)",
    );
    check_refused(
        r#"{"name":"m","sum":{"dataPoints":[{"timeUnixNano":1,"asInt":1}]}}"#,
        r#"metric "m": aggregation_temporality is 0, expected 2 (cumulative)"#,
    );
    check_refused(
        r#"{"name":"m"}"#,
        "metric \"m\": no data of a known type, expected gauge, sum, histogram, exponential_histogram or summary",
    );
}

#[test]
fn metadata_is_told_once_a_family() {
    let gauge = r#"{"name":"a.b","unit":"By","description":"d","gauge":{"dataPoints":[{"timeUnixNano":1,"asInt":1}]}}"#;
    let body = request(&format!("{SERVICE},{HOST}"), &format!("{gauge},{gauge}"));
    let decoded = decode_metrics_json(body.as_bytes(), &OtlpMetricOptions::default()).unwrap();
    let told: Vec<_> = decoded
        .records
        .metadata
        .iter()
        .map(|own| (own.metric.as_str(), own.metric_type, own.help.as_str(), own.unit.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("a_b_bytes", MetricType::Gauge, "d", "bytes"),
            ("target_info", MetricType::Gauge, "Attributes of the OpenTelemetry resource", ""),
        ]
    );
}
