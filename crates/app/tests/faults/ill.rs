//! A disk on which calls fail.

use crate::calls::Site;
use crate::trial::SIGNALS;
use crate::trial::server::stop;
use crate::world::{Answers, World, is_ready};
use clew_app::{App, AppError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    let met = Arc::new(AtomicBool::new(false));
    if let Some(site) = site {
        world.files.set_judge(site.judge(&met));
    }
    let told = world.told.clone();
    let refused = |app: &App, signal: usize, error: &AppError| {
        let message = error.full_message();
        assert!(site.is_some(), "{told}: {}: {message}", SIGNALS[signal]);
        assert!(!is_ready(app), "{told}: {} are refused and Clew is ready: {message}", SIGNALS[signal]);
        assert!(error.kind().is_retryable(), "{told}: {}: {message}: nobody would try again", SIGNALS[signal]);
    };
    // In every other trial some requests more are sent after the fault, and then the power goes: what passed for written and is
    // not is lost, before it is sealed or copied.
    let cut = site.filter(|site| site.call.is_multiple_of(2));
    for boot in 0..2 {
        let is_cut = || boot == 0 && cut.is_some() && met.load(Ordering::Relaxed);
        match world.start() {
            Ok(app) => {
                world.work(&app, is_cut, Answers::Honest, &refused).await;
                for signal in (0..3).cycle().take(if is_cut() { 9 } else { 0 }) {
                    world.send(&app, signal, &refused).await;
                }
                stop(app).await;
            }
            Err(error) => {
                let message = error.full_message();
                assert!(site.is_some() && message.contains("/data"), "{told}: the start: {message}");
            }
        }
        if let (0, Some(site)) = (boot, cut) {
            world.lose_power(site.call);
            world.files.set_judge(site.judge(&met));
        }
    }
    world.files.clear_faults();
    // In the others it goes at the end.
    if let Some(site) = site.filter(|site| site.call % 2 == 1) {
        world.lose_power(site.call);
    }
    world.check_well().await;
}
