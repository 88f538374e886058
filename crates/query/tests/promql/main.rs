//! PromQL against scripts whose expected values come from Prometheus itself (see the head of each script).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod consistency;
mod histogram_properties;
mod limits;
mod naive_histogram;
mod native_histograms;
mod script;
mod store;
mod syntax;

use std::fmt::Write;
use std::path::Path;

/// Runs every script of a folder: what passed and failed by file, and the failures.
fn run_folder(folder: &Path) -> (usize, Vec<String>, String) {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let (mut passed, mut failures, mut table) = (0, Vec::new(), String::new());
    for path in paths {
        if path.extension().is_some_and(|extension| extension == "test") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let outcome = script::run(&name, &std::fs::read_to_string(&path).unwrap());
            writeln!(table, "{name:30} {:5} passed {:5} failed", outcome.passed, outcome.failures.len()).unwrap();
            passed += outcome.passed;
            failures.extend(outcome.failures);
        }
    }
    (passed, failures, table)
}

#[test]
fn queries_answer_as_the_scripts_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promql/scripts");
    let (passed, failures, _) = run_folder(&folder);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(passed > 100, "only {passed} evals were run");
}

/// `CLEW_PROMQL_SCRIPTS=<folder> cargo test -p clew-query --test promql -- --ignored --nocapture scripts_of_a_folder`
#[test]
#[ignore = "runs the scripts of the folder that CLEW_PROMQL_SCRIPTS names"]
fn scripts_of_a_folder() {
    let folder = std::env::var("CLEW_PROMQL_SCRIPTS").expect("CLEW_PROMQL_SCRIPTS names a folder of scripts");
    let (passed, failures, table) = run_folder(Path::new(&folder));
    println!("{}\n{table}{passed} passed, {} failed", failures.join("\n"), failures.len());
    assert!(failures.is_empty(), "{} evals failed", failures.len());
}
