//! What a call between services is: a span whose parent belongs to another service. One definition for those who read
//! spans and for those who count them when they are stored.

use super::span::SpanKind;
use super::{Parent, Parents};
use crate::id::SpanId;
use std::collections::HashMap;
use std::ops::Range;

/// The columns of some spans that say who calls whom.
#[derive(Debug, Clone, Copy)]
pub struct CallColumns<'c> {
    /// For each row the number of its service's name.
    pub services: &'c [u32],
    /// For each row its role.
    pub kinds: &'c [SpanKind],
    /// The parents.
    pub parents: &'c Parents,
    /// The IDs; needed only where [`Parents::shared`] is set.
    pub ids: &'c [SpanId],
}

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The number of the calling service's name.
    pub client: u32,
    /// The number of the called service's name.
    pub server: u32,
    /// The row of the span in the called service.
    pub row: usize,
}

impl CallColumns<'_> {
    /// Visits the calls among the rows of one trace whose span is wanted; `text` gives the names of services.
    pub fn visit<'t>(
        &self,
        trace: Range<usize>,
        is_wanted: impl Fn(usize) -> bool,
        text: impl Fn(u32) -> &'t str,
        mut visit: impl FnMut(Call),
    ) {
        if self.parents.shared {
            return self.visit_with_shared_ids(trace, is_wanted, text, visit);
        }
        for row in trace.filter(|row| is_wanted(*row)) {
            let Parent::Row(parent) = self.parent(row) else { continue };
            let (client, server) = (self.service(parent as usize), self.service(row));
            if client != server {
                visit(Call { client, server, row });
            }
        }
    }

    /// As [`Self::visit`] where client and server may share a span ID (Zipkin): work inside the server's service is no
    /// call, and other calls come from the server's side.
    fn visit_with_shared_ids<'t>(
        &self,
        trace: Range<usize>,
        is_wanted: impl Fn(usize) -> bool,
        text: impl Fn(u32) -> &'t str,
        mut visit: impl FnMut(Call),
    ) {
        let mut by_id: HashMap<SpanId, Vec<usize>> = HashMap::new();
        for row in trace.clone() {
            self.ids.get(row).into_iter().for_each(|id| by_id.entry(*id).or_default().push(row));
        }
        for row in trace.filter(|row| is_wanted(*row)) {
            let Parent::Row(parent) = self.parent(row) else { continue };
            let Some(parents) = self.ids.get(parent as usize).and_then(|id| by_id.get(id)) else { continue };
            let server = self.service(row);
            if parents.iter().any(|parent| self.service(*parent) == server) {
                continue;
            }
            let is_caller =
                |parent: usize| !matches!(self.kinds.get(parent), Some(SpanKind::Server | SpanKind::Consumer));
            let callers = parents.iter().map(|parent| (is_caller(*parent), self.service(*parent)));
            let first =
                callers.min_by(|left, right| left.0.cmp(&right.0).then_with(|| text(left.1).cmp(text(right.1))));
            if let Some((_, client)) = first {
                visit(Call { client, server, row });
            }
        }
    }

    /// Whether the parent of one of these rows of a trace is not among them.
    #[must_use]
    pub fn lacks_a_parent(&self, trace: Range<usize>, is_wanted: impl Fn(usize) -> bool) -> bool {
        trace.filter(|row| is_wanted(*row)).any(|row| matches!(self.parent(row), Parent::Elsewhere(_)))
    }

    fn service(&self, row: usize) -> u32 {
        self.services.get(row).copied().unwrap_or(u32::MAX)
    }

    fn parent(&self, row: usize) -> Parent {
        self.parents.of.get(row).copied().unwrap_or(Parent::None)
    }
}
