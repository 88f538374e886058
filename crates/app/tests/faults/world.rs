//! A history: what is sent, sealed, retained and asked, in an order that its number decides; and what must hold of it.

use crate::trial::ledger::{Fate, Ledger, Request, Shown};
use crate::trial::records::{Found, Shape, kept_from, new_records};
use crate::trial::server::{self, seal, stop};
use crate::trial::{DAY, NOW, SIGNALS};
use clew_app::{App, AppError};
use clew_host::{Clock, SimClock, SimFiles};
use fastrand::Rng;
use std::path::Path;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

pub(crate) const RETENTION: i64 = 10 * DAY;
const SHAPE: Shape = Shape { series: 5, traces: 6, spans: 3 };
/// Steps between a start and a stop.
const STEPS: usize = 22;

/// What panicked, outside the tests' own assertions.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Lets panics of any thread fail the history that meets them.
pub(crate) fn watch_for_panics() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.to_string();
            if !text.contains("history ") && !text.contains("a scoped thread panicked") {
                PANICS.lock().unwrap().push(text);
            }
            before(info);
        }));
    });
}

pub(crate) struct World {
    history: u64,
    pub told: String,
    rng: Rng,
    pub files: SimFiles,
    clock: SimClock,
    ledger: Ledger,
    next_number: u64,
    seal_bytes: u64,
    /// Requests refused and acknowledged.
    pub counts: [u64; 2],
}

/// How strictly answers are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Whole.
    Whole,
    /// Whole, or saying what is missing, or errors that name a file.
    Honest,
}

impl World {
    /// A history on an empty disk. `told` is how a failure is repeated.
    pub(crate) fn new(history: u64, told: String) -> Self {
        // Small enough that the keepers seal by themselves in half of the histories.
        let seal_bytes = if history.is_multiple_of(2) { 1 << 20 } else { 12 << 10 };
        let (files, clock, rng) = (SimFiles::new(), SimClock::new(NOW), Rng::with_seed(history));
        let told = format!("history {history}, {told}");
        Self { history, told, rng, files, clock, ledger: Ledger::default(), next_number: 1, seal_bytes, counts: [0; 2] }
    }

    pub(crate) fn start(&self) -> Result<Arc<App>, AppError> {
        let (files, clock) = (Arc::new(self.files.clone()), Arc::new(self.clock.clone()));
        server::start(files, Path::new("/data"), clock, self.history, (RETENTION, self.seal_bytes))
    }

    /// A start that must succeed.
    pub(crate) fn must_start(&self, which: &str) -> Arc<App> {
        self.start().unwrap_or_else(|error| panic!("{}: the {which}: {}", self.told, error.full_message()))
    }

    /// Cuts the power; what was not synced is gone.
    pub(crate) fn lose_power(&mut self, seed: u64) {
        self.files = self.files.crash(seed);
    }

    /// Sends, seals, asks and lets time pass, until `ends` says so after a step. `refused` looks at each refusal.
    pub(crate) async fn work(
        &mut self,
        app: &Arc<App>,
        ends: impl Fn() -> bool,
        answers: Answers,
        refused: impl Fn(&App, usize, &AppError),
    ) {
        for _ in 0..STEPS {
            if ends() {
                return;
            }
            match self.rng.u8(..20) {
                0..=11 => {
                    let signal = self.rng.usize(..3);
                    self.send(app, signal, &refused).await;
                }
                12..=16 => {
                    for signal in 0..3 {
                        seal(app, signal).await;
                    }
                }
                17 => {
                    self.clock.advance(Duration::from_secs(self.rng.u64(300..2 * 86_400)));
                    for signal in 0..3 {
                        seal(app, signal).await;
                    }
                }
                _ => self.ask(app, answers).await,
            }
        }
        self.ask(app, answers).await;
    }

    /// Sends a new request of a signal; answers whether it was acknowledged.
    pub(crate) async fn send(
        &mut self,
        app: &Arc<App>,
        signal: usize,
        refused: &impl Fn(&App, usize, &AppError),
    ) -> bool {
        let count = |rng: &mut Rng| if rng.u8(..6) == 0 { 60 } else { rng.u64(1..9) };
        let kept = RETENTION / DAY - 2;
        let records = new_records(&mut self.rng, self.next_number, count, self.clock.now(), kept);
        self.next_number += records.len() as u64;
        let answer = SHAPE.send(app, signal, &records).await;
        let fate = match &answer {
            Ok(true) => Fate::Acknowledged,
            Ok(false) => panic!("{}: records within all limits were refused", self.told),
            Err(error) => {
                refused(app, signal, error);
                Fate::Open
            }
        };
        self.counts[usize::from(fate == Fate::Acknowledged)] += 1;
        self.ledger.requests.push(Request { signal, records, fate });
        fate == Fate::Acknowledged
    }

    /// Asks for everything of each signal.
    async fn ask(&self, app: &Arc<App>, answers: Answers) {
        for (signal, name) in SIGNALS.iter().enumerate() {
            let answer = SHAPE.find(app, signal).await;
            let kept_from = kept_from(app)[signal];
            match answer {
                Ok(found) => {
                    let is_whole = answers == Answers::Whole || found.warnings.is_empty();
                    if let Err(wrong) = self.check_found(signal, &found, kept_from, is_whole) {
                        panic!("{}: {name}: {wrong}; it says {:?}", self.told, found.warnings);
                    }
                }
                Err(error) => {
                    let message = error.full_message();
                    let is_honest = message.contains("/data/") && !matches!(error, AppError::Panicked);
                    assert!(answers == Answers::Honest && is_honest, "{}: {name}: {message}", self.told);
                }
            }
        }
    }

    fn check_found(&self, signal: usize, found: &Found, kept_from: i64, is_whole: bool) -> Result<(), String> {
        let own = || self.ledger.requests.iter().filter(|request| request.signal == signal);
        let mut left = found.records.clone();
        for request in own() {
            for record in request.records.iter().filter(|record| record.time >= kept_from) {
                match left.remove(&record.number).as_deref() {
                    Some([time]) if *time == record.time => {}
                    Some(times) => return Err(format!("record {} of {} is at {times:?}", record.number, record.time)),
                    None if is_whole && request.fate == Fate::Acknowledged => {
                        return Err(format!("record {} is missing without a word", record.number));
                    }
                    None => {}
                }
            }
        }
        match left.keys().next() {
            Some(number) => Err(format!("record {number} was never sent, or had been removed")),
            None => Ok(()),
        }
    }

    /// Compares what is served with the ledger; everything must be there.
    pub(crate) async fn check(&mut self, app: &Arc<App>, when: &str) {
        let mut shown = Shown { kept_from: kept_from(app), ..Shown::default() };
        for (signal, name) in SIGNALS.iter().enumerate() {
            let found = SHAPE.find(app, signal).await;
            let found = found.unwrap_or_else(|error| panic!("{}: {name}, {when}: {}", self.told, error.full_message()));
            assert!(found.warnings.is_empty(), "{}: {name}, {when}: {:?}", self.told, found.warnings);
            shown.records[signal] = found.records;
        }
        let checked = self.ledger.check(&shown, self.clock.now(), RETENTION);
        let counted = checked.and_then(|()| self.ledger.check_counted_spans(app.span_metrics().spans()));
        if let Err(wrong) = counted {
            panic!("{}: {when}: {wrong}", self.told);
        }
    }

    /// Everything is taken and sealed again, without a restart.
    pub(crate) async fn check_goes_on(&mut self, app: &Arc<App>, when: &str) {
        let told = self.told.clone();
        for (signal, name) in SIGNALS.iter().enumerate() {
            let refused = |_: &App, _: usize, error: &AppError| {
                panic!("{told}: {when}: {name} are refused: {}", error.full_message())
            };
            self.send(app, signal, &refused).await;
            assert!(seal(app, signal).await, "{told}: {when}: {name} cannot be sealed");
        }
        assert!(is_ready(app), "{told}: {when}: not ready");
    }

    /// The disk is well: what is started on it has everything and goes on, and so does another start.
    pub(crate) async fn check_well(&mut self) {
        let app = self.must_start("start on a disk that is well again");
        assert!(is_ready(&app), "{}: not ready on a disk that is well again", self.told);
        self.check(&app, "well again").await;
        self.check_goes_on(&app, "well again").await;
        self.check(&app, "going on").await;
        stop(app).await;
        let app = self.must_start("last start");
        self.check(&app, "after another start").await;
        stop(app).await;
        let panics = std::mem::take(&mut *PANICS.lock().unwrap());
        assert!(panics.is_empty(), "{}: {panics:?}", self.told);
    }
}

/// What `/-/ready` would say.
pub(crate) fn is_ready(app: &App) -> bool {
    app.failed_signals().is_empty() && app.refusals().is_empty() && !app.is_disk_full()
}
