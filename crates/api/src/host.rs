//! By which names the server is asked. A page can let its own name point at any address (DNS rebinding) and is of the same
//! origin then, so that no browser stops it; but the name stands in its requests. A name that is not the server's is
//! refused, whoever asks.

use crate::error::ApiError;
use crate::listen::LiveTls;
use crate::shape::Port;
use crate::state::ApiState;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use clew_model::ErrorKind;
use std::net::IpAddr;
use std::sync::Arc;

/// The names of the server, beside those that nobody else can have.
#[derive(Debug, Clone, Default)]
pub struct HostNames {
    /// In small letters; `*.example.com` stands for all below it.
    pub listed: Vec<String>,
    /// The certificate, whose names count too.
    pub tls: Option<Arc<LiveTls>>,
}

impl HostNames {
    /// Whether the server is meant by a name: an address, which no page can make its own; a name that only a machine or its
    /// network gives (`localhost`, one without a dot); one that is listed or certified.
    #[must_use]
    pub(crate) fn include(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
        if address.parse::<IpAddr>().is_ok() {
            return true;
        }
        let is_private = !host.is_empty() && !host.contains('.') || host.ends_with(".localhost");
        is_private
            || self.listed.iter().any(|listed| matches(listed, &host))
            || self.tls.as_ref().is_some_and(|tls| tls.is_for(&host))
    }
}

fn matches(listed: &str, host: &str) -> bool {
    match listed.strip_prefix("*.") {
        Some(above) => {
            host.strip_suffix(above).and_then(|below| below.strip_suffix('.')).is_some_and(|it| !it.is_empty())
        }
        None => listed == host,
    }
}

/// Refuses what asks for another host. Programs that name none are no browsers.
pub(crate) async fn guard(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let unknown = {
        let lines = request.headers().get_all(header::HOST).iter().map(HeaderValue::to_str);
        let written = lines.map(|line| line.unwrap_or("?")).chain(request.uri().authority().map(Authority::as_str));
        written.into_iter().find(|written| !is_ours(written, &state.options.hosts)).map(str::to_owned)
    };
    match unknown {
        None => next.run(request).await,
        Some(host) => {
            let shown: String = host.chars().take(100).collect();
            let message = format!("this server is not known as {shown:?}");
            let hint = "if that is its name, list it in server.hosts";
            let error = ApiError { hint: Some(hint.to_owned()), ..ApiError::new(ErrorKind::PermissionDenied, message) };
            Port::of(&request).refuse(&request, error)
        }
    }
}

/// Whether a `Host` names the server, with a port or without.
fn is_ours(written: &str, names: &HostNames) -> bool {
    match written.parse::<Authority>() {
        Ok(authority) => !written.contains('@') && names.include(authority.host()),
        // HTTP/1.1 has it empty where there is none (RFC 9112, 3.2).
        Err(_) => written.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_server_are_taken() {
        let names =
            HostNames { listed: vec!["clew.example.com".to_owned(), "*.svc.cluster.local".to_owned()], tls: None };
        for (host, ours) in [
            ("localhost", true),
            ("LocalHost:4300", true),
            ("localhost.:4300", true),
            ("a.localhost:4300", true),
            ("127.0.0.1:4300", true),
            ("192.0.2.7", true),
            ("[::1]:4300", true),
            ("[2001:db8::1]", true),
            ("clew:4317", true),
            ("clew.example.com", true),
            ("CLEW.example.com.:443", true),
            ("clew.monitoring.svc.cluster.local:4317", true),
            ("", true),
            ("evil.example", false),
            ("evil.example:4300", false),
            ("localhost.evil.example", false),
            ("notlocalhost.example", false),
            ("127.0.0.1.evil.example", false),
            ("127.0.0.1.nip.io", false),
            ("x.clew.example.com", false),
            ("clew.example.com.evil.example", false),
            ("svc.cluster.local", false),
            (".svc.cluster.local", false),
            ("localhost@evil.example", false),
            ("evil.example@localhost", false),
            ("evil.example, localhost", false),
            ("evil.example#localhost", false),
            ("?", false),
        ] {
            assert_eq!(is_ours(host, &names), ours, "{host}");
        }
    }
}
