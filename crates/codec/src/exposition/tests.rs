//! Bodies and what they say. Expected values come from the formats' documents, from what Prometheus accepts and refuses,
//! and from the fixtures that real programs wrote.

mod oracles;
mod roundtrip;

use super::*;
use clew_model::metrics::{Labels, MetricBatch, MetricType};

const SCRAPE_TIME: i64 = 1_000;

fn read(body: &[u8], format: Format) -> Result<MetricBatch, DecodeError> {
    decode(body, &ScrapeOptions { format, scrape_time: SCRAPE_TIME, honor_timestamps: true })
}

/// The samples as `labels value timestamp`.
fn shown(batch: &MetricBatch) -> Vec<String> {
    let show = |labels: &Labels| {
        let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        pairs.join(",")
    };
    batch
        .samples
        .iter()
        .map(|sample| {
            format!("{} {} {}", show(&batch.series.labels(sample.series as usize).unwrap()), sample.value, sample.time)
        })
        .collect()
}

fn check(format: Format, body: &str, expected: &[&str]) {
    match read(body.as_bytes(), format) {
        Ok(batch) => assert_eq!(shown(&batch), expected, "{body}"),
        Err(error) => panic!("{body}: {error}"),
    }
}

#[test]
fn the_text_formats_own_example_is_read() {
    // The example of the text format's documentation ("Text format example").
    let body = r#"# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# A histogram, which has a pretty complex representation in the text format:
# HELP http_request_duration_seconds A histogram of the request duration.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="1"} 133988
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320

# Finally a summary, which has a complex representation, too:
# HELP rpc_duration_seconds A summary of the RPC duration in seconds.
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds_sum 1.7560473e+07
"#;
    check(
        Format::PrometheusText,
        body,
        &[
            r#"__name__="http_requests_total",code="200",method="post" 1027 1395066363000"#,
            r#"__name__="http_requests_total",code="400",method="post" 3 1395066363000"#,
            r#"__name__="msdos_file_access_time_seconds",error="Cannot find file:\n\"FILE.TXT\"",path="C:\\DIR\\FILE.TXT" 1458255915 1000"#,
            r#"__name__="metric_without_timestamp_and_labels" 12.47 1000"#,
            r#"__name__="something_weird",problem="division by zero" inf -3982045"#,
            r#"__name__="http_request_duration_seconds_bucket",le="0.05" 24054 1000"#,
            r#"__name__="http_request_duration_seconds_bucket",le="1.0" 133988 1000"#,
            r#"__name__="http_request_duration_seconds_bucket",le="+Inf" 144320 1000"#,
            r#"__name__="http_request_duration_seconds_sum" 53423 1000"#,
            r#"__name__="http_request_duration_seconds_count" 144320 1000"#,
            r#"__name__="rpc_duration_seconds",quantile="0.01" 3102 1000"#,
            r#"__name__="rpc_duration_seconds_sum" 17560473 1000"#,
        ],
    );
    let metadata = read(body.as_bytes(), Format::PrometheusText).unwrap().metadata;
    assert_eq!(metadata.len(), 3);
    assert_eq!(metadata[0].help, "The total number of HTTP requests.");
    assert_eq!(metadata[1].metric_type, MetricType::Histogram);
}

#[test]
fn what_prometheus_accepts_in_the_text_format_is_accepted() {
    for (body, expected) in [
        ("", &[][..]),
        ("\n\n", &[]),
        ("a 1", &[r#"__name__="a" 1 1000"#]),
        ("a\t1\t2\n", &[r#"__name__="a" 1 2"#]),
        ("  a { b = \"c\" , } 1 \n", &[r#"__name__="a",b="c" 1 1000"#]),
        ("a{b=\"c\" d=\"e\"}1\n", &[r#"__name__="a",b="c",d="e" 1 1000"#]),
        ("a{} 1\n", &[r#"__name__="a" 1 1000"#]),
        ("a{b=\"}\"} 1\n", &[r#"__name__="a",b="}" 1 1000"#]),
        ("a{b=\"\"} 1\n", &[r#"__name__="a" 1 1000"#]),
        ("a{b=\"x\\qy\"} 1\n", &[r#"__name__="a",b="x\\qy" 1 1000"#]),
        ("a{b=\"two\nlines\"} 1\n", &[r#"__name__="a",b="two\nlines" 1 1000"#]),
        (":a:b 1\n", &[r#"__name__=":a:b" 1 1000"#]),
        ("{\"my.metric\",\"la.bel\"=\"é\"} 1\n", &[r#"__name__="my.metric",la.bel="é" 1 1000"#]),
        ("{b=\"c\",\"my metric\"} 1\n", &[r#"__name__="my metric",b="c" 1 1000"#]),
        ("{\"quo\\\"te\"} 1\n", &[r#"__name__="quo\"te" 1 1000"#]),
        ("# just a comment\n#HELP x\n# HELP\n# TYPE\n#\na 1\n", &[r#"__name__="a" 1 1000"#]),
        ("# HELP a\n# TYPE  a  counter \na 1\n", &[r#"__name__="a" 1 1000"#]),
        ("# TYPE \"my.metric\" gauge\na nan\n", &[r#"__name__="a" NaN 1000"#]),
        ("a 1\na 2\nA 3\n", &[r#"__name__="a" 1 1000"#, r#"__name__="a" 2 1000"#, r#"__name__="A" 3 1000"#]),
    ] {
        check(Format::PrometheusText, body, expected);
    }
    let batch = read(b"a{b=\"1\",c=\"2\"} 1\na{c=\"2\", b=\"1\"} 2\n", Format::PrometheusText).unwrap();
    assert_eq!(batch.series.len(), 1, "two spellings of one label set");
}

#[test]
fn an_error_tells_line_column_and_what_was_expected() {
    for (body, message) in [
        ("a 1\nb\n", "line 2 column 2: expected a space or '{' after the metric name, found the end of the line"),
        ("a\n", "line 1 column 2: expected a space or '{'"),
        ("a b\n", "line 1 column 3: expected a value: a decimal number, NaN, +Inf or -Inf, found 'b'"),
        ("a 0x1f\n", "found \"0x1f\""),
        ("a 1_000\n", "found \"1_000\""),
        ("a 1 b\n", "expected a timestamp in whole milliseconds or the end of the line, found 'b'"),
        ("a 1 1.5\n", "expected a timestamp in whole milliseconds"),
        ("a 1 2 3\n", "expected the end of the line after the timestamp, found '3'"),
        ("a 1\r\n", "expected a value"),
        ("1a 1\n", "line 1 column 1: expected a metric name, found \"1a\""),
        ("é 1\n", "expected a metric name"),
        ("a-b 1\n", "line 1 column 2: expected a space or '{' after the metric name"),
        ("a{b=\"c\"\n", "expected a label name or '}'"),
        ("a{b=c} 1\n", "line 1 column 5: expected a label value in double quotes, found 'c'"),
        ("a{b\"c\"} 1\n", "expected '=' after the label name, found '\"'"),
        ("a{b=\"c} 1\n", "line 1 column 5: expected a label value that ends with '\"'"),
        ("a{1b=\"c\"} 1\n", "expected a label name or '}', found '1'"),
        ("a{b:c=\"c\"} 1\n", "expected '=' after the label name, found ':'"),
        ("a{,} 1\n", "expected a label name or '}', found ','"),
        ("a{b=\"c\",,} 1\n", "expected a label name or '}', found ','"),
        ("a{b=\"c\",b=\"d\"} 1\n", "the label \"b\" is given twice"),
        ("a{__name__=\"d\"} 1\n", "the label \"__name__\" is given twice"),
        ("a{\"b\"} 1\n", "the metric name is already given"),
        ("{\"a\",\"b\"} 1\n", "line 1 column 6: expected a label (the metric name is already given)"),
        ("{a=\"b\"} 1\n", "the sample has no metric name"),
        ("{} 1\n", "the sample has no metric name"),
        (
            "# TYPE a count\n",
            "line 1 column 10: expected a type: counter, gauge, histogram, summary or untyped, found \"count\"",
        ),
        ("# TYPE a\n", "expected a type"),
        ("# HELP 1a x\n", "expected a metric name"),
        ("# TYPE a-b gauge\n", "expected a space after the metric name"),
    ] {
        let error = read(body.as_bytes(), Format::PrometheusText).unwrap_err();
        assert!(error.to_string().contains(message), "{body:?}: {error}");
        assert_eq!(error.kind(), clew_model::ErrorKind::InvalidInput);
    }
    let error = read(b"a 1\nb{c=\"\xff\"} 1\n", Format::PrometheusText).unwrap_err();
    assert_eq!(error.to_string(), "malformed Prometheus text format at line 2 column 6: the text is not valid UTF-8");
}

#[test]
fn openmetrics_has_seconds_exemplars_units_and_an_end() {
    let body = "# HELP foo_seconds Say \\\"hi\\\".\n# TYPE foo_seconds counter\n# UNIT foo_seconds seconds\n\
        foo_seconds_total{a=\"b\"} 17.0 1520879607.789 # {trace_id=\"KOO5S4vxi0o\"} 0.67\n\
        foo_seconds_created{a=\"b\"} 1520430000.123\n\
        # TYPE bar histogram\nbar_bucket{le=\"1\"} 3 # {} 0.5 1520879608\nbar_bucket{le=\"+Inf\"} 4\n\
        # TYPE i info\ni_info{x=\"y\"} 1\n# TYPE s stateset\n# TYPE g gaugehistogram\n# TYPE u unknown\n\
        {\"utf8.name\",\"a.b\"=\"c\"} -1\n# EOF\n";
    check(
        Format::OpenMetricsText,
        body,
        &[
            r#"__name__="foo_seconds_total",a="b" 17 1520879607789"#,
            r#"__name__="foo_seconds_created",a="b" 1520430000.123 1000"#,
            r#"__name__="bar_bucket",le="1.0" 3 1000"#,
            r#"__name__="bar_bucket",le="+Inf" 4 1000"#,
            r#"__name__="i_info",x="y" 1 1000"#,
            r#"__name__="utf8.name",a.b="c" -1 1000"#,
        ],
    );
    let batch = read(body.as_bytes(), Format::OpenMetricsText).unwrap();
    let exemplars: Vec<_> =
        batch.exemplars.iter().map(|own| (own.series, own.time, own.value, own.labels.get("trace_id"))).collect();
    assert_eq!(
        exemplars,
        [(0, 1_520_879_607_789, 0.67, Some("KOO5S4vxi0o")), (2, 1_520_879_608_000, 0.5, None)],
        "an exemplar without a time has its sample's"
    );
    let families: Vec<_> =
        batch.metadata.iter().map(|own| (own.metric.as_str(), own.metric_type, own.unit.as_str())).collect();
    assert_eq!(
        families,
        [
            ("foo_seconds", MetricType::Counter, "seconds"),
            ("bar", MetricType::Histogram, ""),
            ("i", MetricType::Info, ""),
            ("s", MetricType::StateSet, ""),
            ("g", MetricType::GaugeHistogram, ""),
            ("u", MetricType::Unknown, ""),
        ]
    );
    assert_eq!(batch.metadata[0].help, "Say \"hi\".");
}

#[test]
fn openmetrics_is_strict() {
    for (body, message) in [
        ("", "expected # EOF at the end, found the end of the body"),
        ("a 1\n", "line 2 column 1: expected # EOF at the end"),
        ("a 1", "expected the end of the line"),
        ("a 1\n# EOF\n\n", "expected nothing after # EOF"),
        ("a 1\n# EOFx", "expected nothing after # EOF"),
        ("\n# EOF\n", "expected a metric name, found the end of the line"),
        ("a  1\n# EOF\n", "expected a value"),
        ("a\t1\n# EOF\n", "expected a space before the value"),
        ("a 1 \n# EOF\n", "expected a timestamp in seconds"),
        ("a{b=\"c\", d=\"e\"} 1\n# EOF\n", "expected a label name or '}', found a space"),
        ("a{b=\"c\"d=\"e\"} 1\n# EOF\n", "expected ',' or '}' after the label, found 'd'"),
        ("a{b=\"x\ny\"} 1\n# EOF\n", "expected '\"' before the end of the line"),
        ("# a comment\na 1\n# EOF\n", "OpenMetrics has no comments"),
        ("# TYPE a untyped\n# EOF\n", "expected a type: counter"),
        ("# TYPE a gauge ", "expected # EOF"),
        ("# HELP a\n# EOF\n", "expected a space after the metric name"),
        ("# UNIT a_seconds bytes\n# EOF\n", "ends with '_' and its unit"),
        ("# UNIT seconds seconds\n# EOF\n", "ends with '_' and its unit"),
        ("a 1 NaN\n# EOF\n", "expected a timestamp in seconds, found \"NaN\""),
        ("a 1 # {b=\"c\"}\n# EOF\n", "a space before the exemplar's value"),
        ("a 1 # {\"b\"} 1\n# EOF\n", "expected '=' after the label name, found '}'"),
        ("a 1 # {b=\"c\"} x\n# EOF\n", "expected the exemplar's value, found 'x'"),
        ("a 1 # {b=\"c\"} 1 2 3\n# EOF\n", "expected the end of the line"),
        ("a 1 # x\n# EOF\n", "expected an exemplar ' # {'"),
        ("a 1 # {b=\"c\"} 1 # {b=\"c\"} 1\n# EOF\n", "expected the end of the line"),
    ] {
        let error = read(body.as_bytes(), Format::OpenMetricsText).unwrap_err();
        assert!(error.to_string().contains(message), "{body:?}: {error}");
    }
}

#[test]
fn an_exemplar_that_is_too_long_is_left_out() {
    let body = |length: usize| format!("a_total 1 # {{trace_id=\"{}\"}} 1\n# EOF\n", "é".repeat(length));
    assert_eq!(read(body(120).as_bytes(), Format::OpenMetricsText).unwrap().exemplars.len(), 1);
    let batch = read(body(121).as_bytes(), Format::OpenMetricsText).unwrap();
    assert_eq!((batch.samples.len(), batch.exemplars.len()), (1, 0));
}

#[test]
fn own_times_count_only_where_they_are_honoured() {
    let options = ScrapeOptions { format: Format::PrometheusText, scrape_time: 5, honor_timestamps: false };
    assert_eq!(decode(b"a 1 99\n", &options).unwrap().samples[0].time, 5);
}

#[test]
fn the_content_type_names_the_format() {
    for (content_type, format) in [
        (Some("text/plain; version=0.0.4; charset=utf-8"), Some(Format::PrometheusText)),
        (Some("TEXT/PLAIN"), Some(Format::PrometheusText)),
        (Some("application/openmetrics-text; version=1.0.0"), Some(Format::OpenMetricsText)),
        (Some("application/vnd.google.protobuf"), None),
        (Some("text/html"), None),
        (Some(""), None),
        (None, None),
    ] {
        assert_eq!(Format::from_content_type(content_type), format, "{content_type:?}");
    }
}

#[test]
fn a_series_is_known_by_its_text_before_its_labels_are_read() {
    let mut parser = Parser::new(b"a{b=\"c\"}  1 7\nd 2\n{\"e\"} 3\n", Format::PrometheusText).unwrap();
    let mut texts = Vec::new();
    while let Some(entry) = parser.next_entry().unwrap() {
        if let Entry::Sample(sample) = entry {
            let pairs: Vec<_> = sample.series.pairs().collect::<Result<_, _>>().unwrap();
            assert_eq!(pairs[0].0, "__name__");
            texts.push((sample.series.as_str(), sample.value, sample.timestamp));
        }
    }
    assert_eq!(texts, [("a{b=\"c\"}", 1.0, Some(7)), ("d", 2.0, None), ("{\"e\"}", 3.0, None)]);
}
