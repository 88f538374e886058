//! The names of services and operations, each once, so that keys are small and a flood of names stays bounded.

use crate::limits::SPAN_METRIC_NAMES;
use compact_str::CompactString;
use hashbrown::HashMap;

/// A name by its place.
pub(super) type NameId = u32;

/// What stands for names beyond the bound.
pub(super) const OTHER: NameId = 0;

/// How [`OTHER`] is shown.
pub(super) const OTHER_TEXT: &str = "other";

#[derive(Debug)]
pub(super) struct Names {
    all: Vec<CompactString>,
    known: HashMap<CompactString, NameId>,
}

impl Default for Names {
    fn default() -> Self {
        let known = HashMap::from_iter([(CompactString::from(OTHER_TEXT), OTHER)]);
        Self { all: vec![OTHER_TEXT.into()], known }
    }
}

impl Names {
    /// The place of a name; [`OTHER`] when there are too many.
    pub(super) fn id(&mut self, name: &str) -> NameId {
        if let Some(id) = self.known.get(name) {
            return *id;
        }
        if self.all.len() >= SPAN_METRIC_NAMES {
            return OTHER;
        }
        let id = self.all.len() as NameId;
        self.all.push(name.into());
        self.known.insert(name.into(), id);
        id
    }

    pub(super) fn text(&self, id: NameId) -> &str {
        self.all.get(id as usize).map_or(OTHER_TEXT, CompactString::as_str)
    }

    /// Keeps those that are used, and [`OTHER`]; answers the new place of each old one, [`OTHER`] for those that go.
    pub(super) fn keep_only(&mut self, is_used: impl Fn(NameId) -> bool) -> Vec<NameId> {
        let mut kept = Self::default();
        let place = |(old, name): (NameId, &CompactString)| if is_used(old) { kept.id(name) } else { OTHER };
        let moved = (OTHER..).zip(&self.all).map(place).collect();
        *self = kept;
        moved
    }

    /// Those after [`OTHER`], in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.all.iter().skip(1).map(CompactString::as_str)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}
