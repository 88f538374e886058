//! Samples of the selected series, one series at a time and thread: sealed runs oldest first, then what is being sealed,
//! then what is hot.

use super::meter::Meter;
use super::plan::{NOWHERE, PartitionPlan, Plan};
use super::view::View;
use crate::engine::{Run, Slice, Snapshot};
use crate::error::KvError;
use crate::limits::{SCAN_RUN_SERIES, SCAN_THREAD_SERIES};
use crate::metrics::run::{SeriesSamples, read_series, scan_series};
use clew_columns::metrics::SampleDecoder;
use clew_model::metrics::{Labels, NativeHistogram, SeriesBatch, SeriesScan};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker, UnixMillis};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A run is scanned rather than asked series by series when at least one in this many of its series is wanted.
const SCAN_SHARE: usize = 4;
/// What a sample takes in memory.
const SAMPLE_BYTES: u64 = 16;

impl View<'_> {
    /// Scans on as many threads as the question may use and its series are worth.
    pub(super) fn scan_runs(
        &self,
        context: &Context,
        scan: &SeriesScan<'_>,
        sink: &dyn Sink<SeriesBatch>,
    ) -> Result<(), ReadError> {
        let meter = Meter::new(context, &self.store.options);
        meter.check()?;
        let range = self.range(scan.range);
        if range.0 > range.1 {
            return sink.worker().merge();
        }
        let plan = Plan::make(self, scan.matchers, range, &meter)?;
        let work = Work {
            view: self,
            plan: &plan,
            range,
            meter: &meter,
            sink,
            next: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            failure: Mutex::new(None),
        };
        let most = plan.series / SCAN_THREAD_SERIES;
        context.executor.run(most.min(context.executor.workers().saturating_sub(1)), &|| work.run());
        work.failure.into_inner().map_or(Ok(()), Err)
    }
}

/// A scan under way.
struct Work<'a> {
    view: &'a View<'a>,
    plan: &'a Plan<'a>,
    range: (UnixMillis, UnixMillis),
    meter: &'a Meter<'a>,
    sink: &'a dyn Sink<SeriesBatch>,
    /// The next run that nobody has taken.
    next: AtomicUsize,
    is_over: AtomicBool,
    failure: Mutex<Option<ReadError>>,
}

impl Work<'_> {
    fn run(&self) {
        let mut worker = self.sink.worker();
        let outcome = self.take_runs(&mut *worker).and_then(|()| worker.merge());
        if let Err(error) = outcome {
            self.is_over.store(true, Ordering::Relaxed);
            self.failure.lock().get_or_insert(error);
        }
    }

    fn take_runs(&self, worker: &mut dyn SinkWorker<SeriesBatch>) -> Result<(), ReadError> {
        let mut reader = RunReader::new(self);
        while !self.is_over.load(Ordering::Relaxed) {
            let run = self.next.fetch_add(1, Ordering::Relaxed);
            if run * SCAN_RUN_SERIES >= self.plan.series {
                break;
            }
            self.meter.check()?;
            if reader.read(run, worker)? == Flow::Stop {
                self.is_over.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// What one thread reads with.
struct RunReader<'a> {
    work: &'a Work<'a>,
    decoder: SampleDecoder,
    samples: SeriesSamples,
    batch: SeriesBatch,
    labels: Vec<Labels>,
    memory: super::meter::Holder<'a>,
}

impl<'a> RunReader<'a> {
    fn new(work: &'a Work<'a>) -> Self {
        Self {
            work,
            decoder: SampleDecoder::default(),
            samples: SeriesSamples::default(),
            batch: SeriesBatch::default(),
            labels: Vec::new(),
            memory: work.meter.holder(),
        }
    }

    /// Hands the series of a run on, one after the other.
    fn read(&mut self, run: usize, worker: &mut dyn SinkWorker<SeriesBatch>) -> Result<Flow, ReadError> {
        let first = run * SCAN_RUN_SERIES;
        let count = SCAN_RUN_SERIES.min(self.work.plan.series - first);
        self.find_labels(first, count);
        let mut sealed: Vec<SealedValues<'_>> = Vec::new();
        for partition in &self.work.plan.partitions {
            for (run, header) in &partition.runs {
                let wanted = wanted(partition, first, count, |number| header.present.contains(number));
                let snapshot = &self.work.view.snapshot;
                let values = read_values(snapshot, run, &wanted).map_err(|error| snapshot.blame(run, error))?;
                sealed.push(SealedValues { run, values, next: 0 });
            }
        }
        let bytes: usize = sealed.iter().flat_map(|one| &one.values).map(|(_, value)| value.len()).sum();
        self.batch.run = run;
        let (mut read, mut flow) = (bytes as u64, Flow::Continue);
        for at in 0..count {
            self.samples.clear();
            for values in &mut sealed {
                let run = values.run;
                if let Some(value) = values.of(at) {
                    let snapshot = &self.work.view.snapshot;
                    self.append(|samples, (start, end), decoder| {
                        samples.decode(value, start, end, decoder).map_err(|error| snapshot.blame(run, error))
                    })?;
                }
            }
            read += self.read_hot(first + at)?;
            let held =
                self.samples.times.capacity() as u64 * SAMPLE_BYTES * 2 + histogram_bytes(&self.samples.histograms);
            self.memory.hold(held + bytes as u64)?;
            self.work.meter.add_samples(self.samples.count())?;
            self.batch.ends_run = at + 1 == count;
            if self.samples.is_empty() && !self.batch.ends_run {
                continue;
            }
            if self.hand_on(at, worker)? == Flow::Stop {
                flow = Flow::Stop;
                break;
            }
        }
        self.work.meter.read(read);
        Ok(flow)
    }

    fn find_labels(&mut self, first: usize, count: usize) {
        let Self { work, labels, .. } = self;
        labels.clear();
        labels.resize(count, Labels::empty());
        let here = work.plan.head.get(first..).unwrap_or_default();
        if let Some(head) = work.view.head.as_ref().filter(|_| !here.is_empty()) {
            let index = head.index.read();
            for (place, number) in labels.iter_mut().zip(here) {
                *place = index.labels(*number).cloned().unwrap_or_default();
            }
        }
        for partition in &work.plan.partitions {
            let here = labels.iter_mut().zip(partition.numbers.get(first..).unwrap_or_default()).skip(here.len());
            let mut missing = here.filter(|(labels, number)| **number != NOWHERE && labels.is_empty()).peekable();
            if missing.peek().is_some() {
                let index = partition.index.read();
                missing.for_each(|(place, number)| *place = index.series.labels(*number).cloned().unwrap_or_default());
            }
        }
    }

    /// Answers how many bytes the buffers of the series take.
    fn read_hot(&mut self, place: usize) -> Result<u64, ReadError> {
        let work = self.work;
        let (Some(head), Some(number)) = (&work.view.head, work.plan.head.get(place)) else { return Ok(0) };
        let mut bytes = 0;
        for buffer in head.generations().filter_map(|generation| generation.buffer(*number)) {
            bytes += buffer.heap_bytes() as u64;
            self.append(|samples, (start, end), decoder| {
                let before = (samples.times.len(), samples.histograms.len());
                let SeriesSamples { times, values, histograms, .. } = samples;
                buffer.read(start, end, decoder, times, values, histograms)?;
                if let Some(starts) = buffer.starts() {
                    samples.note_starts(before, starts);
                }
                Ok(())
            })?;
        }
        Ok(bytes)
    }

    /// Lets `read` append a later written part, and puts it in order with what is there.
    fn append(
        &mut self,
        read: impl FnOnce(&mut SeriesSamples, (UnixMillis, UnixMillis), &mut SampleDecoder) -> Result<(), KvError>,
    ) -> Result<(), ReadError> {
        let before = (self.samples.times.len(), self.samples.histograms.len());
        read(&mut self.samples, self.work.range, &mut self.decoder)?;
        self.samples.settle(before);
        Ok(())
    }

    fn hand_on(&mut self, at: usize, worker: &mut dyn SinkWorker<SeriesBatch>) -> Result<Flow, ReadError> {
        let Self { samples, batch, labels, .. } = self;
        let series = &mut batch.series;
        series.labels = labels.get_mut(at).map(std::mem::take).unwrap_or_default();
        // Series scraped together follow each other and have the same times.
        if *series.times != *samples.times {
            series.times = Arc::from(samples.times.as_slice());
        }
        std::mem::swap(&mut series.values, &mut samples.values);
        std::mem::swap(&mut series.histograms, &mut samples.histograms);
        std::mem::swap(&mut series.starts, &mut samples.starts);
        std::mem::swap(&mut series.histogram_starts, &mut samples.histogram_starts);
        worker.take(batch)
    }
}

/// The values that a run has for some series, by their place among them.
struct SealedValues<'r> {
    run: &'r Run,
    values: Vec<(usize, Slice)>,
    next: usize,
}

impl SealedValues<'_> {
    /// The value of a series; they are asked for in ascending order.
    fn of(&mut self, at: usize) -> Option<&Slice> {
        let (_, value) = self.values.get(self.next).filter(|(own, _)| *own == at)?;
        self.next += 1;
        Some(value)
    }
}

/// Numbers of the series that a run holds, ascending, each with its place.
fn wanted(
    partition: &PartitionPlan<'_>,
    first: usize,
    count: usize,
    is_present: impl Fn(u32) -> bool,
) -> Vec<(u32, usize)> {
    let here = partition.numbers.get(first..).unwrap_or_default().iter().take(count).enumerate();
    let here = here.filter(|(_, number)| **number != NOWHERE && is_present(**number));
    let mut wanted: Vec<(u32, usize)> = here.map(|(at, number)| (*number, at)).collect();
    wanted.sort_unstable();
    wanted
}

/// The values of these series: by scanning when most of what lies between is wanted, else one by one.
fn read_values(snapshot: &Snapshot, run: &Run, wanted: &[(u32, usize)]) -> Result<Vec<(usize, Slice)>, KvError> {
    let mut values = Vec::with_capacity(wanted.len());
    let (Some((first, _)), Some((last, _))) = (wanted.first(), wanted.last()) else { return Ok(values) };
    if wanted.len() > 1 && wanted.len() * SCAN_SHARE >= (last - first) as usize {
        let mut next = wanted.iter().peekable();
        for found in scan_series(snapshot, run, *first, *last)? {
            let (number, value) = found?;
            if let Some((_, at)) = next.next_if(|(wanted, _)| *wanted == number) {
                values.push((*at, value));
            }
        }
        if let Some((number, _)) = next.next() {
            let reason = format!("series {number} is not there");
            return Err(KvError::inconsistent(format!("run {}", run.generation), reason));
        }
    } else {
        for (number, at) in wanted {
            values.push((*at, read_series(snapshot, run, *number)?));
        }
    }
    values.sort_unstable_by_key(|(at, _)| *at);
    Ok(values)
}

fn histogram_bytes(histograms: &[(UnixMillis, Arc<NativeHistogram>)]) -> u64 {
    histograms.iter().map(|(_, one)| crate::metrics::buffer::histogram_bytes(one) as u64).sum()
}
