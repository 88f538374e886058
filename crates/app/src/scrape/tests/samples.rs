//! What becomes of the samples of an answer.

use super::exporter::{Exporter, Reply};
use super::harness::{Harness, config, job, of, shown};
use crate::scrape::Refused;
use clew_model::metrics::MetricType;
use clew_model::time::NANOS_PER_MILLI;

#[tokio::test]
async fn a_scrape_brings_samples_exemplars_metadata_and_its_report() {
    let body = "# HELP requests Requests served.\n# TYPE requests counter\nrequests_total{path=\"/a\"} 5 # {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 0.7\nrequests_total{path=\"/b\"} 2\n# TYPE temperature gauge\ntemperature -3.5\n# EOF\n";
    let exporter = Exporter::start(Reply::open_metrics(body)).await;
    let harness = Harness::start(&config(&[job("shop", &exporter.address, "")])).await;
    let (place, first) = harness.scraped(0, true).await;

    let labels = format!("instance=\"{}\", job=\"shop\"", exporter.address);
    let lines = shown(&first);
    assert_eq!(of(&lines, "requests_total").len(), 2);
    assert_eq!(of(&lines, "temperature"), [format!("temperature{{{labels}}} -3.5")]);
    assert_eq!(of(&lines, "up"), [format!("up{{{labels}}} 1")]);
    assert_eq!(of(&lines, "scrape_samples_scraped"), [format!("scrape_samples_scraped{{{labels}}} 3")]);
    assert_eq!(of(&lines, "scrape_samples_post_metric_relabeling").len(), 1);
    assert_eq!(of(&lines, "scrape_series_added"), [format!("scrape_series_added{{{labels}}} 3")]);
    assert_eq!(of(&lines, "scrape_duration_seconds").len(), 1);
    assert_eq!(lines.len(), 8);
    let times: Vec<i64> = first.samples.iter().map(|sample| sample.time).collect();
    assert!(times.iter().all(|time| *time == times[0]), "one scrape, one time: {times:?}");

    assert_eq!(first.exemplars.len(), 1);
    assert_eq!(first.exemplars[0].labels.get("trace_id"), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(first.series.labels(first.exemplars[0].series as usize).unwrap().get("path"), Some("/a"));
    let families: Vec<_> = first.metadata.iter().map(|family| (family.metric.as_str(), family.metric_type)).collect();
    assert_eq!(families, [("requests", MetricType::Counter), ("temperature", MetricType::Gauge)]);

    let (_, second) = harness.scraped(place + 1, true).await;
    assert!(shown(&second).contains(&format!("scrape_series_added{{{labels}}} 0")));
    assert!(second.metadata.is_empty(), "nothing new is known of the families");

    let target = harness.target("up", |target| target.health.as_str() == "up").await;
    assert_eq!(target.scrape_url, format!("http://{}/metrics", exporter.address));
    assert_eq!(target.last_error, "");
    assert!(target.last_scrape.is_some_and(|at| at / NANOS_PER_MILLI >= times[0] - 10));
    assert!(target.discovered_labels.contains(&("__scheme__".into(), "http".into())));
}

#[tokio::test]
async fn series_that_vanish_and_those_of_a_failed_scrape_become_stale() {
    let exporter = Exporter::start(Reply::text("a 1\nb{x=\"1\"} 2\n")).await;
    let harness = Harness::start(&config(&[job("j", &exporter.address, "")])).await;
    let (first, _) = harness.scraped(0, true).await;

    exporter.set(Reply::text("a 1\n"));
    let is_stale = |lines: &[String], metric: &str| of(lines, metric).iter().any(|line| line.ends_with(" stale"));
    let (second, batch) = harness.batch(first + 1, "with b stale", |lines| is_stale(lines, "b")).await;
    assert_eq!(of(&shown(&batch), "a").len(), 1);
    assert!(!is_stale(&shown(&batch), "a"));
    let (third, batch) = harness.scraped(second + 1, true).await;
    assert_eq!(of(&shown(&batch), "b").len(), 0, "marked once");

    exporter.set(Reply { status: "404 Not Found", ..Reply::text("no") });
    let (fourth, batch) = harness.scraped(third + 1, false).await;
    let lines = shown(&batch);
    assert!(is_stale(&lines, "a"), "{lines:?}");
    assert_eq!(lines.len(), 6, "one marker and five reports: {lines:?}");
    let target = harness.target("down", |target| target.health.as_str() == "down").await;
    assert_eq!(target.last_error, "server returned HTTP status 404 Not Found");

    let (fifth, batch) = harness.scraped(fourth + 1, false).await;
    assert_eq!(of(&shown(&batch), "a").len(), 0, "marked once");

    exporter.set(Reply::text("a 1\n"));
    let (_, batch) = harness.scraped(fifth + 1, true).await;
    assert!(of(&shown(&batch), "a")[0].ends_with(" 1"));
    assert!(of(&shown(&batch), "scrape_series_added")[0].ends_with(" 0"), "the cache outlives a failure");
}

#[tokio::test]
async fn garbage_and_limits_fail_the_whole_scrape() {
    for (keys, reply, error, scraped) in [
        ("", Reply::text("a 1\nb b b\n"), "line 2", " 1"),
        (
            "    sample_limit: 2\n",
            Reply::text("a 1\nb 1\nc 1\n"),
            "the answer has 3 samples after relabelling, the sample_limit is 2",
            " 3",
        ),
        (
            "    label_limit: 3\n",
            Reply::text("a{b=\"1\",c=\"2\"} 1\n"),
            "a series has 5 labels, the label_limit is 3",
            " 1",
        ),
        (
            "    body_size_limit: 10B\n",
            Reply::text("aaaaaaaaaaaaa 1\n"),
            "the answer is larger than the body_size_limit of 10 bytes",
            " 0",
        ),
        ("", Reply { headers: vec![], ..Reply::text("a 1\n") }, "no Content-Type", " 0"),
        (
            "",
            Reply { headers: vec![("Content-Type", "text/html".into())], ..Reply::text("<p>") },
            "\"text/html\" is no metrics format",
            " 0",
        ),
    ] {
        let exporter = Exporter::start(reply).await;
        let harness = Harness::start(&config(&[job("j", &exporter.address, keys)])).await;
        let (_, batch) = harness.scraped(0, error.is_empty()).await;
        let lines = shown(&batch);
        assert_eq!(lines.len(), if error.is_empty() { 6 } else { 5 }, "no sample of the answer: {lines:?}");
        assert!(of(&lines, "scrape_samples_scraped")[0].ends_with(scraped), "{lines:?}");
        let target = harness.target("scraped", |target| target.health.as_str() != "unknown").await;
        assert!(target.last_error.contains(error), "{} / {error}", target.last_error);
    }
}

#[tokio::test]
async fn labels_are_honoured_renamed_relabelled_and_fall_back() {
    let body = "pushed{job=\"batch\",instance=\"\"} 1\ntmp_x 2\n";
    let exporter = Exporter::start(Reply { headers: vec![], ..Reply::text(body) }).await;
    let rules = "    fallback_scrape_protocol: PrometheusText0.0.4\n    metric_relabel_configs: [{source_labels: [__name__], regex: tmp_.*, action: drop}]\n";
    let honoured = job("gateway", &exporter.address, &format!("    honor_labels: true\n{rules}"));
    let harness = Harness::start(&config(&[honoured])).await;
    let (_, batch) = harness.scraped(0, true).await;
    let lines = shown(&batch);
    assert_eq!(of(&lines, "pushed"), ["pushed{job=\"batch\"} 1"]);
    assert!(of(&lines, "tmp_x").is_empty());
    assert!(of(&lines, "scrape_samples_scraped")[0].ends_with(" 2"));
    assert!(of(&lines, "scrape_samples_post_metric_relabeling")[0].ends_with(" 1"));

    let harness = Harness::start(&config(&[job("gateway", &exporter.address, rules)])).await;
    let (_, batch) = harness.scraped(0, true).await;
    let expected = format!("pushed{{exported_job=\"batch\", instance=\"{}\", job=\"gateway\"}} 1", exporter.address);
    assert_eq!(of(&shown(&batch), "pushed"), [expected]);
}

#[tokio::test]
async fn explicit_times_are_kept_and_ask_for_no_markers() {
    let body = "a 1 1700000000000\na 2 1700000001000\nb 3\nb 4\n";
    let exporter = Exporter::start(Reply::text(body)).await;
    let harness = Harness::start(&config(&[job("j", &exporter.address, "")])).await;
    let (first, batch) = harness.scraped(0, true).await;
    let times: Vec<_> = batch.samples.iter().take(3).map(|sample| (sample.time, sample.value)).collect();
    assert_eq!(times[..2], [(1_700_000_000_000, 1.0), (1_700_000_001_000, 2.0)]);
    assert_eq!(of(&shown(&batch), "b").len(), 1, "one sample a series and time");
    exporter.set(Reply::text("b 3\n"));
    let (_, batch) = harness.scraped(first + 1, true).await;
    assert!(!shown(&batch).iter().any(|line| line.ends_with("stale")), "{:?}", shown(&batch));

    exporter.set(Reply::text(body));
    let ignoring = Harness::start(&config(&[job("j", &exporter.address, "    honor_timestamps: false\n")])).await;
    let (_, batch) = ignoring.scraped(0, true).await;
    assert_eq!(batch.samples[0].time, batch.samples.last().unwrap().time);
    assert_eq!(of(&shown(&batch), "a").len(), 1);
}

#[tokio::test]
async fn samples_that_cannot_be_stored_make_the_target_down() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let harness = Harness::start(&config(&[job("j", &exporter.address, "")])).await;
    harness.scraped(0, true).await;
    let error =
        crate::scrape::SinkError { kind: clew_model::ErrorKind::StorageFull, message: "the disk is full".into() };
    *harness.sink.fail.lock() = Some(error);
    let target = harness.target("down", |target| target.health.as_str() == "down").await;
    assert_eq!(target.last_error, "the samples were not stored: the disk is full");
    *harness.sink.fail.lock() = None;
    harness.target("up again", |target| target.health.as_str() == "up").await;
}

#[tokio::test]
async fn refused_samples_are_shown_while_the_target_is_up_and_its_report_comes_first() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let harness = Harness::start(&config(&[job("j", &exporter.address, "")])).await;
    let (_, batch) = harness.scraped(0, true).await;
    let names: Vec<String> = batch.series.iter().map(|labels| labels.metric_name().to_owned()).collect();
    assert_eq!(
        (&*names[0], &*names[5], names.len()),
        ("up", "a", 6),
        "what is known of the target goes before its series"
    );
    *harness.sink.refuse.lock() = Refused { count: 3, reason: "beyond the limit".into() };
    let target = harness.target("refused", |target| !target.last_error.is_empty()).await;
    assert_eq!((target.health.as_str(), &*target.last_error), ("up", "3 samples were refused: beyond the limit"));
    *harness.sink.refuse.lock() = Refused::default();
    harness.target("well again", |target| target.last_error.is_empty()).await;
}

#[tokio::test]
async fn series_about_limits_are_stored_where_they_are_wanted() {
    let exporter = Exporter::start(Reply::text("a 1\nb 2\n")).await;
    let keys = "    extra_scrape_metrics: true\n    sample_limit: 7\n    body_size_limit: 20B\n";
    let harness = Harness::start(&config(&[job("j", &exporter.address, keys)])).await;
    let (place, batch) = harness.scraped(0, true).await;
    let of_scrape =
        |batch, metric| of(&shown(batch), metric).first().and_then(|line| line.rsplit(' ').next().map(str::to_owned));
    assert_eq!(of_scrape(&batch, "scrape_timeout_seconds").as_deref(), Some("0.4"));
    assert_eq!(of_scrape(&batch, "scrape_sample_limit").as_deref(), Some("7"));
    assert_eq!(of_scrape(&batch, "scrape_body_size_bytes").as_deref(), Some("8"));

    exporter.set(Reply::text("a_long_name_of_a_metric 1\n"));
    let (_, batch) = harness.scraped(place, false).await;
    assert_eq!(of_scrape(&batch, "scrape_body_size_bytes").as_deref(), Some("-1"));
    assert_eq!(of_scrape(&batch, "scrape_samples_scraped").as_deref(), Some("0"));
}
