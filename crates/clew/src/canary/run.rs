//! One signal's canary: writes, reads back, and looks for everything at the end.

use super::ledger::{Ledger, Written};
use super::records::Kind;
use crate::limits::{CANARY_RETRY, CANARY_WRITE_TIMEOUT};
use crate::query::{QueryError, Server};
use clew_host::{Clock, OsRandom, Random, SystemClock};
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A canary of one signal.
pub(super) struct Canary {
    kind: Kind,
    server: Arc<Server>,
    interval: Duration,
    wait: Duration,
    ledger: Arc<Mutex<Ledger>>,
    clock: SystemClock,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The figures.
    pub line: String,
    /// What must not be.
    pub faults: Vec<String>,
}

impl Canary {
    pub(super) fn new(kind: Kind, server: Arc<Server>, interval: Duration, wait: Duration) -> Self {
        let ledger = Arc::new(Mutex::new(Ledger::new(kind)));
        Self { kind, server, interval, wait, ledger, clock: SystemClock::new() }
    }

    /// What all records of this process carry: eight bytes in hex.
    pub(super) fn run(&self) -> &'static str {
        static RUN: OnceLock<String> = OnceLock::new();
        RUN.get_or_init(|| format!("{:016x}", OsRandom::new().u64()))
    }

    /// The figures, as they grow.
    pub(super) fn ledger(&self) -> Arc<Mutex<Ledger>> {
        Arc::clone(&self.ledger)
    }

    /// Goes on until it is stopped, then looks for everything once more.
    pub(super) async fn live(self, stop: CancellationToken) -> Outcome {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let (mut number, mut millis) = (0, 0);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            // No two samples of a series have one time.
            millis = self.clock.now().div_euclid(1_000_000).max(millis + 1);
            let Some((written, sent)) = self.write(number, millis, &stop).await else { break };
            self.ledger.lock().write(written);
            self.read_back(written, sent, &stop).await;
            number += 1;
        }
        let unseen = self.look_for_all().await;
        let ledger = self.ledger.lock();
        let mut faults = ledger.faults();
        faults.extend(
            unseen.map(|error| format!("{}: what was written could not be looked for: {error}", self.kind.name())),
        );
        Outcome { line: ledger.line(), faults }
    }

    /// Sends a record until it is acknowledged; answers when the acknowledged request was sent. `None` where that is not to
    /// be waited for any more.
    async fn write(&self, number: u64, millis: i64, stop: &CancellationToken) -> Option<(Written, Instant)> {
        let body = self.kind.body(self.run(), number, millis);
        let mut is_repeated = false;
        loop {
            let sent = Instant::now();
            match self.server.post(&["v1", self.kind.name()], body.clone(), CANARY_WRITE_TIMEOUT).await {
                Ok(answer) if !answer.contains("rejected") => {
                    return Some((Written { number, millis, is_repeated }, sent));
                }
                Ok(answer) => self.refused(answer),
                Err(error @ QueryError::Refused(_)) => {
                    self.refused(error.text());
                    // An error of the server's, or of a proxy before it, does not say that nothing was taken.
                    is_repeated = true;
                }
                Err(error) => {
                    let mut ledger = self.ledger.lock();
                    ledger.unanswered += 1;
                    ledger.trouble = error.text();
                    // It may have been taken all the same.
                    is_repeated = true;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(CANARY_RETRY) => {}
            }
        }
    }

    fn refused(&self, answer: String) {
        let mut ledger = self.ledger.lock();
        ledger.refused += 1;
        ledger.trouble = answer;
    }

    /// Asks for a record until it is there, or it has been waited for long enough: the look at the end decides then.
    async fn read_back(&self, written: Written, sent: Instant, stop: &CancellationToken) {
        while sent.elapsed() < self.wait {
            match self.kind.find(&self.server, self.run(), &[written]).await {
                Ok(found) if found.contains(&written.number) => {
                    self.ledger.lock().found(sent.elapsed());
                    return;
                }
                Ok(_) => {}
                Err(_) => self.ledger.lock().unread += 1,
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(CANARY_RETRY) => {}
            }
        }
        self.ledger.lock().overdue(written.number);
    }

    /// Compares everything that was acknowledged with what is there. Waits for a server that is away; answers why it could
    /// not be asked.
    async fn look_for_all(&self) -> Option<String> {
        let written: Vec<Written> = self.ledger.lock().written().collect();
        let until = Instant::now() + self.wait;
        loop {
            match self.kind.find(&self.server, self.run(), &written).await {
                Ok(found) => {
                    self.ledger.lock().compare(&found);
                    return None;
                }
                Err(error) if Instant::now() >= until => return Some(error.text()),
                Err(_) => self.ledger.lock().unread += 1,
            }
            tokio::time::sleep(CANARY_RETRY).await;
        }
    }
}
