//! The whole of Clew below its listeners on a disk that loses power: logs, metrics and spans are sent, sealed,
//! compacted and retained; the power fails at some operation; the disk forgets what was not synced, tears and reorders
//! what was going on; Clew starts again on what is left, and shows everything acknowledged exactly once, of the rest
//! all of a request or nothing, and nothing that retention had removed.
//!
//! `CLEW_POWER_LOSS_SEEDS` sets how many histories are gone through (each with several power losses);
//! `CLEW_POWER_LOSS_FIRST` the first seed. A seed decides what is sent, when the power fails and what survives, not
//! which thread is faster.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../trial/mod.rs"]
mod trial;

use clew_app::{App, AppError};
use clew_host::{Clock, Fault, SimClock, SimFiles};
use fastrand::Rng;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use trial::ledger::{Fate, Ledger, Met, Request};
use trial::records::{Shape, new_records};
use trial::server::{seal, stop};
use trial::{DAY, NOW, each, setting};

/// Few traces, each in many requests.
const SHAPE: Shape = Shape { series: 7, traces: 5, spans: 1 };
const RETENTION: i64 = 10 * DAY;

/// Histories without the variable: about half a minute on two cores.
const SEEDS: u64 = 200;
/// Power losses in a history.
const LOSSES: usize = 8;
/// Steps after which the power fails even if the operation that was chosen is not reached.
const STEPS: usize = 25;

struct World {
    seed: u64,
    rng: Rng,
    files: SimFiles,
    clock: SimClock,
    ledger: Ledger,
    next_number: u64,
    seal_bytes: u64,
}

#[test]
fn after_every_loss_of_power_everything_acknowledged_is_there_once_and_nothing_else() {
    let first = setting("CLEW_POWER_LOSS_FIRST", 0);
    let end = first + setting("CLEW_POWER_LOSS_SEEDS", SEEDS);
    let met = each(first..end, |seed| World::new(seed).live());
    let sum = |of: fn(&Met) -> u64| met.iter().map(of).sum::<u64>();
    let all = [sum(|met| met.records), sum(|met| met.whole), sum(|met| met.absent), sum(|met| met.removed)];
    let enough = |count: &u64| *count * 20 > met.len() as u64;
    assert!(met.len() < 100 || all.iter().all(enough), "too little was met to be a test: {all:?}");
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        // Small enough that the keepers seal by themselves in half of the histories.
        let seal_bytes = if rng.bool() { 12 << 10 } else { 1 << 20 };
        let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
        Self { seed, rng, files, clock, ledger: Ledger::default(), next_number: 1, seal_bytes }
    }

    /// Goes through the history.
    async fn live(mut self) -> Met {
        for loss in 0..=LOSSES {
            let mut app = self.start(loss);
            // What was meant for the start may have come just after it, in the work that keepers begin with.
            self.files.lose_power_at(u64::MAX);
            if self.files.has_lost_power() {
                stop(app).await;
                self.files = self.files.crash(self.rng.u64(..));
                app = self.try_start().unwrap_or_else(|error| panic!("seed {}, start {loss}: {error:?}", self.seed));
            }
            let shown = SHAPE.read(&app).await;
            let shown =
                shown.unwrap_or_else(|error| panic!("seed {}, after {loss} losses of power: {error:?}", self.seed));
            if let Err(wrong) = self.ledger.check(&shown, self.clock.now(), RETENTION) {
                panic!("seed {}, after {loss} losses of power: {wrong}", self.seed);
            }
            if let Err(wrong) = self.ledger.check_counted_spans(app.span_metrics().spans()) {
                panic!("seed {}, after {loss} losses of power: {wrong}", self.seed);
            }
            if loss < LOSSES {
                self.lose_power_soon();
                self.work(&app).await;
            }
            stop(app).await;
            self.files = self.files.crash(self.rng.u64(..));
        }
        self.ledger.met
    }

    /// Starts on what the disk kept; the power may fail during the start too, which then is repeated.
    fn start(&mut self, loss: usize) -> Arc<App> {
        if self.rng.u8(..3) == 0 {
            self.files.lose_power_at(self.rng.u64(1..60));
        }
        match self.try_start() {
            Err(_) if self.files.has_lost_power() => {
                self.files = self.files.crash(self.rng.u64(..));
                let started = self.try_start();
                started.unwrap_or_else(|error| panic!("seed {}, cut off start {loss}: {error:?}", self.seed))
            }
            started => started.unwrap_or_else(|error| panic!("seed {}, start {loss}: {error:?}", self.seed)),
        }
    }

    fn try_start(&self) -> Result<Arc<App>, AppError> {
        let (files, clock) = (Arc::new(self.files.clone()), Arc::new(self.clock.clone()));
        trial::server::start(files, Path::new("/data"), clock, self.seed, (RETENTION, self.seal_bytes))
    }

    fn lose_power_soon(&mut self) {
        let now = self.files.operations();
        self.files.lose_power_at(now + self.rng.u64(1..500));
        if self.rng.u8(..4) == 0 {
            let fault = if self.rng.bool() { Fault::OutOfSpace } else { Fault::Device };
            self.files.fail_at(now + self.rng.u64(1..200), fault);
        }
    }

    /// Sends, seals and lets time pass until the power is gone.
    async fn work(&mut self, app: &Arc<App>) {
        for _ in 0..STEPS {
            if self.files.has_lost_power() {
                return;
            }
            match self.rng.u8(..10) {
                0..=5 => self.send_some(app).await,
                6..=8 => self.seal(app).await,
                _ => {
                    self.clock.advance(Duration::from_secs(self.rng.u64(300..2 * 86_400)));
                    self.seal(app).await;
                }
            }
        }
    }

    /// Seals, compacts and retains, as far as that is due. It may fail with the disk.
    async fn seal(&mut self, app: &Arc<App>) {
        let signal = self.rng.usize(..3);
        seal(app, signal).await;
    }

    /// Sends some requests at once, new ones and, of what is kept once however often it comes, old ones.
    async fn send_some(&mut self, app: &Arc<App>) {
        let mut requests = JoinSet::new();
        let mut places = Vec::new();
        for _ in 0..self.rng.usize(1..5) {
            let place =
                self.request_again().filter(|place| !places.contains(place)).unwrap_or_else(|| self.new_request());
            places.push(place);
            let Request { signal, records, .. } = self.ledger.requests[place].clone();
            let app = Arc::clone(app);
            requests.spawn(async move { (place, SHAPE.send(&app, signal, &records).await) });
        }
        while let Some(answer) = requests.join_next().await {
            let (place, answer) = answer.unwrap();
            let request = &mut self.ledger.requests[place];
            request.fate = match (answer, request.fate) {
                (Ok(true), _) | (_, Fate::Acknowledged) => Fate::Acknowledged,
                (Ok(false), _) => panic!("seed {}: records within all limits were refused", self.seed),
                (Err(_), _) => Fate::Open,
            };
        }
    }

    /// A request of samples or spans that was sent before, as by a client that saw no answer.
    fn request_again(&mut self) -> Option<usize> {
        if self.ledger.requests.is_empty() || self.rng.u8(..4) > 0 {
            return None;
        }
        let place = self.rng.usize(..self.ledger.requests.len());
        let request = &self.ledger.requests[place];
        let oldest = self.clock.now() - RETENTION + 2 * DAY;
        let is_young = request.records.iter().all(|record| record.time > oldest);
        (request.signal > 0 && is_young).then_some(place)
    }

    fn new_request(&mut self) -> usize {
        let signal = self.rng.usize(..3);
        let count = |rng: &mut Rng| if rng.u8(..8) == 0 { 120 } else { rng.u64(1..12) };
        let kept = RETENTION / DAY - 2;
        let records = new_records(&mut self.rng, self.next_number, count, self.clock.now(), kept);
        self.next_number += records.len() as u64;
        self.ledger.requests.push(Request { signal, records, fate: Fate::Open });
        self.ledger.requests.len() - 1
    }
}
