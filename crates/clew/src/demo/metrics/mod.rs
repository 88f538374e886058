//! The metrics of the played system. They count the very spans and happenings that the story tells, so that every
//! number can be checked against them.

mod meter;
mod observe;

pub(super) use observe::Metrics;
