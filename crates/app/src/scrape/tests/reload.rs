//! A new configuration while targets are scraped.

use super::exporter::{Exporter, Reply};
use super::harness::{Harness, config, job, of, shown};

fn added(lines: &[String]) -> f64 {
    of(lines, "scrape_series_added")[0].rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn unchanged_jobs_go_on_and_removed_ones_end() {
    let (one, two) = (Exporter::start(Reply::text("a 1\n")).await, Exporter::start(Reply::text("b 2\n")).await);
    let both = [job("one", &one.address, ""), job("two", &two.address, "")];
    let harness = Harness::start(&config(&both)).await;
    let has_two = |lines: &[String]| of(lines, "b").iter().any(|line| line.ends_with(" 2"));
    harness.batch(0, "of two", has_two).await;
    harness.batch(0, "of one", |lines| !of(lines, "a").is_empty()).await;

    harness.apply(&config(&both[..1])).await;
    let place = harness.batches().len();
    let ends: Vec<Vec<String>> =
        harness.batches().iter().map(shown).filter(|lines| lines.iter().all(|line| line.ends_with(" stale"))).collect();
    let [end] = ends.as_slice() else { panic!("{ends:?}") };
    assert!(end.len() == 6 && end.iter().all(|line| line.contains("job=\"two\"")), "{end:?}");
    let (_, batch) = harness.scraped(place, true).await;
    assert_eq!(added(&shown(&batch)), 0.0, "the first job's cache is still there");
    assert_eq!(harness.manager.status().active.len(), 1);
}

#[tokio::test]
async fn a_changed_job_goes_on_with_its_series() {
    let exporter = Exporter::start(Reply::text("a 1\nb 2\n")).await;
    let harness = Harness::start(&config(&[job("j", &exporter.address, "")])).await;
    harness.scraped(0, true).await;

    // The new rules drop one series: it becomes stale, the other goes on.
    let rules = "    metric_relabel_configs: [{source_labels: [__name__], regex: b, action: drop}]\n";
    harness.apply(&config(&[job("j", &exporter.address, rules)])).await;
    let place = harness.batches().len();
    let (_, batch) = harness.scraped(place, true).await;
    let lines = shown(&batch);
    assert!(of(&lines, "a")[0].ends_with(" 1"), "{lines:?}");
    assert!(of(&lines, "b")[0].ends_with(" stale"), "{lines:?}");
    let all_stale = |lines: &Vec<String>| lines.iter().all(|line| line.ends_with(" stale"));
    assert!(!harness.batches().iter().map(shown).any(|lines| all_stale(&lines)), "the target never ended");

    // Another address under the same job: the first target ends.
    let other = Exporter::start(Reply::text("a 1\n")).await;
    harness.apply(&config(&[job("j", &other.address, rules)])).await;
    let ended = format!("a{{instance=\"{}\", job=\"j\"}} stale", exporter.address);
    harness.batch(place, "that ends the first target", |lines| lines.contains(&ended) && lines.len() == 6).await;
    harness
        .target("other", |target| target.scrape_url.contains(&other.address) && target.health.as_str() == "up")
        .await;
}

#[tokio::test]
async fn a_stop_of_the_server_ends_no_series() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let harness = Harness::start(&config(&[job("j", &exporter.address, "")])).await;
    harness.scraped(0, true).await;
    harness.manager.stop().await;
    let count = harness.batches().len();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(harness.batches().len(), count, "nothing is scraped any more");
    assert!(!harness.batches().iter().flat_map(shown).any(|line| line.ends_with(" stale")));
}
