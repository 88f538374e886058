//! Series that are no longer seen give their places back.
//!
//! A counter that returns begins at zero. Readers take a value below the one before for such a beginning, but not one that
//! happens to be as high at its first sample; so the end of a series is told too: its last values once more, which may never
//! have been told, and then zero, at the moment when it was forgotten. That moment is the arrival of a batch, so that a crash
//! and the replay after it write the same samples once more.

use super::duration::Durations;
use super::names::{NameId, OTHER};
use super::state::{Calls, Tenant, Told};
use crate::limits::{SPAN_METRIC_FAREWELLS, SPAN_METRIC_IDLE_MILLIS};
use clew_model::UnixMillis;
use compact_str::CompactString;
use hashbrown::HashSet;

/// The end of a series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Farewell {
    /// When it is zero; just before it has its last values.
    pub at: UnixMillis,
    pub whose: Ended,
}

/// A series that ended, by its texts, since its names may be forgotten, with its last values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ended {
    /// Service, operation, kind and status of spans.
    Spans { service: CompactString, operation: CompactString, kind: u8, status: u8, last: Durations },
    /// The calling and the called service, and whether they talk by messages.
    Edge { caller: CompactString, called: CompactString, is_message: bool, last: Calls },
}

impl Tenant {
    /// Forgets the series without a span for long, and the names that nothing uses.
    pub(super) fn forget_idle(&mut self) {
        let Self { names, spans, edges, farewells, now, .. } = self;
        let is_idle = |seen: UnixMillis| now.saturating_sub(seen) > SPAN_METRIC_IDLE_MILLIS;
        // Nothing may stand behind the zero: the writer may have told of a series a moment after the batch arrived.
        let at = |told: &Told| (*now).max(told.at.saturating_add(2));
        spans.retain(|(service, operation, kind, status), own| {
            let is_kept = !is_idle(own.seen);
            if !is_kept {
                let (service, operation) = (names.text(*service).into(), names.text(*operation).into());
                let last = std::mem::take(&mut own.durations);
                let whose = Ended::Spans { service, operation, kind: *kind, status: *status, last };
                farewells.push_back(Farewell { at: at(&own.told), whose });
            }
            is_kept
        });
        edges.retain(|(caller, called, is_message), own| {
            let is_kept = !is_idle(own.seen);
            if !is_kept {
                let (caller, called) = (names.text(*caller).into(), names.text(*called).into());
                let last = std::mem::take(&mut own.calls);
                let whose = Ended::Edge { caller, called, is_message: *is_message, last };
                farewells.push_back(Farewell { at: at(&own.told), whose });
            }
            is_kept
        });
        while self.farewells.len() > SPAN_METRIC_FAREWELLS {
            self.farewells.pop_front();
            self.told_farewells = self.told_farewells.saturating_sub(1);
        }
        self.forget_names();
    }

    fn forget_names(&mut self) {
        let mut used: HashSet<NameId> = HashSet::from_iter([OTHER]);
        used.extend(self.spans.keys().flat_map(|(service, operation, ..)| [*service, *operation]));
        used.extend(self.edges.keys().flat_map(|(caller, called, _)| [*caller, *called]));
        used.extend(self.waiting.iter().map(|(_, half)| half.service));
        if used.len() == self.names.len() {
            return;
        }
        let moved = self.names.keep_only(|id| used.contains(&id));
        let moved = |old: NameId| moved.get(old as usize).copied().unwrap_or(OTHER);
        self.spans = std::mem::take(&mut self.spans)
            .into_iter()
            .map(|((service, operation, kind, status), own)| ((moved(service), moved(operation), kind, status), own))
            .collect();
        self.edges = std::mem::take(&mut self.edges)
            .into_iter()
            .map(|((caller, called, is_message), own)| ((moved(caller), moved(called), is_message), own))
            .collect();
        self.waiting.rename(moved);
    }
}
