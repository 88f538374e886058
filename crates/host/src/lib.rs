//! The outside world behind small traits: clock, files, randomness; real and simulated.
