//! Queries.

mod exemplars;
mod meter;
mod names;
mod select;
