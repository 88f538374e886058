//! Sections of a prometheus.yml whose capability is not built, and what may be written in them.

use super::discovery::{read_dns, read_file_discovery, read_http, read_static};
use super::other_discoveries::read_other_discoveries;
use super::protocol::NameValidation;
use crate::shape::{AUTHENTICATION, HTTP_CLIENT, Section, Shape, TLS};
use crate::yaml::{Content, Fields, Value};
use std::collections::HashSet;

static SIGV4: Section = Section::of(&[&[
    ("region", Shape::Text),
    ("access_key", Shape::Text),
    ("secret_key", Shape::Text),
    ("profile", Shape::Text),
    ("role_arn", Shape::Text),
    ("external_id", Shape::Text),
    ("service", Shape::Text),
    ("service_name", Shape::Text),
    ("use_fips_sts_endpoint", Shape::Bool),
]]);

static AZURE_AD: Section = Section::of(&[&[
    ("cloud", Shape::Text),
    ("scope", Shape::Text),
    ("managed_identity", Shape::One(&Section::of(&[&[("client_id", Shape::Text)]]))),
    (
        "workload_identity",
        Shape::One(&Section::of(&[&[
            ("client_id", Shape::Text),
            ("tenant_id", Shape::Text),
            ("token_file_path", Shape::Text),
        ]])),
    ),
    (
        "oauth",
        Shape::One(&Section::of(&[&[
            ("client_id", Shape::Text),
            ("client_secret", Shape::Text),
            ("tenant_id", Shape::Text),
        ]])),
    ),
    ("sdk", Shape::One(&Section::of(&[&[("tenant_id", Shape::Text)]]))),
    (
        "certificate",
        Shape::One(&Section::of(&[&[
            ("client_id", Shape::Text),
            ("tenant_id", Shape::Text),
            ("certificate_path", Shape::Text),
            ("certificate_key_path", Shape::Text),
            ("certificate_password", Shape::Text),
            ("send_certificate_chain", Shape::Bool),
        ]])),
    ),
]]);

static QUEUE: Section = Section::of(&[&[
    ("capacity", Shape::Integer),
    ("max_shards", Shape::Integer),
    ("min_shards", Shape::Integer),
    ("max_samples_per_send", Shape::Integer),
    ("batch_send_deadline", Shape::Duration),
    ("min_backoff", Shape::Duration),
    ("max_backoff", Shape::Duration),
    ("retry_on_http_429", Shape::Bool),
    ("sample_age_limit", Shape::Duration),
]]);

static REMOTE_WRITE: Section = Section {
    keys: &[
        &[
            ("url", Shape::Text),
            ("remote_timeout", Shape::Duration),
            ("headers", Shape::TextMap),
            ("write_relabel_configs", Shape::Relabel),
            ("name", Shape::Text),
            ("send_exemplars", Shape::Bool),
            ("send_native_histograms", Shape::Bool),
            ("round_robin_dns", Shape::Bool),
            ("protobuf_message", Shape::Choice(&["prometheus.WriteRequest", "io.prometheus.write.v2.Request"])),
            ("failed_request_logging", Shape::Bool),
            ("queue_config", Shape::One(&QUEUE)),
            (
                "metadata_config",
                Shape::One(&Section::of(&[&[
                    ("send", Shape::Bool),
                    ("send_interval", Shape::Duration),
                    ("max_samples_per_send", Shape::Integer),
                ]])),
            ),
            ("sigv4", Shape::One(&SIGV4)),
            ("azuread", Shape::One(&AZURE_AD)),
            ("google_iam", Shape::One(&Section::of(&[&[("credentials_file", Shape::Text)]]))),
        ],
        HTTP_CLIENT,
    ],
    required: &["url"],
    exclusive: &[AUTHENTICATION, &["basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam"]],
};

static REMOTE_READ: Section = Section {
    keys: &[
        &[
            ("url", Shape::Text),
            ("remote_timeout", Shape::Duration),
            ("chunked_read_limit", Shape::Count),
            ("headers", Shape::TextMap),
            ("read_recent", Shape::Bool),
            ("name", Shape::Text),
            ("required_matchers", Shape::TextMap),
            ("filter_external_labels", Shape::Bool),
        ],
        HTTP_CLIENT,
    ],
    required: &["url"],
    exclusive: &[AUTHENTICATION],
};

static STORAGE: Section = Section::of(&[&[
    (
        "tsdb",
        Shape::One(&Section::of(&[&[
            ("out_of_order_time_window", Shape::Duration),
            ("stale_series_compaction_threshold", Shape::Number),
            ("chunk_encoding", Shape::One(&Section::of(&[&[("floats", Shape::Choice(&["xor", "xor2"]))]]))),
            (
                "retention",
                Shape::One(&Section::of(&[&[
                    ("time", Shape::Duration),
                    ("size", Shape::Size),
                    ("percentage", Shape::Number),
                ]])),
            ),
        ]])),
    ),
    ("exemplars", Shape::One(&Section::of(&[&[("max_exemplars", Shape::Integer)]]))),
]]);

static TRACING: Section = Section::requiring(
    &[&[
        ("client_type", Shape::Choice(&["http", "grpc"])),
        ("endpoint", Shape::Text),
        ("sampling_fraction", Shape::Number),
        ("insecure", Shape::Bool),
        ("tls_config", Shape::One(&TLS)),
        ("headers", Shape::TextMap),
        ("compression", Shape::Choice(&["gzip"])),
        ("timeout", Shape::Duration),
    ]],
    &["endpoint"],
);

static OTLP: Section = Section {
    keys: &[&[
        ("promote_all_resource_attributes", Shape::Bool),
        ("promote_resource_attributes", Shape::Texts),
        ("ignore_resource_attributes", Shape::Texts),
        (
            "translation_strategy",
            Shape::Choice(&[
                "UnderscoreEscapingWithSuffixes",
                "UnderscoreEscapingWithoutSuffixes",
                "NoUTF8EscapingWithSuffixes",
                "NoTranslation",
            ]),
        ),
        ("keep_identifying_resource_attributes", Shape::Bool),
        ("convert_histograms_to_nhcb", Shape::Bool),
        ("promote_scope_metadata", Shape::Bool),
        ("label_name_underscore_sanitization", Shape::Bool),
        ("label_name_preserve_multiple_underscores", Shape::Bool),
    ]],
    required: &[],
    exclusive: &[],
};

static RUNTIME: Section = Section::of(&[&[("gogc", Shape::Integer)]]);

/// Sections that are one mapping: key, form, and why they are left out.
static MAPPINGS: &[(&str, &Section, &str)] = &[
    ("storage", &STORAGE, "has no effect: retention and limits are set in Clew's own configuration"),
    ("tracing", &TRACING, "has no effect: Clew does not trace itself"),
    ("otlp", &OTLP, "has no effect: OTLP metrics are taken as Clew's documentation says"),
    ("runtime", &RUNTIME, "has no effect: it tunes Go's runtime"),
];

/// Reads the sections that are checked and not used, each with a warning at its line.
pub(super) fn read_other_sections(fields: &mut Fields<'_>, names: NameValidation) {
    for (key, section, why) in MAPPINGS {
        if let Some(value) = fields.get_written(key) {
            section.check(&value);
            fields.warn_at(key, *why, "");
        }
    }
    if let Some(value) = fields.get("otlp") {
        check_otlp(&value, names);
    }
    if let Some(value) = fields.get("storage") {
        check_storage(&value);
    }
    if let Some(value) = fields.get("tracing") {
        check_headers(&mut value.fields());
    }
    read_remotes(fields, "remote_write", &REMOTE_WRITE, "is not built, left out: samples are not sent on");
    read_remotes(fields, "remote_read", &REMOTE_READ, "is not built, left out: other stores are not read");
    if let Some(value) = fields.get_written("alerting") {
        read_alerting(&value);
        fields.warn_at("alerting", "is not built, left out: alerts are not sent", "");
    }
}

fn read_remotes(fields: &mut Fields<'_>, key: &'static str, section: &Section, why: &str) {
    let Some(value) = fields.get_written(key) else { return };
    let mut names = HashSet::new();
    for item in value.items() {
        if item.node().content == Content::Null {
            item.fault("is an empty section", "remove it");
            continue;
        }
        section.check(&item);
        let mut inner = item.fields();
        if let Some(name) = inner.get("name").and_then(|value| value.filled_text())
            && !names.insert(name)
        {
            item.fault(format!("the name {name:?} is used twice"), "give each its own name");
        }
        check_headers(&mut inner);
        if let Some(queue) = inner.get("queue_config") {
            check_queue(&queue);
        }
    }
    fields.warn_at(key, why, "");
}

/// Headers that the client sets itself cannot be set in `headers`.
fn check_headers(fields: &mut Fields<'_>) {
    for (header, value) in fields.get("headers").map(|value| value.entries()).unwrap_or_default() {
        if super::http_client::is_reserved_header(header) {
            value.fault(format!("the header {header:?} is set by the client itself"), "remove it");
        }
    }
}

fn check_queue(value: &Value<'_>) {
    let mut fields = value.fields();
    let mut count = |key, default: i64| {
        let value = fields.get(key);
        let count = value.as_ref().map_or(Some(default), |value| value.integer()).unwrap_or(default);
        if let Some(value) = value.filter(|_| count <= 0) {
            value.fault("is not above 0", "write how many, or remove the key");
        }
        count
    };
    let (most, least) = (count("max_shards", 50), count("min_shards", 1));
    count("max_samples_per_send", 2000);
    count("capacity", 10_000);
    if least > most {
        value.fault("min_shards is above max_shards", "write as many or fewer");
    }
    let mut duration = |key, default: u64| {
        let written = fields.get(key).and_then(|value| value.duration());
        written.unwrap_or(std::time::Duration::from_millis(default))
    };
    if duration("max_backoff", 5000) < duration("min_backoff", 30) {
        value.fault("max_backoff is below min_backoff", "write as much or more");
    }
}

fn check_otlp(value: &Value<'_>, names: NameValidation) {
    let mut fields = value.fields();
    if let Some(strategy) = fields.get("translation_strategy")
        && matches!(strategy.text(), Some("NoTranslation" | "NoUTF8EscapingWithSuffixes"))
        && names == NameValidation::Legacy
    {
        strategy.fault("makes names that metric_name_validation_scheme: legacy refuses", "change one of them");
    }
    let all = fields.get("promote_all_resource_attributes").and_then(|value| value.bool()).unwrap_or(false);
    let promoted = fields.get_written("promote_resource_attributes");
    let ignored = fields.get_written("ignore_resource_attributes");
    if let (true, Some(value)) = (all, &promoted) {
        value.fault("every attribute is promoted already", "remove promote_all_resource_attributes or this list");
    }
    if let (false, Some(value)) = (all, &ignored) {
        value.fault("stands without promote_all_resource_attributes", "add `promote_all_resource_attributes: true`");
    }
    for list in [promoted, ignored].into_iter().flatten() {
        let mut seen = HashSet::new();
        for item in list.items() {
            let Some(name) = item.text().map(str::trim) else { continue };
            if name.is_empty() {
                item.fault("is an empty attribute name", "remove it");
            } else if !seen.insert(name) {
                item.fault(format!("the attribute {name:?} is listed twice"), "keep one of them");
            }
        }
    }
}

fn check_storage(value: &Value<'_>) {
    let retention = value.fields().get("tsdb").and_then(|value| value.fields().get("retention"));
    let percentage = retention.and_then(|value| value.fields().get("percentage"));
    if let Some(value) = percentage
        && value.number().is_some_and(|share| !(0.0..=100.0).contains(&share))
    {
        value.fault("is not between 0 and 100", "write a percentage of the disk");
    }
}

fn read_alerting(value: &Value<'_>) {
    let mut fields = value.fields();
    if let Some(value) = fields.get("alert_relabel_configs") {
        let _ = crate::relabel::read_rules(&value);
    }
    for item in fields.get("alertmanagers").map(|value| value.items()).unwrap_or_default() {
        read_alertmanager(&item);
    }
    fields.finish();
}

static ALERTMANAGER: Section = Section {
    keys: &[
        &[
            ("sigv4", Shape::One(&SIGV4)),
            ("scheme", Shape::Text),
            ("path_prefix", Shape::Text),
            ("timeout", Shape::Duration),
            // Prometheus 2 took v1 too.
            ("api_version", Shape::Choice(&["v1", "v2"])),
            ("relabel_configs", Shape::Relabel),
            ("alert_relabel_configs", Shape::Relabel),
        ],
        HTTP_CLIENT,
    ],
    required: &[],
    exclusive: &[AUTHENTICATION, &["basic_auth", "authorization", "oauth2", "sigv4"]],
};

fn read_alertmanager(value: &Value<'_>) {
    let mut fields = value.fields();
    ALERTMANAGER.check_fields(&mut fields);
    let relabelled = fields.get_written("relabel_configs").is_some();
    if let Some(value) = fields.get("static_configs") {
        let _ = read_static(&value, !relabelled);
    }
    if let Some(value) = fields.get("file_sd_configs") {
        let _ = read_file_discovery(&value);
    }
    if let Some(value) = fields.get("dns_sd_configs") {
        let _ = read_dns(&value);
    }
    if let Some(value) = fields.get("http_sd_configs") {
        let _ = read_http(&value);
    }
    let _ = read_other_discoveries(&mut fields);
    fields.finish();
}
