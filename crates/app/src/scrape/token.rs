//! Tokens of OAuth 2 for a client's own credentials (RFC 6749, section 4.4): asked for when they are needed, kept until
//! they expire.

use super::client::{chain, token_client};
use super::fetch::{read_body, reveal};
use super::limits::{MAX_TOKEN_ANSWER_BYTES, TOKEN_MARGIN, TOKEN_TIMEOUT};
use clew_config::prometheus::OAuth2Config;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The tokens that the targets of jobs which connect alike need, one for each configuration.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Held while one is asked for, so that many targets ask once.
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    config: OAuth2Config,
    header: String,
    /// `None`: it does not expire.
    until: Option<Instant>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("<token>")
    }
}

/// What a server answers.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    expires_in: Option<f64>,
}

impl Tokens {
    /// The `Authorization` header of a configuration.
    pub(super) async fn header(&self, config: &OAuth2Config) -> Result<String, String> {
        let mut kept = self.kept.lock().await;
        kept.retain(|one| one.until.is_none_or(|until| Instant::now() < until));
        if let Some(one) = kept.iter().find(|one| one.config == *config) {
            return Ok(one.header.clone());
        }
        let asked = tokio::time::timeout(TOKEN_TIMEOUT, ask(config)).await;
        let answer = asked.unwrap_or_else(|_| Err("no complete answer in time".to_owned()))?;
        let scheme = match answer.token_type.to_ascii_lowercase().as_str() {
            "" | "bearer" => "Bearer".to_owned(),
            _ => answer.token_type,
        };
        let lifetime = answer.expires_in.filter(|seconds| *seconds > 0.0).map(|seconds| seconds.min(1.0e9));
        let until =
            lifetime.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds).saturating_sub(TOKEN_MARGIN));
        let header = format!("{scheme} {}", answer.access_token);
        kept.push(Kept { config: config.clone(), header: header.clone(), until });
        Ok(header)
    }
}

/// Asks with the credentials in the header, as the standard prefers, then in the body, as some servers want.
async fn ask(config: &OAuth2Config) -> Result<Answer, String> {
    let owned = config.clone();
    let client =
        tokio::task::spawn_blocking(move || token_client(&owned)).await.map_err(|error| error.to_string())??;
    let secret = reveal(&config.client_secret).await.map_err(|error| error.to_string())?;
    match request(config, &client, &secret, true).await {
        Ok(answer) => Ok(answer),
        Err(first) => request(config, &client, &secret, false).await.map_err(|_| first),
    }
}

async fn request(config: &OAuth2Config, client: &Client, secret: &str, in_header: bool) -> Result<Answer, String> {
    let mut form = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
    if !config.scopes.is_empty() {
        form.push(("scope".to_owned(), config.scopes.join(" ")));
    }
    form.extend(config.endpoint_params.iter().cloned());
    if !in_header {
        form.push(("client_id".to_owned(), config.client_id.clone()));
        form.push(("client_secret".to_owned(), secret.to_owned()));
    }
    let mut request = client
        .post(&config.token_url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(encoded(&form)?);
    if in_header {
        let escaped = |text: &str| encoded(&[(String::new(), text.to_owned())]).map(|text| text.replacen('=', "", 1));
        request = request.basic_auth(escaped(&config.client_id)?, Some(escaped(secret)?));
    }
    let response = request.send().await.map_err(|error| chain(&error))?;
    if response.status() != StatusCode::OK {
        return Err(format!("the token_url answered the HTTP status {}", response.status()));
    }
    let body = read_body(response, MAX_TOKEN_ANSWER_BYTES).await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&body).map_err(|_| "the token_url answered no token in JSON".to_owned())
}

/// Pairs as forms encode them.
fn encoded(pairs: &[(String, String)]) -> Result<String, String> {
    let mut url = Url::parse("http://form/").map_err(|error| error.to_string())?;
    url.query_pairs_mut().extend_pairs(pairs);
    Ok(url.query().unwrap_or_default().to_owned())
}
