//! PromQL against scripts whose expected values come from Prometheus itself (see the head of each script).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod consistency;
mod limits;
mod native_histograms;
mod script;
mod store;
mod syntax;

use std::path::Path;

#[test]
fn queries_answer_as_the_scripts_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promql/scripts");
    let mut evals = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "test") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            evals += script::run(&name, &std::fs::read_to_string(&path).unwrap());
        }
    }
    assert!(evals > 100, "only {evals} evals were run");
}
