//! Bounds of the binary's own loops and buffers.

use std::time::Duration;

/// How much history `clew demo` makes up before it goes on live.
pub const DEMO_HISTORY: Duration = Duration::from_secs(30 * 60);

/// How much of the story is written at once while history is made up: some thousand records.
pub const DEMO_CHUNK: Duration = Duration::from_secs(120);

/// How often what has happened since is written while the demo runs live.
pub const DEMO_TICK: Duration = Duration::from_millis(500);

/// A demo that was away for longer than this (a laptop that slept) goes on at the present and leaves a gap.
pub const DEMO_CATCH_UP: Duration = Duration::from_secs(120);

/// Most incidents that the demo remembers as places to look.
pub const DEMO_HEADLINES: usize = 32;
