//! Tokens of OAuth 2.

use super::super::token::Tokens;
use super::exporter::{Exporter, Reply};
use super::harness::{Harness, config, job};
use super::lists::json;
use clew_config::prometheus::{Authentication, OAuth2Config, parse};
use std::path::Path;
use std::time::Duration;

/// A good answer, without its last brace.
const GOOD: &str = "{\"access_token\": \"t0ken\"";

/// A configuration that asks this server.
fn oauth2(address: &str) -> OAuth2Config {
    let text = format!(
        "scrape_configs: [{{job_name: j, oauth2: {{client_id: me, client_secret: x, token_url: 'http://{address}/'}}}}]"
    );
    let loaded = parse(Path::new("p.yml"), &text, &|_| None).unwrap();
    let Some(Authentication::OAuth2(config)) = &loaded.config.jobs[0].http.authentication else { panic!() };
    *config.clone()
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_sent_to_every_target() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let server =
        Exporter::start(json("{\"access_token\": \"t0ken\", \"token_type\": \"bearer\", \"expires_in\": 3600}")).await;
    let config = format!(
        "scrape_configs:\n  - job_name: j\n    scrape_interval: 400ms\n    scrape_timeout: 400ms\n    oauth2: {{client_id: me, client_secret: 'a b', token_url: 'http://{}/token', scopes: [read], endpoint_params: {{audience: x}}}}\n    static_configs: [{{targets: ['{}']}}]\n",
        server.address, exporter.address
    );
    let harness = Harness::start(&config).await;
    let (place, _) = harness.scraped(0, true).await;
    harness.scraped(place + 1, true).await;
    let sent = exporter.requests().join("").to_lowercase();
    assert!(sent.contains("authorization: bearer t0ken"), "{sent}");
    let asked = server.requests();
    // base64 of "me:a+b"
    assert!(asked.len() == 1 && asked[0].contains("Basic bWU6YSti"), "{asked:?}");

    let refusing = Exporter::start(Reply { status: "401 Unauthorized", ..json("{}") }).await;
    harness.apply(&config.replace(&server.address, &refusing.address)).await;
    let target = harness.target("down", |target| target.health.as_str() == "down").await;
    assert_eq!(
        target.last_error,
        "no token of oauth2 could be had: the token_url answered the HTTP status 401 Unauthorized"
    );
}

#[tokio::test]
async fn a_server_of_tokens_that_does_not_answer_keeps_no_other_job_from_its_own() {
    let exporter = Exporter::start(Reply::text("a 1\n")).await;
    let silent = Exporter::start(Reply { delay: Duration::from_secs(60), ..json("{}") }).await;
    let good = Exporter::start(json(&format!("{GOOD}}}"))).await;
    let keys =
        |server: &Exporter| format!("    oauth2: {{client_id: me, token_url: 'http://{}/token'}}\n", server.address);
    let silent_job = job("s", &exporter.address, &keys(&silent));
    let harness = Harness::start(&config(std::slice::from_ref(&silent_job))).await;
    harness.scraped(0, false).await;
    harness.apply(&config(&[silent_job, job("g", &exporter.address, &keys(&good))])).await;
    let up = |lines: &[String]| lines.iter().any(|line| line.starts_with("up{") && line.contains("job=\"g\"} 1"));
    harness.batch(0, "of the other job", up).await;
}

#[tokio::test]
async fn many_that_need_a_token_ask_once_and_a_failure_is_remembered() {
    let server = Exporter::start(Reply { delay: Duration::from_millis(50), ..json(&format!("{GOOD}}}")) }).await;
    let (tokens, wanted) = (Tokens::default(), oauth2(&server.address));
    // A scrape that has no time to wait does not end the question.
    assert!(tokio::time::timeout(Duration::from_millis(1), tokens.header(&wanted)).await.is_err());
    let all = futures_util::future::join_all((0..10).map(|_| tokens.header(&wanted))).await;
    assert!(all.iter().all(|header| header.as_deref() == Ok("Bearer t0ken")), "{all:?}");
    assert_eq!(server.requests().len(), 1);

    let refusing = Exporter::start(Reply { status: "400 Bad Request", ..json("{}") }).await;
    let wanted = oauth2(&refusing.address);
    for _ in 0..3 {
        let error = tokens.header(&wanted).await.unwrap_err();
        assert_eq!(error, "the token_url answered the HTTP status 400 Bad Request");
    }
    // Once with the credentials in the header, and once with them in the body.
    assert_eq!(refusing.requests().len(), 2);
}

#[tokio::test]
async fn answers_are_taken_as_servers_write_them() {
    let server = Exporter::start(json("{}")).await;
    let not_json = "the token_url answered no token in JSON";
    for (rest, expected, is_kept) in [
        ("", Ok("Bearer t0ken"), true),
        (", \"expires_in\": 3600", Ok("Bearer t0ken"), true),
        (", \"expires_in\": \"3600\"", Ok("Bearer t0ken"), true),
        (", \"expires_in\": 3599.5", Ok("Bearer t0ken"), true),
        (", \"expires_in\": null, \"token_type\": null", Ok("Bearer t0ken"), true),
        (", \"expires_in\": 0, \"token_type\": \"BEARER\"", Ok("Bearer t0ken"), true),
        (", \"expires_in\": 1e300, \"token_type\": \"MAC\"", Ok("MAC t0ken"), true),
        (", \"expires_in\": -1", Ok("Bearer t0ken"), false),
        (", \"expires_in\": \"-1\"", Ok("Bearer t0ken"), false),
        (", \"expires_in\": 5", Ok("Bearer t0ken"), false),
        (", \"expires_in\": \"soon\"", Err(not_json), true),
        (", \"expires_in\": \"NaN\"", Err(not_json), true),
        (", \"expires_in\": []", Err(not_json), true),
    ] {
        server.set(json(&format!("{GOOD}{rest}}}")));
        let (tokens, wanted, before) = (Tokens::default(), oauth2(&server.address), server.requests().len());
        for _ in 0..2 {
            let found = tokens.header(&wanted).await;
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{rest}");
        }
        // What is no token is asked for in both ways, once.
        let asked = if is_kept && expected.is_ok() { 1 } else { 2 };
        assert_eq!(server.requests().len() - before, asked, "{rest}");
    }
}
