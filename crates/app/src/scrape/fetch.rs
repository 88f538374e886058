//! One request to a target.

use super::client::{TargetClient, chain, read_bounded};
use super::error::ScrapeError;
use super::limits::{MAX_BODY_BYTES, MAX_SECRET_FILE_BYTES};
use super::pages::{Page, Pages};
use super::target::Target;
use super::token::Tokens;
use bytes::{Bytes, BytesMut};
use clew_config::prometheus::{
    Authentication, EscapingScheme, HttpClientConfig, ScrapeConfig, ScrapeProtocol, SecretSource,
};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{RequestBuilder, Response, StatusCode};
use std::time::Duration;

const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// What a target answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) protocol: ScrapeProtocol,
    pub(super) page: Page,
}

/// Asks a target, within its timeout.
pub(super) async fn fetch(
    job: &ScrapeConfig,
    target: &Target,
    client: &TargetClient,
    pages: &Pages,
) -> Result<Answer, ScrapeError> {
    let request = async {
        let mut request = client.client.get(client.url.clone()).headers(headers(job, target.timeout)?);
        if let Some(host) = &client.host {
            request = request.header(HOST, host);
        }
        let request = extra_headers(authenticated(request, &job.http, &client.tokens).await?, &job.http).await?;
        let response = request.send().await.map_err(|error| ScrapeError::Request(chain(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(ScrapeError::Status(response.status()));
        }
        let protocol = protocol_of(job, response.headers());
        let limit = if job.limits.body_size > 0 { job.limits.body_size } else { MAX_BODY_BYTES };
        let page = pages.read(response, limit).await?;
        Ok(Answer { protocol: protocol?, page })
    };
    tokio::time::timeout(target.timeout, request).await.unwrap_or(Err(ScrapeError::Timeout(target.timeout)))
}

fn headers(job: &ScrapeConfig, timeout: Duration) -> Result<HeaderMap, ScrapeError> {
    let mut headers = HeaderMap::new();
    let header = |text: &str| HeaderValue::from_str(text).map_err(|_| ScrapeError::Header(text.to_owned()));
    headers.insert(ACCEPT, header(&accept(&job.scrape_protocols, job.escaping))?);
    headers.insert(SCRAPE_TIMEOUT, header(&timeout.as_secs_f64().to_string())?);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("Clew/", env!("CARGO_PKG_VERSION"))));
    Ok(headers)
}

/// The formats in order, with falling weights (Prometheus' `acceptHeader`).
fn accept(protocols: &[ScrapeProtocol], escaping: EscapingScheme) -> String {
    let mut weight = protocols.len() + 1;
    let mut parts = Vec::with_capacity(weight);
    for protocol in protocols {
        let escaping = if protocol.has_escaping() { format!(";escaping={}", escaping.as_str()) } else { String::new() };
        parts.push(format!("{}{escaping};q=0.{weight}", protocol.media_type()));
        weight -= 1;
    }
    parts.push(format!("*/*;q=0.{weight}"));
    parts.join(",")
}

/// Adds the `Authorization` header.
pub(super) async fn authenticated(
    request: RequestBuilder,
    http: &HttpClientConfig,
    tokens: &Tokens,
) -> Result<RequestBuilder, ScrapeError> {
    match &http.authentication {
        None => Ok(request),
        Some(Authentication::NotBuilt(key)) => Err(ScrapeError::NotBuilt(key)),
        Some(Authentication::Basic { username, password }) => {
            Ok(request.basic_auth(reveal(username).await?, Some(reveal(password).await?)))
        }
        Some(Authentication::OAuth2(config)) => {
            authorized(request, &tokens.header(config).await.map_err(ScrapeError::Token)?)
        }
        Some(Authentication::Scheme { scheme, credentials }) => {
            authorized(request, &format!("{scheme} {}", reveal(credentials).await?))
        }
    }
}

fn authorized(request: RequestBuilder, text: &str) -> Result<RequestBuilder, ScrapeError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| ScrapeError::Header("authorization".to_owned()))?;
    value.set_sensitive(true);
    Ok(request.header(reqwest::header::AUTHORIZATION, value))
}

/// Adds the headers that are configured.
pub(super) async fn extra_headers(
    mut request: RequestBuilder,
    http: &HttpClientConfig,
) -> Result<RequestBuilder, ScrapeError> {
    let mut headers = HeaderMap::new();
    for header in &http.headers {
        let refused = || ScrapeError::Header(header.name.clone());
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| refused())?;
        for value in &header.values {
            let value = HeaderValue::from_str(&reveal(value).await?).map_err(|_| refused())?;
            headers.append(name.clone(), value);
        }
    }
    if !headers.is_empty() {
        request = request.headers(headers);
    }
    Ok(request)
}

/// The text of a secret; files are read at each use, so that they may change.
pub(super) async fn reveal(source: &SecretSource) -> Result<String, ScrapeError> {
    let path = match source {
        SecretSource::Inline(secret) => return Ok(secret.reveal().to_owned()),
        SecretSource::File(path) => path.clone(),
    };
    let reading = path.clone();
    let read = tokio::task::spawn_blocking(move || read_bounded(&reading, MAX_SECRET_FILE_BYTES)).await;
    match read.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(reason) => Err(ScrapeError::Secret { path, reason }),
    }
}

/// The format that the answer says it has, or the fallback.
fn protocol_of(job: &ScrapeConfig, headers: &HeaderMap) -> Result<ScrapeProtocol, ScrapeError> {
    let written = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let mut parts = written.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let version = parts.find_map(|part| part.strip_prefix("version=")).unwrap_or_default().trim_matches('"');
    let told = match media_type.as_str() {
        "application/openmetrics-text" if version == "0.0.1" => Some(ScrapeProtocol::OpenMetricsText0_0_1),
        "application/openmetrics-text" => Some(ScrapeProtocol::OpenMetricsText1_0_0),
        "text/plain" if version == "1.0.0" => Some(ScrapeProtocol::PrometheusText1_0_0),
        "text/plain" => Some(ScrapeProtocol::PrometheusText0_0_4),
        _ => None,
    };
    let missing = || match written {
        "" => ScrapeError::NoContentType,
        other => ScrapeError::ContentType(other.chars().take(100).collect()),
    };
    told.or(job.fallback_scrape_protocol).ok_or_else(missing)
}

/// The body, decompressed, of at most `limit` bytes; more is not read.
pub(super) async fn read_body(mut response: Response, limit: u64) -> Result<Bytes, ScrapeError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| ScrapeError::Request(chain(&error.without_url())))? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(ScrapeError::BodySize(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_asked_for_as_prometheus_3_does() {
        // What Prometheus 3 sends without native histograms.
        assert_eq!(
            accept(&ScrapeProtocol::DEFAULT, EscapingScheme::AllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
        );
        assert_eq!(
            accept(&[ScrapeProtocol::PrometheusText0_0_4], EscapingScheme::Underscores),
            "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
        );
    }
}
