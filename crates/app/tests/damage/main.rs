//! The damage trial: a data directory with all three signals, sealed and not yet sealed; one thing in it is damaged, by a
//! seed: a bit, a page of zeros, a cut, a file or folder that is gone, two files in each other's place. Clew starts on what
//! is left, and
//!
//! - every record that another file held is served,
//! - nothing is served that was not sent, and nothing twice,
//! - where a record is missing, a file is named in the status with how many are lost, and the answer says so,
//! - new records are taken and served beside the old ones, and a second start finds the same.
//!
//! `CLEW_DAMAGE_SEEDS` sets how many seeds are gone through on a simulated disk, `CLEW_DAMAGE_FIRST` the first of them; every
//! eighth is gone through with real files too. The totals are printed (`--nocapture`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod harm;
#[path = "../trial/mod.rs"]
mod trial;
mod world;

use harm::Harm;
use std::collections::BTreeMap;
use trial::{each, setting};
use world::{Trial, World};

/// Seeds without the variable: some seconds on two cores.
const SEEDS: u64 = 120;

/// Every so many seeds real files are damaged too.
const REAL: u64 = 8;

#[test]
fn one_damaged_or_missing_file_hurts_its_own_records_alone_and_is_said() {
    let first = setting("CLEW_DAMAGE_FIRST", 0);
    let end = first + setting("CLEW_DAMAGE_SEEDS", SEEDS);
    let trials = each(first..end, |seed| async move {
        let mut trials = Vec::new();
        for is_real in [false, true].into_iter().take(if seed % REAL == 0 { 2 } else { 1 }) {
            trials.push(World::new(seed, is_real).go_through().await);
        }
        trials
    });
    let mut met = BTreeMap::<String, [u64; 3]>::new();
    for Trial { harm, lost, served } in trials.into_iter().flatten() {
        let row = met.entry(harm).or_default();
        *row = [row[0] + 1, row[1] + lost, row[2] + served];
    }
    println!("{:<44} {:>8} {:>14} {:>14}", "what was done", "trials", "records lost", "records served");
    for (harm, [trials, lost, served]) in met.iter() {
        println!("{harm:<44} {trials:>8} {lost:>14} {served:>14}");
    }
    let kinds = met.keys().filter_map(|harm| harm.split(" of ").next()).collect::<std::collections::BTreeSet<_>>();
    assert!(end - first < 100 || kinds.len() >= Harm::KINDS, "too little was met to be a test: {kinds:?}");
}
