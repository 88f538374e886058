//! Labels of data points, where keys clash with each other, with what the resource and the scope add, and with names that
//! the translation gives itself: against sorted maps.

use crate::metrics_oracle::{LabelMap, labels};
use crate::roomy::decode_metrics;
use clew_codec::otlp::OtlpMetricOptions;
use opentelemetry_proto::tonic as proto;
use proptest::prelude::*;
use prost::Message as _;
use proto::collector::metrics::v1::ExportMetricsServiceRequest;
use proto::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use proto::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric::Data,
    number_data_point,
};
use proto::resource::v1::Resource;

const KEYS: [&str; 14] = [
    "a.b",
    "a_b",
    "a-b",
    "le",
    "l.e",
    "job",
    "instance",
    "__name__",
    "1x",
    "_x",
    "Zone",
    "otel_scope_name",
    "otel.scope.version",
    "k",
];

fn attribute() -> impl Strategy<Value = KeyValue> {
    let value = prop_oneof![
        4 => "[a-zé]{0,3}|v{120,135}".prop_map(any_value::Value::StringValue),
        1 => any::<i64>().prop_map(any_value::Value::IntValue),
        1 => any::<bool>().prop_map(any_value::Value::BoolValue),
        1 => prop::collection::vec(any::<u8>(), 0..4).prop_map(any_value::Value::BytesValue),
    ];
    (prop::sample::select(&KEYS[..]), prop::option::of(value)).prop_map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: value.map(|value| AnyValue { value: Some(value) }),
        ..KeyValue::default()
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::vec(attribute(), 0..6)
}

/// Points, many of which have the keys of the one before.
fn points() -> impl Strategy<Value = Vec<Vec<KeyValue>>> {
    let repeated = (attributes(), 1..4usize, "[a-z]{1,3}");
    prop::collection::vec(repeated, 1..4).prop_map(|runs| {
        let run = |(attributes, times, text): (Vec<KeyValue>, usize, String)| {
            (0..times).map(move |turn| {
                let mut attributes = attributes.clone();
                if let Some(last) = attributes.last_mut().filter(|_| turn > 0) {
                    last.value = Some(AnyValue { value: Some(any_value::Value::StringValue(text.repeat(turn))) });
                }
                attributes
            })
        };
        runs.into_iter().flat_map(run).collect()
    })
}

/// What resource and scope add, in the plainest way: each step looks at all labels that are there.
struct Added<'a> {
    promoted: Vec<KeyValue>,
    scope: Option<&'a InstrumentationScope>,
    identity: LabelMap,
}

impl Added<'_> {
    fn series(&self, name: &str, attributes: &[KeyValue], bucket: Option<&str>) -> LabelMap {
        let mut out = labels(attributes);
        for (name, value) in labels(&self.promoted) {
            out.entry(name).or_insert(value);
        }
        if self.identity.is_empty() {
            out.entry("job".to_owned()).or_insert_with(|| "unknown_service".to_owned());
        }
        if let Some(scope) = self.scope {
            for own in &scope.attributes {
                let key = format!("otel_scope_{}", own.key);
                out.extend(labels(&[KeyValue { key, ..own.clone() }]));
            }
            out.insert("otel_scope_name".to_owned(), scope.name.clone());
            out.insert("otel_scope_version".to_owned(), scope.version.clone());
            out.insert("otel_scope_schema_url".to_owned(), String::new());
        }
        out.extend(self.identity.clone());
        out.extend(bucket.map(|bucket| ("le".to_owned(), bucket.to_owned())));
        out.insert("__name__".to_owned(), name.to_owned());
        out.retain(|_, value| !value.is_empty());
        out
    }
}

fn request(
    resource: Vec<KeyValue>,
    scope: InstrumentationScope,
    points: &[Vec<KeyValue>],
) -> ExportMetricsServiceRequest {
    let gauge = points.iter().map(|attributes| NumberDataPoint {
        attributes: attributes.clone(),
        time_unix_nano: 1_000_000,
        value: Some(number_data_point::Value::AsInt(1)),
        ..NumberDataPoint::default()
    });
    let histogram = points.iter().map(|attributes| HistogramDataPoint {
        attributes: attributes.clone(),
        time_unix_nano: 1_000_000,
        count: 3,
        sum: Some(1.5),
        bucket_counts: vec![1, 2],
        explicit_bounds: vec![0.5],
        ..HistogramDataPoint::default()
    });
    let histogram = Histogram { data_points: histogram.collect(), aggregation_temporality: 2 };
    let metric = |name: &str, data| Metric { name: name.to_owned(), data: Some(data), ..Metric::default() };
    let metrics =
        vec![metric("g", Data::Gauge(Gauge { data_points: gauge.collect() })), metric("h", Data::Histogram(histogram))];
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let resource = Some(Resource { attributes: resource, ..Resource::default() });
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }],
    }
}

proptest! {
    #[test]
    fn labels_of_points_are_what_maps_say(
        points in points(),
        promoted in attributes(),
        identity in any::<bool>(),
        scope_attributes in attributes(),
        scope_name in "[a-z]{0,2}",
        promote_scope in any::<bool>(),
    ) {
        let text = |text: &str| Some(AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) });
        let named = |key: &str, value| KeyValue { key: key.to_owned(), value, ..KeyValue::default() };
        let mut resource = promoted.clone();
        if identity {
            resource.push(named("service.name", text("shop")));
            resource.push(named("service.instance.id", text("7")));
        }
        let scope = InstrumentationScope {
            name: scope_name,
            version: "2".to_owned(),
            attributes: scope_attributes,
            ..InstrumentationScope::default()
        };
        let options = OtlpMetricOptions {
            promote_scope,
            promote_resource_attributes: KEYS.iter().map(|key| (*key).into()).collect(),
            target_info: false,
            ..OtlpMetricOptions::default()
        };
        let pairs: &[(&str, &str)] = if identity { &[("job", "shop"), ("instance", "7")] } else { &[] };
        let added = Added {
            promoted,
            scope: Some(&scope).filter(|scope| promote_scope && !scope.name.is_empty()),
            identity: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let series = |name: &'static str, bucket: Option<&'static str>| {
            let added = &added;
            move |attributes: &Vec<KeyValue>| added.series(name, attributes, bucket)
        };
        let mut wanted: Vec<LabelMap> = points.iter().map(series("g", None)).collect();
        for attributes in &points {
            let parts = [("h_sum", None), ("h_count", None), ("h_bucket", Some("0.5")), ("h_bucket", Some("+Inf"))];
            wanted.extend(parts.map(|(name, bucket)| series(name, bucket)(attributes)));
        }
        let body = request(resource, scope.clone(), &points).encode_to_vec();
        let batch = decode_metrics(&body, &options).unwrap().records;
        let found = batch.samples.iter().map(|sample| {
            let labels = batch.series.labels(sample.series as usize).unwrap();
            labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<LabelMap>()
        });
        prop_assert_eq!(found.collect::<Vec<_>>(), wanted);
        // each label set once
        let mut distinct: Vec<_> = batch.series.iter().collect();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), batch.series.len());
    }
}
