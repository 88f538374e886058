//! Records of the DNS as targets.

use super::super::limits::{DNS_NAMES_AT_ONCE, DNS_TIMEOUT};
use clew_config::prometheus::{DnsDiscovery, DnsRecord, TargetGroup};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};

/// Whom to ask.
#[derive(Debug, Clone, Default)]
pub(in super::super) enum DnsServers {
    /// Those that the system names, read anew at each question.
    #[default]
    System,
    /// These.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests bring their own servers"))]
    Given(ResolverConfig),
}

/// Asks for all names of a discovery. Answers, for each name, its targets or why they are not known.
pub(super) async fn look_up(
    discovery: &DnsDiscovery,
    servers: &DnsServers,
) -> Vec<(String, Result<Vec<TargetGroup>, String>)> {
    let resolver = match resolver(servers).await {
        Ok(resolver) => resolver,
        Err(error) => return discovery.names.iter().map(|name| (name.clone(), Err(error.clone()))).collect(),
    };
    let mut answers = Vec::with_capacity(discovery.names.len());
    for names in discovery.names.chunks(DNS_NAMES_AT_ONCE) {
        let asked = names.iter().map(|name| async { (name.clone(), look_up_one(discovery, name, &resolver).await) });
        answers.extend(futures_util::future::join_all(asked).await);
    }
    answers
}

async fn resolver(servers: &DnsServers) -> Result<TokioResolver, String> {
    let (config, mut options) = match servers.clone() {
        DnsServers::Given(config) => (config, ResolverOpts::default()),
        DnsServers::System => tokio::task::spawn_blocking(hickory_resolver::system_conf::read_system_conf)
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| format!("the system names no servers of the DNS: {error}"))?,
    };
    // Each question is asked anew, as Prometheus does; the interval is how old an answer may be.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.timeout = options.timeout.min(DNS_TIMEOUT);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build().map_err(|error| format!("the DNS cannot be asked: {error}"))
}

async fn look_up_one(
    discovery: &DnsDiscovery,
    name: &str,
    resolver: &TokioResolver,
) -> Result<Vec<TargetGroup>, String> {
    let kind = match discovery.record {
        DnsRecord::A => RecordType::A,
        DnsRecord::Aaaa => RecordType::AAAA,
        DnsRecord::Mx => RecordType::MX,
        DnsRecord::Ns => RecordType::NS,
        DnsRecord::Srv => RecordType::SRV,
    };
    match resolver.lookup(name, kind).await {
        Ok(found) => Ok(found.answers().iter().filter_map(|record| target(discovery, name, &record.data)).collect()),
        Err(error) if is_nothing(&error) => Ok(Vec::new()),
        Err(error) => Err(format!("{kind} records of {name:?}: {error}")),
    }
}

/// Whether it is known that there are no such records.
fn is_nothing(error: &NetError) -> bool {
    matches!(error, NetError::Dns(DnsError::NoRecordsFound(none))
        if matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain))
}

/// The target that a record makes, with its labels; aliases on the way make none.
fn target(discovery: &DnsDiscovery, name: &str, record: &RData) -> Option<TargetGroup> {
    let mut labels = vec![("__meta_dns_name".to_owned(), name.to_owned())];
    let mut label = |name: &str, value: String| labels.push((format!("__meta_dns_{name}"), value));
    let (host, port) = match record {
        RData::A(address) => (address.0.to_string(), discovery.port),
        RData::AAAA(address) => (format!("[{}]", address.0), discovery.port),
        RData::SRV(service) => {
            label("srv_record_target", service.target.to_utf8());
            label("srv_record_port", service.port.to_string());
            (host(&service.target.to_utf8()), service.port)
        }
        RData::MX(mail) => {
            label("mx_record_target", mail.exchange.to_utf8());
            (host(&mail.exchange.to_utf8()), discovery.port)
        }
        RData::NS(server) => {
            label("ns_record_target", server.0.to_utf8());
            (host(&server.0.to_utf8()), discovery.port)
        }
        _ => return None,
    };
    Some(TargetGroup { targets: vec![format!("{host}:{port}")], labels })
}

/// A name without the dot at its end.
fn host(name: &str) -> String {
    name.trim_end_matches('.').to_owned()
}
