//! A write-ahead log of opaque frames: segments, checksums, group fsync, replay.
