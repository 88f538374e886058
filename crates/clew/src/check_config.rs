//! `clew check-config FILE`: every fault of a file with its line, exit 1 if any.

use crate::config::Overrides;
use crate::reload::read_all;
use crate::terminal::{counted, say};
use clew_app::documents::read_document;
use clew_app::{prometheus_file, rule_file};
use clew_config::alertmanager::check_alertmanager;
use clew_config::dashboard::check_dashboard;
use clew_config::kind::FileKind;
use clew_config::prometheus::read_target_groups;
use clew_config::rules::RuleFile;
use clew_config::web_config::check_web_config;
use clew_config::yaml::{Document, Fault, Faults, Origin, Severity};
use std::path::Path;
use std::process::ExitCode;

/// What came of a check: what is odd about the file, and what it is.
struct Checked {
    /// Warnings, a line each.
    warnings: Vec<String>,
    /// What the file is and how far it was looked at.
    verdict: String,
}

/// Checks the file and prints what is wrong with it.
pub(crate) fn run(file: &Path) -> ExitCode {
    let shown = file.display();
    match check(file) {
        Ok(checked) => {
            checked.warnings.iter().for_each(|warning| say(warning));
            say(&format!("{shown}: {}", checked.verdict));
            ExitCode::SUCCESS
        }
        Err(faults) => {
            faults.iter().for_each(|fault| say(&fault.to_string()));
            let errors = faults.iter().filter(|fault| fault.severity == Severity::Error).count();
            say(&format!("{shown}: {}", counted(errors, "fault")));
            ExitCode::FAILURE
        }
    }
}

fn check(file: &Path) -> Result<Checked, Vec<Fault>> {
    let text = read_document(file).map_err(|fault| vec![fault])?;
    let faults = Faults::new();
    let kind = Document::parse(file, &text, &faults).map(|document| FileKind::of(&document.root));
    match kind {
        // Broken syntax is the same whatever the file is.
        None => Err(faults.into_sorted()),
        Some(FileKind::Clew) => {
            let everything = read_all(Some(file), &Overrides::default())?;
            Ok(Checked { warnings: everything.warnings, verdict: "a usable configuration of Clew".to_owned() })
        }
        Some(FileKind::Prometheus) => {
            let loaded = prometheus_file::load(file, &|name| std::env::var(name).ok())?;
            let jobs = counted(loaded.config.jobs.len(), "job");
            Ok(checked(loaded.warnings, format!("a usable prometheus.yml with {jobs}")))
        }
        Some(FileKind::Rules) => rule_file::check(file).map(|read| rules(read, "a usable file of rules")),
        Some(FileKind::RuleResource) => {
            let what = "a PrometheusRule of Kubernetes with usable rules; what stands around them was not checked";
            rule_file::check_resource(file).map(|read| rules(read, what))
        }
        Some(FileKind::Targets) => {
            let groups = read_target_groups(file, &text)?;
            let targets: usize = groups.iter().map(|group| group.targets.len()).sum();
            Ok(checked(
                Vec::new(),
                format!("a usable file of targets for file_sd_configs with {}", counted(targets, "target")),
            ))
        }
        Some(FileKind::RuleTests) if faults.has_errors() => Err(faults.into_sorted()),
        Some(FileKind::RuleTests) => Ok(checked(
            Vec::new(),
            "tests of rules for promtool; its YAML is well-formed, nothing more was checked".to_owned(),
        )),
        Some(FileKind::Alertmanager) => {
            let verdict = "an alertmanager.yml whose keys, routes and receivers are in order; templates, addresses and \
                           what each service wants were not checked. Alerting is not built: Clew does not use it yet";
            check_alertmanager(file, &text).map(|warnings| checked(warnings, verdict.to_owned()))
        }
        Some(FileKind::Dashboard) => {
            let summary = check_dashboard(file, &text)?;
            let (panels, queries) = (counted(summary.panels, "panel"), summary.queries);
            let queries = if queries == 1 { "1 query".to_owned() } else { format!("{queries} queries") };
            let verdict = format!(
                "a dashboard of Grafana's with {panels} and {queries}; queries, which hold Grafana's variables, and the \
                 options of panels were not checked. Dashboards are not built: Clew does not show it yet"
            );
            Ok(checked(summary.warnings, verdict))
        }
        Some(FileKind::Unknown) => Err(vec![unknown(file)]),
        Some(FileKind::Web) => {
            let verdict =
                "a usable web configuration of Prometheus; Clew does not read it, its own TLS is under server.tls";
            check_web_config(file, &text).map(|warnings| checked(warnings, verdict.to_owned()))
        }
    }
}

/// A file that is none of those that can be checked.
fn unknown(file: &Path) -> Fault {
    Fault {
        severity: Severity::Error,
        origin: Origin::File { file: file.into(), line: 1, column: 1 },
        path: String::new(),
        problem: "is none of the files that Clew knows".to_owned(),
        remedy:
            "they are its own configuration, a prometheus.yml, rules, targets, an alertmanager.yml, a dashboard of \
                 Grafana's, a web.yml"
                .to_owned(),
    }
}

fn checked(warnings: Vec<Fault>, verdict: String) -> Checked {
    Checked { warnings: warnings.iter().map(ToString::to_string).collect(), verdict }
}

fn rules(read: RuleFile, what: &str) -> Checked {
    let (rules, groups) = (counted(read.rules, "rule"), counted(read.groups, "group"));
    let verdict = format!("{what}: {rules} in {groups}. Rules are not evaluated yet");
    checked(read.warnings, verdict)
}
