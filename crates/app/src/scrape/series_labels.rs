//! The labels under which a scraped series is stored.

use super::error::ScrapeError;
use clew_config::prometheus::{NameValidation, ScrapeConfig, is_legacy_label_name};
use clew_config::relabel::{LabelBuilder, attach_target_labels, relabel};
use clew_model::metrics::{Labels, METRIC_NAME};

/// Puts the target's labels and those of the answer together, relabels, and checks the limits. `exposed` are the
/// labels of the answer; `empty` are the names that it writes without a value. `None` when relabelling drops the series.
pub(super) fn series_labels(
    job: &ScrapeConfig,
    target: &[(String, String)],
    exposed: &Labels,
    empty: &[String],
) -> Result<Option<Labels>, ScrapeError> {
    let mut labels = LabelBuilder::new(exposed.iter());
    attach_target_labels(&mut labels, target, job.honor_labels, empty);
    if !relabel(&job.metric_relabel_configs, &mut labels) || labels.is_empty() {
        return Ok(None);
    }
    if labels.get(METRIC_NAME).is_empty() {
        return Err(ScrapeError::NoMetricName(shown(labels.iter())));
    }
    if job.name_validation == NameValidation::Legacy && !is_legacy(&labels) {
        return Err(ScrapeError::LegacyName(shown(labels.iter())));
    }
    check_limits(job, &labels)?;
    Ok(Some(labels.labels()?))
}

fn is_legacy(labels: &LabelBuilder) -> bool {
    let metric = labels.get(METRIC_NAME).replace(':', "_");
    is_legacy_label_name(&metric) && labels.iter().all(|(name, _)| is_legacy_label_name(name))
}

/// The limits count the labels as they are stored, `__name__` among them, as in Prometheus' `verifyLabelLimits`.
fn check_limits(job: &ScrapeConfig, labels: &LabelBuilder) -> Result<(), ScrapeError> {
    let limits = &job.limits;
    let exceeds = |found: usize, limit: u64| limit > 0 && found as u64 > limit;
    let series = || shown(labels.iter());
    if exceeds(labels.len(), limits.labels) {
        return Err(ScrapeError::LabelLimit { found: labels.len() as u64, limit: limits.labels, series: series() });
    }
    for (name, value) in labels.iter() {
        if exceeds(name.len(), limits.label_name) {
            let (found, limit) = (name.len() as u64, limits.label_name);
            return Err(ScrapeError::LabelNameLimit { found, limit, series: series() });
        }
        if exceeds(value.len(), limits.label_value) {
            let (found, limit) = (value.len() as u64, limits.label_value);
            return Err(ScrapeError::LabelValueLimit { found, limit, series: series() });
        }
    }
    Ok(())
}

/// The start of a series' labels, for an error message.
fn shown<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        if text.len() > 200 {
            text.push_str(", …");
            break;
        }
        let value: String = value.chars().take(60).collect();
        let name: String = name.chars().take(60).collect();
        text.push_str(&format!("{}{name}={value:?}", if text.is_empty() { "" } else { ", " }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_config::prometheus::parse;
    use std::path::Path;

    fn labelled(keys: &str, target: &[(&str, &str)], exposed: &[(&str, &str)]) -> Result<Option<String>, String> {
        let text = format!("scrape_configs:\n  - job_name: j\n{keys}");
        let loaded = parse(Path::new("p.yml"), &text, &|_| None).unwrap();
        let target: Vec<_> = target.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let empty: Vec<_> = exposed.iter().filter(|(_, v)| v.is_empty()).map(|(n, _)| (*n).to_owned()).collect();
        let exposed = Labels::new(exposed.iter().copied()).unwrap();
        match series_labels(&loaded.config.jobs[0], &target, &exposed, &empty) {
            Ok(labels) => Ok(labels.map(|labels| {
                labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
            })),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn rules_and_limits_apply_to_samples() {
        let exposed = [("__name__", "m"), ("a", "12345"), ("long_name", "x")];
        for (keys, expected) in [
            ("    metric_relabel_configs: [{source_labels: [a], regex: 1.*, action: drop}]\n", Ok(None)),
            ("    metric_relabel_configs: [{regex: 'a|long_name|job', action: labeldrop}]\n", Ok(Some("__name__=m"))),
            (
                "    metric_relabel_configs: [{regex: __name__, action: labeldrop}]\n",
                Err("a series has no metric name after relabelling: a=\"12345\", job=\"j\", long_name=\"x\""),
            ),
            (
                "    label_limit: 3\n",
                Err(
                    "a series has 4 labels, the label_limit is 3: __name__=\"m\", a=\"12345\", job=\"j\", long_name=\"x\"",
                ),
            ),
            (
                "    label_limit: 4\n    label_name_length_limit: 9\n    label_value_length_limit: 5\n",
                Ok(Some("__name__=m,a=12345,job=j,long_name=x")),
            ),
            (
                "    label_name_length_limit: 8\n",
                Err(
                    "a label has a name of 9 bytes, the label_name_length_limit is 8: __name__=\"m\", a=\"12345\", job=\"j\", long_name=\"x\"",
                ),
            ),
            (
                "    label_value_length_limit: 4\n",
                Err(
                    "a label has a value of 5 bytes, the label_value_length_limit is 4: __name__=\"m\", a=\"12345\", job=\"j\", long_name=\"x\"",
                ),
            ),
        ] {
            let found = labelled(keys, &[("job", "j")], &exposed);
            assert_eq!(found, expected.map(|labels| labels.map(str::to_owned)).map_err(str::to_owned), "{keys}");
        }
    }

    #[test]
    fn names_outside_the_classic_alphabet_are_refused_only_when_asked_for() {
        let exposed = [("__name__", "http.requests"), ("größe", "1")];
        assert!(labelled("", &[], &exposed).unwrap().is_some());
        assert!(labelled("    metric_name_validation_scheme: legacy\n", &[], &exposed).is_err());
        let classic = [("__name__", "rule:requests:rate5m"), ("a_b", "ü")];
        assert!(labelled("    metric_name_validation_scheme: legacy\n", &[], &classic).unwrap().is_some());
    }
}
