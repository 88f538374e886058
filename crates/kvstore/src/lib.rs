//! Metric chunks with their series index, and span blocks, in the key-value engine.
