//! Queries: views and what is scanned through them.

mod exemplars;
mod meter;
mod plan;
mod samples;
mod series;
mod view;
