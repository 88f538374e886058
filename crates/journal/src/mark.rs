//! How far a journal has been acknowledged, written down beside it: by it a start knows what a file that was cut short,
//! or is gone, held.
//!
//! The mark follows the journal's syncs and is not synced itself: after a kill it is exact, after a power cut it may be
//! behind, and it is never ahead. Two slots are written in turn, each with a checksum.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use clew_host::{Files, WriteFile, atomic_write};

/// The first bytes of a slot; the last of them is its version.
const MAGIC: [u8; 8] = *b"CLEWMRK0";

/// Magic, journal, position, count of writes, checksum.
const SLOT_BYTES: usize = 36;

/// From one slot to the next: no sector holds two.
const SLOT_STEP: usize = 4096;

/// How far a journal was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The journal's identity.
    pub(crate) journal: u64,
    /// The last position that was durable.
    pub(crate) last: u64,
    /// Grows with each write.
    count: u64,
}

/// Why there is no mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoMark {
    /// There is no file.
    Missing,
    /// The file is none, or damaged.
    Damaged,
}

/// The file of a mark, open for writing.
#[derive(Debug)]
pub(crate) struct MarkFile {
    journal: u64,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: Box<dyn WriteFile>,
    /// The number of the next write.
    count: u64,
}

/// Reads a mark.
pub(crate) fn read(files: &dyn Files, path: &Path) -> Result<Mark, NoMark> {
    if !files.exists(path).unwrap_or(true) {
        return Err(NoMark::Missing);
    }
    slots(files, path).into_iter().max_by_key(|mark| mark.count).ok_or(NoMark::Damaged)
}

/// What the slots say that are whole.
fn slots(files: &dyn Files, path: &Path) -> Vec<Mark> {
    let bytes = files.open(path).and_then(|file| file.read_at(0, 2 * SLOT_STEP)).unwrap_or_default();
    [0, SLOT_STEP].into_iter().filter_map(|at| decode(bytes.get(at..at + SLOT_BYTES)?)).collect()
}

fn encode(mark: Mark) -> [u8; SLOT_BYTES] {
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend(MAGIC);
    [mark.journal, mark.last, mark.count].into_iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes.try_into().unwrap_or([0; SLOT_BYTES])
}

fn decode(slot: &[u8]) -> Option<Mark> {
    let (body, checksum) = slot.split_last_chunk::<4>()?;
    let numbers = body.strip_prefix(&MAGIC)?;
    let (numbers, _) = numbers.as_chunks::<8>();
    let number = |at: usize| numbers.get(at).map(|bytes| u64::from_le_bytes(*bytes));
    let is_whole = crc32fast::hash(body) == u32::from_le_bytes(*checksum);
    is_whole.then(|| Some(Mark { journal: number(0)?, last: number(1)?, count: number(2)? }))?
}

impl MarkFile {
    /// Opens the file of a journal, or makes it anew, and says how far the journal is durable. On a full disk a file that
    /// is there goes on being used.
    pub(crate) fn open(files: &dyn Files, path: &Path, journal: u64, last: u64) -> std::io::Result<Self> {
        let slots = slots(files, path);
        // A slot that a power cut has torn may not stay: the next one may leave it as it is and tear the other.
        if slots.len() < 2
            && let Ok(made) = Self::create(files, path, journal, last)
        {
            return Ok(made);
        }
        let known = slots.into_iter().max_by_key(|mark| mark.count).filter(|mark| mark.journal == journal);
        let file = files.open_append(path).ok().filter(|file| file.len() == (SLOT_STEP + SLOT_BYTES) as u64);
        let (Some(known), Some(file)) = (known, file) else { return Self::create(files, path, journal, last) };
        let open = Mutex::new(Open { file, count: known.count.saturating_add(1) });
        let opened = Self { journal, open };
        opened.set(last);
        Ok(opened)
    }

    /// Makes the file anew, with both slots at a position.
    fn create(files: &dyn Files, path: &Path, journal: u64, last: u64) -> std::io::Result<Self> {
        let mut bytes = vec![0; SLOT_STEP + SLOT_BYTES];
        for (at, count) in [(0, 0), (SLOT_STEP, 1)] {
            let slot = encode(Mark { journal, last, count });
            bytes.splice(at..at + SLOT_BYTES, slot);
        }
        atomic_write(files, path, &bytes)?;
        let open = Mutex::new(Open { file: files.open_append(path)?, count: 2 });
        Ok(Self { journal, open })
    }

    /// Writes how far the journal is durable. A mark that cannot be written stays behind, which it may.
    pub(crate) fn set(&self, last: u64) {
        let mut open = self.locked();
        let at = (open.count % 2) * SLOT_STEP as u64;
        let slot = encode(Mark { journal: self.journal, last, count: open.count });
        // A slot that was left half written is written again before the other one, which is whole.
        if open.file.overwrite_at(&slot, at).is_ok() {
            open.count = open.count.saturating_add(1);
        }
    }

    fn locked(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what was written last durable, as far as the disk does it.
    pub(crate) fn sync(&self) {
        let _ = self.locked().file.sync();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_host::{Fault, Operation, SimFiles};

    #[test]
    fn the_last_whole_slot_counts_and_damage_is_found() {
        let (files, path) = (SimFiles::new(), Path::new("logs.mark"));
        assert_eq!(read(&files, path), Err(NoMark::Missing));
        let mark = MarkFile::create(&files, path, 7, 40).unwrap();
        assert_eq!(read(&files, path).map(|mark| (mark.journal, mark.last)), Ok((7, 40)));
        mark.set(41);
        mark.set(42);
        mark.set(43);
        assert_eq!(read(&files, path).map(|mark| mark.last), Ok(43));
        let bytes = files.open(path).unwrap().read_at(0, 1 << 20).unwrap();
        for at in 0..SLOT_BYTES {
            for slot in [0, SLOT_STEP] {
                let mut changed = bytes.clone();
                changed[slot + at] ^= 1;
                atomic_write(&files, path, &changed).unwrap();
                let last = read(&files, path).map(|mark| mark.last);
                assert!(matches!(last, Ok(42 | 43)), "{last:?}");
            }
        }
        atomic_write(&files, path, b"?").unwrap();
        assert_eq!(read(&files, path), Err(NoMark::Damaged));
    }

    #[test]
    fn writes_that_fail_half_way_leave_a_slot_that_is_whole() {
        let (files, path) = (SimFiles::new(), Path::new("logs.mark"));
        let mark = MarkFile::create(&files, path, 7, 40).unwrap();
        mark.set(41);
        for last in 42..50 {
            files.fail_next(Operation::Write, Fault::Device);
            mark.set(last);
            assert_eq!(read(&files, path).map(|mark| mark.last), Ok(41));
        }
        mark.set(50);
        assert_eq!(read(&files, path).map(|mark| mark.last), Ok(50));
    }

    #[test]
    fn after_any_power_cut_a_mark_is_there_and_never_ahead() {
        let path = Path::new("logs.mark");
        for seed in 0..2_000 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut files = SimFiles::new();
            let mut last = 40;
            for _ in 0..4 {
                let operation = files.operations() + rng.u64(1..20);
                files.lose_power_at(operation);
                if let Ok(mark) = MarkFile::open(&files, path, 7, last) {
                    for _ in 0..rng.u8(..12) {
                        last += 1;
                        mark.set(last);
                        if rng.u8(..4) == 0 {
                            mark.sync();
                        }
                    }
                }
                files = files.crash(rng.u64(..));
                match read(&files, path) {
                    Ok(mark) => assert!(mark.last <= last, "seed {seed}"),
                    Err(fault) => assert_eq!(fault, NoMark::Missing, "seed {seed}"),
                }
            }
        }
    }
}
