//! The instants at which an expression is evaluated.

use super::super::ast::{At, TimeModifiers};
use crate::error::QueryError;
use clew_model::{ErrorKind, UnixMillis};

/// `count` instants from `first` on, `step` milliseconds apart; a step of 0 is one instant many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Steps {
    pub first: UnixMillis,
    pub step: i64,
    pub count: usize,
}

impl Steps {
    pub(super) fn instant(at: UnixMillis) -> Self {
        Self { first: at, step: 0, count: 1 }
    }

    pub(super) fn range(start: UnixMillis, end: UnixMillis, step: i64, limit: usize) -> Result<Self, QueryError> {
        if step <= 0 {
            return Err(QueryError::invalid(
                "zero or negative query resolution step widths are not accepted; try a positive step",
            ));
        }
        let Some(span) = end.checked_sub(start).filter(|span| *span >= 0) else {
            return Err(QueryError::invalid("end timestamp must not be before start time"));
        };
        let count = usize::try_from(span / step).unwrap_or(usize::MAX).saturating_add(1);
        if count > limit {
            return Err(QueryError::new(
                ErrorKind::LimitExceeded,
                format!("exceeded maximum resolution of {limit} points per timeseries: the query asks for {count}"),
            )
            .hint("take a longer step or a shorter range"));
        }
        Ok(Self { first: start, step, count })
    }

    pub(super) fn iter(self) -> impl Iterator<Item = UnixMillis> {
        let mut next = self.first;
        (0..self.count).map(move |_| {
            let this = next;
            next = next.saturating_add(self.step);
            this
        })
    }

    pub(super) fn last(&self) -> UnixMillis {
        let steps = i64::try_from(self.count.saturating_sub(1)).unwrap_or(i64::MAX);
        self.first.saturating_add(self.step.saturating_mul(steps))
    }

    /// The instants at which a selector with these modifiers looks.
    pub(super) fn modified(&self, time: &TimeModifiers, query: (UnixMillis, UnixMillis)) -> Self {
        let (first, step) = match time.at {
            None => (self.first, self.step),
            Some(At::Millis(at)) => (at, 0),
            Some(At::Start) => (query.0, 0),
            Some(At::End) => (query.1, 0),
        };
        Self { first: first.saturating_sub(time.offset), step, count: self.count }
    }

    /// One instant stands for all of them.
    pub(super) fn is_constant(&self) -> bool {
        self.step == 0
    }
}
