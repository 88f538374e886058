//! HTTP clients: one for all jobs that connect in the same way.

use super::limits::{MAX_REDIRECTS, MAX_SECRET_FILE_BYTES};
use super::token::Tokens;
use crate::outbound::Outbound;
use clew_config::prometheus::{
    HttpClientConfig, OAuth2Config, ProxyConfig, ScrapeConfig, SecretSource, TlsConfig, TlsVersion,
};
use clew_config::yaml::decode_text;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Url};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// How a job connects; equal ones share a client.
#[derive(Debug, Clone, PartialEq)]
struct Connection {
    tls: TlsConfig,
    follow_redirects: bool,
    compression: bool,
    proxy: ProxyConfig,
}

impl Connection {
    fn of(http: &HttpClientConfig, compression: bool) -> Self {
        let HttpClientConfig { tls, follow_redirects, proxy, .. } = http.clone();
        Self { tls, follow_redirects, compression, proxy }
    }
}

/// The clients of a job.
#[derive(Debug)]
pub(super) struct JobClients {
    /// For its targets.
    pub(super) targets: Arc<JobClient>,
    /// For the servers that list targets, in the order of the configuration.
    pub(super) lists: Vec<Arc<JobClient>>,
}

/// A way to connect, and its client or why there is none.
#[derive(Debug)]
pub(super) struct JobClient {
    connection: Connection,
    outbound: Arc<Outbound>,
    client: Result<Client, String>,
    tokens: Arc<Tokens>,
}

/// A client for one target, with the URL and the `Host` header to use.
#[derive(Debug, Clone)]
pub(super) struct TargetClient {
    pub(super) client: Client,
    pub(super) url: Url,
    pub(super) host: Option<String>,
    pub(super) tokens: Arc<Tokens>,
}

/// Makes clients and remembers them, for one application of a configuration.
#[derive(Debug, Default)]
pub(super) struct Clients {
    made: Vec<Arc<JobClient>>,
    outbound: Arc<Outbound>,
}

impl Clients {
    /// None yet; those that are made reach these networks.
    pub(super) fn confined(outbound: Arc<Outbound>) -> Self {
        Self { made: Vec::new(), outbound }
    }

    /// Clients that cannot be used, and why.
    pub(super) fn none(job: &ScrapeConfig, reason: &str) -> JobClients {
        let none = |http: &HttpClientConfig| {
            let connection = Connection::of(http, true);
            let (outbound, client) = (Arc::default(), Err(reason.to_owned()));
            Arc::new(JobClient { connection, outbound, client, tokens: Arc::default() })
        };
        JobClients {
            targets: none(&job.http),
            lists: job.http_sd_configs.iter().map(|discovery| none(&discovery.http)).collect(),
        }
    }

    /// The clients of a job. Reads certificates, so it blocks.
    pub(super) fn of(&mut self, job: &ScrapeConfig) -> JobClients {
        JobClients {
            targets: self.one(&job.http, job.enable_compression),
            lists: job.http_sd_configs.iter().map(|discovery| self.one(&discovery.http, true)).collect(),
        }
    }

    fn one(&mut self, http: &HttpClientConfig, compression: bool) -> Arc<JobClient> {
        let connection = Connection::of(http, compression);
        if let Some(made) = self.made.iter().find(|made| made.connection == connection) {
            return made.clone();
        }
        let made = Arc::new(JobClient::new(connection, Arc::clone(&self.outbound)));
        self.made.push(made.clone());
        made
    }
}

impl JobClient {
    fn new(connection: Connection, outbound: Arc<Outbound>) -> Self {
        let client = build(&connection, &outbound, None);
        let tokens = Arc::new(Tokens::confined(Arc::clone(&outbound)));
        Self { connection, outbound, client, tokens }
    }

    /// The client for a target. With a `server_name` it is the target's own: the name takes the place of the host in
    /// the URL, so that SNI and verification use it, and resolves to the host's addresses.
    pub(super) fn for_target(&self, url: &Url) -> Result<TargetClient, String> {
        let client = self.client.clone()?;
        self.outbound.check_host(url.host_str()).map_err(|error| error.to_string())?;
        let Some(name) = self.connection.tls.server_name.as_deref().filter(|_| url.scheme() == "https") else {
            return Ok(TargetClient { client, url: url.clone(), host: None, tokens: self.tokens.clone() });
        };
        if name.parse::<std::net::IpAddr>().is_ok() {
            // It would be connected to, whatever the target is and whichever networks may be reached.
            return Err(format!(
                "a server_name that is an address, {name}, is not built; write the name in the certificate"
            ));
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        if passed_on(&self.connection.proxy, url)? {
            // The proxy would be told to connect to the name, wherever that is, and credentials would go there.
            return Err(format!(
                "tls_config.server_name is not built for what a proxy passes on, and {host} is reached through one; add \
                 it to no_proxy, or leave server_name out"
            ));
        }
        let shown = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let resolver = Renamed { name: name.to_owned(), host };
        // No proxy for the host means none for the name either.
        let connection = Connection { proxy: ProxyConfig::None, ..self.connection.clone() };
        let client = build(&connection, &self.outbound, Some(resolver))?;
        let mut url = url.clone();
        url.set_host(Some(name)).map_err(|error| format!("the server_name {name:?} is no host name: {error}"))?;
        Ok(TargetClient { client, url, host: Some(shown), tokens: self.tokens.clone() })
    }
}

/// Whether a proxy passes on what is asked of a URL, as the HTTP client itself decides.
fn passed_on(proxy: &ProxyConfig, url: &Url) -> Result<bool, String> {
    let matcher = match proxy {
        ProxyConfig::None => return Ok(false),
        ProxyConfig::Fixed { no_proxy, .. } if excepts_everything(no_proxy) => return Ok(false),
        ProxyConfig::Environment => Matcher::from_system(),
        // Which proxy does not matter here.
        ProxyConfig::Fixed { no_proxy, .. } => Matcher::builder().all("http://proxy").no(no_proxy.as_str()).build(),
    };
    let uri: http::Uri = url.as_str().parse().map_err(|error| format!("it is not a URL: {error}"))?;
    Ok(matcher.intercept(&uri).is_some())
}

/// The client that asks for tokens. Reads certificates, so it blocks.
pub(super) fn token_client(config: &OAuth2Config, outbound: &Arc<Outbound>) -> Result<TargetClient, String> {
    let (tls, proxy) = (config.tls.clone(), config.proxy.clone());
    let connection = Connection { tls, follow_redirects: true, compression: true, proxy };
    let url = Url::parse(&config.token_url).map_err(|error| format!("the token_url is not a URL: {error}"))?;
    JobClient::new(connection, Arc::clone(outbound)).for_target(&url)
}

/// A client that reaches these networks, follows no redirects and trusts the system's certificates. Reads them, so it
/// blocks.
pub(crate) fn confined_client(outbound: &Arc<Outbound>) -> Result<Client, String> {
    let (tls, proxy) = (TlsConfig::default(), ProxyConfig::Environment);
    build(&Connection { tls, follow_redirects: false, compression: true, proxy }, outbound, None)
}

/// A name that stands for another host.
#[derive(Debug, Clone)]
struct Renamed {
    name: String,
    host: String,
}

/// Resolves names to those of their addresses that may be reached, one name to the addresses of another.
#[derive(Debug)]
struct Resolver {
    renamed: Option<Renamed>,
    outbound: Arc<Outbound>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let renamed = self.renamed.as_ref().filter(|renamed| name.as_str().eq_ignore_ascii_case(&renamed.name));
        let wanted = renamed.map_or(name.as_str(), |renamed| renamed.host.as_str());
        // Port 0: the URL's takes its place.
        let wanted = (wanted.trim_start_matches('[').trim_end_matches(']').to_owned(), 0);
        let outbound = Arc::clone(&self.outbound);
        Box::pin(async move {
            let (mut reachable, mut forbidden) = (Vec::new(), None);
            for found in tokio::net::lookup_host(wanted).await? {
                match outbound.check(found.ip()) {
                    Ok(()) => reachable.push(found),
                    Err(error) => forbidden = Some(error),
                }
            }
            match forbidden {
                Some(error) if reachable.is_empty() => Err(error.into()),
                _ => Ok(Box::new(reachable.into_iter()) as Addrs),
            }
        })
    }
}

/// Follows redirects to where they may lead, a few.
fn redirects(outbound: &Arc<Outbound>) -> Policy {
    if outbound.is_open() {
        return Policy::limited(MAX_REDIRECTS);
    }
    let (outbound, limited) = (Arc::clone(outbound), Policy::limited(MAX_REDIRECTS));
    Policy::custom(move |attempt| match outbound.check_host(attempt.url().host_str()) {
        Ok(()) => limited.redirect(attempt),
        Err(error) => attempt.error(error),
    })
}

/// Whether no host is to be reached by the proxy: the HTTP client knows `*` for names, Go for addresses too.
fn excepts_everything(no_proxy: &str) -> bool {
    no_proxy.split(',').any(|entry| entry.trim() == "*")
}

fn build(connection: &Connection, outbound: &Arc<Outbound>, renamed: Option<Renamed>) -> Result<Client, String> {
    // rustls wants its cryptography chosen once a process; whoever was first has chosen.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let proxy = proxy(&connection.proxy, outbound)?;
    let is_renamed = renamed.is_some();
    let base = || {
        let builder = Client::builder().http1_only().gzip(connection.compression).referer(false);
        let builder = match (&connection.proxy, &proxy) {
            (ProxyConfig::Environment, _) => builder,
            (_, Some(proxy)) => builder.proxy(proxy.clone()),
            (_, None) => builder.no_proxy(),
        };
        let redirects = if connection.follow_redirects { redirects(outbound) } else { Policy::none() };
        let builder = builder.redirect(redirects).pool_max_idle_per_host(1);
        if is_renamed || !outbound.is_open() {
            let resolver = Resolver { renamed: renamed.clone(), outbound: Arc::clone(outbound) };
            builder.dns_resolver(Arc::new(resolver))
        } else {
            builder
        }
    };
    let tls = &connection.tls;
    if tls.ca.is_none() && !tls.insecure_skip_verify && tls.cert.is_none() && !is_renamed {
        // Without the system's certificates (an empty container) plain HTTP must still work.
        let secured = with_versions(base(), tls).build();
        return secured.or_else(|error| {
            tracing::warn!(error = %chain(&error), "the system's certificates cannot be used, https targets will fail");
            with_versions(base(), tls).tls_certs_only([]).build().map_err(|error| chain(&error))
        });
    }
    let builder = with_certificates(with_versions(base(), tls), tls)?;
    builder.build().map_err(|error| chain(&error))
}

/// The proxy that is written out.
fn proxy(config: &ProxyConfig, outbound: &Outbound) -> Result<Option<reqwest::Proxy>, String> {
    let ProxyConfig::Fixed { url, no_proxy, connect_headers } = config else { return Ok(None) };
    if excepts_everything(no_proxy) {
        return Ok(None);
    }
    let host = Url::parse(url.reveal()).ok().and_then(|url| url.host_str().map(str::to_owned));
    outbound.check_host(host.as_deref()).map_err(|error| format!("the proxy_url: {error}"))?;
    let made = reqwest::Proxy::all(url.reveal()).map_err(|error| format!("the proxy_url: {}", chain(&error)))?;
    let mut headers = HeaderMap::new();
    for header in connect_headers {
        let refused = |_| format!("the proxy_connect_header {:?} or its value cannot be sent", header.name);
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|error| refused(error.to_string()))?;
        for value in &header.values {
            let value = HeaderValue::from_str(&read_secret(value)?).map_err(|error| refused(error.to_string()))?;
            headers.append(name.clone(), value);
        }
    }
    let made = if headers.is_empty() { made } else { made.headers(headers) };
    Ok(Some(made.no_proxy(reqwest::NoProxy::from_string(no_proxy))))
}

fn with_versions(mut builder: ClientBuilder, tls: &TlsConfig) -> ClientBuilder {
    let version = |version| match version {
        TlsVersion::Tls12 => reqwest::tls::Version::TLS_1_2,
        TlsVersion::Tls13 => reqwest::tls::Version::TLS_1_3,
    };
    if let Some(lowest) = tls.min_version {
        builder = builder.tls_version_min(version(lowest));
    }
    if let Some(highest) = tls.max_version {
        builder = builder.tls_version_max(version(highest));
    }
    builder
}

fn with_certificates(mut builder: ClientBuilder, tls: &TlsConfig) -> Result<ClientBuilder, String> {
    if tls.insecure_skip_verify {
        builder = builder.tls_danger_accept_invalid_certs(true);
    } else if let Some(ca) = &tls.ca {
        let pem = read_secret(ca)?;
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| chain(&error))?;
        if certificates.is_empty() {
            return Err("the ca holds no certificate in PEM format".to_owned());
        }
        builder = builder.tls_certs_only(certificates);
    }
    if let (Some(cert), Some(key)) = (&tls.cert, &tls.key) {
        let pem = format!("{}\n{}", read_secret(cert)?, read_secret(key)?);
        let identity = reqwest::Identity::from_pem(pem.as_bytes()).map_err(|error| chain(&error))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn read_secret(source: &SecretSource) -> Result<String, String> {
    match source {
        SecretSource::Inline(secret) => Ok(secret.reveal().to_owned()),
        SecretSource::File(path) => read_bounded(path, MAX_SECRET_FILE_BYTES)
            .map_err(|reason| format!("{} cannot be read: {reason}", path.display())),
    }
}

/// The text of a file of at most `limit` bytes, in UTF-8 or UTF-16 (see [`decode_text`]).
pub(super) fn read_bounded(path: &Path, limit: u64) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if read as u64 > limit {
        return Err(format!("it is larger than {limit} bytes"));
    }
    decode_text(&bytes).map(|text| text.into_owned())
}

/// An error with its causes; reqwest's own text leaves them out.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_config::prometheus::{Authentication, parse};

    fn client(keys: &str) -> Arc<JobClient> {
        let text = format!("scrape_configs:\n  - job_name: j\n{keys}");
        Clients::default().of(&parse(Path::new("p.yml"), &text, &|_| None).unwrap().config.jobs[0]).targets
    }

    #[test]
    fn a_server_name_takes_the_place_of_the_host_for_https_only() {
        let named = client("    tls_config: {server_name: example.org, insecure_skip_verify: true}\n");
        let target = named.for_target(&Url::parse("https://10.0.0.1:8443/metrics").unwrap()).unwrap();
        assert_eq!(target.url.as_str(), "https://example.org:8443/metrics");
        assert_eq!(target.host.as_deref(), Some("10.0.0.1:8443"));
        let plain = named.for_target(&Url::parse("http://10.0.0.1:8080/metrics").unwrap()).unwrap();
        assert_eq!((plain.url.as_str(), plain.host), ("http://10.0.0.1:8080/metrics", None));
    }

    #[test]
    fn a_server_name_is_refused_where_a_proxy_passes_on() {
        let keys = |proxy: &str| format!("    tls_config: {{server_name: example.org}}\n{proxy}");
        let fixed = "    proxy_url: http://127.0.0.1:3128\n";
        let excepted = |no_proxy: &str| format!("{fixed}    no_proxy: '{no_proxy}'\n");
        for (proxy, url, passes) in [
            (fixed.to_owned(), "https://10.0.0.1:8443/", false),
            (fixed.to_owned(), "http://10.0.0.1:8080/", true),
            (excepted("10.0.0.0/8"), "https://10.0.0.1:8443/", true),
            (excepted("10.0.0.0/8"), "https://11.0.0.1:8443/", false),
            (excepted("example.org"), "https://10.0.0.1:8443/", false),
            (excepted("a.org, .inner.net"), "https://web.inner.net/", true),
            (excepted("*"), "https://10.0.0.1:8443/", true),
        ] {
            let found = client(&keys(&proxy)).for_target(&Url::parse(url).unwrap());
            assert_eq!(found.is_ok(), passes, "{proxy} {url}");
            if let Err(error) = found {
                assert!(error.contains("server_name is not built for what a proxy passes on"), "{error}");
            }
        }
    }

    #[test]
    fn a_server_name_counts_for_the_server_of_tokens_too() {
        let config = |keys: &str| {
            let text = format!(
                "scrape_configs: [{{job_name: j, oauth2: {{client_id: i, token_url: 'https://10.0.0.1:8443/t', {keys}}}}}]"
            );
            let job = parse(Path::new("p.yml"), &text, &|_| None).unwrap().config.jobs[0].clone();
            let Some(Authentication::OAuth2(config)) = &job.http.authentication else { panic!() };
            token_client(config, &Arc::default())
        };
        let named = config("tls_config: {server_name: example.org}").unwrap();
        assert_eq!((named.url.as_str(), named.host.as_deref()), ("https://example.org:8443/t", Some("10.0.0.1:8443")));
        let error = config("tls_config: {server_name: example.org}, proxy_url: 'http://p:1'").unwrap_err();
        assert!(error.contains("server_name is not built for what a proxy passes on"), "{error}");
    }

    #[test]
    fn certificates_that_cannot_be_used_are_explained() {
        for (keys, expected) in [
            ("    tls_config: {ca_file: no/such.pem}\n", "no/such.pem cannot be read"),
            ("    tls_config: {ca: rubbish}\n", "the ca holds no certificate in PEM format"),
        ] {
            let error = client(keys).for_target(&Url::parse("https://h/").unwrap()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn jobs_that_connect_alike_share_a_client() {
        let mut clients = Clients::default();
        let text =
            "scrape_configs: [{job_name: a}, {job_name: b, bearer_token: x}, {job_name: c, follow_redirects: false}]";
        let config = parse(Path::new("p.yml"), text, &|_| None).unwrap().config;
        let made: Vec<_> = config.jobs.iter().map(|job| clients.of(job).targets).collect();
        assert!(Arc::ptr_eq(&made[0], &made[1]) && !Arc::ptr_eq(&made[0], &made[2]));
    }
}
