//! The rendered text follows the exposition formats, and numbers arrive where they should.

// The checker reads text that the test itself had written: what it cannot read fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use clew_telemetry::limits::{MAX_LABEL_VALUE_BYTES, MAX_SERIES_PER_METRIC};
use clew_telemetry::{BuildInfo, Format, Registry, table};

fn registry() -> Registry {
    Registry::new(BuildInfo { version: "0.1.0", revision: "abc" })
}

/// The lines of one family.
fn family(text: &str, name: &str) -> String {
    let belongs = |line: &&str| {
        let line = line.strip_prefix("# HELP ").or(line.strip_prefix("# TYPE ")).unwrap_or(line);
        line.starts_with(name)
    };
    text.lines().filter(belongs).fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn counters_in_both_formats() {
    let registry = registry();
    registry.counter(&table::INGEST_ACCEPTED, ["logs", "otlp_http"]).add(41);
    registry.counter(&table::INGEST_ACCEPTED, ["logs", "otlp_http"]).inc();
    let name = "clew_ingest_records_accepted";
    let expected = "\
# HELP clew_ingest_records_accepted_total Records acknowledged: log records, spans, samples.
# TYPE clew_ingest_records_accepted_total counter
clew_ingest_records_accepted_total{signal=\"logs\",protocol=\"otlp_http\"} 42
";
    assert_eq!(family(&registry.render(Format::Prometheus), name), expected);
    let expected = "\
# HELP clew_ingest_records_accepted Records acknowledged: log records, spans, samples.
# TYPE clew_ingest_records_accepted counter
clew_ingest_records_accepted_total{signal=\"logs\",protocol=\"otlp_http\"} 42
";
    assert_eq!(family(&registry.render(Format::OpenMetrics), name), expected);
}

#[test]
fn histograms_count_up_to_and_including_each_bound() {
    let registry = registry();
    let histogram = registry.histogram(&table::JOURNAL_FSYNC_DURATION, ["logs"]);
    histogram.observe_duration(Duration::from_millis(1));
    histogram.observe(0.002);
    histogram.observe(1.0);
    histogram.observe(90.0);
    histogram.observe(f64::NAN);
    assert_eq!(histogram.count(), 4);
    let text = family(&registry.render(Format::Prometheus), "clew_journal_fsync_seconds");
    for line in [
        "clew_journal_fsync_seconds_bucket{signal=\"logs\",le=\"0.0005\"} 0",
        "clew_journal_fsync_seconds_bucket{signal=\"logs\",le=\"0.001\"} 1",
        "clew_journal_fsync_seconds_bucket{signal=\"logs\",le=\"0.0025\"} 2",
        "clew_journal_fsync_seconds_bucket{signal=\"logs\",le=\"1\"} 3",
        "clew_journal_fsync_seconds_bucket{signal=\"logs\",le=\"60\"} 3",
        "clew_journal_fsync_seconds_bucket{signal=\"logs\",le=\"+Inf\"} 4",
        "clew_journal_fsync_seconds_sum{signal=\"logs\"} 91.003",
        "clew_journal_fsync_seconds_count{signal=\"logs\"} 4",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let text = registry.render(Format::OpenMetrics);
    assert!(text.contains("{signal=\"logs\",le=\"1.0\"} 3\n"));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn label_values_are_escaped() {
    let registry = registry();
    registry.gauge(&table::SCRAPE_TARGETS, ["a\"b\\c\nd", "up"]).set(-1.5);
    let text = registry.render(Format::Prometheus);
    let line = "clew_scrape_targets{pool=\"a\\\"b\\\\c\\nd\",health=\"up\"} -1.5";
    assert!(text.lines().any(|found| found == line), "{text}");
}

#[test]
fn the_process_and_the_build_are_shown() {
    let text = registry().render(Format::Prometheus);
    assert!(text.contains("clew_build_info{version=\"0.1.0\",revision=\"abc\"} 1\n"));
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse().unwrap()
    };
    assert!(value("process_resident_memory_bytes ") > 100_000.0);
    assert!(value("process_start_time_seconds ") > 1.7e9);
    assert!(value("process_open_fds ") >= 3.0);
    assert!(value("process_threads ") >= 1.0);
    assert!(value("process_cpu_seconds_total ") >= 0.0);
    assert!(value("clew_uptime_seconds ") < 60.0);
}

#[test]
fn series_beyond_the_bound_are_counted_together_and_the_fact_is_shown() {
    let registry = registry();
    for number in 0..MAX_SERIES_PER_METRIC + 3 {
        registry.counter(&table::LIMIT_HITS, [&number.to_string()]).inc();
    }
    registry.counter(&table::LIMIT_HITS, ["0"]).inc();
    assert_eq!(registry.counter(&table::LIMIT_HITS, ["0"]).get(), 2);
    let text = registry.render(Format::Prometheus);
    assert!(text.contains("clew_limit_hits_total{limit=\"other\"} 3\n"));
    let told = "clew_telemetry_overflows_total{metric=\"clew_limit_hits_total\"} 3\n";
    assert!(text.contains(told), "{text}");
}

#[test]
fn long_label_values_are_cut_between_characters() {
    let registry = registry();
    let long = "é".repeat(MAX_LABEL_VALUE_BYTES);
    registry.counter(&table::LIMIT_HITS, [&long]).inc();
    let expected = format!("limit=\"{}\"", "é".repeat(MAX_LABEL_VALUE_BYTES / 2));
    assert!(registry.render(Format::Prometheus).contains(&expected));
}

#[test]
fn gauges_are_refreshed_before_rendering_and_can_be_removed() {
    let registry = Arc::new(registry());
    let gauge = registry.gauge(&table::SCRAPE_TARGETS, ["node", "up"]);
    registry.before_render(move || gauge.add(2.0));
    registry.render(Format::Prometheus);
    let text = registry.render(Format::Prometheus);
    assert!(text.contains("clew_scrape_targets{pool=\"node\",health=\"up\"} 4\n"));
    registry.remove_gauge(&table::SCRAPE_TARGETS, ["node", "up"]);
    assert!(!registry.render(Format::Prometheus).contains("clew_scrape_targets"));
}

/// The rules of <https://prometheus.io/docs/instrumenting/exposition_formats/> and of OpenMetrics 1.0.0, applied to
/// everything that can be shown.
#[test]
fn everything_rendered_is_well_formed() {
    let registry = registry();
    registry.counter(&table::HTTP_REQUESTS, ["/api/v1/logs", "GET", "200"]).inc();
    registry.histogram(&table::HTTP_DURATION, ["/api/v1/logs"]).observe(0.3);
    registry.gauge(&table::JOURNAL_BYTES, ["traces"]).set(1e21);
    registry.gauge(&table::JOURNAL_BYTES, ["logs"]).set(f64::NEG_INFINITY);
    for format in [Format::Prometheus, Format::OpenMetrics] {
        check_exposition(&registry.render(format), format);
    }
}

fn check_exposition(text: &str, format: Format) {
    assert!(text.ends_with('\n') && !text.contains("\n\n"));
    let mut families = HashSet::new();
    let mut series = HashSet::new();
    let (mut family, mut kind) = (String::new(), "");
    let end = text.find("# EOF\n").unwrap_or(text.len());
    for line in text[..end].lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap().to_owned();
            assert!(families.insert(family.clone()), "{family} twice");
        } else if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, declared) = declared.split_once(' ').unwrap();
            assert_eq!(name, family);
            kind = declared;
        } else {
            let (key, value) = line.rsplit_once(' ').unwrap();
            assert!(series.insert(key.to_owned()), "{key} twice");
            let special = ["+Inf", "-Inf", "NaN"].contains(&value);
            let numeric = value.bytes().all(|b| b"0123456789.-e".contains(&b));
            assert!(special || numeric && value.parse::<f64>().is_ok(), "{line}");
            let name = key.split('{').next().unwrap();
            let suffix = name.strip_prefix(family.as_str()).expect(line);
            let allowed: &[&str] = match (kind, format) {
                ("histogram", _) => &["_bucket", "_sum", "_count"],
                ("counter", Format::OpenMetrics) => &["_total"],
                _ => &[""],
            };
            assert!(allowed.contains(&suffix), "{line} in {kind} {family}");
        }
    }
    assert!(families.len() > 10);
}
