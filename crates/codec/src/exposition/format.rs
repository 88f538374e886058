//! Which format a response is in, and which ones a scrape asks for.

/// A text format of a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `text/plain; version=0.0.4`: timestamps are integers in milliseconds, spaces are free, there are no exemplars.
    PrometheusText,
    /// `application/openmetrics-text`: timestamps are decimals in seconds, single spaces, exemplars, `# EOF` at the end.
    OpenMetricsText,
}

/// The `Accept` header by which a scrape asks for these formats, OpenMetrics first.
pub const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
     application/openmetrics-text;version=1.0.0;q=0.5,\
     text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";

impl Format {
    /// The format that a response's `Content-Type` names; parameters do not matter, as for Prometheus.
    ///
    /// `None` for a missing or an unknown type: Prometheus 3 then takes the target's `fallback_scrape_protocol`, and
    /// fails the scrape when there is none.
    #[must_use]
    pub fn from_content_type(content_type: Option<&str>) -> Option<Self> {
        let media_type = content_type?.split(';').next()?.trim();
        if media_type.eq_ignore_ascii_case("text/plain") {
            Some(Format::PrometheusText)
        } else if media_type.eq_ignore_ascii_case("application/openmetrics-text") {
            Some(Format::OpenMetricsText)
        } else {
            None
        }
    }

    /// The name a person calls it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::PrometheusText => "Prometheus text format",
            Format::OpenMetricsText => "OpenMetrics text format",
        }
    }
}
