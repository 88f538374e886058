//! The manager against real HTTP servers on this machine.

mod discovery;
mod dns_server;
mod exporter;
mod harness;
mod lists;
mod reload;
mod requests;
mod samples;
mod tokens;
