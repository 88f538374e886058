//! `clew demo`: a believable system of agents, so that a newcomer sees every page alive within seconds.
//!
//! The story is made by a pure generator ([`generator`]): requests enter a gateway, an orchestrator splits them into
//! tasks, workers take these from queues and files, some fail and are tried again, and every five minutes something goes
//! wrong ([`incident`]). Its records go in as if they had been sent ([`driver`]).

mod dice;
mod driver;
mod folder;
mod generator;
mod incident;
mod metrics;
mod outages;
mod story;
mod system;
#[cfg(test)]
mod tests;

pub(crate) use driver::Demo;
pub(crate) use folder::TemporaryFolder;
