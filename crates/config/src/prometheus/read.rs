//! The file as a whole.

use super::global::{GlobalConfig, read_global};
use super::job::{ScrapeConfig, read_job};
use crate::limits::MAX_JOBS;
use crate::yaml::{Document, Fault, Faults, MentionedFile, Source, Value};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Looks an environment variable up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What scraping needs of a prometheus.yml.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PrometheusConfig {
    /// Defaults of all jobs, and external labels.
    pub global: GlobalConfig,
    /// The jobs, each name once, in the order of the file.
    pub jobs: Vec<Arc<ScrapeConfig>>,
}

/// A configuration that can be used, and what in it has no effect.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadedPrometheusConfig {
    /// The configuration.
    pub config: PrometheusConfig,
    /// Keys that are accepted without effect, with their lines.
    pub warnings: Vec<Fault>,
    /// Files that are read only when they are needed: secrets and certificates. Who has a disk can say now that one is
    /// missing.
    pub files: Vec<MentionedFile>,
}

/// Reads the text of a file; `file` names it in faults, and relative paths start at its folder.
///
/// # Errors
/// Every fault of the file, warnings among them.
pub fn parse(file: &Path, text: &str, environment: Environment<'_>) -> Result<LoadedPrometheusConfig, Vec<Fault>> {
    let faults = Faults::new();
    let mut config = PrometheusConfig::default();
    let mut files = Vec::new();
    if let Some(document) = Document::parse(file, text, &faults) {
        let source = Source::file(&document.file, &faults);
        config = read_config(&source.root(&document), environment);
        files = source.into_mentioned();
    }
    let refused = faults.has_errors();
    let warnings = faults.into_sorted();
    if refused { Err(warnings) } else { Ok(LoadedPrometheusConfig { config, warnings, files }) }
}

fn read_config(value: &Value<'_>, environment: Environment<'_>) -> PrometheusConfig {
    let mut fields = value.fields();
    let global = fields.get("global").map(|value| read_global(&value, environment)).unwrap_or_default();
    let items = fields.get("scrape_configs").map(|value| value.items()).unwrap_or_default();
    if let Some(item) = items.get(MAX_JOBS) {
        item.fault(
            format!("is more than the {MAX_JOBS} jobs that one file may have"),
            "put targets of one kind into one job",
        );
    }
    let mut jobs = Vec::new();
    let mut names: HashMap<String, String> = HashMap::new();
    for item in items.iter().take(MAX_JOBS) {
        let job = read_job(item, &global);
        let first = names.insert(job.job_name.clone(), item.path().to_owned());
        if let (Some(first), false) = (first, job.job_name.is_empty()) {
            item.fault(
                format!("the job name {:?} is used twice, first by {first}", job.job_name),
                "give each job its own name",
            );
        }
        jobs.push(Arc::new(job));
    }
    fields.refuse(&[("scrape_config_files", "put their jobs under scrape_configs")]);
    fields.ignore(&[
        ("rule_files", "rules are not evaluated yet"),
        ("alerting", "alerts are not sent yet"),
        ("remote_write", "samples are not sent on yet"),
        ("remote_read", "other stores are not read yet"),
        ("storage", "has no effect; retention is set in Clew's own configuration"),
        ("tracing", "has no effect on Clew's own traces"),
        ("otlp", "has no effect on OTLP metrics yet"),
        ("runtime", "has no effect: it tunes Go's runtime"),
    ]);
    fields.finish();
    PrometheusConfig { global, jobs }
}
