//! Reading a prometheus.yml from the disk with the files it includes, and looking whether those it mentions are there.

use crate::file_patterns::matching;
use clew_config::limits::{MAX_DOCUMENT_BYTES, MAX_INCLUDED_FILES};
use clew_config::prometheus::{Environment, IncludedFile, LoadedPrometheusConfig, parse_including};
use clew_config::yaml::{Fault, Origin, Severity, decode_text};
use std::path::Path;
use std::sync::Arc;

/// Reads a file. Blocks. That a file of secrets or certificates cannot be read now is a warning: it is read at each use.
///
/// # Errors
/// Every fault: one when the file cannot be read, otherwise those of [`parse_including`].
pub fn load(file: &Path, environment: Environment<'_>) -> Result<LoadedPrometheusConfig, Vec<Fault>> {
    let text = read(file).map_err(|fault| vec![fault])?;
    let inclusion = |pattern: &Path| -> Vec<IncludedFile> {
        let include =
            |path: &Path| IncludedFile { text: read(path).map_err(|fault| fault.problem), path: path.to_path_buf() };
        matching(pattern, MAX_INCLUDED_FILES).iter().map(|path| include(path)).collect()
    };
    let mut loaded = parse_including(file, &text, environment, &inclusion)?;
    for mentioned in &loaded.files {
        if let Err(error) = std::fs::metadata(&mentioned.path) {
            loaded.warnings.push(Fault {
                severity: Severity::Warning,
                origin: mentioned.origin.clone(),
                path: mentioned.key.clone(),
                problem: format!("the file {} cannot be read now: {error}", mentioned.path.display()),
                remedy: String::new(),
            });
        }
    }
    Ok(loaded)
}

fn read(file: &Path) -> Result<String, Fault> {
    let refused = |problem: String, remedy: &str| {
        let origin = Origin::File { file: Arc::from(file), line: 1, column: 1 };
        Fault { severity: Severity::Error, origin, path: String::new(), problem, remedy: remedy.to_owned() }
    };
    let size = std::fs::metadata(file).map(|metadata| metadata.len()).unwrap_or_default();
    if size > MAX_DOCUMENT_BYTES {
        return Err(refused(format!("has {size} bytes, the limit is {MAX_DOCUMENT_BYTES}"), "split it"));
    }
    let bytes = std::fs::read(file)
        .map_err(|error| refused(format!("cannot be read: {error}"), "check the path and its permissions"))?;
    let text = decode_text(&bytes).map_err(|problem| refused(problem, "save it as UTF-8"))?;
    Ok(text.into_owned())
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
        let missing = load(&folder.path().join("q.yml"), &|_| None).unwrap_err();
        assert!(missing[0].to_string().contains("q.yml:1:1: cannot be read"), "{}", missing[0]);
    }
}
