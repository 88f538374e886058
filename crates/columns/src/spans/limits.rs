//! Bounds of span blocks.

/// A block ends at the first trace boundary after this many spans.
pub const BLOCK_SPANS: usize = 512;

/// A trace longer than this is cut, and goes on in the next block.
pub const MAX_BLOCK_SPANS: usize = 2048;

/// Bytes of spans in memory after which a block ends, in the midst of a trace too: bounds what reading one span takes.
pub const BLOCK_BYTES: usize = 4 << 20;

/// Bytes of spans in memory after which a group ends.
pub const GROUP_BYTES: usize = 32 << 20;

/// Spans that share one dictionary: a group of blocks. Bounds the memory of encoding and the size of a dictionary.
pub const GROUP_SPANS: usize = 32_768;

/// Distinct numbers up to which a column tries a local dictionary.
pub const MAX_LOCAL_ENTRIES: usize = 256;

/// Parents are looked for by a linear walk in traces up to this many spans, by a table in longer ones.
pub const LINEAR_PARENTS: usize = 24;

/// A string enters the dictionary of a group when it occurs at least this often: a value met once costs more there.
pub const LEAST_OCCURRENCES: u32 = 2;

/// Slots of time by which the spans of a run are counted.
pub const SUMMED_SLOTS: usize = 64;

/// Most services by which the spans of a run are counted; a run with more is not.
pub const SUMMED_SERVICES: usize = 4_096;

/// Most operations by which the spans of a service are counted in a run; where there are more, they are counted together.
pub const SUMMED_OPERATIONS: usize = 1_024;

/// Most operations of all services by which the spans of a run are counted; a run with more is not.
pub const SUMMED_SERIES: usize = 65_536;

/// Most pairs of services and slots by which the calls of a run are counted; where there are more, they are not.
pub const SUMMED_CALLS: usize = 65_536;
