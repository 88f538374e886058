//! HTTP and gRPC: routes, wire shapes, and the one table from error kind to status.
//!
//! A handler reads its request, calls one use-case of `clew-app`, and converts the answer. Nothing here decides what is
//! kept or found.

mod answers;
mod around;
mod body;
mod caller;
mod config_status;
mod correlate;
mod credentials;
mod dto;
mod error;
mod expansion;
mod host;
mod intake;
mod limits;
mod listen;
mod log_context;
mod log_tail;
mod logs;
mod members;
mod oidc;
mod openapi;
mod operations;
mod origin;
mod otlp;
mod params;
mod peer;
mod prometheus;
mod readable_path;
mod router;
mod services;
mod session;
mod shape;
mod state;
mod status;
mod tenancy;
mod tenants;
#[cfg(test)]
mod testing;
mod traces;
mod web;

pub use clew_codec::otlp::OtlpMetricOptions;
pub use config_status::ConfigStatus;
pub use host::HostNames;
pub use listen::{
    Activity, Busy, Connection, Datagram, DatagramProtocol, Http, Listener, LiveTls, ServeError, Stream,
    StreamProtocol, TlsError, TlsFiles, Transport,
};
pub use openapi::openapi_json;
pub use peer::TrustedProxies;
pub use router::{main_router, otlp_grpc_router, otlp_http_router, prometheus_router};
pub use state::{Addresses, ApiOptions, ApiState, Reload};
