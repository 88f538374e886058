//! Configuration as people write it: [`yaml`] documents with places and every fault at once, and what they say as plain
//! types: [`prometheus`] (prometheus.yml), [`relabel`] (the rules that rewrite label sets).
//!
//! Pure: texts come in, types and faults go out. Reading files, and looking whether a mentioned file is there, is the
//! business of the floors above.

pub mod limits;
pub mod prometheus;
pub mod relabel;
mod shape;
pub mod yaml;
