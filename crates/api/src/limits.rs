//! Bounds of the HTTP layer that nobody configures.

use std::time::Duration;

/// Largest form body of a query API.
pub(crate) const MAX_QUERY_BODY: usize = 1 << 20;

/// Largest body of a login.
pub(crate) const MAX_LOGIN_BODY: usize = 16 << 10;

/// Entries of the audit log on a page unless told.
pub(crate) const AUDIT_PAGE: usize = 100;

/// Entries of the audit log on a page.
pub(crate) const AUDIT_MOST: usize = 1_000;

/// A body larger than this is decompressed and decoded on the blocking pool.
pub(crate) const INLINE_DECODE_BYTES: usize = 64 << 10;

/// How often a tail without news sends a comment, so that nobody on the way takes the connection for dead.
pub(crate) const TAIL_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a stopping server waits for open requests.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

/// How long a client may read nothing of an answer before its connection is ended.
pub(crate) const WRITE_STALL: Duration = Duration::from_secs(60);

/// How often a full port looks whether a connection has come to rest.
pub(crate) const PLACE_LOOK: Duration = Duration::from_millis(500);

/// What a body may take before it is known to be large.
pub(crate) const FIRST_ROOM: usize = 1 << 20;

/// How long a request waits for room for its body before its sender is told to come back.
pub(crate) const ROOM_WAIT: Duration = Duration::from_secs(5);

/// How long an ingest body may take to begin to come; from then on it must keep up [`BODY_MIN_RATE`].
pub(crate) const BODY_GRACE: Duration = Duration::from_secs(15);

/// Bytes a second that an ingest body must come with on the whole.
pub(crate) const BODY_MIN_RATE: u64 = 16 << 10;

/// Connections that a port serves at once unless told (`limits.connections`); more wait with the system.
pub(crate) const CONNECTIONS: usize = 4_096;

/// How long to wait after a failed accept (too many open files, say) before the next.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a client may take to agree on TLS.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);

/// Requests at once on one HTTP/2 connection.
pub(crate) const STREAMS: u32 = 128;

/// Datagrams that wait for a protocol to take them; more are dropped and counted.
pub(crate) const DATAGRAMS: usize = 16 << 10;

/// Bytes of datagrams that wait, or are being taken.
pub(crate) const DATAGRAM_BYTES: usize = 16 << 20;

/// Datagrams that a protocol is handed at once.
pub(crate) const DATAGRAM_BATCH: usize = 1_024;

/// Answers from this size on are compressed; smaller ones fit into a packet or two as they are.
pub(crate) const COMPRESS_FROM: u16 = 2_048;

/// How hard gzip tries, of 9: what is written takes a tenth of the bytes of records as JSON; less takes a sixth, and more
/// costs twice the CPU for a twentieth less.
pub(crate) const COMPRESS_LEVEL: i32 = 5;

/// Longest ID of a request that a client may set.
pub(crate) const REQUEST_ID_BYTES: usize = 128;

/// How long a browser may remember what a page of a listed origin may do.
pub(crate) const PREFLIGHT_AGE: Duration = Duration::from_secs(3_600);

/// How long the rest of a body over the limit is read and thrown away, so that the sender gets to read the answer.
pub(crate) const LINGER: Duration = Duration::from_secs(5);

/// How long a client may take to send a query's body.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a new connection may say nothing that is a request.
pub(crate) const IDLE_FIRST: Duration = Duration::from_secs(30);

/// How long a connection may say nothing between requests. Clients that keep connections (pools, exporters that send once a
/// minute) give them up sooner themselves.
pub(crate) const IDLE: Duration = Duration::from_secs(600);

/// How long a client may take to agree to the end of its idle connection.
pub(crate) const IDLE_GRACE: Duration = Duration::from_secs(2);

/// The rest of a body that nobody wanted which is read, so that the connection can go on.
pub(crate) const UNREAD_BYTES: u64 = 256 << 10;

/// How long that may take.
pub(crate) const UNREAD_TIME: Duration = Duration::from_secs(1);

/// Pieces in which an answer is sent while it is written.
pub(crate) const ANSWER_CHUNK: usize = 64 << 10;

/// Least and most bytes that an answer may be ahead of its reader.
pub(crate) const ANSWER_AHEAD: (u64, u64) = (256 << 10, 4 << 20);

/// For how long a reader may take nothing before its answer is given up for one that finds no room.
pub(crate) const ANSWER_YIELD: Duration = Duration::from_secs(2);

/// How long an answer waits for room before its asker is told to come back.
pub(crate) const ANSWER_ROOM_WAIT: Duration = Duration::from_secs(10);

/// Answers that may wait for their readers before the one that waits longest is given up; each keeps a thread.
pub(crate) const ANSWERS_WAITING: usize = 32;
