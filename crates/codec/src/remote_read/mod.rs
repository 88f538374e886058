//! Prometheus remote read: what is asked, and the answer with raw samples (`prompb/remote.proto`).

mod answer;
mod request;

pub use answer::encode_samples;
pub use request::{ReadQuery, ReadRequest, decode};
