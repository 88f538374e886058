//! Start timestamps: since when the counter behind a sample counts. They stay the same for hours, so they stand as runs.

use crate::bytes::{BytesError, Reader, put_signed, put_varint};
use clew_model::UnixMillis;

/// Samples that follow each other and have the same start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StartRun {
    first: UnixMillis,
    last: UnixMillis,
    start: UnixMillis,
}

/// The starts of the samples of one series, by the samples' times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartRuns {
    /// In order of time; they do not overlap.
    runs: Vec<StartRun>,
}

impl StartRuns {
    /// The runs of samples in ascending order of time, each with its start; 0 is none.
    #[must_use]
    pub fn of(samples: impl IntoIterator<Item = (UnixMillis, UnixMillis)>) -> Self {
        let mut runs: Vec<StartRun> = Vec::new();
        let mut goes_on = false;
        for (time, start) in samples {
            match runs.last_mut().filter(|run| goes_on && run.start == start) {
                Some(run) => run.last = time,
                None if start != 0 => runs.push(StartRun { first: time, last: time, start }),
                None => {}
            }
            goes_on = start != 0;
        }
        Self { runs }
    }

    /// Whether no sample has a start.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// About how many bytes it takes beside its own size.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.runs.capacity() * size_of::<StartRun>()
    }

    /// The last time that has a start.
    #[must_use]
    pub fn last_time(&self) -> Option<UnixMillis> {
        self.runs.last().map(|run| run.last)
    }

    /// The start of the sample at a time, 0 where it has none.
    #[must_use]
    pub fn at(&self, time: UnixMillis) -> UnixMillis {
        let next = self.runs.partition_point(|run| run.last < time);
        self.runs.get(next).filter(|run| run.first <= time).map_or(0, |run| run.start)
    }

    /// Gives the sample at a time a start, unless it has one. With `follows`, every sample between it and the last that has a
    /// start has one too.
    pub fn add(&mut self, time: UnixMillis, start: UnixMillis, follows: bool) {
        if let Some(run) = self.runs.last_mut().filter(|run| follows && run.start == start && run.last < time) {
            run.last = time;
            return;
        }
        let at = self.runs.partition_point(|run| run.last < time);
        if self.runs.get(at).is_none_or(|run| run.first > time) {
            self.runs.insert(at, StartRun { first: time, last: time, start });
        }
    }

    /// Takes the start of a time away.
    pub fn remove(&mut self, time: UnixMillis) {
        let at = self.runs.partition_point(|run| run.last < time);
        let Some(run) = self.runs.get(at).copied().filter(|run| run.first <= time) else { return };
        let before = StartRun { last: time.saturating_sub(1), ..run };
        let behind = StartRun { first: time.saturating_add(1), ..run };
        self.runs.splice(at..=at, [before, behind].into_iter().filter(|piece| piece.first <= piece.last));
    }

    /// Appends it as bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.runs.len() as u64);
        let (mut time, mut start) = (0i64, 0i64);
        for run in &self.runs {
            put_signed(out, run.first.wrapping_sub(time));
            put_varint(out, run.last.wrapping_sub(run.first).cast_unsigned());
            put_signed(out, run.start.wrapping_sub(start));
            (time, start) = (run.last, run.start);
        }
    }

    /// Reads what [`StartRuns::encode`] wrote.
    ///
    /// # Errors
    /// Damaged bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, BytesError> {
        let count = reader.count(3, "the starts")?;
        let mut runs = Vec::with_capacity(count);
        let (mut time, mut start) = (0i64, 0i64);
        for _ in 0..count {
            let first = time.wrapping_add(reader.signed("a start's first time")?);
            let last = first.wrapping_add(reader.varint("a start's last time")?.cast_signed());
            start = start.wrapping_add(reader.signed("a start")?);
            runs.push(StartRun { first, last, start });
            time = last;
        }
        Ok(Self { runs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn runs_say_what_a_map_of_samples_says(steps in prop::collection::vec((0i64..60, 0i64..3, any::<bool>()), 0..60)) {
            let (mut runs, mut known) = (StartRuns::default(), BTreeMap::new());
            for (time, start, is_removed) in steps {
                if is_removed {
                    runs.remove(time);
                    known.remove(&time);
                } else if start > 0 {
                    let last = known.last_key_value().map(|(time, _)| *time);
                    // Only neighbours in time have nothing in between.
                    runs.add(time, start, last.is_some_and(|last| last + 1 == time));
                    known.entry(time).or_insert(start);
                }
            }
            let told = |time| known.get(&time).copied().unwrap_or(0);
            prop_assert!((0..60).all(|time| runs.at(time) == told(time)));
            let mut bytes = Vec::new();
            runs.encode(&mut bytes);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(StartRuns::decode(&mut reader).unwrap(), runs);
            prop_assert!(reader.is_empty());
            let of_all = StartRuns::of((0..60).map(|time| (time, told(time))));
            prop_assert!((0..60).all(|time| of_all.at(time) == told(time)));
        }
    }

    #[test]
    fn samples_of_one_start_are_one_run_and_few_bytes() {
        let mut runs = StartRuns::default();
        (0..1_000).for_each(|round| runs.add(1_700_000_000_000 + round * 15_000, 1_699_999_990_000, true));
        let mut bytes = Vec::new();
        runs.encode(&mut bytes);
        assert!(bytes.len() <= 18, "{}", bytes.len());
    }
}
