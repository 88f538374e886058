//! Configuration as people write it: [`yaml`] documents with places and every fault at once, and what they say as plain
//! types: [`prometheus`] (prometheus.yml), [`relabel`] (the rules that rewrite label sets). Of files whose capability is
//! not built what they may hold is checked: [`rules`], [`alertmanager`], [`dashboard`], [`web_config`]; [`kind`] tells
//! them apart.
//!
//! Pure: texts come in, types and faults go out. Reading files, and looking whether a mentioned file is there, is the
//! business of the floors above.

pub mod alertmanager;
pub mod dashboard;
pub mod kind;
pub mod limits;
pub mod prometheus;
pub mod relabel;
pub mod rules;
mod shape;
mod shown_url;
pub mod web_config;
pub mod yaml;
