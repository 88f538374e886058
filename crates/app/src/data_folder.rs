//! What the write paths of all signals share of the data directory: what is written down of it, whether the clock may be
//! believed, whether there is room, and who takes how much of it.

use crate::disk_usage::DiskUsage;
use crate::inventory::Inventory;
use crate::room::Room;
use crate::trusted_clock::TrustedClock;
use clew_host::{Clock, Files};
use clew_model::SetAside;
use std::path::Path;
use std::sync::Arc;

/// A data directory that is in use.
#[derive(Debug)]
pub struct DataFolder {
    pub(crate) inventory: Arc<Inventory>,
    /// The clock, as far as it is believed.
    pub clock: TrustedClock,
    /// The room on its disk.
    pub room: Room,
    /// What all signals take of it.
    pub(crate) usage: DiskUsage,
}

impl DataFolder {
    /// Reads what is written down of a directory; answers what was wrong with that.
    #[must_use]
    pub fn open(
        files: &Arc<dyn Files>,
        dir: &Path,
        clock: &Arc<dyn Clock>,
        keeps_reserve: bool,
        usage: DiskUsage,
    ) -> (Self, Vec<SetAside>) {
        let (inventory, aside) = Inventory::open(Arc::clone(files), dir);
        let inventory = Arc::new(inventory);
        let clock = TrustedClock::new(Arc::clone(clock), Arc::clone(&inventory));
        (Self { inventory, clock, room: Room::new(Arc::clone(files), dir, keeps_reserve), usage }, aside)
    }
}
