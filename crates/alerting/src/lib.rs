//! Rules, grouping, inhibition, silences as state machines.
