//! The outside world behind small traits: clock, files, randomness; real and simulated. And threads, as the system sees them.
//!
//! Everything is synchronous. Code that keeps data takes `Arc<dyn Files>`, `Arc<dyn Clock>` and `Arc<dyn Random>`, so
//! that a test can hand in a disk that loses unsynced bytes, a clock that jumps and numbers that repeat.

pub mod clock;
pub mod files;
pub mod randomness;
pub mod threads;

pub use clock::{Clock, SimClock, SystemClock};
pub use files::{
    COPY_SUFFIX, DirEntry, DiskFiles, Fault, Files, Lock, OpenFiles, Operation, PooledFile, ReadFile, Ruling,
    SET_ASIDE_DIR, SimFiles, TEMPORARY_SUFFIX, Twin, WriteFile, atomic_write, make_dir, move_aside, open_twin,
    write_twin,
};
pub use randomness::{OsRandom, Random, SeededRandom};
pub use threads::SystemThread;
