//! Which calls a history makes of a disk, and which of them are to fail.

use clew_host::{Fault, Operation, Ruling, SimFiles};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// This call alone.
    Once(Fault),
    /// This call and all of its kind that follow.
    Lasting(Fault),
    /// This call and all that follow, whatever they do.
    Dead,
}

/// One call of a history: the k-th (from 1) of an operation on a kind of file, and how it fails.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub operation: Operation,
    pub kind: String,
    pub call: u64,
    pub effect: Effect,
}

/// The calls that were counted, by operation and kind of file.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<BTreeMap<(Operation, String), u64>>>);

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once(fault) => write!(f, "once {fault:?}"),
            Self::Lasting(fault) => write!(f, "lasting {fault:?}"),
            Self::Dead => f.write_str("dead"),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, kind, call, effect } = self;
        write!(f, "{effect}, {} of {kind}, call {call}", operation.name())
    }
}

/// The kind of a file: its place without names and numbers.
pub(crate) fn kind(path: &Path) -> String {
    let below = path.strip_prefix("/data").unwrap_or(path);
    let name = below.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let shown = match name.rsplit_once('.') {
        Some((_, ending)) if below.components().count() > 1 => format!("*.{ending}"),
        _ => name,
    };
    below.parent().unwrap_or(Path::new("")).join(shown).display().to_string()
}

impl Calls {
    /// Counts the calls of a disk from here on.
    pub(crate) fn count(files: &SimFiles) -> Self {
        let calls = Self::default();
        let own = calls.clone();
        files.set_judge(move |operation, path| {
            *own.0.lock().unwrap().entry((operation, kind(path))).or_default() += 1;
            Ruling::Runs
        });
        calls
    }

    /// How many calls there were.
    pub(crate) fn total(&self) -> u64 {
        self.0.lock().unwrap().values().sum()
    }

    /// Of how many operations on kinds of files.
    pub(crate) fn kinds(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Every call with every way in which it may fail.
    pub(crate) fn sites(&self) -> Vec<Site> {
        let mut sites = Vec::new();
        for ((operation, kind), count) in self.0.lock().unwrap().iter() {
            let mut effects = vec![
                Effect::Once(Fault::Device),
                Effect::Lasting(Fault::Device),
                Effect::Once(Fault::Interrupted),
                Effect::Dead,
            ];
            match operation {
                // File systems that find room late say so then.
                Operation::Sync | Operation::SyncDir | Operation::Rename => {
                    effects.push(Effect::Once(Fault::OutOfSpace));
                }
                _ => {}
            }
            for call in 1..=*count {
                for effect in &effects {
                    sites.push(Site { operation: *operation, kind: kind.clone(), call, effect: *effect });
                }
            }
        }
        sites
    }

    /// Every write.
    pub(crate) fn writes(&self) -> Vec<Site> {
        let calls = self.0.lock().unwrap();
        let writes = calls.iter().filter(|((operation, _), _)| *operation == Operation::Write);
        let of = |((operation, kind), count): (&(Operation, String), &u64)| {
            let (operation, kind) = (*operation, kind.clone());
            let effect = Effect::Lasting(Fault::OutOfSpace);
            (1..=*count).map(move |call| Site { operation, kind: kind.clone(), call, effect })
        };
        writes.flat_map(of).collect()
    }
}

impl Site {
    /// What becomes of calls when this one fails; `met` is set when it does.
    pub(crate) fn judge(
        &self,
        met: &Arc<AtomicBool>,
    ) -> impl Fn(Operation, &Path) -> Ruling + Send + Sync + use<> + 'static {
        let (own, count, met) = (self.clone(), Mutex::new(0), Arc::clone(met));
        move |operation, path| {
            let mut count = count.lock().unwrap();
            let is_own = operation == own.operation && kind(path) == own.kind;
            *count += u64::from(is_own);
            if is_own && *count == own.call {
                met.store(true, Ordering::Relaxed);
            }
            match own.effect {
                Effect::Once(fault) if is_own && *count == own.call => Ruling::Fails(fault),
                Effect::Lasting(fault) if is_own && *count >= own.call => Ruling::Fails(fault),
                Effect::Dead if *count >= own.call => Ruling::Fails(Fault::Device),
                _ => Ruling::Runs,
            }
        }
    }

    /// The same call leaves a disk with next to no room. `makes_names`: whether a file can still be created then.
    pub(crate) fn fills(
        &self,
        room: u64,
        makes_names: bool,
    ) -> impl Fn(Operation, &Path) -> Ruling + Send + Sync + 'static {
        let (own, count) = (self.clone(), Mutex::new(0));
        move |operation, path| {
            let mut count = count.lock().unwrap();
            let is_own = operation == own.operation && kind(path) == own.kind;
            *count += u64::from(is_own);
            if is_own && *count == own.call {
                return Ruling::LeavesRoom(room);
            }
            let makes_name = matches!(operation, Operation::Create | Operation::CreateDir);
            match *count >= own.call && makes_name && !makes_names {
                true => Ruling::Fails(Fault::OutOfSpace),
                false => Ruling::Runs,
            }
        }
    }
}
