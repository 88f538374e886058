//! What the trials of the whole program below its listeners share: records made of their numbers, a ledger of what was
//! acknowledged, a server on some disk, and the seeds that are gone through.

// Each trial uses its part.
#![allow(dead_code)]

pub(crate) mod ledger;
pub(crate) mod records;
pub(crate) mod server;

use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const NOW: i64 = 1_800_000_000_000_000_000;
pub(crate) const DAY: i64 = 86_400_000_000_000;
pub(crate) const MILLI: i64 = 1_000_000;

/// The signals, as places in arrays.
pub(crate) const SIGNALS: [&str; 3] = ["logs", "metrics", "traces"];

/// A number from the environment.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect(name))
}

/// Goes through numbers on two threads, each with a runtime of its own; answers what each made of its numbers.
pub(crate) fn each<T: Send, F: Future<Output = T>>(
    numbers: std::ops::Range<u64>,
    live: impl Fn(u64) -> F + Sync,
) -> Vec<T> {
    let next = AtomicU64::new(numbers.start);
    let (next, live, met) = (&next, &live, &Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers.end {
                        return;
                    }
                    let own = runtime.block_on(live(number));
                    met.lock().unwrap().push(own);
                }
            });
        }
    });
    std::mem::take(&mut *met.lock().unwrap())
}
