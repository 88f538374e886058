//! Lists of targets that a server answers.

use super::super::client::{JobClient, chain};
use super::super::fetch::{authenticated, extra_headers};
use super::super::limits::MAX_TARGET_FILE_BYTES;
use super::super::pages::Pages;
use clew_config::prometheus::{HttpDiscovery, TargetGroup, read_json_target_groups};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, USER_AGENT};
use reqwest::{StatusCode, Url};

/// The label with the URL that a target comes from, without user name and password.
pub(in super::super) const URL_LABEL: &str = "__meta_url";

/// Asks for a list, within the interval between two questions.
pub(super) async fn ask(
    discovery: &HttpDiscovery,
    client: &JobClient,
    pages: &Pages,
) -> Result<Vec<TargetGroup>, String> {
    let bound = discovery.refresh_interval;
    let asked = tokio::time::timeout(bound, request(discovery, client, pages)).await;
    asked.unwrap_or_else(|_| {
        Err(format!("no complete answer within the interval of {}", clew_config::yaml::render_duration(bound)))
    })
}

async fn request(discovery: &HttpDiscovery, client: &JobClient, pages: &Pages) -> Result<Vec<TargetGroup>, String> {
    let url = Url::parse(discovery.url.reveal()).map_err(|error| format!("it is not a URL: {error}"))?;
    let client = client.for_target(&url)?;
    let mut request = client
        .client
        .get(client.url.clone())
        .header(USER_AGENT, concat!("Clew/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/json")
        .header("x-prometheus-refresh-interval-seconds", discovery.refresh_interval.as_secs_f64().to_string());
    if let Some(host) = &client.host {
        request = request.header(HOST, host);
    }
    let request = authenticated(request, &discovery.http, &client.tokens).await.map_err(|error| error.to_string())?;
    let request = extra_headers(request, &discovery.http).await.map_err(|error| error.to_string())?;
    let response = request.send().await.map_err(|error| {
        // Not with the URL, which may hold a token.
        format!("no connection: {}", chain(&error.without_url()))
    })?;
    if response.status() != StatusCode::OK {
        return Err(format!("the server answered the HTTP status {}", response.status()));
    }
    check_type(response.headers())?;
    let page = pages.read(response, MAX_TARGET_FILE_BYTES).await.map_err(|error| error.to_string())?;
    let url = discovery.label_url();
    let read = move || {
        let mut groups = read_json_target_groups(&page.bytes)?;
        for group in &mut groups {
            group.labels.retain(|(name, _)| name != URL_LABEL);
            group.labels.push((URL_LABEL.to_owned(), url.clone()));
        }
        Ok(groups)
    };
    // A long list would keep a thread of the runtime from its other tasks.
    tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?
}

/// JSON alone is taken, in UTF-8.
fn check_type(headers: &HeaderMap) -> Result<(), String> {
    let written = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let (media_type, parameter) = written.split_once(';').unwrap_or((written, ""));
    let charset = parameter.trim().to_ascii_lowercase();
    let is_utf8 = matches!(charset.as_str(), "" | "charset=utf-8" | "charset=\"utf-8\"");
    if media_type.trim().eq_ignore_ascii_case("application/json") && is_utf8 {
        return Ok(());
    }
    let shown: String = written.chars().take(100).collect();
    Err(format!("the answer's Content-Type is {shown:?}, not application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_utf_8_alone_is_taken() {
        for (written, taken) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json;charset=\"UTF-8\"", true),
            ("application/json; charset=latin1", false),
            ("text/plain", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, written.parse().unwrap());
            assert_eq!(check_type(&headers).is_ok(), taken, "{written}");
        }
    }
}
