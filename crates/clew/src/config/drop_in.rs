//! The replaced systems whose ports can be opened beside Clew's own, so that old configuration files work unedited.

use clew_config::yaml::{Content, Value};

/// A replaced system whose port is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DropIn {
    /// Prometheus' HTTP API at the root.
    Prometheus,
}

/// Replaced systems that are known by name and whose ports are not built yet.
const LATER: [&str; 11] = [
    "alertmanager",
    "loki",
    "elasticsearch",
    "jaeger",
    "zipkin",
    "grafana",
    "beats",
    "fluent",
    "gelf",
    "splunk",
    "syslog",
];

impl DropIn {
    /// All of them, in the order in which they are opened.
    pub(crate) const ALL: [DropIn; 1] = [DropIn::Prometheus];

    /// The name in `server.drop_in`.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            DropIn::Prometheus => "prometheus",
        }
    }

    /// The port that the replaced system has by default.
    #[must_use]
    pub(crate) fn port(self) -> u16 {
        match self {
            DropIn::Prometheus => 9090,
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// Reads `true`, `false`, or a list of names.
pub(super) fn read(value: &Value<'_>, into: &mut Vec<DropIn>) {
    if let Content::Sequence(_) = value.node().content {
        into.clear();
        for item in value.items() {
            match item.filled_text() {
                Some(name) => read_name(&item, name, into),
                None => return,
            }
        }
        return;
    }
    match value.text().map(str::to_ascii_lowercase).as_deref() {
        Some("true" | "yes" | "on") => *into = DropIn::ALL.to_vec(),
        Some("false" | "no" | "off") => into.clear(),
        Some(text) => value.fault(format!("{text:?} is neither a truth value nor a list"), remedy()),
        None => {}
    }
}

fn read_name(item: &Value<'_>, name: &str, into: &mut Vec<DropIn>) {
    match DropIn::of_name(name) {
        Some(one) if into.contains(&one) => {}
        Some(one) => into.push(one),
        None if LATER.contains(&name) => item.warn(format!("does nothing yet: the ports of {name} are not built"), ""),
        None => item.fault(format!("{name:?} is no system that Clew stands in for"), remedy()),
    }
}

fn remedy() -> String {
    let names: Vec<&str> = DropIn::ALL.into_iter().map(DropIn::name).collect();
    format!(
        "write true, false, or a list of these names: {} (known and not built yet: {})",
        names.join(", "),
        LATER.join(", ")
    )
}
