//! Where the targets of a job come from: lists in the configuration, files that are read again when they change, lists
//! that a server answers, and records of the DNS.

use super::http_client::{HttpClientConfig, read_http_client};
use super::secret::Secret;
use super::static_labels::{is_target_address, read_labels};
use crate::shape::is_http_url;
use crate::shown_url::{shown_url, url_without_user};
use crate::yaml::{Content, Document, Fault, Faults, Source, Value};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time after which files are read again though nothing about them seems changed.
const DEFAULT_REFRESH: Duration = Duration::from_secs(300);
/// Time between questions for a list, where none is configured.
const DEFAULT_HTTP_REFRESH: Duration = Duration::from_secs(60);
/// Time between questions to the DNS, where none is configured.
const DEFAULT_DNS_REFRESH: Duration = Duration::from_secs(30);

/// Targets with common labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetGroup {
    /// Addresses, `host:port`.
    pub targets: Vec<String>,
    /// Labels of all of them.
    pub labels: Vec<(String, String)>,
}

/// Files that list targets (`file_sd_configs`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiscovery {
    /// Patterns of paths, as Go's `filepath.Glob` reads them.
    pub files: Vec<PathBuf>,
    /// Time after which they are read again at the latest.
    pub refresh_interval: Duration,
}

/// A server that answers a list of targets (`http_sd_configs`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpDiscovery {
    /// What is requested; it may hold a password or a token.
    pub url: Secret,
    /// Time between requests, and the longest time of one.
    pub refresh_interval: Duration,
    /// How it is reached.
    pub http: HttpClientConfig,
}

impl HttpDiscovery {
    /// The URL for messages: without user name, password, query and fragment.
    #[must_use]
    pub fn shown_url(&self) -> String {
        shown_url(self.url.reveal())
    }

    /// The URL without user name and password, as the label of targets has it.
    #[must_use]
    pub fn label_url(&self) -> String {
        url_without_user(self.url.reveal())
    }
}

/// A kind of DNS record that names targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DnsRecord {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// A mail server.
    Mx,
    /// A name server.
    Ns,
    /// A service: host and port.
    Srv,
}

/// Names whose records are targets (`dns_sd_configs`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsDiscovery {
    /// The names that are asked for.
    pub names: Vec<String>,
    /// Which records.
    pub record: DnsRecord,
    /// Port of the targets; records of services bring their own.
    pub port: u16,
    /// Time between questions.
    pub refresh_interval: Duration,
}

/// Reads `static_configs`. Addresses are checked unless relabelling may still change them.
pub(super) fn read_static(value: &Value<'_>, check_addresses: bool) -> Vec<TargetGroup> {
    let items = value.items();
    items.iter().filter(|item| !is_empty_section(item)).map(|item| read_group(item, check_addresses)).collect()
}

/// Reports a section that is null.
pub(super) fn is_empty_section(value: &Value<'_>) -> bool {
    let empty = value.node().content == Content::Null;
    if empty {
        value.fault("is an empty section", "remove it");
    }
    empty
}

fn read_group(value: &Value<'_>, check_addresses: bool) -> TargetGroup {
    let mut fields = value.fields();
    let mut group = TargetGroup::default();
    for target in fields.get("targets").map(|value| value.items()).unwrap_or_default() {
        let Some(text) = target.text() else { continue };
        if check_addresses && !is_target_address(text) {
            target.fault(
                format!("{text:?} is not an address"),
                "write host:port; the scheme and the path belong under scheme and metrics_path",
            );
        }
        group.targets.push(text.to_owned());
    }
    group.labels = fields.get("labels").map(|value| read_labels(&value)).unwrap_or_default();
    fields.finish();
    group
}

/// Reads `file_sd_configs`.
pub(super) fn read_file_discovery(value: &Value<'_>) -> Vec<FileDiscovery> {
    let mut all = Vec::new();
    for item in value.items().iter().filter(|item| !is_empty_section(item)) {
        let mut fields = item.fields();
        let patterns = fields.get("files").map(|value| value.items()).unwrap_or_default();
        if patterns.is_empty() {
            item.fault("names no files", "add `files: [targets/*.json]`");
        }
        let files = patterns.iter().filter_map(read_pattern).collect();
        let refresh_interval = fields.get("refresh_interval").and_then(|value| value.duration());
        fields.finish();
        let refresh_interval = refresh_interval.filter(|own| !own.is_zero()).unwrap_or(DEFAULT_REFRESH);
        all.push(FileDiscovery { files, refresh_interval });
    }
    all
}

/// As Prometheus' pattern `^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$` has it: what stands behind the first star is
/// in the file's name.
fn read_pattern(value: &Value<'_>) -> Option<PathBuf> {
    let text = value.filled_text()?;
    let stem = [".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"].iter().find_map(|ending| text.strip_suffix(ending));
    if stem.is_none_or(|stem| stem.split_once('*').is_some_and(|(_, behind)| behind.contains('/'))) {
        value.fault(
            format!("{text:?} is not a pattern of target files"),
            "end it in .json, .yml or .yaml, with a `*` in the file's name alone",
        );
        return None;
    }
    value.file_path()
}

/// Reads `http_sd_configs`.
pub(super) fn read_http(value: &Value<'_>) -> Vec<HttpDiscovery> {
    let mut all = Vec::new();
    for item in value.items().iter().filter(|item| !is_empty_section(item)) {
        let mut fields = item.fields();
        let url = fields.required("url", "http://host/targets");
        let text = url.as_ref().and_then(Value::text).unwrap_or_default();
        if let Some(url) = url.filter(|_| !is_http_url(text)) {
            // The text is not repeated: it may hold a password.
            url.fault("is not a URL of HTTP", "write http://host:port/path or https://…");
        }
        let refresh_interval = fields.get("refresh_interval").and_then(|value| value.duration());
        let http = read_http_client(&mut fields);
        fields.finish();
        let refresh_interval = refresh_interval.filter(|own| !own.is_zero()).unwrap_or(DEFAULT_HTTP_REFRESH);
        all.push(HttpDiscovery { url: Secret::new(text), refresh_interval, http });
    }
    all
}

/// Reads `dns_sd_configs`.
pub(super) fn read_dns(value: &Value<'_>) -> Vec<DnsDiscovery> {
    let mut all = Vec::new();
    for item in value.items().iter().filter(|item| !is_empty_section(item)) {
        let mut fields = item.fields();
        let names = fields.get("names").map(|value| value.items()).unwrap_or_default();
        if names.is_empty() {
            item.fault("names no records", "add `names: [_metrics._tcp.example.org]`");
        }
        let names = names.iter().filter_map(Value::filled_text).map(str::to_owned).collect();
        let record = fields.get("type").map_or(Some(DnsRecord::Srv), |value| read_record(&value));
        let port = fields.get("port").and_then(|value| read_port(&value));
        let refresh_interval = fields.get("refresh_interval").and_then(|value| value.duration());
        fields.finish();
        let Some(record) = record else { continue };
        if record != DnsRecord::Srv && port.is_none_or(|port| port == 0) {
            item.fault("the port is missing, which only SRV records bring", "add `port: 9100`");
        }
        let refresh_interval = refresh_interval.filter(|own| !own.is_zero()).unwrap_or(DEFAULT_DNS_REFRESH);
        all.push(DnsDiscovery { names, record, port: port.unwrap_or_default(), refresh_interval });
    }
    all
}

fn read_record(value: &Value<'_>) -> Option<DnsRecord> {
    let text = value.text()?;
    let record = match text.to_ascii_uppercase().as_str() {
        "A" => DnsRecord::A,
        "AAAA" => DnsRecord::Aaaa,
        "MX" => DnsRecord::Mx,
        "NS" => DnsRecord::Ns,
        "SRV" => DnsRecord::Srv,
        _ => {
            value.fault(format!("{text:?} is not a type of records"), "write one of SRV, A, AAAA, MX, NS");
            return None;
        }
    };
    Some(record)
}

fn read_port(value: &Value<'_>) -> Option<u16> {
    let port = value.integer()?;
    let found = u16::try_from(port).ok();
    if found.is_none() {
        value.fault(format!("{port} is not a port"), "write a number from 1 to 65535");
    }
    found
}

/// A group as servers write it in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonGroup {
    #[serde(default)]
    targets: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

/// Reads a list of targets that a server answered, in JSON.
///
/// # Errors
/// What is wrong with the text, and where.
pub fn read_json_target_groups(text: &[u8]) -> Result<Vec<TargetGroup>, String> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let groups: Option<Vec<JsonGroup>> =
        serde_json::from_slice(text).map_err(|error| format!("the answer is not a list of target groups: {error}"))?;
    let mut read = Vec::new();
    for JsonGroup { targets, labels } in groups.unwrap_or_default() {
        let labels = labels.unwrap_or_default();
        if labels.contains_key("") {
            return Err("a label has an empty name".to_owned());
        }
        read.push(TargetGroup { targets: targets.unwrap_or_default(), labels: labels.into_iter().collect() });
    }
    Ok(read)
}

/// Reads a file of targets, in YAML or JSON.
///
/// # Errors
/// Every fault of the file.
pub fn read_target_groups(file: &Path, text: &str) -> Result<Vec<TargetGroup>, Vec<Fault>> {
    let faults = Faults::new();
    let mut groups = Vec::new();
    if let Some(document) = Document::parse(file, text, &faults) {
        let source = Source::file(&document.file, &faults);
        groups = source.root(&document).items().iter().map(|item| read_group(item, false)).collect();
    }
    if faults.has_errors() { Err(faults.into_sorted()) } else { Ok(groups) }
}
