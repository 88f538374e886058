//! The log store: a tantivy index over blocks of records, parts, reader, retention.
