//! A disk without room.

use crate::calls::Site;
use crate::trial::SIGNALS;
use crate::trial::server::{seal, stop};
use crate::world::{Answers, World, is_ready};
use clew_app::{App, AppError};
use clew_model::ErrorKind;
use std::time::Duration;

/// Longer takes no history that ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// Goes through a history whose disk is full from a write on; answers how many requests were refused and acknowledged.
pub(crate) async fn go_through(mut world: World, site: &Site) -> [u64; 2] {
    let told = world.told.clone();
    let lived = tokio::time::timeout(PATIENCE, live(&mut world, site)).await;
    assert!(lived.is_ok(), "{told}: it hangs");
    world.counts
}

async fn live(world: &mut World, site: &Site) {
    // Some of what is written still fits: none of it, a part of a frame, some frames.
    let room = [0, 100, 3_000][site.call as usize % 3];
    world.files.set_judge(site.fills(room, site.call.is_multiple_of(2)));
    let told = world.told.clone();
    let refused = |app: &App, signal: usize, error: &AppError| {
        let message = error.full_message();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{told}: {}: {message}", SIGNALS[signal]);
        assert!(!is_ready(app), "{told}: {} are refused and Clew is ready: {message}", SIGNALS[signal]);
    };
    let mut app = None;
    for boot in 0..2 {
        if let Some(app) = app.take() {
            stop(app).await;
        }
        let started = match world.start() {
            // Where there was no room for the folders at the first start there is nothing to serve.
            Err(error) if boot == 0 => {
                assert!(error.full_message().contains("/data"), "{told}: {}", error.full_message());
                break;
            }
            started => started.unwrap_or_else(|error| panic!("{told}: boot {boot}: {}", error.full_message())),
        };
        if boot == 0 && !started.failed_signals().is_empty() {
            stop(started).await;
            break;
        }
        world.work(&started, || false, Answers::Whole, &refused).await;
        app = Some(started);
    }
    world.files.clear_faults();
    world.files.set_capacity(None);
    if let Some(app) = app {
        // What waited to be sealed is, so that there is room in memory too.
        for signal in 0..3 {
            seal(&app, signal).await;
        }
        world.check_goes_on(&app, "room again").await;
        stop(app).await;
    }
    if site.call % 2 == 1 {
        world.lose_power(site.call);
    }
    world.check_well().await;
}
