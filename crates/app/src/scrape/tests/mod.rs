//! The manager against real HTTP servers on this machine.

mod discovery;
mod exporter;
mod harness;
mod reload;
mod requests;
mod samples;
