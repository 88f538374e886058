//! A scrape configuration: one job, its targets and what is done with what they answer.

use super::discovery::{FileDiscovery, TargetGroup, read_file_discovery, read_static};
use super::global::{GlobalConfig, refuse_switches};
use super::http_client::{HttpClientConfig, read_http_client};
use super::protocol::{
    EscapingScheme, NameValidation, ScrapeProtocol, read_escaping, read_protocol, read_protocols, read_validation,
};
use crate::relabel::{RelabelRule, read_rules};
use crate::yaml::{Fields, Value, render_duration};
use std::time::Duration;

/// Bounds of what one scrape may bring; zero means none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrapeLimits {
    /// Bytes of an answer, decompressed.
    pub body_size: u64,
    /// Samples after relabelling.
    pub samples: u64,
    /// Targets of the job.
    pub targets: u64,
    /// Labels of a sample.
    pub labels: u64,
    /// Bytes of a label's name.
    pub label_name: u64,
    /// Bytes of a label's value.
    pub label_value: u64,
    /// Dropped targets that are kept for the status.
    pub dropped_targets: u64,
}

impl ScrapeLimits {
    /// Reads the limits; those not written, or zero, are taken from `outer`.
    pub(super) fn read(fields: &mut Fields<'_>, outer: &ScrapeLimits) -> Self {
        let count = |value: Option<Value<'_>>, outer: u64| {
            value.and_then(|value| value.count()).filter(|count| *count > 0).unwrap_or(outer)
        };
        let body_size = fields.get("body_size_limit").and_then(|value| value.size(1024)).filter(|size| *size > 0);
        let limits = Self {
            body_size: body_size.unwrap_or(outer.body_size),
            samples: count(fields.get("sample_limit"), outer.samples),
            targets: count(fields.get("target_limit"), outer.targets),
            labels: count(fields.get("label_limit"), outer.labels),
            label_name: count(fields.get("label_name_length_limit"), outer.label_name),
            label_value: count(fields.get("label_value_length_limit"), outer.label_value),
            dropped_targets: count(fields.get("keep_dropped_targets"), outer.dropped_targets),
        };
        // They bound native histograms, which no supported format carries.
        fields.accept(&["native_histogram_bucket_limit", "native_histogram_min_bucket_factor"]);
        limits
    }
}

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub struct ScrapeConfig {
    /// Its name, unique in the file; the `job` label by default.
    pub job_name: String,
    /// Time between scrapes.
    pub scrape_interval: Duration,
    /// Longest time of a scrape.
    pub scrape_timeout: Duration,
    /// Path of the request.
    pub metrics_path: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Query parameters, in the order of the file.
    pub params: Vec<(String, Vec<String>)>,
    /// Whether labels of the target's answer win over those of the target.
    pub honor_labels: bool,
    /// Whether timestamps in the answer are taken.
    pub honor_timestamps: bool,
    /// Whether series with timestamps of their own get staleness markers too.
    pub track_timestamps_staleness: bool,
    /// Whether a compressed answer is asked for.
    pub enable_compression: bool,
    /// Formats to ask for, best first.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// Format of answers that do not tell theirs.
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// Which names are accepted.
    pub name_validation: NameValidation,
    /// How other names are asked for.
    pub escaping: EscapingScheme,
    /// How targets are reached.
    pub http: HttpClientConfig,
    /// Targets listed in the configuration.
    pub static_configs: Vec<TargetGroup>,
    /// Files that list targets.
    pub file_sd_configs: Vec<FileDiscovery>,
    /// Rules for the labels of targets.
    pub relabel_configs: Vec<RelabelRule>,
    /// Rules for the labels of samples.
    pub metric_relabel_configs: Vec<RelabelRule>,
    /// Bounds of what one scrape may bring.
    pub limits: ScrapeLimits,
}

/// Discoveries of other systems, with what to do until they are there.
const OTHER_DISCOVERIES: [&str; 28] = [
    "aws_sd_configs",
    "azure_sd_configs",
    "consul_sd_configs",
    "digitalocean_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "ec2_sd_configs",
    "ecs_sd_configs",
    "elasticache_sd_configs",
    "eureka_sd_configs",
    "gce_sd_configs",
    "hetzner_sd_configs",
    "http_sd_configs",
    "ionos_sd_configs",
    "kubernetes_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "nerve_sd_configs",
    "nomad_sd_configs",
    "openstack_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
];

const MORE_DISCOVERIES: [&str; 4] = ["triton_sd_configs", "uyuni_sd_configs", "vultr_sd_configs", "xds_sd_configs"];

/// Reads one entry of `scrape_configs`.
pub(super) fn read_job(value: &Value<'_>, global: &GlobalConfig) -> ScrapeConfig {
    let mut fields = value.fields();
    let bool_of = |value: Option<Value<'_>>, default| value.and_then(|value| value.bool()).unwrap_or(default);
    let job_name =
        fields.required("job_name", "name").and_then(|value| value.filled_text()).unwrap_or_default().to_owned();
    let (scrape_interval, scrape_timeout) = read_intervals(&mut fields, global);
    let relabel_configs = fields.get("relabel_configs").map(|value| read_rules(&value)).unwrap_or_default();
    let name_validation = fields
        .get("metric_name_validation_scheme")
        .and_then(|value| read_validation(&value))
        .unwrap_or(global.name_validation);
    let escaping =
        fields.get("metric_name_escaping_scheme").and_then(|value| read_escaping(&value)).or(global.escaping);
    let job = ScrapeConfig {
        job_name,
        scrape_interval,
        scrape_timeout,
        metrics_path: read_path(&mut fields),
        scheme: fields
            .get("scheme")
            .and_then(|value| value.choice(&[("http", "http"), ("https", "https")]))
            .unwrap_or("http")
            .to_owned(),
        params: fields.get("params").map(|value| read_params(&value)).unwrap_or_default(),
        honor_labels: bool_of(fields.get("honor_labels"), false),
        honor_timestamps: bool_of(fields.get("honor_timestamps"), true),
        track_timestamps_staleness: bool_of(fields.get("track_timestamps_staleness"), false),
        enable_compression: bool_of(fields.get("enable_compression"), true),
        scrape_protocols: fields
            .get("scrape_protocols")
            .and_then(|value| read_protocols(&value))
            .unwrap_or_else(|| global.scrape_protocols.clone()),
        fallback_scrape_protocol: fields.get("fallback_scrape_protocol").and_then(|value| read_protocol(&value)),
        name_validation,
        escaping: escaping.unwrap_or(match name_validation {
            NameValidation::Utf8 => EscapingScheme::AllowUtf8,
            NameValidation::Legacy => EscapingScheme::Underscores,
        }),
        http: read_http_client(&mut fields),
        static_configs: fields
            .get("static_configs")
            .map(|value| read_static(&value, relabel_configs.is_empty()))
            .unwrap_or_default(),
        file_sd_configs: fields.get("file_sd_configs").map(|value| read_file_discovery(&value)).unwrap_or_default(),
        metric_relabel_configs: fields
            .get("metric_relabel_configs")
            .map(|value| read_rules(&value))
            .unwrap_or_default(),
        relabel_configs,
        limits: ScrapeLimits::read(&mut fields, &global.limits),
    };
    finish(fields);
    job
}

fn finish(mut fields: Fields<'_>) {
    refuse_switches(&mut fields);
    // The text formats always bring the classic buckets.
    fields.accept(&["always_scrape_classic_histograms", "scrape_classic_histograms"]);
    fields.ignore(&[(
        "scrape_failure_log_file",
        "has no effect: failed scrapes are in Clew's own log and in the status of targets",
    )]);
    for key in OTHER_DISCOVERIES.into_iter().chain(MORE_DISCOVERIES) {
        fields.refuse(&[(key, "list the targets under static_configs, or write them to a file for file_sd_configs")]);
    }
    fields.finish();
}

fn read_intervals(fields: &mut Fields<'_>, global: &GlobalConfig) -> (Duration, Duration) {
    let positive = |value: Option<Value<'_>>| value.and_then(|value| value.duration()).filter(|own| !own.is_zero());
    let interval = positive(fields.get("scrape_interval")).unwrap_or(global.scrape_interval);
    let timeout_value = fields.get("scrape_timeout");
    let timeout = positive(timeout_value.clone());
    if let (Some(timeout), Some(value)) = (timeout, timeout_value)
        && timeout > interval
    {
        let interval = render_duration(interval);
        let problem = format!("the timeout {} is longer than the scrape interval {interval}", render_duration(timeout));
        value.fault(problem, format!("write {interval} or less"));
    }
    (interval, timeout.unwrap_or_else(|| global.scrape_timeout.min(interval)))
}

fn read_path(fields: &mut Fields<'_>) -> String {
    let path = fields.get("metrics_path").and_then(|value| value.text()).filter(|text| !text.is_empty());
    path.unwrap_or("/metrics").to_owned()
}

fn read_params(value: &Value<'_>) -> Vec<(String, Vec<String>)> {
    let texts = |value: Value<'_>| value.items().iter().filter_map(Value::text).map(str::to_owned).collect();
    value.entries().into_iter().map(|(name, value)| (name.to_owned(), texts(value))).collect()
}
