//! A disk on which calls fail.

use crate::calls::Site;
use crate::trial::SIGNALS;
use crate::trial::server::stop;
use crate::world::{Answers, World, is_ready};
use clew_app::{App, AppError};
use std::time::Duration;

/// Longer takes no history that ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// Goes through a history with one fault, or none; answers how many requests were refused and acknowledged.
pub(crate) async fn go_through(mut world: World, site: Option<&Site>) -> [u64; 2] {
    let told = world.told.clone();
    let lived = tokio::time::timeout(PATIENCE, live(&mut world, site)).await;
    assert!(lived.is_ok(), "{told}: it hangs");
    world.counts
}

async fn live(world: &mut World, site: Option<&Site>) {
    if let Some(site) = site {
        world.files.set_judge(site.judge());
    }
    let told = world.told.clone();
    let refused = |app: &App, signal: usize, error: &AppError| {
        let message = error.full_message();
        assert!(site.is_some(), "{told}: {}: {message}", SIGNALS[signal]);
        assert!(!is_ready(app), "{told}: {} are refused and Clew is ready: {message}", SIGNALS[signal]);
        assert!(error.kind().is_retryable(), "{told}: {}: {message}: nobody would try again", SIGNALS[signal]);
    };
    for _ in 0..2 {
        match world.start() {
            Ok(app) => {
                world.work(&app, Answers::Honest, &refused).await;
                stop(app).await;
            }
            Err(error) => {
                let message = error.full_message();
                assert!(site.is_some() && message.contains("/data"), "{told}: the start: {message}");
            }
        }
    }
    world.files.clear_faults();
    // What passed for written and is not goes with the power.
    if let Some(site) = site.filter(|site| site.call % 2 == 1) {
        world.lose_power(site.call);
    }
    world.check_well().await;
}
