//! Tokens of OAuth 2 for a client's own credentials (RFC 6749, section 4.4): asked for when they are needed, kept until
//! they expire.

use super::client::{TargetClient, chain, token_client};
use super::fetch::{read_body, reveal};
use super::limits::{MAX_TOKEN_ANSWER_BYTES, MAX_TOKEN_SECONDS, TOKEN_MARGIN, TOKEN_RETRY_PAUSE, TOKEN_TIMEOUT};
use crate::outbound::Outbound;
use clew_config::prometheus::OAuth2Config;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST};
use reqwest::{StatusCode, Url};
use serde::{Deserialize, Deserializer};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The tokens that the targets of jobs which connect alike need, one for each configuration; one that nobody answers
/// for keeps nobody from the others.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// As many as there are configurations.
    kept: Mutex<Vec<Arc<Token>>>,
    outbound: Arc<Outbound>,
}

/// The token of one configuration.
struct Token {
    config: OAuth2Config,
    outbound: Arc<Outbound>,
    state: Mutex<State>,
}

enum State {
    Unknown,
    /// It is asked for, once for all that wait.
    Asking(Asked),
    Known {
        header: String,
        /// `None`: it does not expire.
        until: Option<Instant>,
    },
    /// It could not be had, and is not asked for until then.
    Failed {
        error: String,
        until: Instant,
    },
}

type Asked = Shared<BoxFuture<'static, Result<String, String>>>;

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("<token>")
    }
}

/// What a server answers.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<Seconds>,
}

/// A time in seconds; some servers write it as text.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(#[serde(deserialize_with = "number_in_text")] f64),
}

fn number_in_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let seconds = text.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite());
    seconds.ok_or_else(|| serde::de::Error::custom("no number of seconds"))
}

impl Tokens {
    /// Tokens of servers in these networks.
    pub(super) fn confined(outbound: Arc<Outbound>) -> Self {
        Self { outbound, ..Self::default() }
    }

    /// The `Authorization` header of a configuration.
    pub(super) async fn header(&self, config: &OAuth2Config) -> Result<String, String> {
        let token = self.of(config);
        token.header().await
    }

    fn of(&self, config: &OAuth2Config) -> Arc<Token> {
        let mut kept = self.kept.lock();
        if let Some(token) = kept.iter().find(|token| token.config == *config) {
            return token.clone();
        }
        let token = Arc::new(Token {
            config: config.clone(),
            outbound: Arc::clone(&self.outbound),
            state: Mutex::new(State::Unknown),
        });
        kept.push(token.clone());
        token
    }
}

impl Token {
    async fn header(self: Arc<Self>) -> Result<String, String> {
        let asked = {
            let mut state = self.state.lock();
            match &*state {
                State::Known { header, until } if until.is_none_or(|until| Instant::now() < until) => {
                    return Ok(header.clone());
                }
                State::Failed { error, until } if Instant::now() < *until => return Err(error.clone()),
                State::Asking(asked) if asked.peek().is_none() => asked.clone(),
                _ => {
                    let asked = self.clone().ask();
                    *state = State::Asking(asked.clone());
                    asked
                }
            }
        };
        asked.await
    }

    /// Asks in a task of its own: a scrape that ends before the answer does not end the question.
    fn ask(self: Arc<Self>) -> Asked {
        let task = tokio::spawn(async move {
            let asked = tokio::time::timeout(TOKEN_TIMEOUT, ask(&self.config, &self.outbound)).await;
            let answer = asked.unwrap_or_else(|_| Err("no complete answer in time".to_owned()));
            let result = answer.map(Answer::into_header);
            *self.state.lock() = match result.clone() {
                Ok((header, until)) => State::Known { header, until },
                Err(error) => State::Failed { error, until: Instant::now() + TOKEN_RETRY_PAUSE },
            };
            result.map(|(header, _)| header)
        });
        let flattened = async { task.await.unwrap_or_else(|error| Err(error.to_string())) };
        flattened.boxed().shared()
    }
}

impl Answer {
    /// The `Authorization` header, and until when it may be used.
    fn into_header(self) -> (String, Option<Instant>) {
        let scheme = self.token_type.unwrap_or_default();
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "" | "bearer" => "Bearer",
            _ => scheme.as_str(),
        };
        let lifetime = self.expires_in.map(|(Seconds::Number(seconds) | Seconds::Text(seconds))| seconds);
        // As Go's client has it: 0 says nothing, and what has ended is used once.
        let lifetime = lifetime.filter(|seconds| *seconds != 0.0).map(|seconds| seconds.clamp(0.0, MAX_TOKEN_SECONDS));
        let until =
            lifetime.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds).saturating_sub(TOKEN_MARGIN));
        (format!("{scheme} {}", self.access_token), until)
    }
}

/// Asks with the credentials in the header, as the standard prefers, then in the body, as some servers want.
async fn ask(config: &OAuth2Config, outbound: &Arc<Outbound>) -> Result<Answer, String> {
    let (owned, outbound) = (config.clone(), Arc::clone(outbound));
    let client = tokio::task::spawn_blocking(move || token_client(&owned, &outbound))
        .await
        .map_err(|error| error.to_string())??;
    let secret = reveal(&config.client_secret).await.map_err(|error| error.to_string())?;
    match request(config, &client, &secret, true).await {
        Ok(answer) => Ok(answer),
        Err(first) => request(config, &client, &secret, false).await.map_err(|_| first),
    }
}

async fn request(
    config: &OAuth2Config,
    client: &TargetClient,
    secret: &str,
    in_header: bool,
) -> Result<Answer, String> {
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
        .client
        .post(client.url.clone())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(encoded(&form)?);
    if in_header {
        let escaped = |text: &str| encoded(&[(String::new(), text.to_owned())]).map(|text| text.replacen('=', "", 1));
        request = request.basic_auth(escaped(&config.client_id)?, Some(escaped(secret)?));
    }
    if let Some(host) = &client.host {
        request = request.header(HOST, host);
    }
    let response = request.send().await.map_err(|error| chain(&error.without_url()))?;
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
