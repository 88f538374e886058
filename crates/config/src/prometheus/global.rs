//! The `global` section: defaults of all jobs.

use super::job::ScrapeLimits;
use super::protocol::{EscapingScheme, NameValidation, ScrapeProtocol, read_escaping, read_protocols, read_validation};
use super::read::Environment;
use super::static_labels::read_labels;
use crate::yaml::{Fields, Value, render_duration};
use std::time::Duration;

/// Interval of scrapes where none is configured.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
/// Timeout of scrapes where none is configured, or the interval when that is shorter.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Defaults of all jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct GlobalConfig {
    /// Time between scrapes.
    pub scrape_interval: Duration,
    /// Longest time of a scrape.
    pub scrape_timeout: Duration,
    /// Time between evaluations of rules.
    pub evaluation_interval: Duration,
    /// Labels that identify this server to others; environment variables are replaced in their values.
    pub external_labels: Vec<(String, String)>,
    /// Formats to ask for, best first.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// Bounds of what one scrape may bring.
    pub limits: ScrapeLimits,
    /// Which names are accepted.
    pub name_validation: NameValidation,
    /// How other names are asked for.
    pub escaping: Option<EscapingScheme>,
    /// Whether series about a scrape's limits are stored (`extra_scrape_metrics`).
    pub extra_scrape_metrics: bool,
}

impl Default for GlobalConfig {
    fn default() -> Self {
        Self {
            scrape_interval: DEFAULT_INTERVAL,
            scrape_timeout: DEFAULT_TIMEOUT,
            evaluation_interval: DEFAULT_INTERVAL,
            external_labels: Vec::new(),
            scrape_protocols: ScrapeProtocol::DEFAULT.to_vec(),
            limits: ScrapeLimits::default(),
            name_validation: NameValidation::default(),
            escaping: None,
            extra_scrape_metrics: false,
        }
    }
}

/// Reads the section.
pub(super) fn read_global(value: &Value<'_>, environment: Environment<'_>) -> GlobalConfig {
    let mut fields = value.fields();
    let mut global = GlobalConfig::default();
    read_intervals(&mut fields, &mut global);
    if let Some(value) = fields.get("external_labels") {
        global.external_labels = expanded(&value, environment);
    }
    if let Some(protocols) = fields.get("scrape_protocols").and_then(|value| read_protocols(&value)) {
        global.scrape_protocols = protocols;
    }
    global.limits = ScrapeLimits::read(&mut fields, &ScrapeLimits::default());
    if let Some(scheme) = fields.get("metric_name_validation_scheme").and_then(|value| read_validation(&value)) {
        global.name_validation = scheme;
    }
    global.escaping = fields.get("metric_name_escaping_scheme").and_then(|value| read_escaping(&value));
    let extra = fields.get("extra_scrape_metrics").and_then(|value| value.bool());
    global.extra_scrape_metrics = extra.unwrap_or_default();
    warn_of_histograms(&mut fields);
    if fields.get("rule_query_offset").and_then(|value| value.duration()).is_some_and(|offset| !offset.is_zero()) {
        fields.warn_at("rule_query_offset", "is not built, left out: rules are not evaluated", "");
    }
    fields.ignore(&[
        ("query_log_file", "has no effect: queries are logged by Clew's own log"),
        ("scrape_failure_log_file", "has no effect: failed scrapes are in Clew's own log and in the status of targets"),
    ]);
    fields.finish();
    global
}

/// Reads the switches of native histograms, which no format that is built carries.
pub(super) fn warn_of_histograms(fields: &mut Fields<'_>) {
    for (key, why) in [
        ("scrape_native_histograms", "is not built, left out: the text formats carry classic histograms"),
        ("convert_classic_histograms_to_nhcb", "is not built, left out: classic histograms are kept as they are"),
    ] {
        if fields.get(key).is_some_and(|value| value.bool() == Some(true)) {
            fields.warn_at(key, why, "");
        }
    }
    // The text formats always bring the classic buckets.
    for key in ["always_scrape_classic_histograms", "scrape_classic_histograms"] {
        let _ = fields.get(key).map(|value| value.bool());
    }
}

fn read_intervals(fields: &mut Fields<'_>, global: &mut GlobalConfig) {
    let positive = |value: Option<Value<'_>>| value.and_then(|value| value.duration()).filter(|own| !own.is_zero());
    let timeout_value = fields.get("scrape_timeout");
    let timeout = positive(timeout_value.clone());
    global.scrape_interval = positive(fields.get("scrape_interval")).unwrap_or(DEFAULT_INTERVAL);
    global.evaluation_interval = positive(fields.get("evaluation_interval")).unwrap_or(DEFAULT_INTERVAL);
    global.scrape_timeout = timeout.unwrap_or(DEFAULT_TIMEOUT.min(global.scrape_interval));
    if let (Some(timeout), Some(value)) = (timeout, timeout_value)
        && timeout > global.scrape_interval
    {
        let interval = render_duration(global.scrape_interval);
        let problem = format!("the timeout {} is longer than the scrape interval {interval}", render_duration(timeout));
        value.fault(problem, format!("write {interval} or less"));
    }
}

/// External labels with `$NAME` and `${NAME}` replaced from the environment; `$$` is a dollar sign.
fn expanded(value: &Value<'_>, environment: Environment<'_>) -> Vec<(String, String)> {
    let mut labels = read_labels(value);
    for (name, text) in &mut labels {
        let mut missing = Vec::new();
        *text = expand(text, &mut |variable| {
            environment(variable).unwrap_or_else(|| {
                missing.push(variable.to_owned());
                String::new()
            })
        });
        for variable in missing {
            value.warn(format!("the environment variable {variable} in the label {name:?} is not set"), "");
        }
    }
    labels
}

/// Replaces variables as Go's `os.Expand` does, with `$$` for a dollar sign.
fn expand(text: &str, lookup: &mut dyn FnMut(&str) -> String) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        result.push_str(before);
        if let Some(tail) = after.strip_prefix('$') {
            result.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            result.push_str(&lookup(name));
            rest = tail;
        } else if let Some(tail) = after.strip_prefix('{') {
            // No closing brace: Go drops the two characters.
            rest = tail;
        } else {
            let length = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
            let (name, tail) = after.split_at_checked(length).unwrap_or((after, ""));
            if name.is_empty() {
                result.push('$')
            } else {
                result.push_str(&lookup(name))
            }
            rest = tail;
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_go_does() {
        for (text, expected) in [
            ("plain", "plain"),
            ("${ZONE}", "eu"),
            ("a-$ZONE-b", "a-eu-b"),
            ("$ZONEx", "?ZONEx"),
            ("100$$", "100$"),
            ("$", "$"),
            ("$ x", "$ x"),
            ("${open", "open"),
        ] {
            let found = expand(text, &mut |name| if name == "ZONE" { "eu".into() } else { format!("?{name}") });
            assert_eq!(found, expected, "{text}");
        }
    }
}
