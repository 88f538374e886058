//! A scrape configuration: one job, its targets and what is done with what they answer.

use super::discovery::{
    DnsDiscovery, FileDiscovery, HttpDiscovery, TargetGroup, read_dns, read_file_discovery, read_http, read_static,
};
use super::global::{GlobalConfig, warn_of_histograms};
use super::http_client::{HttpClientConfig, read_http_client};
use super::other_discoveries::read_other_discoveries;
use super::protocol::{
    EscapingScheme, NameValidation, ScrapeProtocol, read_escaping, read_fallback, read_protocols, read_validation,
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
        Self {
            body_size: body_size.unwrap_or(outer.body_size),
            samples: count(fields.get("sample_limit"), outer.samples),
            targets: count(fields.get("target_limit"), outer.targets),
            labels: count(fields.get("label_limit"), outer.labels),
            label_name: count(fields.get("label_name_length_limit"), outer.label_name),
            label_value: count(fields.get("label_value_length_limit"), outer.label_value),
            dropped_targets: count(fields.get("keep_dropped_targets"), outer.dropped_targets),
        }
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
    /// `http` or `https`; with another one no target can be asked.
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
    /// Servers that list targets.
    pub http_sd_configs: Vec<HttpDiscovery>,
    /// Names whose DNS records are targets.
    pub dns_sd_configs: Vec<DnsDiscovery>,
    /// Keys of discoveries that are written and not built.
    pub other_discoveries: Vec<&'static str>,
    /// Rules for the labels of targets.
    pub relabel_configs: Vec<RelabelRule>,
    /// Rules for the labels of samples.
    pub metric_relabel_configs: Vec<RelabelRule>,
    /// Bounds of what one scrape may bring.
    pub limits: ScrapeLimits,
    /// Whether series about a scrape's limits are stored.
    pub extra_scrape_metrics: bool,
}

/// Reads one entry of `scrape_configs`.
pub(super) fn read_job(value: &Value<'_>, global: &GlobalConfig) -> ScrapeConfig {
    let mut fields = value.fields();
    let bool_of = |value: Option<Value<'_>>, default| value.and_then(|value| value.bool()).unwrap_or(default);
    let job_name =
        fields.required("job_name", "name").and_then(|value| value.filled_text()).unwrap_or_default().to_owned();
    let (scrape_interval, scrape_timeout) = read_intervals(&mut fields, global);
    let relabel_configs = fields.get("relabel_configs").map(|value| read_rules(&value)).unwrap_or_default();
    let (name_validation, escaping) = read_names(&mut fields, global);
    let job = ScrapeConfig {
        job_name,
        scrape_interval,
        scrape_timeout,
        metrics_path: read_path(&mut fields),
        scheme: read_scheme(&mut fields),
        params: fields.get("params").map(|value| read_params(&value)).unwrap_or_default(),
        honor_labels: bool_of(fields.get("honor_labels"), false),
        honor_timestamps: bool_of(fields.get("honor_timestamps"), true),
        track_timestamps_staleness: bool_of(fields.get("track_timestamps_staleness"), false),
        enable_compression: bool_of(fields.get("enable_compression"), true),
        scrape_protocols: fields
            .get("scrape_protocols")
            .and_then(|value| read_protocols(&value))
            .unwrap_or_else(|| global.scrape_protocols.clone()),
        fallback_scrape_protocol: fields.get("fallback_scrape_protocol").and_then(|value| read_fallback(&value)),
        name_validation,
        escaping,
        http: read_http_client(&mut fields),
        static_configs: fields
            .get("static_configs")
            .map(|value| read_static(&value, relabel_configs.is_empty()))
            .unwrap_or_default(),
        file_sd_configs: fields.get("file_sd_configs").map(|value| read_file_discovery(&value)).unwrap_or_default(),
        http_sd_configs: fields.get("http_sd_configs").map(|value| read_http(&value)).unwrap_or_default(),
        dns_sd_configs: fields.get("dns_sd_configs").map(|value| read_dns(&value)).unwrap_or_default(),
        other_discoveries: read_other_discoveries(&mut fields),
        metric_relabel_configs: fields
            .get("metric_relabel_configs")
            .map(|value| read_rules(&value))
            .unwrap_or_default(),
        relabel_configs,
        limits: ScrapeLimits::read(&mut fields, &global.limits),
        extra_scrape_metrics: bool_of(fields.get("extra_scrape_metrics"), global.extra_scrape_metrics),
    };
    finish(fields);
    job
}

fn finish(mut fields: Fields<'_>) {
    warn_of_histograms(&mut fields);
    fields.ignore(&[
        ("native_histogram_bucket_limit", "has no effect: no format that is built carries native histograms"),
        ("native_histogram_min_bucket_factor", "has no effect: no format that is built carries native histograms"),
        ("scrape_failure_log_file", "has no effect: failed scrapes are in Clew's own log and in the status of targets"),
    ]);
    let _ = fields.get("native_histogram_bucket_limit").map(|value| value.count());
    let _ = fields.get("native_histogram_min_bucket_factor").map(|value| value.number());
    fields.finish();
}

/// Reads which names are accepted, and how others are asked for: the job's own choice, or what follows from it.
fn read_names(fields: &mut Fields<'_>, global: &GlobalConfig) -> (NameValidation, EscapingScheme) {
    let suited = |validation| match validation {
        NameValidation::Utf8 => EscapingScheme::AllowUtf8,
        NameValidation::Legacy => EscapingScheme::Underscores,
    };
    let own = fields.get("metric_name_validation_scheme").and_then(|value| read_validation(&value));
    let validation = own.unwrap_or(global.name_validation);
    let written = fields.get("metric_name_escaping_scheme").and_then(|value| read_escaping(&value));
    let inherited = own.map_or(global.escaping, |_| None);
    let escaping = written.or(inherited).unwrap_or_else(|| suited(validation));
    if escaping == EscapingScheme::AllowUtf8 && validation == NameValidation::Legacy {
        fields.owner().fault(
            "names beyond the classic alphabet are asked for (allow-utf-8) and not accepted (legacy)",
            "write `metric_name_escaping_scheme: underscores`",
        );
    }
    (validation, escaping)
}

fn read_scheme(fields: &mut Fields<'_>) -> String {
    let Some(value) = fields.get("scheme") else { return "http".to_owned() };
    let text = value.text().filter(|text| !text.is_empty()).unwrap_or("http");
    if !matches!(text, "http" | "https") {
        value.warn(
            format!("{text:?} is neither http nor https: no target of the job can be asked, unless relabelling sets __scheme__"),
            "write http or https",
        );
    }
    text.to_owned()
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
