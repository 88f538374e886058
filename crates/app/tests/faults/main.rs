//! A disk that fails: an error at every k-th call of every operation on every kind of file, once or from then on; a disk
//! that has no room left from every k-th write on.
//!
//! A history (records of all three signals, seals, compaction, retention, reads, a stop, a start) is gone through once
//! without faults to count its calls, by operation and kind of file; then again for calls of them, each with one fault.
//! While the disk is ill,
//!
//! - nothing panics or hangs, nothing is served that was not sent or twice,
//! - an answer is whole, or says what is missing, or is an error that names the file,
//! - where records are refused, Clew says that it is not ready,
//! - on a full disk every answer is whole, and records are refused as such.
//!
//! When it is well again everything acknowledged is there once, of the rest all of a request or nothing, after a power cut
//! too, so that nothing passes for written whose sync failed. A full disk needs no restart for that.
//!
//! `CLEW_FAULTS_CALLS` sets how many calls are tried, chosen by seeds (`all` goes through every one), of each of
//! `CLEW_FAULTS_HISTORIES` histories beginning with `CLEW_FAULTS_FIRST`; a failure says how it is repeated.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod calls;
mod full;
mod ill;
#[path = "../trial/mod.rs"]
mod trial;
mod world;

use calls::{Calls, Site};
use fastrand::Rng;
use std::collections::BTreeMap;
use trial::{each, setting};
use world::World;

/// Calls of each test without the variable: some seconds on two cores.
const CALLS: usize = 120;

/// What is tried, in the order of its numbers.
fn chosen(all: Vec<Site>, seed: u64) -> Vec<Site> {
    let only = std::env::var("CLEW_FAULTS_ONLY").ok();
    if let Some(only) = only {
        return all.into_iter().filter(|site| site.to_string() == only).collect();
    }
    let wanted = match std::env::var("CLEW_FAULTS_CALLS") {
        Ok(text) if text == "all" => usize::MAX,
        Ok(text) => text.parse().expect("CLEW_FAULTS_CALLS"),
        Err(_) => CALLS,
    };
    let mut all = all;
    Rng::with_seed(seed).shuffle(&mut all);
    all.truncate(wanted);
    all
}

fn histories() -> std::ops::Range<u64> {
    let first = setting("CLEW_FAULTS_FIRST", 0);
    first..first + setting("CLEW_FAULTS_HISTORIES", 1)
}

/// Prints what was met.
fn tell(met: &BTreeMap<String, [u64; 3]>) {
    println!("{:<52} {:>8} {:>14} {:>14}", "what failed", "trials", "refused", "acknowledged");
    for (what, [trials, refused, acknowledged]) in met {
        println!("{what:<52} {trials:>8} {refused:>14} {acknowledged:>14}");
    }
}

fn add(met: &mut BTreeMap<String, [u64; 3]>, what: String, [refused, acknowledged]: [u64; 2]) {
    let row = met.entry(what).or_default();
    *row = [row[0] + 1, row[1] + refused, row[2] + acknowledged];
}

/// The calls of a history without faults.
fn count(history: u64) -> Calls {
    let counted = each(0..1, |_| async move {
        let world = World::new(history, "without faults".to_owned());
        let calls = Calls::count(&world.files);
        ill::go_through(world, None).await;
        calls
    });
    counted.into_iter().next().unwrap()
}

#[test]
fn an_error_at_any_call_loses_and_doubles_nothing_and_is_said() {
    world::watch_for_panics();
    let mut met = BTreeMap::new();
    for history in histories() {
        let calls = count(history);
        let all = calls.sites();
        println!("history {history}: {} calls of {} kinds, {} ways to fail", calls.total(), calls.kinds(), all.len());
        let sites = chosen(all, history);
        let sites = &sites;
        let own = each(0..sites.len() as u64, |at| async move {
            let site = &sites[at as usize];
            let world = World::new(history, site.to_string());
            (format!("{} {}", site.effect, site.operation.name()), ill::go_through(world, Some(site)).await)
        });
        own.into_iter().for_each(|(what, counts)| add(&mut met, what, counts));
    }
    tell(&met);
    let trials: u64 = met.values().map(|row| row[0]).sum();
    let refused: u64 = met.values().map(|row| row[1]).sum();
    assert!(trials < 100 || refused > trials / 10, "too little was met to be a test");
}

#[test]
fn a_disk_that_is_full_from_any_write_on_serves_what_it_has_and_takes_more_once_there_is_room() {
    world::watch_for_panics();
    let mut met = BTreeMap::new();
    for history in histories() {
        let sites = chosen(count(history).writes(), history);
        let sites = &sites;
        let own = each(0..sites.len() as u64, |at| async move {
            let site = &sites[at as usize];
            let world = World::new(history, site.to_string());
            (site.kind.clone(), full::go_through(world, site).await)
        });
        own.into_iter().for_each(|(what, counts)| add(&mut met, what, counts));
    }
    tell(&met);
    let refused: u64 = met.values().map(|row| row[1]).sum();
    assert!(refused > 0 || met.is_empty(), "too little was met to be a test");
}
