//! The outside world behind small traits: clock, files, randomness; real and simulated.
//!
//! Everything is synchronous. Code that keeps data takes `Arc<dyn Files>`, `Arc<dyn Clock>` and `Arc<dyn Random>`, so
//! that a test can hand in a disk that loses unsynced bytes, a clock that jumps and numbers that repeat.

pub mod clock;
pub mod files;
pub mod randomness;

pub use clock::{Clock, SimClock, SystemClock};
pub use files::{
    DirEntry, DiskFiles, Fault, Files, Lock, OpenFiles, Operation, PooledFile, ReadFile, SimFiles, TEMPORARY_SUFFIX,
    WriteFile, atomic_write, make_dir,
};
pub use randomness::{OsRandom, Random, SeededRandom};
