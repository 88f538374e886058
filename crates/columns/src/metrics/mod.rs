//! Samples, native histograms, exemplars and label sets as compressed bytes.
//!
//! - [`SampleEncoder`] turns float samples into blocks: times by constant step or frame of reference, values by decimal
//!   → delta → frame of reference, by the order of their bits, or by pco where that is smaller. NaN, infinities and
//!   -0.0 are kept out of band, so that a staleness marker does not spoil a block. Every bit comes back.
//! - [`encode_histograms`] cuts native histograms into runs of one bucket layout with a column per bucket.
//! - [`StartRuns`] hold since when counters count, where senders say so.
//! - [`encode_labels`] and [`encode_exemplars`] hold what stands beside the samples.

mod exemplars;
mod frames_of_reference;
mod histograms;
mod labels;
pub mod limits;
mod metadata;
mod samples;
mod starts;
mod times;
mod values;

pub use exemplars::{StoredExemplar, decode_exemplars, encode_exemplars};
pub use histograms::{decode_histograms, encode_histograms};
pub use labels::{decode_labels, encode_labels};
pub use metadata::{decode_metadata, encode_metadata};
pub use samples::{Effort, SampleDecoder, SampleEncoder};
pub use starts::StartRuns;
pub use values::{decode_values, encode_values};

pub(crate) use labels::{put_zstd as write_compressed, read_zstd as read_compressed};
pub(crate) use metadata::{type_code, type_of};

#[cfg(test)]
mod tests;
