//! What functions of windows notice about a series, beside its value.

use crate::promql::annotations::{During, Note};
use std::cell::Cell;

/// Something that is to be told of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WindowNote {
    Mixed,
    IgnoredInMixedRange,
    MixedBuckets,
    NotCounter,
    NotGauge,
    ReconciledAdding,
    ReconciledSubtracting,
    ReconciledAggregating,
    CollisionAggregating,
    PossiblyNoCounter,
    StartOverlap,
}

const ALL: [WindowNote; 11] = [
    WindowNote::Mixed,
    WindowNote::IgnoredInMixedRange,
    WindowNote::MixedBuckets,
    WindowNote::NotCounter,
    WindowNote::NotGauge,
    WindowNote::ReconciledAdding,
    WindowNote::ReconciledSubtracting,
    WindowNote::ReconciledAggregating,
    WindowNote::CollisionAggregating,
    WindowNote::PossiblyNoCounter,
    WindowNote::StartOverlap,
];

impl WindowNote {
    /// Said of a metric.
    pub(super) fn of(self, metric: &str) -> Note {
        let metric = metric.to_owned();
        match self {
            WindowNote::Mixed => Note::MixedFloatsHistograms { metric },
            WindowNote::IgnoredInMixedRange => Note::IgnoredInMixedRange { metric },
            WindowNote::MixedBuckets => Note::MixedBuckets { metric },
            WindowNote::NotCounter => Note::NotCounter { metric },
            WindowNote::NotGauge => Note::NotGauge { metric },
            WindowNote::ReconciledAdding => Note::ReconciledBuckets { during: During::Addition },
            WindowNote::ReconciledSubtracting => Note::ReconciledBuckets { during: During::Subtraction },
            WindowNote::ReconciledAggregating => Note::ReconciledBuckets { during: During::Aggregation },
            WindowNote::CollisionAggregating => Note::ResetCollision { during: During::Aggregation },
            WindowNote::PossiblyNoCounter => Note::PossiblyNoCounter { metric },
            WindowNote::StartOverlap => Note::StartOverlap { metric },
        }
    }
}

/// Those of one series, each once.
#[derive(Debug, Default)]
pub(super) struct WindowNotes(Cell<u16>);

impl WindowNotes {
    /// Adds one.
    pub(super) fn add(&self, note: WindowNote) {
        self.0.set(self.0.get() | 1 << note as u16);
    }

    /// Takes all of them out.
    pub(super) fn take(&self) -> impl Iterator<Item = WindowNote> + use<> {
        let bits = self.0.take();
        ALL.into_iter().filter(move |note| bits & (1 << *note as u16) != 0)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.get() == 0
    }
}
