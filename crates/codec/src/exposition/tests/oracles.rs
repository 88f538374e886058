//! Fixtures of real programs against other parsers: Python's `prometheus_client` (its reading is stored beside the
//! fixtures), and prometheus-parse where it is right (no escapes, no exemplars, no quoted names).

use super::*;
use std::collections::BTreeMap;

/// Labels with `le` and `quantile` as numbers, since parsers spell them differently.
fn comparable(labels: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    labels
        .map(|(name, value)| match value.parse::<f64>() {
            Ok(number) if name == "le" || name == "quantile" => (name, format!("{number:?}")),
            _ => (name, value),
        })
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn python_float(value: &serde_json::Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

fn millis(value: &serde_json::Value, otherwise: i64) -> i64 {
    value.as_f64().map_or(otherwise, |seconds| (seconds * 1000.0).round() as i64)
}

fn object(value: &serde_json::Value) -> impl Iterator<Item = (String, String)> {
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
}

type Row = (BTreeMap<String, String>, u64, i64);

fn rows(batch: &MetricBatch) -> Vec<Row> {
    let owned = |labels: &Labels| comparable(labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    let bits = |value: f64| if value.is_nan() { u64::MAX } else { value.to_bits() };
    let samples = batch
        .samples
        .iter()
        .map(|sample| (owned(&batch.series.labels(sample.series as usize).unwrap()), bits(sample.value), sample.time));
    let exemplars = batch.exemplars.iter().map(|own| (owned(&own.labels), bits(own.value), own.time));
    let mut rows: Vec<Row> = samples.chain(exemplars).collect();
    rows.sort();
    rows
}

fn expected_rows(json: &str) -> Vec<Row> {
    let families: serde_json::Value = serde_json::from_str(json).unwrap();
    let bits = |value: f64| if value.is_nan() { u64::MAX } else { value.to_bits() };
    let mut rows = Vec::new();
    for sample in families.as_array().unwrap().iter().flat_map(|family| family["samples"].as_array().unwrap()) {
        let name = ("__name__".to_owned(), sample["name"].as_str().unwrap().to_owned());
        let labels = comparable(object(&sample["labels"]).chain([name]));
        rows.push((labels, bits(python_float(&sample["value"])), millis(&sample["timestamp"], SCRAPE_TIME)));
        let exemplar = &sample["exemplar"];
        if !exemplar.is_null() {
            let labels = comparable(object(&exemplar["labels"]));
            rows.push((labels, bits(python_float(&exemplar["value"])), millis(&exemplar["timestamp"], SCRAPE_TIME)));
        }
    }
    rows.sort();
    rows
}

#[test]
fn real_expositions_are_read_as_their_own_client_reads_them() {
    for (body, expected, format) in [
        (
            include_str!("../../../tests/fixtures/python_client.om"),
            include_str!("../../../tests/fixtures/python_client.om.json"),
            Format::OpenMetricsText,
        ),
        (
            include_str!("../../../tests/fixtures/python_client.prom"),
            include_str!("../../../tests/fixtures/python_client.prom.json"),
            Format::PrometheusText,
        ),
        (
            include_str!("../../../tests/fixtures/node_exporter.prom"),
            include_str!("../../../tests/fixtures/node_exporter.prom.json"),
            Format::PrometheusText,
        ),
    ] {
        let rows = rows(&read(body.as_bytes(), format).unwrap());
        let expected = expected_rows(expected);
        assert!(expected.len() > 20);
        assert_eq!(rows, expected);
    }
}

#[test]
fn the_metadata_of_a_real_exposition_is_as_its_own_client_reads_it() {
    let body = include_str!("../../../tests/fixtures/python_client.om");
    let expected: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/python_client.om.json")).unwrap();
    let metadata = read(body.as_bytes(), Format::OpenMetricsText).unwrap().metadata;
    let ours: Vec<_> =
        metadata.iter().map(|own| (own.metric.as_str(), own.metric_type.as_str(), own.help.as_str())).collect();
    let theirs: Vec<_> = expected
        .as_array()
        .unwrap()
        .iter()
        .map(|own| (own["family"].as_str().unwrap(), own["type"].as_str().unwrap(), own["help"].as_str().unwrap()))
        .collect();
    assert_eq!(ours, theirs);
}

#[test]
fn prometheus_parse_agrees_on_counters_and_gauges() {
    let body = include_str!("../../../tests/fixtures/node_exporter.prom");
    let scrape = prometheus_parse::Scrape::parse(body.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let batch = read(body.as_bytes(), Format::PrometheusText).unwrap();
    let mut compared = 0;
    for sample in &scrape.samples {
        let (prometheus_parse::Value::Counter(value) | prometheus_parse::Value::Gauge(value)) = sample.value else {
            continue;
        };
        let name = [("__name__".to_owned(), sample.metric.clone())];
        let labels =
            Labels::new(sample.labels.iter().map(|(name, value)| (name.clone(), value.clone())).chain(name)).unwrap();
        let series = batch.series.iter().position(|own| own == labels).unwrap() as u32;
        let ours = batch.samples.iter().find(|own| own.series == series).unwrap();
        assert_eq!(ours.value.to_bits(), value.to_bits(), "{labels}");
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}
