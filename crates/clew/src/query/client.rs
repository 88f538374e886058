//! Asking a running server over HTTP.

use super::args::{CommonArgs, DEFAULT_SERVER, SERVER_VARIABLE, TENANT_VARIABLE};
use super::credentials;
use super::error::{QueryError, Refusal};
use crate::limits::{QUERY_CONNECT_TIMEOUT, QUERY_SILENCE, QUERY_TIMEOUT};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use std::time::Duration;

/// The header that names a tenant.
const ORG_ID: HeaderName = HeaderName::from_static("x-scope-orgid");

/// A server that can be asked.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    base: Url,
    client: Client,
}

/// The parameters of a request; those without a value are left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(&'static str, String)>);

impl Params {
    /// Adds a parameter.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// Adds a parameter if it has a value.
    pub(crate) fn maybe(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl Server {
    /// The server that the options or the environment name.
    ///
    /// # Errors
    /// An address that is none.
    pub(crate) fn of(common: &CommonArgs) -> Result<Self, QueryError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let text = common.server.clone().or_else(|| variable(SERVER_VARIABLE));
        let mut base = parse_base(&text.unwrap_or_else(|| DEFAULT_SERVER.to_owned()))?;
        let authorization = credentials::of(common, &mut base, variable)?;
        let tenant = common.tenant.clone().or_else(|| variable(TENANT_VARIABLE)).map(HeaderValue::try_from).transpose();
        let tenant =
            tenant.map_err(|_| QueryError::Usage("the tenant holds characters that no name has".to_owned()))?;
        let headers = [(AUTHORIZATION, authorization), (ORG_ID, tenant)];
        let client = client(&base, headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect());
        let client = client.map_err(|error| QueryError::Usage(format!("cannot make a client: {error}")))?;
        Ok(Self { base, client })
    }

    /// The server at this address, else the one that the environment names, else the default.
    ///
    /// # Errors
    /// An address that is none.
    pub(super) fn at(address: Option<&str>) -> Result<Self, QueryError> {
        Self::of(&CommonArgs { server: address.map(str::to_owned), ..CommonArgs::default() })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> &str {
        self.base.as_str()
    }

    /// What a path answers; `query` is what an error points into.
    ///
    /// # Errors
    /// Nobody answers, or the server refuses.
    pub(crate) async fn get(&self, path: &[&str], params: &Params, query: &str) -> Result<String, QueryError> {
        let request = self.client.get(self.url(path, params)?).timeout(QUERY_TIMEOUT);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let response = accepted(response, query).await?;
        response.text().await.map_err(|error| self.unreachable(&error))
    }

    /// What a path answers to a JSON body, within a time.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub(crate) async fn post(&self, path: &[&str], body: String, time: Duration) -> Result<String, QueryError> {
        let request = self.client.post(self.url(path, &Params::default())?).timeout(time);
        let response = request.header(CONTENT_TYPE, "application/json").body(body).send().await;
        let response = accepted(response.map_err(|error| self.unreachable(&error))?, "").await?;
        response.text().await.map_err(|error| self.unreachable(&error))
    }

    /// A stream of server-sent events; only its beginning has a deadline.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub(super) async fn stream(
        &self,
        path: &[&str],
        params: &Params,
        last_event: Option<&str>,
        query: &str,
    ) -> Result<Response, QueryError> {
        let mut request = self.client.get(self.url(path, params)?).header("accept", "text/event-stream");
        if let Some(id) = last_event {
            request = request.header("last-event-id", id);
        }
        let response = self.within(QUERY_TIMEOUT, request.send()).await?;
        accepted(response, query).await
    }

    /// The next bytes of a stream; `None` at its end.
    ///
    /// # Errors
    /// The connection is lost, or nothing came for so long that it must be.
    pub(super) async fn next_chunk(
        &self,
        stream: &mut Response,
    ) -> Result<Option<impl AsRef<[u8]> + use<>>, QueryError> {
        self.within(QUERY_SILENCE, stream.chunk()).await
    }

    /// What comes within a time. A peer that died without a word (a lost network, a machine switched off) never answers.
    async fn within<T>(
        &self,
        time: Duration,
        answer: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, QueryError> {
        let silent = |_| QueryError::Unreachable {
            server: self.base.to_string(),
            reason: format!("it has been silent for {} s", time.as_secs()),
        };
        tokio::time::timeout(time, answer).await.map_err(silent)?.map_err(|error| self.unreachable(&error))
    }

    fn url(&self, path: &[&str], params: &Params) -> Result<Url, QueryError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| QueryError::Usage(format!("{} is no address of a server", self.base)))?
            .pop_if_empty()
            .extend(path);
        if !params.0.is_empty() {
            url.query_pairs_mut().extend_pairs(&params.0);
        }
        Ok(url)
    }

    /// A failure on the way, with its innermost cause, which says most.
    pub(super) fn unreachable(&self, error: &reqwest::Error) -> QueryError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let reason = if error.is_timeout() { format!("timed out ({cause})") } else { cause.to_string() };
        QueryError::Unreachable { server: self.base.to_string(), reason }
    }
}

async fn accepted(response: Response, query: &str) -> Result<Response, QueryError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    Err(QueryError::Refused(Refusal::read(status.as_u16(), &body, query)))
}

fn parse_base(text: &str) -> Result<Url, QueryError> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let fault = |reason: &str| {
        // It may hold a password.
        let shown = text.rsplit_once('@').map_or(text, |(_, host)| host);
        QueryError::Usage(format!("{shown:?} is no address of a server: {reason}; write it as {DEFAULT_SERVER}"))
    };
    let url = Url::parse(&with_scheme).map_err(|error| fault(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(fault("only http and https are spoken"));
    }
    Ok(url)
}

fn client(base: &Url, headers: HeaderMap) -> reqwest::Result<Client> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Only a second caller fails, and then one is installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let builder = Client::builder().connect_timeout(QUERY_CONNECT_TIMEOUT).gzip(true).default_headers(headers);
    let is_local = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let builder = if is_local { builder.no_proxy() } else { builder };
    // The system's certificates take some milliseconds to read, and a small container has none.
    let builder = if base.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base: &str, path: &[&str], params: Params) -> String {
        Server::at(Some(base)).unwrap().url(path, &params).unwrap().to_string()
    }

    #[test]
    fn addresses_are_taken_with_and_without_scheme_and_below_a_path() {
        assert_eq!(url("localhost:4300", &["api", "v1"], Params::default()), "http://localhost:4300/api/v1");
        assert_eq!(url("https://clew.example/obs/", &["api"], Params::default()), "https://clew.example/obs/api");
        for bad in ["ftp://x", "http://", "http://a b"] {
            assert!(matches!(Server::at(Some(bad)), Err(QueryError::Usage(_))), "{bad}");
        }
    }

    #[test]
    fn a_peer_that_falls_silent_is_gone() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let server = Server::at(Some("h")).unwrap();
        let silence = server.within(Duration::from_millis(10), std::future::pending::<reqwest::Result<()>>());
        let error = runtime.block_on(silence).unwrap_err();
        assert!(matches!(error, QueryError::Unreachable { reason, .. } if reason.contains("silent")));
        let word = server.within(Duration::from_secs(60), std::future::ready(Ok(7)));
        assert!(matches!(runtime.block_on(word), Ok(7)));
    }

    #[test]
    fn ids_and_queries_are_escaped() {
        let params = Params::default().with("query", "a:\"b c\"&d").maybe("start", None::<String>);
        assert_eq!(
            url("http://h", &["correlate", "task:1/2?"], params),
            "http://h/correlate/task:1%2F2%3F?query=a%3A%22b+c%22%26d"
        );
    }
}
