//! Targets from lists that servers answer, and from the DNS.

use super::super::discovery::DnsServers;
use super::dns_server::{A, AAAA, CNAME, DnsServer, MX, NS, SERVER_FAILURE, SRV, name, service};
use super::exporter::{Exporter, Reply};
use super::harness::{CapturedLog, Harness, of, shown};

pub(super) fn json(body: &str) -> Reply {
    Reply { headers: vec![("Content-Type", "application/json".to_owned())], ..Reply::text(body) }
}

fn discovered<'a>(target: &'a super::super::ActiveTarget, name: &str) -> Option<&'a str> {
    target.discovered_labels.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn a_server_lists_targets_and_its_last_good_list_stays_while_it_fails() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let list = Exporter::start(json(&format!(
        "[{{\"targets\": [\"{}\"], \"labels\": {{\"team\": \"core\", \"__meta_x\": \"y\"}}}}]",
        exporter.address
    )))
    .await;
    let url = format!("http://{}/targets?dc=1", list.address);
    let config = format!(
        "scrape_configs:\n  - job_name: j\n    scrape_interval: 400ms\n    scrape_timeout: 400ms\n    http_sd_configs:\n      - url: {url}\n        refresh_interval: 150ms\n        basic_auth: {{username: me, password: secret}}\n        http_headers: {{X-Tenant: {{values: [one]}}}}\n    relabel_configs:\n      - {{source_labels: [__meta_url], regex: '.*dc=(.*)', target_label: dc}}\n"
    );
    let harness = Harness::start(&config).await;
    let (_, batch) = harness.scraped(0, true).await;
    let expected = format!("a{{dc=\"1\", instance=\"{}\", job=\"j\", team=\"core\"}} 1", exporter.address);
    assert_eq!(of(&shown(&batch), "a"), [expected.as_str()]);
    let target = harness.target("found", |_| true).await;
    let shown = url.strip_suffix("?dc=1").unwrap();
    assert_eq!((discovered(&target, "__meta_url"), discovered(&target, "__meta_x")), (Some(shown), Some("y")));
    let asked = list.requests()[0].to_lowercase();
    for line in [
        "get /targets?dc=1 http/1.1",
        "accept: application/json",
        "authorization: basic bwu6c2vjcmv0",
        "x-tenant: one",
        "x-prometheus-refresh-interval-seconds: 0.15",
    ] {
        assert!(asked.contains(line), "{line} is not in {asked}");
    }

    // Everything that is no list leaves the targets as they are, and says why.
    for (reply, said) in [
        (Reply { status: "500 Internal Server Error", ..json("[]") }, "the HTTP status 500"),
        (Reply::text("[]"), "the answer's Content-Type is \"text/plain; version=0.0.4\", not application/json"),
        (json("{\"targets\": []}"), "the answer is not a list of target groups"),
        (json("[{\"target\": []}]"), "unknown field `target`"),
        (json("[{\"targets\": [\"a"), "the answer is not a list of target groups: EOF"),
    ] {
        list.set(reply);
        let problems = harness.problems(said, |problems| problems.iter().any(|own| own.contains(said))).await;
        assert!(problems[0].starts_with(&format!("http_sd_configs of {shown}: ")), "{problems:?}");
        assert!(problems[0].ends_with("; 1 target of the last good answer stay"), "{problems:?}");
        harness.target("kept", |target| target.scrape_url.contains(&exporter.address)).await;
    }

    list.set(json("[]"));
    harness.targets(&[]).await;
    harness.problems("left", <[String]>::is_empty).await;
}

#[tokio::test]
async fn secrets_in_the_url_of_a_list_are_told_nowhere() {
    let log = CapturedLog::default();
    let _guard = tracing::subscriber::set_default(log.subscriber());
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let list = Exporter::start(json(&format!(
        "[{{\"targets\": [\"{0}\"]}}, {{\"targets\": [\"{0}\"], \"labels\": {{\"drop\": \"me\"}}}}]",
        exporter.address
    )))
    .await;
    let config = |address: &str| {
        format!(
            "scrape_configs:\n  - job_name: j\n    scrape_interval: 400ms\n    scrape_timeout: 400ms\n    http_sd_configs: [{{url: 'http://me:s3cret@{address}/targets?token=s3cret#s3cret', refresh_interval: 150ms}}]\n    relabel_configs:\n      - {{source_labels: [drop], regex: me, action: drop}}\n      - {{regex: __meta_url, action: labelmap, replacement: whence}}\n"
        )
    };
    let harness = Harness::start(&config(&list.address)).await;
    let shown = format!("http://{}/targets", list.address);
    let target = harness.target("found", |_| true).await;
    assert_eq!(discovered(&target, "__meta_url"), Some(shown.as_str()));
    // What relabelling makes of it is the user's business; the password stands in nothing that it sees.
    let whence = target.labels.iter().find(|(name, _)| name == "whence").map(|(_, value)| value.as_str());
    assert_eq!(whence, Some(format!("{shown}?token=s3cret#s3cret").as_str()));
    assert_eq!(harness.manager.status().dropped.len(), 1);
    let asked = list.requests()[0].to_lowercase();
    // base64 of "me:s3cret", by coreutils.
    assert!(asked.contains("token=s3cret") && asked.contains("authorization: basic bwu6cznjcmv0"), "{asked}");

    // Without the label of the user's own, and with a server that is not there, one that lies and one that ends early.
    let quiet = |address: &str| config(address).replace("replacement: whence", "replacement: __tmp");
    let gone = Exporter::start(Reply::text("")).await.address.clone();
    let long = json(&format!("[{{\"{}\": 1}}]", "x".repeat(100_000)));
    let redirect = vec![("Location", "http://me:s3cret@127.0.0.1:1/?token=s3cret".to_owned())];
    let redirecting = Exporter::start(Reply { status: "302 Found", headers: redirect, ..json("") }).await;
    for (address, reply) in [(&gone, long.clone()), (&list.address, long), (&redirecting.address, json(""))] {
        list.set(reply);
        harness.apply(&quiet(address)).await;
        harness.problems("told", |problems| problems.iter().any(|own| own.contains(address.as_str()))).await;
        let status = format!("{:?}", harness.manager.status());
        assert!(!status.contains("s3cret"), "{status}");
    }
    let log = log.text();
    assert!(log.contains("the last good answer stays") && !log.contains("s3cret"), "{log}");
    assert!(log.lines().all(|line| line.len() < 4096), "{}", log.len());
}

#[tokio::test]
async fn a_changed_job_keeps_the_targets_of_a_list_that_cannot_be_asked_now() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let list = Exporter::start(json(&format!("[{{\"targets\": [\"{}\"]}}]", exporter.address))).await;
    let config = |path: &str| {
        format!(
            "scrape_configs:\n  - job_name: j\n    scrape_interval: 400ms\n    scrape_timeout: 400ms\n    params: {{x: ['{path}']}}\n    http_sd_configs: [{{url: 'http://{}/', refresh_interval: 1h}}]\n",
            list.address
        )
    };
    let harness = Harness::start(&config("1")).await;
    harness.targets(&[format!("http://{}/metrics?x=1", exporter.address)]).await;
    list.set(Reply { status: "503 Service Unavailable", ..json("[]") });
    harness.apply(&config("2")).await;
    harness.targets(&[format!("http://{}/metrics?x=2", exporter.address)]).await;
    harness.problems("told", |problems| problems.iter().any(|own| own.contains("503"))).await;
}

#[tokio::test]
async fn records_of_the_dns_are_targets() {
    let server = DnsServer::start().await;
    server.set(
        "_m._tcp.example.org",
        SRV,
        Ok(vec![(SRV, service(9100, "one.example.org")), (SRV, service(9200, "two.example.org"))]),
    );
    server.set("four.example.org", A, Ok(vec![(A, vec![10, 0, 0, 1]), (A, vec![10, 0, 0, 2])]));
    server.set("alias.example.org", A, Ok(vec![(CNAME, name("alias.example.org")), (A, vec![10, 0, 0, 9])]));
    let six = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    server.set("six.example.org", AAAA, Ok(vec![(AAAA, six.to_vec())]));
    let mut mail = vec![0, 10];
    mail.extend(name("mx.example.org"));
    server.set("example.org", MX, Ok(vec![(MX, mail)]));
    server.set("example.org", NS, Ok(vec![(NS, name("ns.example.org"))]));
    let discovery = |name: &str, rest: &str| {
        format!(
            "scrape_configs: [{{job_name: j, scrape_interval: 1h, dns_sd_configs: [{{names: ['{name}'], refresh_interval: 150ms, {rest}}}]}}]"
        )
    };
    let urls = |addresses: &[&str]| -> Vec<String> {
        addresses.iter().map(|address| format!("http://{address}/metrics")).collect()
    };
    let harness = Harness::asking(&discovery("_m._tcp.example.org", ""), DnsServers::Given(server.config())).await;
    let found = harness.targets(&urls(&["one.example.org:9100", "two.example.org:9200"])).await;
    for (label, value) in [
        ("__meta_dns_name", "_m._tcp.example.org"),
        ("__meta_dns_srv_record_target", "one.example.org."),
        ("__meta_dns_srv_record_port", "9100"),
        ("__address__", "one.example.org:9100"),
    ] {
        assert_eq!(discovered(&found[0], label), Some(value), "{label}");
    }
    for (name, rest, addresses) in [
        ("four.example.org", "type: A, port: 80", &["10.0.0.1", "10.0.0.2"][..]),
        ("alias.example.org", "type: A, port: 9100", &["10.0.0.9:9100"][..]),
        ("six.example.org", "type: AAAA, port: 9100", &["[2001:db8::1]:9100"][..]),
        ("example.org", "type: MX, port: 9100", &["mx.example.org:9100"][..]),
        ("example.org", "type: NS, port: 9153", &["ns.example.org:9153"][..]),
        ("none.example.org", "type: A, port: 1", &[][..]),
    ] {
        harness.apply(&discovery(name, rest)).await;
        let found = harness.targets(&urls(addresses)).await;
        if let (Some(target), true) = (found.first(), rest.contains("MX")) {
            assert_eq!(discovered(target, "__meta_dns_mx_record_target"), Some("mx.example.org."));
        }
        if let (Some(target), true) = (found.first(), rest.contains("NS")) {
            assert_eq!(discovered(target, "__meta_dns_ns_record_target"), Some("ns.example.org."));
        }
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_asked_for_keeps_its_targets() {
    let server = DnsServer::start().await;
    server.set("a.example.org", A, Ok(vec![(A, vec![10, 0, 0, 1])]));
    server.set("b.example.org", A, Ok(vec![(A, vec![10, 0, 0, 2])]));
    let config = "scrape_configs: [{job_name: j, scrape_interval: 1h, dns_sd_configs: [{names: [a.example.org, b.example.org], type: A, port: 9, refresh_interval: 150ms}]}]";
    let harness = Harness::asking(config, DnsServers::Given(server.config())).await;
    let url = |last: u8| format!("http://10.0.0.{last}:9/metrics");
    harness.targets(&[url(1), url(2)]).await;
    server.set("a.example.org", A, Err(SERVER_FAILURE));
    server.set("b.example.org", A, Ok(vec![(A, vec![10, 0, 0, 3])]));
    harness.targets(&[url(1), url(3)]).await;
    let problems = harness.problems("of the name", |problems| !problems.is_empty()).await;
    assert!(
        problems[0].starts_with("dns_sd_configs of a.example.org: A records of \"a.example.org\": "),
        "{problems:?}"
    );
    server.set("a.example.org", A, Ok(Vec::new()));
    harness.targets(&[url(3)]).await;
}

#[tokio::test]
async fn a_job_whose_discovery_is_not_built_runs_with_the_rest_of_it() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let config = format!(
        "scrape_configs:\n  - job_name: j\n    scrape_interval: 400ms\n    scrape_timeout: 400ms\n    kubernetes_sd_configs: [{{role: pod}}]\n    static_configs: [{{targets: ['{0}']}}]\n  - {{job_name: k, consul_sd_configs: [{{}}]}}\n  - job_name: l\n    scrape_interval: 400ms\n    scrape_timeout: 400ms\n    static_configs: [{{targets: ['{0}']}}]\n",
        exporter.address
    );
    let harness = Harness::start(&config).await;
    let job = |name: &str| format!("a{{instance=\"{}\", job=\"{name}\"}} 1", exporter.address);
    for name in ["j", "l"] {
        harness.batch(0, name, |lines| lines.contains(&job(name))).await;
    }
    let told: Vec<_> =
        harness.manager.status().jobs.into_iter().map(|job| (job.name, job.problems.join(";"))).collect();
    let not_built = |key: &str| format!("{key} is not built: the targets that it would find are not scraped");
    assert_eq!(
        told,
        [
            ("j".to_owned(), not_built("kubernetes_sd_configs")),
            ("k".to_owned(), not_built("consul_sd_configs")),
            ("l".to_owned(), String::new())
        ]
    );
}

#[tokio::test]
async fn a_proxy_passes_requests_on() {
    let proxy = Exporter::start(Reply::text("a 1\n")).await;
    let direct = Exporter::start(Reply::text("a 2\n")).await;
    let config = format!(
        "scrape_configs:\n  - job_name: j\n    scrape_interval: 400ms\n    scrape_timeout: 400ms\n    proxy_url: http://{}\n    no_proxy: 127.0.0.1\n    static_configs: [{{targets: ['far.example.org:9100', '{}']}}]\n",
        proxy.address, direct.address
    );
    let harness = Harness::start(&config).await;
    let far = "a{instance=\"far.example.org:9100\", job=\"j\"} 1".to_owned();
    harness.batch(0, "through the proxy", |lines| lines.contains(&far)).await;
    let near = format!("a{{instance=\"{}\", job=\"j\"}} 2", direct.address);
    harness.batch(0, "past the proxy", |lines| lines.contains(&near)).await;
    assert!(
        proxy.requests()[0].starts_with("GET http://far.example.org:9100/metrics HTTP/1.1"),
        "{:?}",
        proxy.requests()
    );
}
