//! Bounds that belong to the vocabulary itself. Configurable limits (body size, query time …) live where they apply.

/// Longest tenant name in bytes.
pub const MAX_TENANT_BYTES: usize = 64;

/// Deepest nesting of arrays and maps in a value; deeper input is rejected by decoders.
pub const MAX_VALUE_DEPTH: usize = 64;

/// Longest text that is considered as an ID; longer values are data, not IDs.
pub const MAX_ID_BYTES: usize = 512;

/// Longest token, in bytes, that is indexed as one; longer runs are cut into pieces of this length.
pub const MAX_TOKEN_BYTES: usize = 64;

/// Largest compiled regular expression of a matcher or of a relabelling rule, in bytes of its automaton. Lists of a few
/// hundred names to keep, as people write them, take up to a tenth of it.
pub const MAX_REGEX_BYTES: usize = 10 * 1024 * 1024;
