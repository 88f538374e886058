//! What a file is, told by what stands in it.

use crate::yaml::{Content, Entry, Node, nearest};

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// Clew's own configuration.
    Clew,
    /// A prometheus.yml.
    Prometheus,
    /// A file of recording and alerting rules.
    Rules,
    /// A resource of Kubernetes that holds such rules.
    RuleResource,
    /// Tests of rules for promtool.
    RuleTests,
    /// A list of targets.
    Targets,
    /// An alertmanager.yml.
    Alertmanager,
    /// A dashboard of Grafana's.
    Dashboard,
    /// A web configuration of Prometheus or an exporter.
    Web,
    /// Nothing that Clew knows: no key, item or text of it belongs to one of the others.
    Unknown,
}

/// The keys at the top of each kind. `PROMETHEUS` shares some with others, so what is below them decides.
const CLEW: &[&str] =
    &["server", "storage", "traces", "prometheus", "alertmanager", "grafana", "correlation", "auth", "limits", "log"];
const PROMETHEUS: &[&str] = &[
    "global",
    "scrape_configs",
    "scrape_config_files",
    "rule_files",
    "alerting",
    "remote_write",
    "remote_read",
    "storage",
    "tracing",
    "otlp",
    "runtime",
];
const ALERTMANAGER: &[&str] = &[
    "global",
    "route",
    "receivers",
    "inhibit_rules",
    "templates",
    "mute_time_intervals",
    "time_intervals",
    "tracing",
    "event_recorder",
];
const DASHBOARD: &[&str] = &["panels", "dashboard", "schemaVersion", "templating", "annotations", "timepicker", "rows"];
const WEB: &[&str] = &["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"];

impl FileKind {
    /// The kind of a document. An empty one is taken for Clew's own.
    #[must_use]
    pub fn of(root: &Node) -> FileKind {
        match &root.content {
            Content::Mapping(entries) => of_mapping(entries),
            Content::Sequence(items) if items.is_empty() || items.iter().any(is_target_group) => FileKind::Targets,
            Content::Null => FileKind::Clew,
            _ => FileKind::Unknown,
        }
    }
}

fn of_mapping(entries: &[Entry]) -> FileKind {
    if entries.is_empty() {
        return FileKind::Clew;
    }
    let value = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
    let is = |key: &str, text: &str| {
        value(key).is_some_and(|node| matches!(&node.content, Content::Scalar(own) if own == text))
    };
    if is("kind", "PrometheusRule") {
        return FileKind::RuleResource;
    }
    if value("groups").is_some() {
        return FileKind::Rules;
    }
    if value("tests").is_some_and(|node| matches!(node.content, Content::Sequence(_))) {
        return FileKind::RuleTests;
    }
    if value("storage").is_some_and(|node| has(node, "tsdb") || has(node, "exemplars")) {
        return FileKind::Prometheus;
    }
    if value("global").is_some_and(is_global_of_alertmanager) {
        return FileKind::Alertmanager;
    }
    // The order decides between equals: keys that are shared are Clew's first, then Prometheus'.
    let kinds = [
        (FileKind::Clew, CLEW),
        (FileKind::Prometheus, PROMETHEUS),
        (FileKind::Alertmanager, ALERTMANAGER),
        (FileKind::Dashboard, DASHBOARD),
        (FileKind::Web, WEB),
    ];
    let count = |keys: &[&str]| entries.iter().filter(|entry| keys.contains(&entry.key.as_str())).count();
    let near = |keys: &[&'static str]| {
        entries.iter().filter(|entry| nearest(&entry.key, keys.iter().copied()).is_some()).count()
    };
    let best = |measure: &dyn Fn(&[&'static str]) -> usize| {
        let mut best = (FileKind::Unknown, 0);
        for (kind, keys) in kinds {
            let found = measure(keys);
            if found > best.1 {
                best = (kind, found);
            }
        }
        best
    };
    match best(&|keys| count(keys)) {
        (_, 0) => best(&near).0,
        (kind, _) => kind,
    }
}

fn is_target_group(node: &Node) -> bool {
    let is_known = |entry: &Entry| nearest(&entry.key, ["targets", "labels"]).is_some();
    matches!(&node.content, Content::Mapping(entries) if !entries.is_empty() && entries.iter().all(is_known))
}

/// Whether the section `global` speaks of notifications rather than of scrapes.
fn is_global_of_alertmanager(node: &Node) -> bool {
    let Content::Mapping(entries) = &node.content else { return false };
    let prefixes = ["smtp_", "slack_", "pagerduty_", "opsgenie_", "victorops_", "wechat_", "telegram_", "webex_"];
    entries
        .iter()
        .any(|entry| entry.key == "resolve_timeout" || prefixes.iter().any(|prefix| entry.key.starts_with(prefix)))
}

fn has(node: &Node, key: &str) -> bool {
    matches!(&node.content, Content::Mapping(entries) if entries.iter().any(|entry| entry.key == key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Document, Faults};
    use std::path::Path;

    #[test]
    fn files_are_told_apart_by_what_stands_in_them() {
        for (text, expected) in [
            ("server: {}\n", FileKind::Clew),
            ("", FileKind::Clew),
            ("{}", FileKind::Clew),
            ("text", FileKind::Unknown),
            ("version: 3\nvolumes: {}\n", FileKind::Unknown),
            ("storage: {dir: x}\n", FileKind::Clew),
            ("storage: {dir: x}\nprometheus: {config_file: p.yml}\n", FileKind::Clew),
            ("serverr: {}\n", FileKind::Clew),
            ("storage: {tsdb: {out_of_order_time_window: 1h}}\n", FileKind::Prometheus),
            ("scrape_configs: []\n", FileKind::Prometheus),
            ("scrape_config: []\n", FileKind::Prometheus),
            ("scrape_config_files: []\n", FileKind::Prometheus),
            ("alerting: {}\n", FileKind::Prometheus),
            ("otlp: {}\n", FileKind::Prometheus),
            ("remote_read: []\n", FileKind::Prometheus),
            ("global: { scrape_interval: 15s }\n", FileKind::Prometheus),
            ("groups: []\n", FileKind::Rules),
            ("kind: PrometheusRule\nspec: {groups: []}\n", FileKind::RuleResource),
            ("rule_files: [a]\ntests: []\n", FileKind::RuleTests),
            ("tests: [{input_series: []}]\n", FileKind::RuleTests),
            ("- targets: [a:1]\n", FileKind::Targets),
            ("- target: [a:1]\n", FileKind::Targets),
            ("[]", FileKind::Targets),
            ("- name: x\n", FileKind::Unknown),
            ("- alert: x\n  labels: {}\n", FileKind::Unknown),
            ("[{\"targets\": [\"a:1\"], \"labels\": {}}]", FileKind::Targets),
            ("global: {}\nroute: {}\nreceivers: []\n", FileKind::Alertmanager),
            ("global: {resolve_timeout: 5m}\n", FileKind::Alertmanager),
            ("route: {}\n", FileKind::Alertmanager),
            ("{\"panels\": []}", FileKind::Dashboard),
            ("{\"annotations\": {}, \"rows\": [], \"title\": \"x\"}", FileKind::Dashboard),
            ("{\"dashboard\": {\"panels\": []}, \"meta\": {}}", FileKind::Dashboard),
            ("basic_auth_users: {}\n", FileKind::Web),
            ("tls_server_config: {}\n", FileKind::Web),
        ] {
            let faults = Faults::new();
            let document = Document::parse(Path::new("file.yml"), text, &faults).unwrap();
            assert_eq!(FileKind::of(&document.root), expected, "{text}");
        }
    }
}
