//! The file as a whole, with the files of jobs that it includes.

use super::global::{GlobalConfig, read_global};
use super::job::{ScrapeConfig, read_job};
use super::other_sections::read_other_sections;
use crate::limits::MAX_JOBS;
use crate::yaml::{Content, Document, Fault, Faults, Fields, MentionedFile, Severity, Source, Value};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Looks an environment variable up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Finds the files that a pattern names, as Go's `filepath.Glob` does, and reads them.
pub type Inclusion<'a> = &'a dyn Fn(&Path) -> Vec<IncludedFile>;

/// A file that another one includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncludedFile {
    /// Its path, by which faults name it; relative paths in it start at its folder.
    pub path: PathBuf,
    /// What it holds, or why that is not known.
    pub text: Result<String, String>,
}

/// What scraping needs of a prometheus.yml.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PrometheusConfig {
    /// Defaults of all jobs, and external labels.
    pub global: GlobalConfig,
    /// The jobs, each name once, in the order of the file; those of included files come last.
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
    /// Patterns of files with rules.
    pub rule_files: Vec<MentionedFile>,
    /// Files that were included.
    pub included: Vec<PathBuf>,
}

/// Reads the text of a file that includes no others (where it names some, they count as not there); `file` names it in
/// faults, and relative paths start at its folder.
///
/// # Errors
/// Every fault of the file, warnings among them.
pub fn parse(file: &Path, text: &str, environment: Environment<'_>) -> Result<LoadedPrometheusConfig, Vec<Fault>> {
    parse_including(file, text, environment, &|_| Vec::new())
}

/// Reads the text of a file and of those that it includes (`scrape_config_files`).
///
/// # Errors
/// Every fault of all files, warnings among them.
pub fn parse_including(
    file: &Path,
    text: &str,
    environment: Environment<'_>,
    inclusion: Inclusion<'_>,
) -> Result<LoadedPrometheusConfig, Vec<Fault>> {
    let faults = Faults::new();
    let mut loaded = LoadedPrometheusConfig::default();
    if let Some(document) = Document::parse(file, text, &faults) {
        let source = Source::file(&document.file, &faults);
        read_config(&source.root(&document), environment, inclusion, &faults, &mut loaded);
        let mut files = source.into_mentioned();
        files.append(&mut loaded.files);
        loaded.files = files;
    }
    let refused = faults.has_errors();
    let warnings = faults.into_sorted();
    if refused { Err(warnings) } else { Ok(LoadedPrometheusConfig { warnings, ..loaded }) }
}

fn read_config(
    value: &Value<'_>,
    environment: Environment<'_>,
    inclusion: Inclusion<'_>,
    faults: &Faults,
    loaded: &mut LoadedPrometheusConfig,
) {
    let mut fields = value.fields();
    let global = fields.get("global").map(|value| read_global(&value, environment)).unwrap_or_default();
    let mut jobs = Jobs { global: &global, jobs: Vec::new(), names: HashMap::new() };
    if let Some(value) = fields.get("scrape_configs") {
        jobs.read(&value);
    }
    for pattern in read_patterns(&mut fields, "scrape_config_files") {
        for included in inclusion(&pattern.path) {
            loaded.files.extend(jobs.include(&included, &pattern, faults));
            loaded.included.push(included.path);
        }
    }
    loaded.rule_files = read_patterns(&mut fields, "rule_files");
    if !loaded.rule_files.is_empty() {
        fields.warn_at("rule_files", "is not built, left out: rules are checked and not evaluated", "");
    }
    read_other_sections(&mut fields, global.name_validation);
    fields.finish();
    loaded.config.jobs = jobs.jobs;
    loaded.config.global = global;
}

/// A list of patterns, as Prometheus' `^[^*]*(\*[^/]*)?$` has them: what stands behind the first star is in the file's
/// name.
fn read_patterns(fields: &mut Fields<'_>, key: &'static str) -> Vec<MentionedFile> {
    let mut patterns = Vec::new();
    for item in fields.get(key).map(|value| value.items()).unwrap_or_default() {
        let Some(path) = item.file_path() else { continue };
        if item.text().and_then(|text| text.split_once('*')).is_some_and(|(_, behind)| behind.contains('/')) {
            item.fault("is not a pattern of files", "write a `*` in the file's name alone");
        } else {
            patterns.push(MentionedFile { path, origin: item.origin(), key: item.path().to_owned() });
        }
    }
    patterns
}

/// The jobs of all files.
struct Jobs<'a> {
    global: &'a GlobalConfig,
    jobs: Vec<Arc<ScrapeConfig>>,
    /// Where each name is used first.
    names: HashMap<String, String>,
}

impl Jobs<'_> {
    fn read(&mut self, list: &Value<'_>) {
        for item in list.items() {
            if item.node().content == Content::Null {
                item.fault("is an empty section", "remove it");
                continue;
            }
            if self.jobs.len() >= MAX_JOBS {
                item.fault(
                    format!("is more than the {MAX_JOBS} jobs that a configuration may have"),
                    "put targets of one kind into one job",
                );
                return;
            }
            let job = read_job(&item, self.global);
            let place = format!("{} ({})", item.path(), item.origin());
            if !job.job_name.is_empty()
                && let Some(first) = self.names.get(&job.job_name)
            {
                item.fault(
                    format!("the job name {:?} is used twice, first by {first}", job.job_name),
                    "give each job its own name",
                );
            } else {
                self.names.insert(job.job_name.clone(), place);
            }
            self.jobs.push(Arc::new(job));
        }
    }

    /// Reads an included file. Answers the files that it mentions.
    fn include(&mut self, included: &IncludedFile, by: &MentionedFile, faults: &Faults) -> Vec<MentionedFile> {
        let text = match &included.text {
            Ok(text) => text,
            Err(reason) => {
                faults.push(Fault {
                    severity: Severity::Error,
                    origin: by.origin.clone(),
                    path: by.key.clone(),
                    problem: format!("the file {} cannot be read: {reason}", included.path.display()),
                    remedy: "check the path and its permissions".to_owned(),
                });
                return Vec::new();
            }
        };
        let Some(document) = Document::parse(&included.path, text, faults) else { return Vec::new() };
        let source = Source::file(&document.file, faults);
        let mut fields = source.root(&document).fields();
        if let Some(value) = fields.get("scrape_configs") {
            self.read(&value);
        }
        fields.finish();
        source.into_mentioned()
    }
}
