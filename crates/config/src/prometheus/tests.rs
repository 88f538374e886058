//! Whole files: broken ones with what is said about them, and good ones with what is read.

use super::*;
use crate::relabel::{LabelBuilder, relabel};
use clew_model::metrics::Labels;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prometheus")
}

fn loaded(name: &str, environment: Environment<'_>) -> LoadedPrometheusConfig {
    let file = fixtures().join(name);
    parse(&file, &std::fs::read_to_string(&file).unwrap(), environment).unwrap()
}

fn no_environment(_: &str) -> Option<String> {
    None
}

#[test]
fn each_broken_file_is_refused_with_its_message() {
    let mut files = 0;
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".bad.yml") {
            continue;
        }
        files += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#! ")).collect();
        let faults = parse(Path::new("p.yml"), &text, &no_environment).expect_err(&name);
        let said: Vec<String> =
            faults.iter().map(|fault| fault.to_string().strip_prefix("p.yml:").unwrap().to_owned()).collect();
        assert_eq!(said.len(), expected.len(), "{name}: {said:#?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "{name}:\n said {said}\nwants {expected}");
        }
    }
    assert!(files > 30, "only {files} files");
}

#[test]
fn what_is_left_out_is_named_with_its_line() {
    let text = std::fs::read_to_string(fixtures().join("left_out.good.yml")).unwrap();
    let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("#! ")).collect();
    let loaded = parse(Path::new("p.yml"), &text, &no_environment).unwrap();
    let said: Vec<String> =
        loaded.warnings.iter().map(|fault| fault.to_string().strip_prefix("p.yml:").unwrap().to_owned()).collect();
    assert_eq!(said, expected);
    assert_eq!(loaded.config.jobs[0].other_discoveries, ["kubernetes_sd_configs"]);
}

#[test]
fn files_of_jobs_are_included_with_their_own_folder() {
    let read = |text: &str, included: &str| {
        let text = format!("scrape_configs: [{{job_name: a}}]\nscrape_config_files: {text}\n");
        let files = |pattern: &Path| {
            let path = pattern.with_file_name("more.yml");
            vec![IncludedFile { path, text: Ok(included.to_owned()) }]
        };
        parse_including(Path::new("etc/p.yml"), &text, &no_environment, &files)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    };
    let job =
        "scrape_configs:\n  - job_name: b\n    bearer_token_file: token\n    file_sd_configs: [{files: [t.yml]}]\n";
    let loaded = read("['jobs/*.yml']", job).unwrap();
    let names: Vec<&str> = loaded.config.jobs.iter().map(|job| job.job_name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(loaded.config.jobs[1].file_sd_configs[0].files, [Path::new("etc/jobs/t.yml")]);
    assert_eq!(loaded.files[0].path, Path::new("etc/jobs/token"));
    for (included, expected) in [
        (
            "scrape_configs: [{job_name: a}]",
            "etc/jobs/more.yml:1:18: scrape_configs[0]: the job name \"a\" is used twice, first by scrape_configs[0] (etc/p.yml:1:18)",
        ),
        ("global: {}", "etc/jobs/more.yml:1:1: unknown key \"global\""),
        ("scrape_configs: [", "etc/jobs/more.yml:"),
    ] {
        let told = read("['jobs/*.yml']", included).unwrap_err();
        assert!(told.starts_with(expected), "{told}");
    }
    let gone = |_: &Path| vec![IncludedFile { path: "x.yml".into(), text: Err("denied".to_owned()) }];
    let faults =
        parse_including(Path::new("p.yml"), "scrape_config_files: [x.yml]", &no_environment, &gone).unwrap_err();
    assert!(
        faults[0].to_string().starts_with("p.yml:1:23: scrape_config_files[0]: the file x.yml cannot be read: denied")
    );
}

#[test]
fn a_small_file_gets_the_documented_defaults() {
    let loaded = loaded("agent-mesh.good.yml", &no_environment);
    assert_eq!(loaded.warnings, []);
    let [job] = loaded.config.jobs.as_slice() else { panic!("{:?}", loaded.config) };
    assert_eq!(job.job_name, "agent-mesh-api");
    assert_eq!((job.scrape_interval, job.scrape_timeout), (Duration::from_secs(10), Duration::from_secs(10)));
    assert_eq!((job.metrics_path.as_str(), job.scheme.as_str()), ("/metrics", "http"));
    assert_eq!(job.static_configs, [TargetGroup { targets: vec!["localhost:8000".into()], labels: vec![] }]);
    assert!(!job.honor_labels && job.honor_timestamps && job.enable_compression && job.http.follow_redirects);
    assert_eq!(job.scrape_protocols, ScrapeProtocol::DEFAULT);
    let empty = parse(Path::new("p.yml"), "scrape_configs:\n  - job_name: a\n", &no_environment).unwrap();
    let job = &empty.config.jobs[0];
    assert_eq!((job.scrape_interval, job.scrape_timeout), (Duration::from_secs(60), Duration::from_secs(10)));
}

#[test]
fn every_supported_key_is_read() {
    let environment = |name: &str| (name == "CLUSTER").then(|| "eu-1".to_owned());
    let loaded = loaded("full.good.yml", &environment);
    let warned: Vec<&str> = loaded.warnings.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(warned, ["rule_files", "alerting", "remote_write", "storage"]);
    let global = &loaded.config.global;
    assert_eq!(global.external_labels, [("cluster".into(), "eu-1".into()), ("price".into(), "5$".into())]);
    assert_eq!((global.limits.samples, global.limits.body_size), (1000, 10 << 20));

    let job = &loaded.config.jobs[0];
    assert!(job.honor_labels && !job.honor_timestamps && job.track_timestamps_staleness && !job.enable_compression);
    assert_eq!(job.params[0], ("module".to_owned(), vec!["http_2xx".to_owned(), "second".to_owned()]));
    assert_eq!((job.name_validation, job.escaping), (NameValidation::Legacy, EscapingScheme::Underscores));
    let Some(Authentication::Basic { username, password }) = &job.http.authentication else { panic!() };
    assert_eq!(username, &SecretSource::Inline(Secret::new("me")));
    assert_eq!(password, &SecretSource::Inline(Secret::new("12345")));
    assert!(!format!("{job:?}").contains("12345"), "secrets are not shown");
    assert_eq!(job.http.headers[0].values.len(), 3);
    assert_eq!(job.http.tls.server_name.as_deref(), Some("example.org"));
    assert_eq!(job.static_configs[0].labels, [("team".into(), "core".into()), ("number".into(), "7".into())]);
    assert_eq!(job.file_sd_configs[0].files, [fixtures().join("targets/*.json"), fixtures().join("more.yml")]);
    assert_eq!(job.relabel_configs.len(), 6);
    assert_eq!(job.metric_relabel_configs.len(), 5);
    let limits = ScrapeLimits {
        body_size: 1 << 20,
        samples: 50,
        targets: 10,
        labels: 30,
        label_name: 100,
        label_value: 200,
        dropped_targets: 5,
    };
    assert_eq!(job.limits, limits);

    let plain = &loaded.config.jobs[1];
    assert_eq!((plain.limits.samples, plain.limits.targets), (1000, 0));
    let Some(Authentication::Scheme { scheme, .. }) = &plain.http.authentication else { panic!() };
    assert_eq!(scheme, "Bearer");
}

#[test]
fn a_variable_that_is_not_set_is_a_warning_and_files_of_secrets_are_told() {
    let text = "global: {external_labels: {a: '${NOPE}'}}\nscrape_configs:\n  - job_name: a\n    authorization: {credentials_file: no/such/file}\n";
    let loaded = parse(Path::new("p.yml"), text, &no_environment).unwrap();
    let said: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("the environment variable NOPE in the label \"a\" is not set"), "{said:?}");
    let [file] = loaded.files.as_slice() else { panic!("{:?}", loaded.files) };
    assert_eq!(file.path, Path::new("no/such/file"));
    assert_eq!(
        (file.origin.to_string(), file.key.as_str()),
        ("p.yml:4:39".to_owned(), "scrape_configs[0].authorization.credentials_file")
    );
}

/// Rules in YAML applied to labels; `None` when they are dropped.
fn relabelled(rules: &str, labels: &[(&str, &str)]) -> Option<Labels> {
    let text = format!("scrape_configs:\n  - job_name: a\n    metric_relabel_configs: {rules}\n");
    let loaded = parse(Path::new("p.yml"), &text, &no_environment).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut builder = LabelBuilder::new(labels.iter().copied());
    relabel(&loaded.config.jobs[0].metric_relabel_configs, &mut builder).then(|| builder.labels().unwrap())
}

#[test]
fn rules_do_what_prometheus_documents() {
    // Inputs and outputs are those of Prometheus' own model/relabel/relabel_test.go.
    type Row = (&'static [(&'static str, &'static str)], &'static str, Option<&'static [(&'static str, &'static str)]>);
    let rows: &[Row] = &[
        (
            &[("a", "foo"), ("b", "bar"), ("c", "baz")],
            "[{source_labels: [a], regex: 'f(.*)', target_label: d, separator: ';', replacement: 'ch${1}-ch${1}'}]",
            Some(&[("a", "foo"), ("b", "bar"), ("c", "baz"), ("d", "choo-choo")]),
        ),
        (
            &[("a", "foo"), ("b", "bar"), ("c", "baz")],
            "[{source_labels: [a, b], regex: 'f(.*);(.*)r', target_label: a, replacement: 'b${1}${2}m'}, {source_labels: [c, a], regex: '(b).*b(.*)ba(.*)', target_label: d, replacement: '$1$2$2$3'}]",
            Some(&[("a", "boobam"), ("b", "bar"), ("c", "baz"), ("d", "boooom")]),
        ),
        (&[("a", "foo")], "[{source_labels: [a], regex: '.*o.*', action: drop}]", None),
        (
            &[("a", "foo"), ("b", "bar")],
            "[{source_labels: [a], regex: 'no-match', action: drop}]",
            Some(&[("a", "foo"), ("b", "bar")]),
        ),
        (&[("a", "foo")], "[{source_labels: [a], regex: 'f|o', action: drop}]", Some(&[("a", "foo")])),
        (&[("a", "foo")], "[{source_labels: [a], regex: 'no-match', action: keep}]", None),
        (&[("a", "foo")], "[{source_labels: [a], regex: 'f.*', action: keep}]", Some(&[("a", "foo")])),
        (
            // A match that expands to nothing removes the label.
            &[("a", "boo"), ("b", "bar")],
            "[{source_labels: [a], regex: 'f(.*)', target_label: b, replacement: ''}]",
            Some(&[("a", "boo"), ("b", "bar")]),
        ),
        (
            &[("a", "foo"), ("b", "bar")],
            "[{source_labels: [a], target_label: b, replacement: ''}]",
            Some(&[("a", "foo")]),
        ),
        (
            &[("a", "foo"), ("b", "bar"), ("c", "baz")],
            "[{source_labels: [c], target_label: d, action: hashmod, modulus: 1000}]",
            Some(&[("a", "foo"), ("b", "bar"), ("c", "baz"), ("d", "976")]),
        ),
        (
            &[("a", "foo\nbar")],
            "[{source_labels: [a], target_label: b, action: hashmod, modulus: 1000}]",
            Some(&[("a", "foo\nbar"), ("b", "734")]),
        ),
        (
            &[("a", "foo"), ("b1", "bar"), ("b2", "baz")],
            "[{regex: '(b.*)', replacement: 'bar_${1}', action: labelmap}]",
            Some(&[("a", "foo"), ("b1", "bar"), ("b2", "baz"), ("bar_b1", "bar"), ("bar_b2", "baz")]),
        ),
        (
            &[("a", "foo"), ("__meta_my_bar", "aaa"), ("__meta_my_baz", "bbb"), ("__meta_other", "ccc")],
            "[{regex: '__meta_(my.*)', action: labelmap}]",
            Some(&[
                ("a", "foo"),
                ("__meta_my_bar", "aaa"),
                ("__meta_my_baz", "bbb"),
                ("__meta_other", "ccc"),
                ("my_bar", "aaa"),
                ("my_baz", "bbb"),
            ]),
        ),
        (
            // `$1suffix` is the group of that name, which is not there, so the replacement is empty.
            &[("a", "some-name-value")],
            "[{source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${1}', replacement: '${2}'}]",
            Some(&[("a", "some-name-value"), ("name", "value")]),
        ),
        (
            &[("a", "some-name-value")],
            "[{source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: '${3}', replacement: '${1}'}]",
            Some(&[("a", "some-name-value")]),
        ),
        (
            &[("a", "some-name-0")],
            "[{source_labels: [a], regex: 'some-([^-]+)-([^,]+)', target_label: 'z', replacement: '$1x'}]",
            Some(&[("a", "some-name-0")]),
        ),
        (
            &[("a", "foo"), ("b1", "bar"), ("b2", "baz")],
            "[{regex: '(b.*)', action: labelkeep}]",
            Some(&[("b1", "bar"), ("b2", "baz")]),
        ),
        (&[("a", "foo"), ("b1", "bar"), ("b2", "baz")], "[{regex: '(b.*)', action: labeldrop}]", Some(&[("a", "foo")])),
        (
            &[("foo", "bAr123Foo")],
            "[{source_labels: [foo], action: uppercase, target_label: up}, {source_labels: [foo], action: lowercase, target_label: low}]",
            Some(&[("foo", "bAr123Foo"), ("low", "bar123foo"), ("up", "BAR123FOO")]),
        ),
        (
            &[("__tmp_port", "1234"), ("__port1", "1234"), ("__port2", "5678")],
            "[{source_labels: [__tmp_port], action: keepequal, target_label: __port1}]",
            Some(&[("__tmp_port", "1234"), ("__port1", "1234"), ("__port2", "5678")]),
        ),
        (
            &[("__tmp_port", "1234"), ("__port1", "1234")],
            "[{source_labels: [__tmp_port], action: dropequal, target_label: __port1}]",
            None,
        ),
        (
            &[("__tmp_port", "1234"), ("__port2", "5678")],
            "[{source_labels: [__tmp_port], action: keepequal, target_label: __port2}]",
            None,
        ),
        // Defaults that are written out do not count.
        (
            &[("a", "x"), ("b", "y")],
            "[{regex: a, action: labeldrop, replacement: $1, separator: ;}]",
            Some(&[("b", "y")]),
        ),
        // The dot matches line ends, and both ends are anchored.
        (&[("a", "x\ny")], "[{source_labels: [a], regex: 'x.y', action: keep}]", Some(&[("a", "x\ny")])),
        (&[("a", "xx")], "[{source_labels: [a], regex: 'x', action: keep}]", None),
    ];
    for (input, rules, expected) in rows {
        let expected = expected.map(|labels| Labels::new(labels.iter().copied()).unwrap());
        assert_eq!(relabelled(rules, input), expected, "{rules}");
    }
}

#[test]
fn files_of_targets_are_read_in_both_formats() {
    let expected =
        [TargetGroup { targets: vec!["a:1".into(), "b:2".into()], labels: vec![("team".into(), "core".into())] }];
    let yaml = "- targets: [a:1, b:2]\n  labels:\n    team: core\n";
    let json = "[\n\t{\n\t\t\"targets\": [\"a:1\", \"b:2\"],\n\t\t\"labels\": {\"team\": \"core\"}\n\t}\n]\n";
    for (name, text) in [("t.yml", yaml), ("t.json", json)] {
        assert_eq!(read_target_groups(Path::new(name), text).as_deref(), Ok(&expected[..]), "{name}");
    }
    assert_eq!(read_target_groups(Path::new("t.json"), "[]"), Ok(Vec::new()));
    let faults = read_target_groups(Path::new("t.json"), "[{\"targts\": []}]").unwrap_err();
    assert_eq!(faults[0].to_string(), "t.json:1:3: [0]: unknown key \"targts\"; did you mean \"targets\"?");
    assert!(read_target_groups(Path::new("t.json"), "{\"targets\": [").is_err());
}
