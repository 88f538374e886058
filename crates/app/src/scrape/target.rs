//! One target: its labels after relabelling, and what is requested.

use clew_config::prometheus::{ScrapeConfig, is_target_address};
use clew_config::relabel::{LabelBuilder, relabel};
use clew_config::yaml::{parse_duration, render_duration};
use reqwest::Url;
use std::time::Duration;

const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM_PREFIX: &str = "__param_";
const JOB: &str = "job";
const INSTANCE: &str = "instance";

/// A target that is scraped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Labels before relabelling.
    pub(super) discovered: LabelBuilder,
    /// Labels that its series get, sorted by name.
    pub(super) labels: Vec<(String, String)>,
    /// What is requested.
    pub(super) url: Url,
    /// Time between scrapes.
    pub(super) interval: Duration,
    /// Longest time of a scrape.
    pub(super) timeout: Duration,
}

impl Target {
    /// What makes it the same target after a change of the configuration: what is requested, and its labels.
    pub(super) fn identity(&self) -> String {
        let mut identity = self.url.to_string();
        for (name, value) in &self.labels {
            identity.extend(["\0", name, "\0", value]);
        }
        identity
    }
}

/// Why a discovered address makes no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    #[error("it has no address")]
    NoAddress,
    #[error("{0:?} is not an address; write host:port")]
    Address(String),
    #[error("{url:?} is not a URL: {reason}")]
    Url { url: String, reason: String },
    #[error("the label {label} {value:?} is not a duration above zero")]
    Duration { label: &'static str, value: String },
    #[error("the scrape timeout {timeout} is longer than the scrape interval {interval}")]
    TimeoutTooLong { timeout: String, interval: String },
}

/// The labels of a discovered address before relabelling (Prometheus' `PopulateDiscoveredLabels`).
pub(super) fn discovered_labels(job: &ScrapeConfig, address: &str, group: &[(String, String)]) -> LabelBuilder {
    let mut labels = LabelBuilder::new(group.iter().cloned());
    labels.set(ADDRESS, address);
    labels.set_default(JOB, &job.job_name);
    labels.set_default(INTERVAL, &render_duration(job.scrape_interval));
    labels.set_default(TIMEOUT, &render_duration(job.scrape_timeout));
    labels.set_default(METRICS_PATH, &job.metrics_path);
    labels.set_default(SCHEME, &job.scheme);
    for (name, values) in &job.params {
        if let Some(first) = values.first() {
            labels.set_default(&format!("{PARAM_PREFIX}{name}"), first);
        }
    }
    labels
}

/// The target that discovered labels make; `None` when relabelling drops it.
pub(super) fn build_target(job: &ScrapeConfig, discovered: &LabelBuilder) -> Result<Option<Target>, TargetError> {
    let mut labels = discovered.clone();
    if !relabel(&job.relabel_configs, &mut labels) {
        return Ok(None);
    }
    let address = labels.get(ADDRESS).to_owned();
    if address.is_empty() {
        return Err(TargetError::NoAddress);
    }
    if !is_target_address(&address) {
        return Err(TargetError::Address(address));
    }
    let interval = duration_of(&labels, INTERVAL)?;
    let timeout = duration_of(&labels, TIMEOUT)?;
    if timeout > interval {
        let (timeout, interval) = (render_duration(timeout), render_duration(interval));
        return Err(TargetError::TimeoutTooLong { timeout, interval });
    }
    labels.set_default(INSTANCE, &address);
    let url = build_url(job, &labels, &address)?;
    let own = labels.iter().filter(|(name, _)| !name.starts_with("__"));
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(Some(Target { discovered: discovered.clone(), labels: own, url, interval, timeout }))
}

fn duration_of(labels: &LabelBuilder, label: &'static str) -> Result<Duration, TargetError> {
    let value = labels.get(label);
    let found = parse_duration(value).ok().filter(|duration| !duration.is_zero());
    found.ok_or_else(|| TargetError::Duration { label, value: value.to_owned() })
}

/// `__param_` labels replace the first value of their parameter; parameters are sorted by name, as Go encodes them.
fn build_url(job: &ScrapeConfig, labels: &LabelBuilder, address: &str) -> Result<Url, TargetError> {
    let scheme = labels.get(SCHEME);
    let text = format!("{scheme}://{address}");
    let refused = |reason: &dyn std::fmt::Display| TargetError::Url { url: text.clone(), reason: reason.to_string() };
    let mut url = Url::parse(&text).map_err(|error| refused(&error))?;
    if !matches!(scheme, "http" | "https") || url.host().is_none() {
        return Err(refused(&"the scheme must be http or https, and a host must follow"));
    }
    url.set_path(labels.get(METRICS_PATH));
    let mut params: Vec<(String, Vec<String>)> = job.params.clone();
    for (name, value) in labels.iter() {
        let Some(name) = name.strip_prefix(PARAM_PREFIX) else { continue };
        match params.iter_mut().find(|(own, _)| own == name) {
            Some((_, values)) => match values.first_mut() {
                Some(first) => value.clone_into(first),
                None => values.push(value.to_owned()),
            },
            None => params.push((name.to_owned(), vec![value.to_owned()])),
        }
    }
    params.sort();
    if params.iter().any(|(_, values)| !values.is_empty()) {
        let mut query = url.query_pairs_mut();
        for (name, values) in &params {
            for value in values {
                query.append_pair(name, value);
            }
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_config::prometheus::parse;
    use std::path::Path;

    fn job(keys: &str) -> ScrapeConfig {
        let text = format!("scrape_configs:\n  - job_name: j\n{keys}");
        let loaded = parse(Path::new("p.yml"), &text, &|_| None).unwrap_or_else(|faults| panic!("{faults:?}"));
        loaded.config.jobs[0].as_ref().clone()
    }

    fn target(keys: &str, address: &str, labels: &[(&str, &str)]) -> Result<Option<Target>, TargetError> {
        let job = job(keys);
        let group: Vec<_> = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        build_target(&job, &discovered_labels(&job, address, &group))
    }

    fn shown(labels: &[(String, String)]) -> String {
        labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn a_target_has_its_job_instance_and_labels() {
        let target = target("", "h:1", &[("team", "core"), ("__meta_filepath", "x")]).unwrap().unwrap();
        assert_eq!(shown(&target.labels), "instance=h:1,job=j,team=core");
        assert_eq!(target.url.as_str(), "http://h:1/metrics");
        assert_eq!((target.interval.as_secs(), target.timeout.as_secs()), (60, 10));
        let discovered: Vec<_> = target.discovered.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        assert_eq!(
            shown(&discovered),
            "__address__=h:1,__meta_filepath=x,__metrics_path__=/metrics,__scheme__=http,__scrape_interval__=1m,__scrape_timeout__=10s,job=j,team=core"
        );
    }

    #[test]
    fn labels_of_the_group_and_of_relabelling_change_the_request() {
        // The blackbox exporter's documented configuration.
        let probe = "    metrics_path: /probe\n    params: {module: [http_2xx], z: [a, b]}\n    relabel_configs:\n      - {source_labels: [__address__], target_label: __param_target}\n      - {source_labels: [__param_target], target_label: instance}\n      - {target_label: __address__, replacement: 'blackbox:9115'}\n";
        let probed = target(probe, "https://example.org/a b", &[]).unwrap().unwrap();
        assert_eq!(
            probed.url.as_str(),
            "http://blackbox:9115/probe?module=http_2xx&target=https%3A%2F%2Fexample.org%2Fa+b&z=a&z=b"
        );
        assert_eq!(shown(&probed.labels), "instance=https://example.org/a b,job=j");

        let labels = [("__scheme__", "https"), ("__metrics_path__", "/x"), ("__param_k", "v"), ("job", "own")];
        let labelled = target("", "[::1]:9100", &labels).unwrap().unwrap();
        assert_eq!(labelled.url.as_str(), "https://[::1]:9100/x?k=v");
        assert_eq!(shown(&labelled.labels), "instance=[::1]:9100,job=own");

        let paced = target("", "h:1", &[("__scrape_interval__", "5s"), ("__scrape_timeout__", "2s")]).unwrap().unwrap();
        assert_eq!((paced.interval.as_secs(), paced.timeout.as_secs()), (5, 2));
    }

    #[test]
    fn addresses_that_make_no_target_are_explained() {
        assert_eq!(target("", "", &[]), Err(TargetError::NoAddress));
        assert_eq!(target("", "h/x", &[]), Err(TargetError::Address("h/x".into())));
        let late = target("", "h", &[("__scrape_interval__", "1s")]).unwrap_err();
        assert_eq!(late.to_string(), "the scrape timeout 10s is longer than the scrape interval 1s");
        let never = target("", "h", &[("__scrape_interval__", "never")]).unwrap_err();
        assert_eq!(never.to_string(), "the label __scrape_interval__ \"never\" is not a duration above zero");
        assert!(matches!(target("", "h:99999", &[]), Err(TargetError::Url { .. })));
        assert!(matches!(target("", "h", &[("__scheme__", "ftp")]), Err(TargetError::Url { .. })));
        let dropping = "    relabel_configs: [{source_labels: [team], regex: core, action: drop}]\n";
        assert_eq!(target(dropping, "h", &[("team", "core")]), Ok(None));
    }
}
