//! What a start prints, and what `/` answers: where to open, where to send, what to ask.

use crate::listeners::{Sockets, shown};
use tokio::net::TcpSocket;

/// The addresses in force.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// `http` or `https`.
    scheme: &'static str,
    http: String,
    otlp_grpc: String,
    otlp_http: String,
    /// By the name of the replaced system.
    drop_in: Vec<(&'static str, String)>,
}

impl Addresses {
    /// The addresses of bound sockets, which begin with `scheme`.
    #[must_use]
    pub(crate) fn of(sockets: &Sockets<TcpSocket>, scheme: &'static str) -> Self {
        Self {
            scheme,
            http: shown(&sockets.http),
            otlp_grpc: shown(&sockets.otlp_grpc),
            otlp_http: shown(&sockets.otlp_http),
            drop_in: sockets.drop_in.iter().map(|(system, socket)| (system.name(), shown(socket))).collect(),
        }
    }

    /// The addresses as the status tells them.
    #[must_use]
    pub(crate) fn for_api(&self) -> clew_api::Addresses {
        let Self { http, otlp_grpc, otlp_http, .. } = self.clone();
        clew_api::Addresses { http, otlp_grpc, otlp_http }
    }

    /// The lines that a start prints.
    #[must_use]
    pub(crate) fn start_lines(&self, data_dir: &str) -> String {
        format!(
            "clew {version} is ready\n\
             \x20 open        {scheme}://{http}\n\
             \x20 OTLP/gRPC   {grpc}        OTEL_EXPORTER_OTLP_ENDPOINT={scheme}://{grpc}\n\
             \x20 OTLP/HTTP   {scheme}://{otlp}\n\
             \x20 JSON logs   POST {scheme}://{http}/api/v1/logs\n\
             \x20 Prometheus  {scheme}://{http}/prometheus\n\
             {drop_in}\
             \x20 data        {data_dir}\n",
            drop_in = self.drop_in_lines(),
            version = env!("CARGO_PKG_VERSION"),
            scheme = self.scheme,
            http = self.http,
            grpc = self.otlp_grpc,
            otlp = self.otlp_http,
        )
    }

    fn drop_in_lines(&self) -> String {
        let scheme = self.scheme;
        self.drop_in.iter().map(|(name, address)| format!("  drop-in     {name} at {scheme}://{address}\n")).collect()
    }

    /// The lines that a demo prints beside: what it is, and where there is something to see.
    #[must_use]
    pub(crate) fn demo_lines(&self, headline: Option<&(String, &'static str)>) -> String {
        let mut lines = "This is a demo: a made-up system of agents works here and fails now and then.\n".to_owned();
        if let Some((id, trouble)) = headline {
            let (scheme, http) = (self.scheme, &self.http);
            lines.push_str(&format!("\x20 try         {scheme}://{http}/id/{id}   ({trouble})\n"));
        }
        lines
    }

    /// The text that `/` answers.
    #[must_use]
    pub(crate) fn welcome(&self) -> String {
        format!(
            "Clew {version}: logs, metrics and traces in one program.\n\n\
             Send\n\
             \x20 OTLP/gRPC   OTEL_EXPORTER_OTLP_ENDPOINT={scheme}://{grpc}\n\
             \x20 OTLP/HTTP   OTEL_EXPORTER_OTLP_ENDPOINT={scheme}://{otlp} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\
             \x20 JSON logs   curl {scheme}://{http}/api/v1/logs -d '{{\"message\":\"hello\",\"correlation_id\":\"req-1\"}}'\n\n\
             Ask\n\
             \x20 one ID      curl {scheme}://{http}/api/v1/correlate/req-1\n\
             \x20 logs        curl '{scheme}://{http}/api/v1/logs?query=hello'\n\
             \x20 traces      curl {scheme}://{http}/api/v1/traces\n\
             \x20 services    curl {scheme}://{http}/api/v1/services\n\
             \x20 PromQL      curl '{scheme}://{http}/prometheus/api/v1/query?query=up'\n\n\
             The API is described at {scheme}://{http}/api/v1/openapi.json\n",
            version = env!("CARGO_PKG_VERSION"),
            scheme = self.scheme,
            http = self.http,
            grpc = self.otlp_grpc,
            otlp = self.otlp_http,
        )
    }
}
