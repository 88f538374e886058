//! Series, samples, native histograms, exemplars and metadata.
//!
//! - The **head** holds what is not sealed yet: labels interned, postings as roaring bitmaps, per series 16 raw samples,
//!   then compressed blocks. It is what `apply` writes, and is readable at once.
//! - A **seal** freezes the head's samples (a swap), writes them as one value per series and partition while applying
//!   and reading go on, and publishes them together with the journal position they reach to. Readers take the frozen
//!   samples and the list of sealed runs under one lock, so they see each sample exactly once at every moment.
//! - The same series and time twice: the first to arrive stays, as in Prometheus. Where the first is known to the head
//!   this is reported; where it is sealed already, reading and compacting settle it.
//! - Late samples go where their own time belongs, as far back as retention reaches.

mod admit;
mod apply;
mod buffer;
mod compact;
mod floats;
mod gather;
mod head;
mod index;
mod merge;
mod partition;
mod read;
mod report;
mod retain;
mod run;
mod seal;
mod stats;
mod store;
mod usage;

#[cfg(test)]
mod tests;

pub use admit::Beyond;
pub use apply::{FrameLinks, JournalFrame, Resolved};
pub use report::{ApplyReport, CompactionReport, HotStats, RetentionReport, SealReport};
pub use store::{MetricStore, MetricStoreOptions};
