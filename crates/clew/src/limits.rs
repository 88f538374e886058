//! Bounds of the binary's own loops and buffers.

use std::time::Duration;

/// How much history `clew demo` makes up before it goes on live.
pub(crate) const DEMO_HISTORY: Duration = Duration::from_secs(30 * 60);

/// How much of the story is written at once while history is made up: some thousand records.
pub(crate) const DEMO_CHUNK: Duration = Duration::from_secs(120);

/// How often what has happened since is written while the demo runs live.
pub(crate) const DEMO_TICK: Duration = Duration::from_millis(500);

/// A demo that was away for longer than this (a laptop that slept) goes on at the present and leaves a gap.
pub(crate) const DEMO_CATCH_UP: Duration = Duration::from_secs(120);

/// Most incidents that the demo remembers as places to look.
pub(crate) const DEMO_HEADLINES: usize = 32;

/// How long `clew query` waits for a connection.
pub(crate) const QUERY_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long `clew query` waits for an answer: twice what a server gives a query unless it is told.
pub(crate) const QUERY_TIMEOUT: Duration = Duration::from_secs(120);

/// A tail that hears nothing for so long has lost its server: three times the pause after which a server sends a comment.
pub(crate) const QUERY_SILENCE: Duration = Duration::from_secs(45);

/// How long a tail that lost its server waits before it asks again.
pub(crate) const QUERY_RETRY: Duration = Duration::from_secs(1);

/// Log records that `clew query logs` shows unless told.
pub(crate) const QUERY_DEFAULT_LOGS: usize = 100;

/// Log records that a tail shows before the first new one, unless told.
pub(crate) const QUERY_FOLLOW_LOGS: usize = 10;

/// Log records that `clew query` asks for at once: as many as a server gives.
pub(crate) const QUERY_PAGE: usize = 10_000;

/// Most log records that `clew query` holds.
pub(crate) const QUERY_MAX_ROWS: usize = 100_000;

/// Largest server-sent event that `clew query` takes: as many records as one holds, some of them huge.
pub(crate) const QUERY_EVENT_BYTES: usize = 256 << 20;

/// Points of a range for which `clew query metrics` chooses the step.
pub(crate) const QUERY_POINTS: i64 = 60;

/// Deepest that a trace's tree is indented; deeper spans stand at this depth.
pub(crate) const QUERY_TREE_DEPTH: usize = 40;

/// Other IDs that `clew query correlate` lists for people.
pub(crate) const QUERY_ALSO_SEEN: usize = 8;

/// Shortest pause of `clew canary` between two records of a signal.
pub(crate) const CANARY_LEAST_INTERVAL: Duration = Duration::from_millis(10);

/// How long `clew canary` looks for what was acknowledged, and waits at the end for a server that does not answer.
pub(crate) const CANARY_WAIT: Duration = Duration::from_secs(30);

/// How long it waits for the answer to a write, before it sends it again.
pub(crate) const CANARY_WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// From one attempt to the next.
pub(crate) const CANARY_RETRY: Duration = Duration::from_millis(100);

/// Of each signal so many of the last records are looked for at the end.
pub(crate) const CANARY_CHECKED: usize = 100_000;
