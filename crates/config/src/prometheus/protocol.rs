//! The exposition formats that a scrape asks for, and how names outside the classic alphabet travel.

use crate::yaml::Value;

/// A format of scraped metrics, by its name in `scrape_protocols`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScrapeProtocol {
    /// OpenMetrics 1.0.0.
    OpenMetricsText1_0_0,
    /// OpenMetrics 0.0.1.
    OpenMetricsText0_0_1,
    /// The Prometheus text format with quoted names.
    PrometheusText1_0_0,
    /// The Prometheus text format.
    PrometheusText0_0_4,
}

impl ScrapeProtocol {
    /// What is asked for when nothing is configured, best first, as in Prometheus 3 without native histograms.
    pub const DEFAULT: [ScrapeProtocol; 4] = [
        ScrapeProtocol::OpenMetricsText1_0_0,
        ScrapeProtocol::OpenMetricsText0_0_1,
        ScrapeProtocol::PrometheusText1_0_0,
        ScrapeProtocol::PrometheusText0_0_4,
    ];

    /// The media type in an `Accept` header.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            ScrapeProtocol::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0",
            ScrapeProtocol::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            ScrapeProtocol::PrometheusText1_0_0 => "text/plain;version=1.0.0",
            ScrapeProtocol::PrometheusText0_0_4 => "text/plain;version=0.0.4",
        }
    }

    /// Whether it is OpenMetrics rather than the Prometheus text format.
    #[must_use]
    pub fn is_open_metrics(self) -> bool {
        matches!(self, ScrapeProtocol::OpenMetricsText1_0_0 | ScrapeProtocol::OpenMetricsText0_0_1)
    }

    /// Whether names outside the classic alphabet can be negotiated in it.
    #[must_use]
    pub fn has_escaping(self) -> bool {
        matches!(self, ScrapeProtocol::OpenMetricsText1_0_0 | ScrapeProtocol::PrometheusText1_0_0)
    }
}

/// Which metric and label names are accepted (`metric_name_validation_scheme`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameValidation {
    /// Any UTF-8.
    #[default]
    Utf8,
    /// The classic alphabet.
    Legacy,
}

/// How targets are asked to write names outside the classic alphabet (`metric_name_escaping_scheme`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EscapingScheme {
    /// As they are.
    #[default]
    AllowUtf8,
    /// With underscores in the place of other characters.
    Underscores,
    /// Dots as `_dot_`, underscores doubled.
    Dots,
    /// As `U__` and code points.
    Values,
}

impl EscapingScheme {
    /// The name in headers and configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EscapingScheme::AllowUtf8 => "allow-utf-8",
            EscapingScheme::Underscores => "underscores",
            EscapingScheme::Dots => "dots",
            EscapingScheme::Values => "values",
        }
    }
}

const PROTOCOLS: [(&str, Option<ScrapeProtocol>); 5] = [
    ("OpenMetricsText1.0.0", Some(ScrapeProtocol::OpenMetricsText1_0_0)),
    ("OpenMetricsText0.0.1", Some(ScrapeProtocol::OpenMetricsText0_0_1)),
    ("PrometheusText1.0.0", Some(ScrapeProtocol::PrometheusText1_0_0)),
    ("PrometheusText0.0.4", Some(ScrapeProtocol::PrometheusText0_0_4)),
    ("PrometheusProto", None),
];

/// Reads `fallback_scrape_protocol`.
pub(super) fn read_fallback(value: &Value<'_>) -> Option<ScrapeProtocol> {
    if value.text() == Some("") {
        return None;
    }
    let protocol = value.choice(&PROTOCOLS)?;
    if protocol.is_none() {
        value.warn("PrometheusProto is not built, left out: answers must tell a text format", "");
    }
    protocol
}

/// Reads `scrape_protocols`. The protobuf format is left out with a warning; where it stands alone, the text formats
/// are asked for in its place.
pub(super) fn read_protocols(value: &Value<'_>) -> Option<Vec<ScrapeProtocol>> {
    let mut protocols = Vec::new();
    let mut left_out: Option<Value<'_>> = None;
    let items = value.items();
    for item in items {
        match item.choice(&PROTOCOLS)? {
            Some(protocol) if protocols.contains(&protocol) => {
                item.fault("the same protocol is listed twice", "keep one of them");
            }
            None if left_out.is_some() => item.fault("the same protocol is listed twice", "keep one of them"),
            Some(protocol) => protocols.push(protocol),
            None => left_out = Some(item),
        }
    }
    match left_out {
        Some(item) if protocols.is_empty() => {
            item.warn("PrometheusProto is not built, left out: the text formats are asked for", "");
        }
        Some(item) => item.warn("PrometheusProto is not built, left out: the other protocols are asked for", ""),
        None if protocols.is_empty() => value.fault("lists no protocol", "remove the key or add PrometheusText0.0.4"),
        None => {}
    }
    (!protocols.is_empty()).then_some(protocols)
}

/// Reads `metric_name_validation_scheme`.
pub(super) fn read_validation(value: &Value<'_>) -> Option<NameValidation> {
    if value.text() == Some("") {
        return None;
    }
    value.choice(&[("utf8", NameValidation::Utf8), ("legacy", NameValidation::Legacy)])
}

/// Reads `metric_name_escaping_scheme`.
pub(super) fn read_escaping(value: &Value<'_>) -> Option<EscapingScheme> {
    if value.text() == Some("") {
        return None;
    }
    let schemes =
        [EscapingScheme::AllowUtf8, EscapingScheme::Underscores, EscapingScheme::Dots, EscapingScheme::Values];
    value.choice(&schemes.map(|scheme| (scheme.as_str(), scheme)))
}
