//! Finding the targets of a job: in files, in lists that servers answer, in records of the DNS.

mod dns;
mod files;
mod http;
mod lists;

pub(super) use dns::DnsServers;
pub(super) use files::{TargetFiles, refresh_interval};
pub(super) use http::URL_LABEL;
pub(super) use lists::{TargetList, TargetLists};
