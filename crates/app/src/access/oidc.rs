//! Logging in through a provider of identities: OpenID Connect's authorization code flow with PKCE
//! (<https://openid.net/specs/openid-connect-core-1_0.html>; RFC 7636).

use super::limits::{
    OIDC_ANSWER_BYTES, OIDC_METADATA_AGE, OIDC_PENDING, OIDC_PENDING_AGE, OIDC_PENDING_BY_ADDRESS, OIDC_TIMEOUT,
};
use crate::outbound::Outbound;
use crate::scrape::confined_client;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clew_model::{Scopes, TenantId, TenantSet};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use parking_lot::Mutex;
use reqwest::{Client, Url};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// The provider, and who of those whom it knows may do what.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OidcOptions {
    /// Its URL, under which `/.well-known/openid-configuration` stands.
    pub issuer: String,
    /// What it knows this server as.
    pub client_id: String,
    /// The secret that it gave this server, if any.
    pub client_secret: Option<String>,
    /// Where it sends people back to: this server's `/api/v1/session/oidc/callback`, as browsers reach it.
    pub redirect_url: String,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that holds the name.
    pub name_claim: String,
    /// The claim that holds the groups.
    pub groups_claim: String,
    /// What the members of a group may do.
    pub groups: Vec<(String, Scopes)>,
    /// The tenants that the members of a group may use.
    pub tenants: Vec<(String, TenantSet)>,
    /// The claim that names tenants beside those of the groups; none where it is empty.
    pub tenants_claim: String,
}

impl fmt::Debug for OidcOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, client_id, redirect_url, scopes, name_claim, groups_claim, groups, .. } = self;
        let shown = (issuer, client_id, redirect_url, scopes, name_claim, groups_claim, groups);
        write!(formatter, "{shown:?} {:?} {}", self.tenants, self.tenants_claim)
    }
}

/// Somebody whom the provider knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// What their groups may do.
    pub scopes: Scopes,
    /// The tenants that they may use.
    pub tenants: TenantSet,
}

/// Why nobody was logged in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The provider does not answer as it must.
    #[error("the provider of identities cannot be asked: {0}")]
    Provider(String),
    /// The login was not begun here, or too long ago.
    #[error("this login was not begun in this browser, or too long ago; begin it again")]
    Unknown,
    /// What the provider answers is not to be trusted.
    #[error("what the provider of identities answers cannot be trusted: {0}")]
    Untrusted(String),
    /// None of the groups is known here.
    #[error("{0} is in no group that may use this server (auth.oidc.groups)")]
    NoGroup(String),
    /// The claim names a tenant that no tenant can be.
    #[error(
        "the provider of identities says that {0} is of the tenant {1:?}, which is no name of a tenant here: letters, digits, _ \
         and -, at most 64 (auth.oidc.tenants_claim)"
    )]
    NoTenant(String, String),
}

/// A login that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Where the browser goes.
    pub url: String,
    /// What it must show when it comes back.
    pub state: String,
}

/// A login that is under way.
struct Pending {
    /// Who began it.
    address: Option<IpAddr>,
    verifier: PkceCodeVerifier,
    nonce: Nonce,
    since: Instant,
}

/// The way through the provider.
pub struct Oidc {
    options: OidcOptions,
    http: Http,
    pending: Mutex<HashMap<String, Pending>>,
    /// What the provider said of itself, and when.
    metadata: Mutex<Option<(CoreProviderMetadata, Instant)>>,
}

impl Oidc {
    /// A way through this provider, within these networks. Reads certificates, so it blocks.
    ///
    /// # Errors
    /// No client can be made.
    pub fn new(options: OidcOptions, outbound: Outbound) -> Result<Self, String> {
        let outbound = Arc::new(outbound);
        let http = Http { client: confined_client(&outbound)?, outbound };
        Ok(Self { options, http, pending: Mutex::default(), metadata: Mutex::default() })
    }

    /// Begins a login of somebody at this address.
    ///
    /// # Errors
    /// The provider cannot be asked.
    pub async fn begin(&self, address: Option<IpAddr>) -> Result<Begun, OidcError> {
        let metadata = self.recent_metadata().await?;
        let client = CoreClient::from_provider_metadata(metadata, self.client_id(), self.secret());
        let client = client.set_redirect_uri(self.redirect()?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let asked = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        let asked = self.options.scopes.iter().fold(asked, |asked, scope| asked.add_scope(Scope::new(scope.clone())));
        let (url, state, nonce) = asked.set_pkce_challenge(challenge).url();
        let state = state.secret().clone();
        let mut pending = self.pending.lock();
        pending.retain(|_, login| login.since.elapsed() < OIDC_PENDING_AGE);
        let own = pending.values().filter(|login| login.address == address).count();
        if own >= OIDC_PENDING_BY_ADDRESS || pending.len() >= OIDC_PENDING {
            // Whoever begins many ends none of others.
            let may_go = |login: &Pending| own < OIDC_PENDING_BY_ADDRESS || login.address == address;
            let oldest = pending.iter().filter(|(_, login)| may_go(login)).min_by_key(|(_, login)| login.since);
            let oldest = oldest.map(|(state, _)| state.clone());
            oldest.and_then(|oldest| pending.remove(&oldest));
        }
        pending.insert(state.clone(), Pending { address, verifier, nonce, since: Instant::now() });
        Ok(Begun { url: url.into(), state })
    }

    /// Ends a login that came back with a code: whose it is.
    ///
    /// # Errors
    /// A login that was not begun, an answer that is not to be trusted, nobody who may.
    pub async fn finish(&self, state: &str, code: String) -> Result<Person, OidcError> {
        let login = self.pending.lock().remove(state).ok_or(OidcError::Unknown)?;
        if login.since.elapsed() > OIDC_PENDING_AGE {
            return Err(OidcError::Unknown);
        }
        // Anew: the keys may have changed since.
        let client = CoreClient::from_provider_metadata(self.discover().await?, self.client_id(), self.secret());
        let client = client.set_redirect_uri(self.redirect()?);
        let provider = |error: &dyn std::error::Error| OidcError::Provider(chain(error));
        let asked = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| provider(&error))?;
        let answer = asked.set_pkce_verifier(login.verifier).request_async(&self.http).await;
        let answer = answer.map_err(|error| provider(&error))?;
        let untrusted = |error: String| OidcError::Untrusted(error);
        let token = answer.id_token().ok_or_else(|| untrusted("there is no ID token in it".to_owned()))?;
        token.claims(&client.id_token_verifier(), &login.nonce).map_err(|error| untrusted(chain(&error)))?;
        // The signature is of these bytes; the claims that the library does not know stand in them.
        let claims = payload(&token.to_string()).ok_or_else(|| untrusted("its claims cannot be read".to_owned()))?;
        self.person(&claims)
    }

    fn person(&self, claims: &Value) -> Result<Person, OidcError> {
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str).filter(|text| !text.is_empty());
        let name = text(&self.options.name_claim).or_else(|| text("email")).or_else(|| text("sub"));
        let name: String = name.unwrap_or("?").chars().filter(|c| !c.is_control()).take(100).collect();
        let groups = listed(claims, &self.options.groups_claim);
        let known = self.options.groups.iter().filter(|(group, _)| groups.contains(&group.as_str()));
        let scopes = known.fold(Scopes::NONE, |all, (_, scopes)| all | *scopes);
        if scopes == Scopes::NONE {
            return Err(OidcError::NoGroup(name));
        }
        let tenants = self.tenants(claims, &groups);
        let tenants =
            tenants.map_err(|claimed| OidcError::NoTenant(name.clone(), claimed.chars().take(100).collect()))?;
        Ok(Person { name, scopes, tenants })
    }

    /// The tenants of the groups, and those that the claim names; all of them only where a group may use all.
    ///
    /// # Errors
    /// The first that the claim names, where it names none that can be.
    fn tenants<'c>(&self, claims: &'c Value, groups: &[&str]) -> Result<TenantSet, &'c str> {
        let of_groups = self.options.tenants.iter().filter(|(group, _)| groups.contains(&group.as_str()));
        let sets: Vec<&TenantSet> = of_groups.map(|(_, tenants)| tenants).collect();
        if sets.iter().any(|tenants| tenants.is_any()) {
            return Ok(TenantSet::Any);
        }
        let claimed = listed(claims, &self.options.tenants_claim);
        let usable = claimed.iter().copied().filter_map(TenantId::new);
        let mut all = sets.iter().flat_map(|tenants| tenants.names()).cloned().chain(usable).peekable();
        match claimed.first() {
            // Without a tenant they would be of `default`, of which nobody has said that they are.
            Some(first) if all.peek().is_none() => Err(first),
            _ => Ok(TenantSet::of(all)),
        }
    }

    /// What the provider said a while ago at most: anybody may begin a login, and it is not asked anew for each.
    async fn recent_metadata(&self) -> Result<CoreProviderMetadata, OidcError> {
        let known = self.metadata.lock().clone().filter(|(_, since)| since.elapsed() < OIDC_METADATA_AGE);
        if let Some((metadata, _)) = known {
            return Ok(metadata);
        }
        let metadata = self.discover().await?;
        *self.metadata.lock() = Some((metadata.clone(), Instant::now()));
        Ok(metadata)
    }

    async fn discover(&self) -> Result<CoreProviderMetadata, OidcError> {
        let fault = |error: &dyn std::error::Error| OidcError::Provider(chain(error));
        let issuer = IssuerUrl::new(self.options.issuer.clone()).map_err(|error| fault(&error))?;
        CoreProviderMetadata::discover_async(issuer, &self.http).await.map_err(|error| fault(&error))
    }

    fn client_id(&self) -> ClientId {
        ClientId::new(self.options.client_id.clone())
    }

    fn secret(&self) -> Option<ClientSecret> {
        self.options.client_secret.clone().map(ClientSecret::new)
    }

    fn redirect(&self) -> Result<RedirectUrl, OidcError> {
        RedirectUrl::new(self.options.redirect_url.clone()).map_err(|error| OidcError::Provider(error.to_string()))
    }
}

/// How a provider is asked.
#[derive(Debug, Clone)]
struct Http {
    client: Client,
    outbound: Arc<Outbound>,
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = BoxFuture<'static, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        self.clone().send(request).boxed()
    }
}

impl Http {
    /// One request, without redirects, within a time and a size.
    async fn send(self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let asked = self.ask(request);
        tokio::time::timeout(OIDC_TIMEOUT, asked).await.map_err(|_| HttpError("no answer in time".to_owned()))?
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let fault = |error: &dyn std::error::Error| HttpError(chain(error));
        let (head, body) = request.into_parts();
        let url = Url::parse(&head.uri.to_string()).map_err(|error| fault(&error))?;
        self.outbound.check_host(url.host_str()).map_err(|error| fault(&error))?;
        let asked = self.client.request(head.method, url).headers(head.headers).body(body);
        let mut answer = asked.send().await.map_err(|error| fault(&error.without_url()))?;
        let mut response = http::Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.extend(answer.headers().clone());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| fault(&error.without_url()))? {
            if body.len().saturating_add(chunk.len()) > OIDC_ANSWER_BYTES {
                return Err(HttpError(format!("the answer is larger than {OIDC_ANSWER_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        response.body(body).map_err(|error| fault(&error))
    }
}

/// Why a provider was not reached.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct HttpError(String);

/// The texts of a claim: a list, or one alone.
fn listed<'c>(claims: &'c Value, claim: &str) -> Vec<&'c str> {
    match claims.get(claim) {
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => vec![text],
        _ => Vec::new(),
    }
}

/// The claims of a signed token (RFC 7519): the part between its dots.
fn payload(token: &str) -> Option<Value> {
    let part = token.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
