//! Scanning a snapshot: the blocks that may matter to a question, in the order of time, on as many threads as there are.

use crate::batch::{Batch, Home};
use crate::error::LogStoreError;
use crate::limits::{BLOCKS_A_WORKER, BLOCKS_ALONE};
use crate::part::{OpenPart, Part};
use crate::store::Snapshot;
use crate::warnings::Warnings;
use clew_columns::logs::{BlockEvaluator, Evaluator, LogBlock, Need, Outside, needs, needs_of_id};
use clew_model::logs::{FieldTest, LogBatch, LogFilter, LogScan, LogSink, LogView, Order, ScanReport};
use clew_model::{Context, Flow, ReadError, RowSet, SinkWorker, TimeRange, UnixNanos};
use parking_lot::{Condvar, Mutex};
use std::collections::BinaryHeap;
use std::sync::Arc;

impl LogView for Snapshot {
    fn scan(&self, context: &Context, scan: &LogScan<'_>, sink: &dyn LogSink) -> Result<ScanReport, ReadError> {
        Scanner::new(self, context, scan, sink).run().map_err(LogStoreError::into)
    }
}

/// One scan.
struct Scanner<'a> {
    snapshot: &'a Snapshot,
    context: &'a Context,
    scan: &'a LogScan<'a>,
    sink: &'a dyn LogSink,
    /// The range asked for, without what was deleted.
    range: TimeRange,
    /// `None` when every record passes.
    evaluator: Option<Evaluator<'a>>,
    need: Need,
    progress: Mutex<Progress>,
    /// Told when blocks of a part were added, or a part has none.
    opened: Condvar,
}

#[derive(Default)]
struct Progress {
    heap: BinaryHeap<Entry>,
    /// Parts that a worker is opening at the moment.
    opening: usize,
    report: ScanReport,
    warnings: Warnings,
    /// What ended the scan.
    error: Option<LogStoreError>,
    is_ended: bool,
}

enum Step {
    Part(Arc<Part>),
    Block(Candidate),
}

/// A block that may hold a passing row.
struct Candidate {
    /// `None` for blocks in memory.
    part: Option<Arc<Part>>,
    home: Home,
    outside: Outside,
}

struct Entry {
    /// Grows towards what comes first.
    priority: i64,
    bound: UnixNanos,
    step: Step,
}

/// What one thread works with.
struct Worker<'a> {
    /// `None` when every record passes.
    evaluator: Option<BlockEvaluator<'a>>,
    /// The state of the sink, made when the first batch comes.
    sink: Option<Box<dyn SinkWorker<dyn LogBatch> + 'a>>,
}

impl<'a> Scanner<'a> {
    fn new(snapshot: &'a Snapshot, context: &'a Context, scan: &'a LogScan<'a>, sink: &'a dyn LogSink) -> Self {
        let range = TimeRange::new(scan.range.start.max(snapshot.cutoff), scan.range.end);
        let evaluator = (*scan.filter != LogFilter::All).then(|| Evaluator::new(scan.filter));
        let of_ids = scan.ids.map(|ids| Need::Any(ids.iter().map(needs_of_id).collect()));
        let exists = |name: &str| LogFilter::Field { name: name.to_owned(), test: FieldTest::Exists };
        let of_field = scan.field.map(|name| needs(&exists(name)));
        let all: Vec<Need> = [Some(needs(scan.filter)), of_ids, of_field].into_iter().flatten().collect();
        let need = Need::All(all.into_iter().filter(|need| !matches!(need, Need::Nothing)).collect());
        let progress = Mutex::new(Progress::default());
        Self { snapshot, context, scan, sink, range, evaluator, need, progress, opened: Condvar::new() }
    }

    fn run(self) -> Result<ScanReport, LogStoreError> {
        self.fill();
        self.work(BLOCKS_ALONE);
        let left = self.progress.lock().heap.len();
        if left > 0 {
            let extra = (left / BLOCKS_A_WORKER).min(self.context.executor.workers().saturating_sub(1));
            self.context.executor.run(extra, &|| self.work(usize::MAX));
        }
        let progress = self.progress.into_inner();
        match progress.error {
            Some(error) => Err(error),
            None => Ok(ScanReport { warnings: progress.warnings.list, ..progress.report }),
        }
    }

    /// Queues the parts and hot blocks that may matter.
    fn fill(&self) {
        let mut progress = self.progress.lock();
        if self.range.is_empty() || self.scan.numbers.is_empty() {
            return;
        }
        let touches = |span: TimeRange| span.start <= self.range.end && self.range.start <= span.end;
        for part in &self.snapshot.parts {
            let span = TimeRange::new(part.meta.first, part.meta.last);
            if !touches(span) || part.below <= self.scan.numbers.start {
                continue;
            }
            if let Some(damage) = part.damage() {
                progress.warnings.damage(part, &damage);
            }
            if part.is_lost() {
                continue;
            }
            progress.heap.push(self.entry(span, Step::Part(Arc::clone(part))));
        }
        for block in &self.snapshot.hot {
            let home = Home::Hot(Arc::clone(block));
            let may_have = |need: &Need| block.terms.fulfil(need);
            if touches(home.span()) && may_have(&self.need) {
                let outside = self.outside(&may_have);
                let candidate = Candidate { part: None, home, outside };
                progress.heap.push(self.entry(candidate.home.span(), Step::Block(candidate)));
            }
        }
    }

    /// Which tests may pass by another text than the message in a block; `may_have` answers what the block has.
    fn outside(&self, may_have: &dyn Fn(&Need) -> bool) -> Outside {
        let needs = self.evaluator.as_ref().map_or(&[][..], Evaluator::outside);
        Outside::of(needs.len(), |test| needs.get(test).is_none_or(may_have))
    }

    fn entry(&self, span: TimeRange, step: Step) -> Entry {
        match self.scan.order {
            // The complement turns the order round without overflow.
            Some(Order::Ascending) => Entry { priority: !span.start, bound: span.start, step },
            _ => Entry { priority: span.end, bound: span.end, step },
        }
    }

    /// Takes steps until none is left, or so many.
    fn work(&self, most: usize) {
        let mut worker = Worker { evaluator: self.evaluator.as_ref().map(Evaluator::worker), sink: None };
        let mut taken = 0;
        while taken < most
            && let Some(step) = self.next()
        {
            taken += 1;
            let outcome = match step {
                Step::Part(part) => self.open(&part),
                Step::Block(candidate) => self.look(&candidate, &mut worker),
            };
            match outcome {
                Ok(Flow::Continue) => {}
                Ok(Flow::Stop) => self.progress.lock().is_ended = true,
                Err(error) => self.end(error),
            }
        }
        if let Some(sink) = worker.sink
            && let Err(error) = sink.merge()
        {
            self.end(LogStoreError::Read(error));
        }
    }

    fn end(&self, error: LogStoreError) {
        let mut progress = self.progress.lock();
        progress.error.get_or_insert(error);
        progress.is_ended = true;
        self.opened.notify_all();
    }

    /// The step that comes first; `None` when there is nothing more to do.
    fn next(&self) -> Option<Step> {
        let mut progress = self.progress.lock();
        loop {
            if progress.is_ended {
                return None;
            }
            let Some(Entry { bound, step, .. }) = progress.heap.pop() else {
                if progress.opening == 0 {
                    return None;
                }
                self.opened.wait(&mut progress);
                continue;
            };
            let is_cut = progress.report.rows >= self.scan.most_rows;
            if is_cut || (self.scan.order.is_some() && !self.sink.wants(bound)) {
                progress.report.is_cut |= is_cut;
                // What comes later matters even less. A part that is being opened may still add what comes before.
                progress.heap.clear();
                continue;
            }
            match &step {
                Step::Part(_) => progress.opening += 1,
                Step::Block(candidate) => progress.report.rows += candidate.home.rows() as u64,
            }
            return Some(step);
        }
    }

    /// Queues the blocks of a part that may hold a passing row.
    fn open(&self, part: &Arc<Part>) -> Result<Flow, LogStoreError> {
        let candidates = self.context.check().map_err(LogStoreError::Read).and_then(|()| self.candidates(part));
        let mut progress = self.progress.lock();
        progress.opening -= 1;
        self.opened.notify_all();
        match candidates {
            Ok(candidates) => {
                let entry = |candidate: Candidate| self.entry(candidate.home.span(), Step::Block(candidate));
                progress.heap.extend(candidates.into_iter().map(entry));
                Ok(Flow::Continue)
            }
            Err(error) => progress.warnings.skip(part, error).map(|()| Flow::Continue),
        }
    }

    fn candidates(&self, part: &Arc<Part>) -> Result<Vec<Candidate>, LogStoreError> {
        let open: Arc<OpenPart> = part.open()?;
        let blocks_with = |need: &Need| {
            open.candidates(need).unwrap_or_else(|error| {
                // Without an index every block is looked at.
                part.report(&error);
                RowSet::all(open.places.len())
            })
        };
        let candidates = blocks_with(&self.need);
        let outside: Vec<RowSet> = match &self.evaluator {
            Some(evaluator) if !candidates.is_empty() => evaluator.outside().iter().map(blocks_with).collect(),
            _ => Vec::new(),
        };
        let candidate = |block: usize| {
            let place = open.places.get(block).copied()?;
            let is_asked_for = place.first <= self.range.end && self.range.start <= place.last;
            is_asked_for.then(|| Candidate {
                part: Some(Arc::clone(part)),
                home: Home::Part(Arc::clone(&open), place),
                outside: Outside::of(outside.len(), |test| outside.get(test).is_none_or(|rows| rows.contains(block))),
            })
        };
        Ok(candidates.iter().filter_map(candidate).collect())
    }

    fn look<'s>(&'s self, candidate: &Candidate, worker: &mut Worker<'s>) -> Result<Flow, LogStoreError> {
        self.context.check().map_err(LogStoreError::Read)?;
        match (self.take(candidate, worker), &candidate.part) {
            (Ok((within, flow)), _) => {
                self.progress.lock().report.within += within as u64;
                Ok(flow)
            }
            (Err(error), Some(part)) => {
                if let Home::Part(_, place) = &candidate.home {
                    part.report_block(place, &error);
                }
                self.progress.lock().warnings.skip(part, error).map(|()| Flow::Continue)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Hands the passing rows of a block to the sink; answers how many rows lie in the range and the numbers.
    fn take<'s>(&'s self, candidate: &Candidate, worker: &mut Worker<'s>) -> Result<(usize, Flow), LogStoreError> {
        let home = &candidate.home;
        let span = home.span();
        let in_range = self.range.contains(span.start) && self.range.contains(span.end);
        let any_number = self.scan.numbers == (0..u64::MAX);
        let (batch, within) = if in_range && any_number && self.evaluator.is_none() && self.scan.ids.is_none() {
            (Batch::whole(home.clone()), home.rows())
        } else {
            let block = home.open()?;
            let mut passing = self.asked_for(&block)?;
            let within = passing.len();
            if within > 0 {
                if let Some(evaluator) = &worker.evaluator {
                    passing.intersect(&evaluator.evaluate(&block, candidate.outside)?);
                }
                if let Some(ids) = self.scan.ids {
                    passing.intersect(&block.rows_with_ids(ids, &self.snapshot.rules)?);
                }
            }
            if passing.is_empty() {
                self.context.read.add(block.bytes_read());
                return Ok((within, Flow::Continue));
            }
            (Batch::of_block(home.clone(), block, passing), within)
        };
        let sink = worker.sink.get_or_insert_with(|| self.sink.worker());
        let flow = sink.take(&batch).map_err(|error| batch.cause(error))?;
        self.context.read.add(batch.read_bytes());
        Ok((within, flow))
    }

    /// The rows of a block that lie in the range and have the numbers asked for.
    fn asked_for(&self, block: &LogBlock) -> Result<RowSet, LogStoreError> {
        let span = block.time_span();
        let mut rows = if self.range.contains(span.first) && self.range.contains(span.last) {
            RowSet::all(block.rows())
        } else {
            let times = block.times()?;
            RowSet::of(times.len(), |row| times.get(row).is_some_and(|time| self.range.contains(*time)))
        };
        if self.scan.numbers != (0..u64::MAX) {
            let numbers = block.numbers()?;
            let asked = |row: usize| numbers.get(row).is_some_and(|number| self.scan.numbers.contains(number));
            rows.intersect(&RowSet::of(numbers.len(), asked));
        }
        Ok(rows)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.priority == other.priority
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.priority.cmp(&other.priority)
    }
}
