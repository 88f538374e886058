//! What shall go wrong on a simulated disk, and when.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The operations of a simulated disk, as faults name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Creating or emptying a file.
    Create,
    /// Opening a file, to read or to append.
    Open,
    /// Reading bytes or a length.
    Read,
    /// Appending bytes.
    Write,
    /// Syncing a file.
    Sync,
    /// Syncing a directory.
    SyncDir,
    /// Renaming.
    Rename,
    /// Removing a file or directory.
    Remove,
    /// Setting a length.
    Truncate,
    /// Creating directories.
    CreateDir,
    /// Listing, looking for a name, asking for free space.
    Look,
    /// Locking a directory.
    Lock,
}

impl Operation {
    /// Whether the operation can change the disk. Only these are counted: a crash between two of them differs from
    /// none at either.
    pub fn changes_the_disk(self) -> bool {
        !matches!(self, Self::Open | Self::Read | Self::Look)
    }

    /// What it is called in errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::SyncDir => "sync directory",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Truncate => "truncate",
            Self::CreateDir => "create directory",
            Self::Look => "look at",
            Self::Lock => "lock",
        }
    }
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is full (`ENOSPC`). A write leaves half its bytes.
    OutOfSpace,
    /// The device failed (`EIO`). A write leaves half its bytes; a sync loses what was unsynced, as Linux does, and
    /// the sync after it succeeds.
    Device,
    /// A signal came in between (`EINTR`); otherwise as [`Fault::Device`].
    Interrupted,
}

/// What becomes of a call, as a judge says (see [`SimFiles::set_judge`](super::SimFiles::set_judge)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// It is done.
    Runs,
    /// It fails.
    Fails(Fault),
    /// From this call on the disk has room for so many bytes more.
    LeavesRoom(u64),
}

/// Somebody who sees every call and says what becomes of it.
type Judge = dyn Fn(Operation, &Path) -> Ruling + Send + Sync;

/// The judge of a disk, if there is one.
#[derive(Clone, Default)]
pub(super) struct Judging(pub(super) Option<Arc<Judge>>);

impl fmt::Debug for Judging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "judged" } else { "not judged" })
    }
}

impl Fault {
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::OutOfSpace => io::Error::new(io::ErrorKind::StorageFull, "no space left on device"),
            Self::Device => io::Error::other("input/output error"),
            Self::Interrupted => io::ErrorKind::Interrupted.into(),
        }
    }
}

/// What becomes of an operation that is about to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Runs,
    Fails(Fault),
    LosesPower,
    IsDead,
}

/// The faults planned, and the count of operations by which they come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) operations: u64,
    pub(super) power_fails_at: Option<u64>,
    pub(super) at: Vec<(u64, Fault)>,
    pub(super) next: Vec<(Operation, Fault)>,
    pub(super) judge: Judging,
    pub(super) dead: bool,
}

impl Faults {
    pub(super) fn judge(&mut self, operation: Operation) -> Verdict {
        if self.dead {
            return Verdict::IsDead;
        }
        if operation.changes_the_disk() {
            self.operations += 1;
            if self.power_fails_at == Some(self.operations) {
                self.dead = true;
                return Verdict::LosesPower;
            }
            let number = self.operations;
            if let Some(planned) = self.at.iter().position(|(at, _)| *at == number) {
                return Verdict::Fails(self.at.swap_remove(planned).1);
            }
        }
        match self.next.iter().position(|(next, _)| *next == operation) {
            Some(planned) => Verdict::Fails(self.next.remove(planned).1),
            None => Verdict::Runs,
        }
    }
}

pub(super) fn power_lost() -> io::Error {
    io::Error::other("the simulated machine has lost power")
}
