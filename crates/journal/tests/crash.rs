//! Seeded crashes: whatever is cut short, what was acknowledged is there, once, in order, and nothing else is.
//!
//! Each seed lives several lives of one journal on a simulated disk: random appends, syncs, rotations, trims, full
//! disks and failed syncs, ended by a power loss at a random operation (in recovery too) or by a kill that keeps what
//! the kernel holds. A model says what must be found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;

use clew_host::{Fault, Operation, SimFiles};
use clew_journal::{Journal, JournalError, JournalPosition};
use common::{Owned, SMALL, open_with, replay};
use fastrand::Rng;

#[derive(Default)]
struct Model {
    /// Every frame whose append was begun and not refused, by position.
    begun: BTreeMap<u64, (u8, Vec<u8>)>,
    /// The last acknowledged position.
    acknowledged: u64,
    /// Frames up to here may be gone.
    trimmed: u64,
}

impl Model {
    /// Checks what an opened journal holds, which is durable from now on.
    fn check(&mut self, frames: &[Owned], last: u64) {
        for window in frames.windows(2) {
            let (one, next) = (window[0].0, window[1].0);
            assert!(one < next, "{one} before {next}");
            let lost = self.begun.keys().find(|position| (one + 1..next).contains(*position));
            assert!(lost.is_none(), "lost {lost:?}");
        }
        for (position, kind, payload) in frames {
            let (expected_kind, expected) = self.begun.get(position).expect("never appended");
            assert!(kind == expected_kind && payload == expected, "frame {position} differs");
        }
        let last_frame = frames.last().map_or(0, |frame| frame.0);
        let first_frame = frames.first().map_or(u64::MAX, |frame| frame.0);
        let kept = self.trimmed + 1..=self.acknowledged;
        for position in self.begun.keys().filter(|position| kept.contains(*position)) {
            let held = first_frame..=last_frame;
            assert!(held.contains(position), "lost {position}, {held:?} is left");
        }
        assert!(last >= self.acknowledged, "position {last} was acknowledged before");
        self.begun.retain(|position, _| *position <= last_frame);
        self.acknowledged = last;
    }
}

fn frame(rng: &mut Rng) -> (u8, Vec<u8>) {
    let size = match rng.u8(..20) {
        0 => rng.usize(..9_000),
        1..4 => 0,
        _ => rng.usize(..700),
    };
    (rng.u8(..), (0..size).map(|_| rng.u8(..)).collect())
}

/// One random call. The error ends the life.
fn step(journal: &Journal, files: &SimFiles, model: &mut Model, rng: &mut Rng) -> Result<(), JournalError> {
    match rng.u8(..100) {
        0..70 => {
            let (kind, payload) = frame(rng);
            if rng.u8(..20) == 0 {
                files.fail_next(Operation::Write, Fault::OutOfSpace);
            }
            let position = journal.last_position().0 + 1;
            model.begun.insert(position, (kind, payload.clone()));
            match journal.append(kind, &payload) {
                Err(JournalError::StorageFull(_)) => {
                    model.begun.remove(&position);
                    Ok(())
                }
                other => other.map(|given| assert_eq!(given.0, position)),
            }
        }
        70..85 => {
            if rng.u8(..40) == 0 {
                files.fail_next(Operation::Sync, Fault::Device);
            }
            model.acknowledged = journal.sync()?.0;
            Ok(())
        }
        85..90 => journal.rotate(),
        90..98 => {
            let upto = rng.u64(model.trimmed..=model.acknowledged.max(model.trimmed));
            model.trimmed = upto;
            journal.trim(JournalPosition(upto)).map(drop)
        }
        _ => {
            let upto = journal.last_position().0 + rng.u64(..5);
            journal.advance_past(JournalPosition(upto))
        }
    }
}

/// Lives on until something fails.
fn live(files: &SimFiles, model: &mut Model, rng: &mut Rng, seed: u64) -> Result<(), JournalError> {
    let (journal, _) = open_with(files, rng.u64(..), SMALL)?;
    let (frames, _) = replay(&journal, 0)?;
    model.check(&frames, journal.last_position().0);
    if rng.bool() {
        drop(journal);
        let (again, recovery) = open_with(files, rng.u64(..), SMALL)?;
        assert_eq!(recovery.torn_tail, None, "seed {seed}");
        assert_eq!(replay(&again, 0)?.0, frames, "seed {seed}: opening twice differs");
        return steps(&again, files, model, rng);
    }
    steps(&journal, files, model, rng)
}

fn steps(journal: &Journal, files: &SimFiles, model: &mut Model, rng: &mut Rng) -> Result<(), JournalError> {
    for _ in 0..rng.u8(..60) {
        step(journal, files, model, rng)?;
    }
    Ok(())
}

fn run(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let mut files = SimFiles::new();
    let mut model = Model::default();
    for _ in 0..6 {
        let loses_power = rng.u8(..4) > 0;
        if loses_power {
            let operation = files.operations() + rng.u64(1..120);
            files.lose_power_at(operation);
        }
        let result = live(&files, &mut model, &mut rng, seed);
        match result {
            Ok(()) | Err(JournalError::Poisoned { .. } | JournalError::Io(_) | JournalError::StorageFull(_)) => {}
            Err(error) => panic!("seed {seed}: {error:?}"),
        }
        // A kill leaves the disk as programs saw it.
        if loses_power {
            files = files.crash(rng.u64(..));
        }
    }
    files.clear_faults();
    let (journal, _) = open_with(&files, 0, SMALL).unwrap();
    let (frames, _) = replay(&journal, 0).unwrap();
    model.check(&frames, journal.last_position().0);
}

#[test]
fn a_thousand_seeded_crashes_lose_nothing_acknowledged() {
    for seed in 0..1_000 {
        let result = std::panic::catch_unwind(|| run(seed));
        assert!(result.is_ok(), "seed {seed}");
    }
}

#[test]
fn a_crash_at_each_operation_of_a_recovery_harms_nothing() {
    let prepare = |seed| {
        let files = SimFiles::new();
        let (journal, _) = open_with(&files, seed, SMALL).unwrap();
        let mut rng = Rng::with_seed(seed);
        for count in 0..60 {
            let (kind, payload) = frame(&mut rng);
            journal.append(kind, &payload).unwrap();
            if count == 50 {
                journal.sync().unwrap();
            }
        }
        let (frames, _) = replay(&journal, 0).unwrap();
        (files.crash(seed), frames)
    };
    for seed in 0..20 {
        for operation in 1..20 {
            let (files, frames) = prepare(seed);
            files.lose_power_at(operation);
            let _ = open_with(&files, seed + 1, SMALL);
            let files = files.crash(operation);
            let (journal, _) = open_with(&files, seed + 2, SMALL).unwrap();
            let (found, _) = replay(&journal, 0).unwrap();
            assert!(found.len() >= 51 && frames.starts_with(&found), "seed {seed}");
        }
    }
}
