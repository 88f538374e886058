//! The fuzzers without cargo-fuzz: every target takes its seeds, what is kept in `fuzz/corpus`, and seeded mutations of both for
//! a while. `CLEW_FUZZ_MILLIS` sets how long each target's mutations go on, `CLEW_FUZZ_SEED` which they are; an input that
//! fails is written to the folder for temporary files, and is run again by `cargo run -p clew-fuzzing -- run TARGET FILE`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use clew_fuzzing::{TARGETS, Target, seeds};
use fastrand::Rng;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long mutations of each target go on without the variable.
const MILLIS: u64 = 400;
/// No input takes longer, whatever else the machine does.
const SLOWEST: Duration = Duration::from_secs(20);
/// Inputs are not made longer.
const LONGEST: usize = 64 << 10;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect(name))
}

/// What a target begins with: its seeds, then its kept corpus in the order of names.
fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let mut inputs: Vec<Vec<u8>> =
        seeds::all().into_iter().filter(|(name, ..)| *name == target.name).map(|(_, _, bytes)| bytes).collect();
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target.name);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    inputs.extend(paths.iter().map(|path| std::fs::read(path).unwrap()));
    inputs
}

fn run(target: &Target, input: &[u8]) {
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    if outcome.is_err() || started.elapsed() > SLOWEST {
        let path = std::env::temp_dir().join(format!("clew-fuzz-{}", target.name));
        std::fs::write(&path, input).unwrap();
        panic!("{}: after {:?}; the input is in {}", target.name, started.elapsed(), path.display());
    }
}

/// One of the inputs, changed as fuzzers do: bytes and bits, cuts, repetitions, pieces of another.
fn mutated(rng: &mut Rng, inputs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = rng.choice(inputs).unwrap().clone();
    for _ in 0..rng.usize(1..5) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(..8) {
            0 | 1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.u8(..8)),
            2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.u8(..)),
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(at..(at + rng.usize(..9)).min(bytes.len()))),
            5 => drop(bytes.splice(at..at, (0..rng.usize(1..9)).map(|_| rng.u8(..)).collect::<Vec<_>>())),
            6 => {
                let end = (at + rng.usize(..40)).min(bytes.len());
                let piece = bytes[at..end].repeat(rng.usize(1..5));
                drop(bytes.splice(at..at, piece));
            }
            _ => {
                let other = rng.choice(inputs).unwrap();
                let from = rng.usize(..=other.len());
                let piece = other[from..(from + rng.usize(..40)).min(other.len())].to_vec();
                drop(bytes.splice(at..at, piece));
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

#[test]
fn every_target_holds_for_its_corpus_and_mutations_of_it() {
    let span = Duration::from_millis(setting("CLEW_FUZZ_MILLIS", MILLIS));
    let seed = setting("CLEW_FUZZ_SEED", 0);
    let next = &AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                while let Some(target) = TARGETS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let inputs = corpus(target);
                    assert!(!inputs.is_empty(), "{} has no seeds", target.name);
                    inputs.iter().for_each(|input| run(target, input));
                    let (mut rng, started, mut runs) = (Rng::with_seed(seed), Instant::now(), 0u64);
                    while started.elapsed() < span {
                        run(target, &mutated(&mut rng, &inputs));
                        runs += 1;
                    }
                    println!("{:<16} {:>5} kept {:>9} mutated", target.name, inputs.len(), runs);
                }
            });
        }
    });
}

#[test]
fn every_target_has_a_fuzzer_of_its_name() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
    let mut there: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    there.sort();
    let mut wanted: Vec<String> = TARGETS.iter().map(|target| format!("{}.rs", target.name)).collect();
    wanted.sort();
    assert_eq!(there, wanted);
}
