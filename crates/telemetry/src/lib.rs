//! Clew's own metrics and logs.
