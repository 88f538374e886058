//! Which instances are down, and when.

use super::system::Instance;

/// Instances that were, are or will be down.
#[derive(Debug, Default)]
pub(super) struct Outages(Vec<(Instance, i64, i64)>);

impl Outages {
    /// Takes an instance down from one moment until another.
    pub(super) fn take_down(&mut self, one: Instance, from: i64, until: i64) {
        self.0.push((one, from, until));
    }

    /// Whether an instance is down at a moment.
    pub(super) fn is_down(&self, one: Instance, at: i64) -> bool {
        self.0.iter().any(|(instance, from, until)| *instance == one && (*from..*until).contains(&at))
    }

    /// Forgets what was over before a moment.
    pub(super) fn forget(&mut self, before: i64) {
        self.0.retain(|(_, _, until)| *until >= before);
    }
}
