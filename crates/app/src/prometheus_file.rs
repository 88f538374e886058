//! Reading a prometheus.yml from the disk with the files it includes, and looking into those it mentions.

use crate::documents::read_document;
use crate::file_patterns::{Matching, matching};
use crate::rule_file;
use clew_config::limits::MAX_INCLUDED_FILES;
use clew_config::prometheus::{Environment, IncludedFile, LoadedPrometheusConfig, parse_including, read_target_groups};
use clew_config::rules::RuleFile;
use clew_config::yaml::{Fault, MentionedFile, Origin, Severity};
use std::path::Path;

/// What is wrong with a pattern that names too much.
fn too_many() -> String {
    format!("it names more than {MAX_INCLUDED_FILES} files")
}

/// Reads a file. Blocks. Files of rules are read too, and must be in order, as Prometheus wants them. That a file of
/// secrets, certificates or targets cannot be read or used now is a warning: it is read at each use.
///
/// # Errors
/// Every fault: one when the file cannot be read, otherwise those of [`parse_including`] and of the files of rules.
pub fn load(file: &Path, environment: Environment<'_>) -> Result<LoadedPrometheusConfig, Vec<Fault>> {
    let text = read_document(file).map_err(|fault| vec![fault])?;
    let inclusion = |pattern: &Path| -> Vec<IncludedFile> {
        let include = |path: &Path| IncludedFile {
            text: read_document(path).map_err(|fault| fault.problem),
            path: path.to_path_buf(),
        };
        let found = matching(pattern, MAX_INCLUDED_FILES);
        let more = found.is_cut.then(|| IncludedFile { path: pattern.to_path_buf(), text: Err(too_many()) });
        found.files.iter().map(|path| include(path)).chain(more).collect()
    };
    let mut loaded = parse_including(file, &text, environment, &inclusion)?;
    let mut faults = std::mem::take(&mut loaded.warnings);
    for mentioned in &loaded.files {
        if let Err(error) = std::fs::File::open(&mentioned.path) {
            faults
                .push(warning(mentioned, format!("the file {} cannot be read now: {error}", mentioned.path.display())));
        }
    }
    check_rules(&loaded.rule_files, &mut faults);
    check_targets(&loaded, &mut faults);
    if faults.iter().any(|fault| fault.severity == Severity::Error) {
        return Err(faults);
    }
    Ok(LoadedPrometheusConfig { warnings: faults, ..loaded })
}

fn warning(mentioned: &MentionedFile, problem: String) -> Fault {
    Fault {
        severity: Severity::Warning,
        origin: mentioned.origin.clone(),
        path: mentioned.key.clone(),
        problem,
        remedy: String::new(),
    }
}

fn check_rules(patterns: &[MentionedFile], faults: &mut Vec<Fault>) {
    for pattern in patterns {
        let Matching { files, is_cut } = matching(&pattern.path, MAX_INCLUDED_FILES);
        if is_cut {
            let problem = format!("{}: {}", pattern.path.display(), too_many());
            faults.push(Fault { severity: Severity::Error, ..warning(pattern, problem) });
        }
        if files.is_empty() {
            faults.push(warning(pattern, format!("there is no file {}", pattern.path.display())));
        }
        for file in files {
            let (Ok(RuleFile { warnings: told, .. }) | Err(told)) = rule_file::check(&file);
            faults.extend(told);
        }
    }
}

/// Files of targets as they are now; while running they may be mended, so nothing is refused for them.
fn check_targets(loaded: &LoadedPrometheusConfig, faults: &mut Vec<Fault>) {
    let discoveries = loaded.config.jobs.iter().flat_map(|job| &job.file_sd_configs);
    for pattern in discoveries.flat_map(|discovery| &discovery.files) {
        let Matching { files, is_cut } = matching(pattern, MAX_INCLUDED_FILES);
        if is_cut {
            let origin = Origin::File { file: pattern.as_path().into(), line: 1, column: 1 };
            let (path, remedy) = (String::new(), String::new());
            let problem = format!("{}, the first of which are looked at now", too_many());
            faults.push(Fault { severity: Severity::Warning, origin, path, problem, remedy });
        }
        for file in files {
            let told = match read_document(&file) {
                Ok(text) => read_target_groups(&file, &text).err().unwrap_or_default(),
                Err(fault) => vec![fault],
            };
            faults.extend(told.into_iter().map(|fault| Fault { severity: Severity::Warning, ..fault }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mentioned_file_that_is_missing_is_a_warning_and_a_missing_configuration_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.yml");
        let text = "scrape_configs:\n  - job_name: a\n    authorization: {credentials_file: no/such/file}\n  - job_name: b\n    basic_auth: {username: u, password_file: here}\n";
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("here"), "p").unwrap();
        let loaded = load(&file, &|_| None).unwrap();
        let said: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        for part in
            ["p.yml:3:39", "scrape_configs[0].authorization.credentials_file", "no/such/file cannot be read now"]
        {
            assert!(said[0].contains(part), "{part} is not in {}", said[0]);
        }
        let included = "scrape_configs: [{job_name: c, bearer_token_file: gone}]";
        std::fs::create_dir(folder.path().join("jobs")).unwrap();
        std::fs::write(folder.path().join("jobs/c.yml"), included).unwrap();
        std::fs::write(&file, "scrape_configs: [{job_name: a}]\nscrape_config_files: ['jobs/*.yml']\n").unwrap();
        let loaded = load(&file, &|_| None).unwrap();
        assert_eq!(loaded.config.jobs.len(), 2);
        assert!(loaded.warnings[0].to_string().contains("jobs/gone cannot be read now"), "{:?}", loaded.warnings);
        let rules = "groups: [{name: g, rules: [{alert: A, expr: 'up =='}]}]";
        std::fs::write(folder.path().join("r.yml"), rules).unwrap();
        std::fs::write(&file, "rule_files: ['r*.yml', gone.yml]\n").unwrap();
        let faults = load(&file, &|_| None).unwrap_err();
        let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(
            said.iter().any(|line| line.contains("r.yml:1:45: groups[0].rules[0].expr: the expression")),
            "{said:?}"
        );
        std::fs::write(folder.path().join("r.yml"), rules.replace("up ==", "up == 0")).unwrap();
        std::fs::write(folder.path().join("t.json"), "[{\"target\": []}]").unwrap();
        let with_targets =
            "rule_files: ['r*.yml', gone.yml]\nscrape_configs: [{job_name: a, file_sd_configs: [{files: [t.json]}]}]";
        std::fs::write(&file, with_targets).unwrap();
        let told: Vec<String> = load(&file, &|_| None).unwrap().warnings.iter().map(ToString::to_string).collect();
        for part in ["p.yml:1:24: warning: rule_files[1]: there is no file", "t.json:1:3: warning: [0]: unknown key"] {
            assert!(told.iter().any(|line| line.contains(part)), "{part} is not in {told:?}");
        }
        std::fs::create_dir(folder.path().join("many")).unwrap();
        for number in 0..=MAX_INCLUDED_FILES {
            std::fs::write(folder.path().join(format!("many/{number}.yml")), "").unwrap();
        }
        for (key, refused) in [("rule_files", true), ("scrape_config_files", true), ("", false)] {
            let jobs = "scrape_configs: [{job_name: a, file_sd_configs: [{files: ['many/*.yml']}]}]".to_owned();
            let text = if refused { format!("{key}: ['many/*.yml']\n") } else { jobs };
            std::fs::write(&file, text).unwrap();
            let loaded = load(&file, &|_| None);
            assert_eq!(loaded.is_err(), refused, "{key}");
            let told = loaded.map_or_else(|faults| faults, |loaded| loaded.warnings);
            assert!(told.iter().any(|fault| fault.problem.contains("it names more than 1000 files")), "{key}");
        }
        let missing = load(&folder.path().join("q.yml"), &|_| None).unwrap_err();
        assert!(missing[0].to_string().contains("q.yml:1:1: cannot be read"), "{}", missing[0]);
    }
}
