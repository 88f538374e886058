//! Scraping: finding targets, asking them in their rhythm, and writing what they answer.
//!
//! [`ScrapeManager`] runs one task a job (it finds the job's targets, and follows files that list them), one a list of
//! targets from elsewhere, and one task a target (it scrapes). A target's task keeps its [`cache`](self) of series, so that a series seen before costs one
//! lookup, and a series that vanishes gets a staleness marker. Batches go to a [`MetricSink`].

mod cache;
mod client;
mod discovery;
mod error;
mod fetch;
mod job_task;
mod limits;
mod manager;
mod offset;
mod pages;
mod round;
mod series_labels;
mod sink;
mod status;
mod target;
mod target_task;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use client::confined_client;
pub use manager::ScrapeManager;
pub use sink::{MetricSink, Refused, SinkError};
pub use status::{ActiveTarget, DroppedTarget, Health, JobStatus, ScrapeStatus};
