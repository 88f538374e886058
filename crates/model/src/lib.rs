//! Records, spans, labels, samples, time ranges, IDs, limits, error kinds, and the traits by which queries read stores.
