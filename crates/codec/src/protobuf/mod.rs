//! The protobuf wire format, and what interrupts reading it: shared by the decoders of all protocols that are written in it.

mod budget;
mod fault;
mod wire;

pub(crate) use budget::Budget;
pub(crate) use fault::{Fault, Outcome};
pub(crate) use wire::{Field, Reader};
