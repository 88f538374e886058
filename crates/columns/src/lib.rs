//! Blocks of records as compressed columns, templates, token sets, hash lists: bytes in, bytes out.

#![warn(clippy::indexing_slicing)]

pub mod bits;
pub mod bytes;
pub mod compress;
pub mod container;
pub mod dictionary;
pub mod error;
pub mod frames;
pub mod hash_list;
pub mod limits;
pub mod logs;
pub mod metrics;
pub mod spans;
pub mod strings;
pub mod values;

pub use clew_model::RowSet;
pub use error::ColumnsError;
