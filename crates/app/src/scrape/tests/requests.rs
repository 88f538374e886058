//! What is sent, and how answers are received.

use super::super::discovery::DnsServers;
use super::exporter::{Exporter, Reply};
use super::harness::{Harness, config, job, of, shown};
use crate::outbound::Outbound;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::time::{Duration, Instant};

/// The value of a header of the first request.
fn header(exporter: &Exporter, name: &str) -> Vec<String> {
    let requests = exporter.requests();
    let lines = requests[0].lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).collect()
}

#[tokio::test]
async fn requests_carry_headers_params_and_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let by_file = format!("    authorization: {{type: Token, credentials_file: {}}}\n", token.display());
    for (keys, expected) in [
        // base64 of me:pass word, by coreutils.
        ("    basic_auth: {username: me, password: pass word}\n", "Basic bWU6cGFzcyB3b3Jk"),
        ("    bearer_token: abc\n", "Bearer abc"),
        (by_file.as_str(), "Token s3cret"),
    ] {
        let exporter = Exporter::start(Reply::text("a 1\n")).await;
        let more = "    metrics_path: /m x\n    params: {k: [1, 2]}\n    http_headers: {X-Scope-OrgID: {values: [t1], secrets: [t2]}}\n";
        let harness = Harness::start(&config(&[job("j", &exporter.address, &format!("{keys}{more}"))])).await;
        harness.scraped(0, true).await;
        assert!(exporter.requests()[0].starts_with("GET /m%20x?k=1&k=2 HTTP/1.1\r\n"), "{:?}", exporter.requests()[0]);
        assert_eq!(header(&exporter, "authorization"), [expected]);
        assert_eq!(header(&exporter, "x-scope-orgid"), ["t1", "t2"]);
        assert_eq!(header(&exporter, "x-prometheus-scrape-timeout-seconds"), ["0.4"]);
        assert_eq!(header(&exporter, "accept-encoding"), ["gzip"]);
        assert_eq!(header(&exporter, "host"), [exporter.address.as_str()]);
        assert!(header(&exporter, "user-agent")[0].starts_with("Clew/"));
        assert!(header(&exporter, "accept")[0].starts_with("application/openmetrics-text;version=1.0.0"));
    }
}

#[tokio::test]
async fn compressed_answers_are_read_and_bombs_are_not() {
    let gzip = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let compressed = |text: &[u8]| {
        let mut reply = Reply::text("");
        reply.headers.push(("Content-Encoding", "gzip".to_owned()));
        Reply { body: gzip(text), ..reply }
    };
    let exporter = Exporter::start(compressed(b"zipped 7\n")).await;
    let harness = Harness::start(&config(&[job("j", &exporter.address, "    body_size_limit: 1MiB\n")])).await;
    let (place, batch) = harness.scraped(0, true).await;
    assert!(of(&shown(&batch), "zipped")[0].ends_with(" 7"));

    let bomb = compressed(&vec![b'\n'; 64 << 20]);
    assert!(bomb.body.len() < 100_000, "{}", bomb.body.len());
    exporter.set(bomb);
    harness.scraped(place + 1, false).await;
    let target = harness.target("down", |target| target.health.as_str() == "down").await;
    assert_eq!(target.last_error, "the answer is larger than the body_size_limit of 1048576 bytes");

    let plain = Exporter::start(Reply::text("a 1\n")).await;
    let harness = Harness::start(&config(&[job("j", &plain.address, "    enable_compression: false\n")])).await;
    harness.scraped(0, true).await;
    assert_eq!(header(&plain, "accept-encoding"), Vec::<String>::new());
}

#[tokio::test]
async fn slow_silent_and_absent_targets_are_down_in_time() {
    let slow = Exporter::start(Reply { delay: Duration::from_secs(30), ..Reply::text("a 1\n") }).await;
    let started = Instant::now();
    let harness = Harness::start(&config(&[job("j", &slow.address, "")])).await;
    harness.scraped(0, false).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    let target = harness.target("down", |target| target.health.as_str() == "down").await;
    assert_eq!(target.last_error, "no complete answer within the timeout of 400ms");

    let gone = Exporter::start(Reply::text("")).await.address.clone();
    let harness = Harness::start(&config(&[job("j", &gone, "")])).await;
    harness.scraped(0, false).await;
    let target = harness.target("down", |target| target.health.as_str() == "down").await;
    assert!(target.last_error.contains("onnection refused"), "{}", target.last_error);
}

#[tokio::test]
async fn redirects_are_followed_unless_the_job_says_otherwise() {
    let goal = Exporter::start(Reply::text("reached 1\n")).await;
    let headers = vec![("Location", format!("http://{}/elsewhere", goal.address))];
    let first = Exporter::start(Reply { status: "302 Found", headers, ..Reply::text("") }).await;
    let harness = Harness::start(&config(&[job("j", &first.address, "")])).await;
    let (_, batch) = harness.scraped(0, true).await;
    assert_eq!(of(&shown(&batch), "reached").len(), 1);
    let harness = Harness::start(&config(&[job("j", &first.address, "    follow_redirects: false\n")])).await;
    harness.scraped(0, false).await;
    let target = harness.target("down", |target| target.health.as_str() == "down").await;
    assert_eq!(target.last_error, "server returned HTTP status 302 Found");
}

#[tokio::test]
async fn what_may_not_be_reached_is_reached_on_no_way() {
    let denied = |networks: &[&str]| Outbound {
        deny: networks.iter().map(|network| network.parse().unwrap()).collect(),
        ..Outbound::default()
    };
    let start = async |jobs: &str, outbound| Harness::confined(jobs, DnsServers::default(), outbound).await;
    let goal = Exporter::start(Reply::text("reached 1\n")).await;
    let port = goal.address.rsplit_once(':').unwrap().1.to_owned();
    let named = format!("localhost:{port}");
    let headers = vec![("Location", "http://127.0.0.2:1/".to_owned())];
    let redirecting = Exporter::start(Reply { status: "302 Found", headers, ..Reply::text("") }).await;
    let proxy = format!("    proxy_url: http://{}\n", goal.address);
    for (address, keys, network, what) in [
        (goal.address.clone(), "", "127.0.0.0/8", "an address"),
        (named, "", "127.0.0.0/8", "a name"),
        (redirecting.address.clone(), "", "127.0.0.2", "a redirect"),
        ("h.example:80".to_owned(), proxy.as_str(), "127.0.0.1", "a proxy"),
    ] {
        let harness = start(&config(&[job("j", &address, keys)]), denied(&[network, "::1"])).await;
        let target = harness.target("down", |target| target.health.as_str() == "down").await;
        assert!(target.last_error.contains("may not be reached (outbound.deny)"), "{what}: {}", target.last_error);
    }
    assert!(goal.requests().is_empty(), "{:?}", goal.requests());
    let list = format!("scrape_configs: [{{job_name: j, http_sd_configs: [{{url: 'http://{}/'}}]}}]", goal.address);
    let harness = start(&list, denied(&["127.0.0.0/8"])).await;
    let problems = harness.problems("of the list", |problems| !problems.is_empty()).await;
    assert!(problems[0].contains("may not be reached (outbound.deny)") && goal.requests().is_empty(), "{problems:?}");
    let allowed = Outbound { allow: vec!["127.0.0.0/8".parse().unwrap()], ..Outbound::default() };
    start(&config(&[job("j", &goal.address, "")]), allowed).await.scraped(0, true).await;
}
