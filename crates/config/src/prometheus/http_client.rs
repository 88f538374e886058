//! How targets are reached: authentication, headers, TLS, redirects.

use super::secret::Secret;
use crate::shape::{OAUTH2, exclude};
use crate::yaml::{Fields, Value};
use std::path::PathBuf;

/// A secret written in the configuration, or kept in a file that is read at each use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// Written.
    Inline(Secret),
    /// In this file; white space around it does not count.
    File(PathBuf),
}

/// What is sent in the `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// User name and password.
    Basic {
        /// User name, not a secret but possibly in a file.
        username: SecretSource,
        /// Password.
        password: SecretSource,
    },
    /// A scheme and credentials, such as a bearer token.
    Scheme {
        /// The scheme, `Bearer` by default.
        scheme: String,
        /// What follows it.
        credentials: SecretSource,
    },
    /// A token that another server gives for credentials.
    OAuth2(Box<OAuth2Config>),
    /// A way that is not built, by its key; nothing can be asked.
    NotBuilt(&'static str),
}

/// Where tokens of OAuth 2 come from, for the client's own credentials (RFC 6749, section 4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth2Config {
    /// Who asks.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretSource,
    /// What the token is to be good for.
    pub scopes: Vec<String>,
    /// Where it is asked for.
    pub token_url: String,
    /// Further parameters of the request.
    pub endpoint_params: Vec<(String, String)>,
    /// TLS of that server.
    pub tls: TlsConfig,
    /// By whom the request is passed on.
    pub proxy: ProxyConfig,
}

/// By whom requests are passed on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProxyConfig {
    /// By nobody.
    #[default]
    None,
    /// By the proxies that the environment names (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`).
    Environment,
    /// By this one.
    Fixed {
        /// Its URL, which may hold a password.
        url: Secret,
        /// Hosts that are reached directly, separated by commas.
        no_proxy: String,
        /// Headers sent to the proxy itself.
        connect_headers: Vec<ExtraHeader>,
    },
}

/// A header that is added to each request, one line for each value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraHeader {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<SecretSource>,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// How a TLS connection is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// Certificates that are trusted instead of the system's (PEM).
    pub ca: Option<SecretSource>,
    /// Certificate shown to the server (PEM).
    pub cert: Option<SecretSource>,
    /// Its key (PEM).
    pub key: Option<SecretSource>,
    /// The name that the server's certificate must have, instead of the address's host.
    pub server_name: Option<String>,
    /// Whether any certificate is accepted.
    pub insecure_skip_verify: bool,
    /// Lowest version.
    pub min_version: Option<TlsVersion>,
    /// Highest version.
    pub max_version: Option<TlsVersion>,
}

/// How the targets of a job are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpClientConfig {
    /// What is sent in the `Authorization` header.
    pub authentication: Option<Authentication>,
    /// Headers added to each request.
    pub headers: Vec<ExtraHeader>,
    /// TLS settings.
    pub tls: TlsConfig,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// By whom requests are passed on.
    pub proxy: ProxyConfig,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            authentication: None,
            headers: Vec::new(),
            tls: TlsConfig::default(),
            follow_redirects: true,
            proxy: ProxyConfig::None,
        }
    }
}

/// Headers that the client sets itself (prometheus/common, `config/headers.go`), in lowercase.
const RESERVED_HEADERS: [&str; 18] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
];

/// Whether a header is set by the client itself.
pub(super) fn is_reserved_header(name: &str) -> bool {
    RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str())
}

/// Reads the client's keys, which stand beside those of the job.
pub(super) fn read_http_client(fields: &mut Fields<'_>) -> HttpClientConfig {
    // Both versions of HTTP bring the same samples, and this client speaks HTTP/1.1.
    let _ = fields.get("enable_http2").and_then(|value| value.bool());
    let (tls, proxy) = read_connection(fields);
    HttpClientConfig {
        authentication: read_authentication(fields),
        headers: fields.get("http_headers").map(|value| read_headers(&value)).unwrap_or_default(),
        tls,
        follow_redirects: fields.get("follow_redirects").and_then(|value| value.bool()).unwrap_or(true),
        proxy,
    }
}

/// Reads `tls_config` and the keys of a proxy.
fn read_connection(fields: &mut Fields<'_>) -> (TlsConfig, ProxyConfig) {
    let section = fields.get("tls_config");
    let tls = section.as_ref().map(read_tls).unwrap_or_default();
    let proxy = read_proxy(fields);
    let name = section.filter(|_| tls.server_name.is_some() && proxy != ProxyConfig::None);
    if let Some(value) = name.and_then(|section| section.fields().get_written("server_name")) {
        value.warn(
            "is not built for what a proxy passes on: that is not asked over HTTPS, and its status says so",
            "name hosts that are reached directly in no_proxy",
        );
    }
    (tls, proxy)
}

/// Reads the keys of a proxy, with the checks that Prometheus makes between them.
fn read_proxy(fields: &mut Fields<'_>) -> ProxyConfig {
    let url = fields.get_written("proxy_url");
    let no_proxy = fields.get_written("no_proxy");
    let connect_header = fields.get_written("proxy_connect_header");
    let environment = fields.get("proxy_from_environment").is_some_and(|value| value.bool() == Some(true));
    for value in [&url, &no_proxy].into_iter().flatten().filter(|_| environment) {
        value.fault("stands beside proxy_from_environment", "keep one of them");
    }
    if let (Some(value), None, false) = (&no_proxy, &url, environment) {
        value.fault("stands without proxy_url", "add proxy_url");
    }
    if let (Some(value), None, false) = (&connect_header, &url, environment) {
        value.fault("stands without proxy_url", "add proxy_url");
    }
    if environment {
        return ProxyConfig::Environment;
    }
    let Some(text) = url.and_then(|value| value.text()) else { return ProxyConfig::None };
    let mut connect_headers = Vec::new();
    for (name, values) in connect_header.map(|value| value.entries()).unwrap_or_default() {
        let texts = values.items();
        let inline = |value: &Value<'_>| value.text().map(|text| SecretSource::Inline(Secret::new(text)));
        connect_headers.push(ExtraHeader { name: name.to_owned(), values: texts.iter().filter_map(inline).collect() });
    }
    let no_proxy = no_proxy.and_then(|value| value.text()).unwrap_or_default().to_owned();
    ProxyConfig::Fixed { url: Secret::new(text), no_proxy, connect_headers }
}

fn read_authentication(fields: &mut Fields<'_>) -> Option<Authentication> {
    let basic = fields.get("basic_auth");
    let authorization = fields.get("authorization");
    let token = fields.get("bearer_token").filter(|value| value.text().is_some_and(|text| !text.is_empty()));
    let token_file = fields.get("bearer_token_file").filter(|value| value.text().is_some_and(|text| !text.is_empty()));
    let oauth2 = fields.get("oauth2");
    let written: Vec<&Value<'_>> =
        [&basic, &authorization, &oauth2, &token, &token_file].into_iter().flatten().collect();
    if let [_, second, ..] = written.as_slice() {
        second.fault(
            "a second way to authenticate",
            "keep one of basic_auth, authorization, oauth2, bearer_token and bearer_token_file",
        );
    }
    if let Some(value) = oauth2 {
        return Some(read_oauth2(fields, &value));
    }
    if let Some(value) = basic {
        return read_basic(&value);
    }
    if let Some(value) = authorization {
        return read_authorization(&value);
    }
    let bearer = |credentials| Authentication::Scheme { scheme: "Bearer".to_owned(), credentials };
    let inline = token.and_then(|value| value.text().map(|text| SecretSource::Inline(Secret::new(text))));
    inline.or_else(|| token_file.and_then(|value| secret_file(&value))).map(bearer)
}

/// Reads `oauth2`. Assertions signed by the client (`jwt-bearer`) are checked and not built: what needs them cannot be
/// asked, and says so.
fn read_oauth2(fields: &Fields<'_>, value: &Value<'_>) -> Authentication {
    OAUTH2.check(value);
    let mut inner = value.fields();
    let text = |value: Option<Value<'_>>| value.and_then(|value| value.text()).unwrap_or_default().to_owned();
    let grant = text(inner.get("grant_type"));
    if !matches!(grant.as_str(), "" | "client_credentials") {
        fields.warn_at(
            "oauth2",
            format!(
                "the grant type {grant:?} is not built, left out: what needs it is not asked, and its status says so"
            ),
            "use client_id and client_secret",
        );
        return Authentication::NotBuilt("oauth2");
    }
    let secret = read_secret(&mut inner, ["client_secret", "client_secret_file", "client_secret_ref"]);
    let scopes = inner.get("scopes").map(|value| value.items()).unwrap_or_default();
    let params = inner.get("endpoint_params").map(|value| value.entries()).unwrap_or_default();
    let (tls, proxy) = read_connection(&mut inner);
    Authentication::OAuth2(Box::new(OAuth2Config {
        client_id: text(inner.get("client_id")),
        client_secret: secret.unwrap_or_else(|| SecretSource::Inline(Secret::default())),
        scopes: scopes.iter().filter_map(Value::text).map(str::to_owned).collect(),
        token_url: text(inner.get("token_url")),
        endpoint_params: params
            .iter()
            .filter_map(|(name, value)| value.text().map(|text| ((*name).to_owned(), text.to_owned())))
            .collect(),
        tls,
        proxy,
    }))
}

fn read_basic(value: &Value<'_>) -> Option<Authentication> {
    let mut fields = value.fields();
    let username = read_secret(&mut fields, ["username", "username_file", "username_ref"]);
    let password = read_secret(&mut fields, ["password", "password_file", "password_ref"]);
    fields.finish();
    let empty = || SecretSource::Inline(Secret::default());
    let (username, password) = (username.unwrap_or_else(empty), password.unwrap_or_else(empty));
    Some(Authentication::Basic { username, password })
}

fn read_authorization(value: &Value<'_>) -> Option<Authentication> {
    let mut fields = value.fields();
    let scheme_value = fields.get("type");
    let scheme = scheme_value.as_ref().and_then(Value::text).map(str::trim).filter(|text| !text.is_empty());
    if let Some(value) = &scheme_value
        && scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
    {
        value.fault("the type cannot be \"basic\"", "use basic_auth with username and password");
    }
    let credentials = read_secret(&mut fields, ["credentials", "credentials_file", "credentials_ref"]);
    fields.finish();
    let credentials = credentials.unwrap_or_else(|| SecretSource::Inline(Secret::default()));
    Some(Authentication::Scheme { scheme: scheme.unwrap_or("Bearer").to_owned(), credentials })
}

/// A secret under one key, or in the file that the second names; references to a secret manager are not built.
fn read_secret(fields: &mut Fields<'_>, keys: [&'static str; 3]) -> Option<SecretSource> {
    exclude(fields, &keys);
    let [key, file_key, reference_key] = keys;
    fields.ignore(&[(reference_key, "is not built, left out: write the value, or a file that holds it")]);
    let inline = fields.get(key).and_then(|value| value.text()).filter(|text| !text.is_empty());
    let file = fields.get(file_key).filter(|value| value.text().is_some_and(|text| !text.is_empty()));
    inline.map(|text| SecretSource::Inline(Secret::new(text))).or_else(|| file.and_then(|value| secret_file(&value)))
}

/// A file that is read at each use.
fn secret_file(value: &Value<'_>) -> Option<SecretSource> {
    value.mentioned_file().map(SecretSource::File)
}

fn read_headers(value: &Value<'_>) -> Vec<ExtraHeader> {
    let mut headers = Vec::new();
    for (name, value) in value.entries() {
        if is_reserved_header(name) {
            value.fault(
                format!("the header {name:?} is set by the client itself"),
                "use basic_auth, authorization or another key for it",
            );
        } else if !is_header_name(name) {
            value.fault(format!("{name:?} is not a header name"), "write a name such as X-Scope-OrgID");
        }
        let mut fields = value.fields();
        let mut values = Vec::new();
        for key in ["values", "secrets"] {
            let texts = fields.get(key).map(|value| value.items()).unwrap_or_default();
            values.extend(texts.iter().filter_map(Value::text).map(|text| SecretSource::Inline(Secret::new(text))));
        }
        let files = fields.get("files").map(|value| value.items()).unwrap_or_default();
        values.extend(files.iter().filter_map(secret_file));
        fields.finish();
        headers.push(ExtraHeader { name: name.to_owned(), values });
    }
    headers
}

/// Whether a text is a token of RFC 9110, section 5.6.2.
fn is_header_name(name: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token_byte)
}

fn read_tls(value: &Value<'_>) -> TlsConfig {
    let mut fields = value.fields();
    let tls = TlsConfig {
        ca: read_secret(&mut fields, ["ca", "ca_file", "ca_ref"]),
        cert: read_secret(&mut fields, ["cert", "cert_file", "cert_ref"]),
        key: read_secret(&mut fields, ["key", "key_file", "key_ref"]),
        server_name: fields.get("server_name").and_then(|value| read_server_name(&value)),
        insecure_skip_verify: fields.get("insecure_skip_verify").and_then(|value| value.bool()).unwrap_or(false),
        min_version: fields.get("min_version").and_then(|value| read_version(&value)),
        max_version: fields.get("max_version").and_then(|value| read_version(&value)),
    };
    if tls.cert.is_some() != tls.key.is_some() {
        fields.owner().fault("a client certificate needs both cert and key", "add cert_file or key_file");
    }
    fields.finish();
    tls
}

fn read_server_name(value: &Value<'_>) -> Option<String> {
    let text = value.text().filter(|text| !text.is_empty())?;
    if text.parse::<std::net::IpAddr>().is_ok() || text.contains(['/', ':', '@', ' ']) {
        value.warn(
            format!("{text:?} is not a host name, left out: the certificate must be that of the address"),
            "write a name from the server's certificate",
        );
        return None;
    }
    Some(text.to_owned())
}

fn read_version(value: &Value<'_>) -> Option<TlsVersion> {
    let versions =
        [("TLS12", Some(TlsVersion::Tls12)), ("TLS13", Some(TlsVersion::Tls13)), ("TLS10", None), ("TLS11", None)];
    let version = value.choice(&versions)?;
    if version.is_none() {
        let text = value.text().unwrap_or_default();
        value.warn(format!("{text} is not built, left out: it is broken, and TLS12 is the lowest that is spoken"), "");
    }
    version
}
