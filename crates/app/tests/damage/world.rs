//! A data directory, and what is served of it before and after the harm.

use crate::harm::Harm;
use crate::trial::ledger::Record;
use crate::trial::records::{Found, Shape};
use crate::trial::server::{self, stop};
use crate::trial::{DAY, MILLI, NOW};
use clew_app::App;
use clew_host::{DiskFiles, Files, SimClock, SimFiles};
use clew_model::SetAside;
use fastrand::Rng;
use std::path::PathBuf;
use std::sync::Arc;

/// Requests of each signal.
const REQUESTS: u64 = 10;
/// Records of a request.
const RECORDS: u64 = 40;
/// Each trace is in one request.
const SHAPE: Shape = Shape { series: 8, traces: (REQUESTS + 1) * RECORDS / 10, spans: 10 };

/// One seed.
pub(crate) struct World {
    seed: u64,
    rng: Rng,
    files: Arc<dyn Files>,
    dir: PathBuf,
    clock: SimClock,
    /// The real folder, removed at the end.
    _folder: Option<tempfile::TempDir>,
}

/// What a seed met.
pub(crate) struct Trial {
    pub harm: String,
    pub lost: u64,
    pub served: u64,
}

impl World {
    pub(crate) fn new(seed: u64, is_real: bool) -> Self {
        let folder = is_real.then(|| tempfile::tempdir().unwrap());
        let dir = folder.as_ref().map_or_else(|| PathBuf::from("/data"), |folder| folder.path().join("data"));
        let files: Arc<dyn Files> = if is_real { Arc::new(DiskFiles) } else { Arc::new(SimFiles::new()) };
        Self { seed, rng: Rng::with_seed(seed), files, dir, clock: SimClock::new(NOW), _folder: folder }
    }

    /// Fills the directory, does the harm, starts on what is left.
    pub(crate) async fn go_through(mut self) -> Trial {
        let app = self.start().unwrap();
        for round in 0..REQUESTS {
            self.send(&app, round).await;
            // What comes last is in the journals alone.
            if round < REQUESTS - 3 && self.rng.u8(..3) > 0 {
                seal(&app).await;
            }
        }
        let before = serve(&app).await;
        stop(app).await;
        let all: u64 = REQUESTS * RECORDS;
        assert!(before.iter().all(|found| found.records.len() as u64 == all), "seed {}", self.seed);

        let harm = Harm::of(&mut self.rng, &*self.files, &self.dir);
        let told = format!("seed {}, {}", self.seed, harm.name);
        let app = self.start().unwrap_or_else(|error| panic!("{told}: the start failed: {}", error.full_message()));
        let after = serve(&app).await;
        let lost = self.check(&app, &told, &harm, &before, &after);

        // Clew goes on: what comes now is taken, sealed and served beside the rest, by the next start too.
        self.send(&app, REQUESTS).await;
        seal(&app).await;
        let more = serve(&app).await;
        stop(app).await;
        let app = self.start().unwrap_or_else(|error| panic!("{told}: the second start: {}", error.full_message()));
        let again = serve(&app).await;
        stop(app).await;
        for signal in 0..3 {
            let expected = after[signal].records.len() as u64 + RECORDS;
            assert_eq!(more[signal].records.len() as u64, expected, "{told}: signal {signal} does not go on");
            assert_eq!(again[signal].records, more[signal].records, "{told}: signal {signal} after another start");
        }
        let served = after.iter().map(|found| found.records.len() as u64).sum();
        Trial { harm: harm.name, lost, served }
    }

    /// Checks what is served after the harm; answers how many records are lost.
    fn check(&self, app: &App, told: &str, harm: &Harm, before: &[Found; 3], after: &[Found; 3]) -> u64 {
        let status = app.status();
        let mut lost = 0;
        for signal in 0..3 {
            let (was, is) = (&before[signal].records, &after[signal].records);
            for (number, times) in is {
                assert!(was.contains_key(number), "{told}: record {number} of signal {signal} was never sent");
                assert_eq!(times.len(), 1, "{told}: record {number} of signal {signal} is served at {times:?}");
            }
            let missing = (was.len() - is.len()) as u64;
            lost += missing;
            let aside = &status.signals[signal].set_aside;
            if !harm.signals.contains(&signal) {
                assert_eq!(missing, 0, "{told}: signal {signal} was not harmed: {aside:?}");
            }
            if missing > 0 {
                let said = said(aside);
                assert!(
                    said.is_none_or(|said| said >= missing),
                    "{told}: {missing} are lost, {said:?} are said: {aside:?}"
                );
                assert!(
                    !after[signal].warnings.is_empty(),
                    "{told}: signal {signal} answers without a word: {aside:?}"
                );
                assert!(!status.signals[signal].failed, "{told}: signal {signal} is closed");
            }
        }
        lost
    }

    async fn send(&mut self, app: &App, round: u64) {
        // Most requests are of one day.
        let day = self.rng.i64(1..4);
        let numbers = round * RECORDS..(round + 1) * RECORDS;
        let records: Vec<Record> =
            numbers.map(|number| Record { number, time: NOW - day * DAY + number as i64 * MILLI }).collect();
        for signal in 0..3 {
            assert!(SHAPE.send(app, signal, &records).await.unwrap());
        }
    }

    fn start(&self) -> Result<Arc<App>, clew_app::AppError> {
        let clock = Arc::new(self.clock.clone());
        server::start(Arc::clone(&self.files), &self.dir, clock, self.seed, (30 * DAY, 1 << 20))
    }
}

/// How many records are said to be lost at most; `None` where somebody says that nobody knows.
fn said(aside: &[SetAside]) -> Option<u64> {
    let of = |file: &SetAside| match (file.records, file.requests) {
        (Some(records), _) => Some(records),
        (None, Some(requests)) => Some(requests * RECORDS),
        (None, None) => None,
    };
    aside.iter().map(of).sum()
}

async fn seal(app: &Arc<App>) {
    for signal in 0..3 {
        assert!(server::seal(app, signal).await);
    }
}

/// Everything that queries find, signal by signal.
async fn serve(app: &Arc<App>) -> [Found; 3] {
    let find = async |signal| SHAPE.find(app, signal).await.unwrap();
    [find(0).await, find(1).await, find(2).await]
}
