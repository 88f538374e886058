//! Reading YAML documents that people write: typed values with positions, and every fault of a document at once.
//!
//! [`Document::parse`] makes a tree whose nodes know their line and column; [`Value`] and [`Fields`] read it by the type
//! that is wanted, and put what they cannot read into a [`Faults`] collector with what to write instead. A reader goes
//! on after a fault with a default, so that one run names them all; the caller asks [`Faults::has_errors`] at the end.

mod fault;
mod number;
mod relaxed;
mod scalar;
mod shapes;
mod tag;
mod text;
mod tree;
mod value;

pub use clew_model::near::nearest;
pub use fault::{Fault, Faults, Origin, Severity};
pub use scalar::{ScalarError, parse_duration, parse_size, render_duration};
pub use text::decode_text;
pub use tree::{Content, Document, Entry, Node, Position};
pub use value::{Fields, MentionedFile, Source, Value};
