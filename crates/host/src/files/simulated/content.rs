//! The bytes of one simulated file: what programs see, what a sync made durable, and what a crash leaves.

use fastrand::Rng;

/// Disks write sectors of this many bytes; a lost one is lost whole.
const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Changes since the last sync, oldest first.
    pending: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Resize(usize),
}

impl Content {
    /// A file found on the disk after a crash.
    pub(super) fn recovered(bytes: Vec<u8>) -> Self {
        Self {
            live: bytes.clone(),
            durable: bytes,
            pending: Vec::new(),
        }
    }

    pub(super) fn live(&self) -> &[u8] {
        &self.live
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        overwrite(&mut self.live, offset, bytes);
        let bytes = bytes.to_vec();
        self.pending.push(Change::Write { offset, bytes });
    }

    pub(super) fn resize(&mut self, len: usize) {
        if len != self.live.len() {
            self.live.resize(len, 0);
            self.pending.push(Change::Resize(len));
        }
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            match change {
                Change::Write { offset, bytes } => overwrite(&mut self.durable, offset, &bytes),
                Change::Resize(len) => self.durable.resize(len, 0),
            }
        }
    }

    /// A failed sync: the unsynced pages are marked clean though they never reached the disk.
    pub(super) fn lose_unsynced(&mut self) {
        self.pending.clear();
    }

    /// The bytes after a power loss. `strays` is what may stand in sectors that were allotted but never written.
    pub(super) fn survive(&self, rng: &mut Rng, strays: &[u8]) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let kept = match rng.u8(..4) {
            0 => 0,
            1 => self.pending.len(),
            _ => rng.usize(..=self.pending.len()),
        };
        let mut unsynced = Vec::new();
        for (index, change) in self.pending.iter().take(kept).enumerate() {
            match change {
                Change::Write { offset, bytes: new } => {
                    let torn = index + 1 == kept && rng.bool();
                    let len = if torn {
                        rng.usize(..=new.len())
                    } else {
                        new.len()
                    };
                    overwrite(&mut bytes, *offset, new.get(..len).unwrap_or(new));
                    unsynced.push(*offset..offset + len);
                }
                Change::Resize(len) => bytes.resize(*len, 0),
            }
        }
        // The length may reach the disk before the bytes do.
        if !self.pending.is_empty() && bytes.len() < self.live.len() && rng.u8(..4) == 0 {
            unsynced.push(bytes.len()..self.live.len());
            bytes.resize(self.live.len(), 0);
        }
        if rng.bool() {
            for range in unsynced {
                self.damage(&mut bytes, range, rng, strays);
            }
        }
        bytes
    }

    /// Leaves some sectors of an unsynced range unwritten: zero, noise, another file's old bytes, or this one's.
    fn damage(
        &self,
        bytes: &mut [u8],
        range: std::ops::Range<usize>,
        rng: &mut Rng,
        strays: &[u8],
    ) {
        let end = range.end.min(bytes.len());
        let mut start = range.start;
        while start < end {
            let sector_end = ((start / SECTOR + 1) * SECTOR).min(end);
            if rng.u8(..4) == 0 {
                let kind = rng.u8(..4);
                for (position, byte) in bytes.iter_mut().enumerate().take(sector_end).skip(start) {
                    *byte = match kind {
                        0 => 0,
                        1 => rng.u8(..),
                        2 => strays.get(position).copied().unwrap_or(0),
                        _ => self.durable.get(position).copied().unwrap_or(0),
                    };
                }
            }
            start = sector_end;
        }
    }
}

/// Writes at an offset, filling a gap before it with zeros.
fn overwrite(target: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if target.len() < end {
        target.resize(end, 0);
    }
    if let Some(place) = target.get_mut(offset..end) {
        place.copy_from_slice(bytes);
    }
}
