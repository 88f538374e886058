//! Targets that come and go in files, and those that relabelling drops.

use super::exporter::{Exporter, Reply};
use super::harness::{Harness, of, shown};

#[tokio::test]
async fn files_bring_targets_and_take_them_away() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.json");
    let (one, two) = (Exporter::start(Reply::text("a 1\n")).await, Exporter::start(Reply::text("a 2\n")).await);
    let write = |addresses: &[&str]| {
        let targets: Vec<String> = addresses.iter().map(|address| format!("{address:?}")).collect();
        let text = format!("[{{\"targets\": [{}], \"labels\": {{\"team\": \"core\"}}}}]", targets.join(","));
        std::fs::write(&file, text).unwrap();
    };
    write(&[&one.address]);
    let config = format!(
        "scrape_configs:\n  - job_name: j\n    scrape_interval: 400ms\n    scrape_timeout: 400ms\n    file_sd_configs: [{{files: ['{}/*.json'], refresh_interval: 100ms}}]\n    relabel_configs:\n      - {{source_labels: [__meta_filepath], regex: '.*/([^/]+)', target_label: file}}\n",
        folder.path().display()
    );
    let harness = Harness::start(&config).await;
    let (place, batch) = harness.scraped(0, true).await;
    let expected = format!("a{{file=\"targets.json\", instance=\"{}\", job=\"j\", team=\"core\"}} 1", one.address);
    assert_eq!(of(&shown(&batch), "a"), [expected.as_str()]);

    write(&[&one.address, &two.address]);
    let (place, _) =
        harness.batch(place, "of the second", |lines| of(lines, "a").iter().any(|line| line.ends_with(" 2"))).await;

    write(&[&two.address]);
    let gone = expected.replace(" 1", " stale");
    let (place, batch) = harness.batch(place, "that ends the first", |lines| lines.contains(&gone)).await;
    let lines = shown(&batch);
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(lines.iter().all(|line| line.ends_with(" stale")), "{lines:?}");
    let last = harness
        .batches()
        .iter()
        .take(place)
        .flat_map(|batch| {
            let of_first = |sample: &&clew_model::metrics::Sample| {
                batch.series.labels(sample.series as usize).unwrap().get("instance") == Some(&one.address)
            };
            batch.samples.iter().filter(of_first).map(|sample| sample.time).collect::<Vec<_>>()
        })
        .max()
        .unwrap();
    assert!(batch.samples.iter().all(|sample| sample.time > last), "markers come after the samples");
    harness.target("left", |target| target.scrape_url.contains(&two.address)).await;

    std::fs::write(&file, "[{").unwrap();
    let started = std::time::Instant::now();
    while harness.manager.status().jobs[0].problems.is_empty() {
        assert!(started.elapsed().as_secs() < 10);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    harness.target("kept", |target| target.scrape_url.contains(&two.address)).await;
}

#[tokio::test]
async fn dropped_and_impossible_targets_are_in_the_status() {
    let config = "scrape_configs:\n  - job_name: j\n    static_configs: [{targets: ['a:1', 'b:1', 'c:1', 'd/e']}]\n    keep_dropped_targets: 1\n    relabel_configs: [{source_labels: [__address__], regex: '[ab]:1', action: drop}]\n";
    let harness = Harness::start(config).await;
    harness.target("c", |target| target.scrape_url == "http://c:1/metrics").await;
    let status = harness.manager.status();
    assert_eq!(status.active[0].health.as_str(), "unknown");
    assert_eq!(status.dropped.len(), 1);
    assert_eq!(status.dropped_counts["j"], 2);
    let [job] = status.jobs.as_slice() else { panic!("{status:?}") };
    let ([error], job) = (job.problems.as_slice(), &job.name) else { panic!("{status:?}") };
    assert_eq!((job.as_str(), error.as_str()), ("j", "target \"d/e\": \"d/e\" is not an address; write host:port"));
}

#[tokio::test]
async fn a_job_with_too_many_targets_scrapes_none() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let targets = |limit: u32| {
        let keys = format!(
            "    target_limit: {limit}\n    static_configs: [{{targets: ['{}', 'localhost:1']}}]\n",
            exporter.address
        );
        format!("scrape_configs:\n  - job_name: j\n    scrape_interval: 400ms\n    scrape_timeout: 400ms\n{keys}")
    };
    let harness = Harness::start(&targets(1)).await;
    let (place, _) = harness.scraped(0, false).await;
    let errors: Vec<String> = harness.manager.status().active.into_iter().map(|target| target.last_error).collect();
    assert!(errors.contains(&"the job has 2 targets, the target_limit is 1".to_owned()), "{errors:?}");
    assert_eq!(exporter.requests().len(), 0);
    harness.apply(&targets(2)).await;
    harness.scraped(place, true).await;
}
