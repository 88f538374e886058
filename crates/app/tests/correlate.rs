//! The walk of a correlation beside a plain search of a graph: records are nodes that share IDs.

#![allow(clippy::unwrap_used)]

use clew_app::limits::CORRELATE_IDS;
use clew_app::reads::{CorrelateQuery, Correlation, EventBody, Stores, correlate};
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{LogReader, LogRecord, LogRow, LogView, RowsView};
use clew_model::metrics::{
    ExemplarRow, ExemplarScan, ExemplarsOf, Labels, Metadata, MetricReader, MetricView, SeriesBatch, SeriesScan,
    SeriesSet,
};
use clew_model::traces::{Among, Span, SpanBatch, SpanList, SpanScan, TraceReader, TraceView};
use clew_model::value::Attribute;
use clew_model::{CanonicalId, Context, ReadError, RecordId, Sink, SpanId, TimeRange, TraceId, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The fields that carry IDs by default.
const FIELDS: [&str; 4] = ["correlation_id", "request_id", "task_id", "session_id"];

/// Records, each with the IDs it carries, by their numbers.
#[derive(Debug, Clone, Default)]
struct World {
    logs: Vec<Vec<u32>>,
    spans: Vec<Vec<u32>>,
    exemplars: Vec<Vec<u32>>,
}

fn id_text(id: u32) -> String {
    format!("task:{id:03}")
}

fn attributes(ids: &[u32]) -> Vec<Attribute> {
    let field = |at: usize| FIELDS[at % FIELDS.len()];
    ids.iter().enumerate().map(|(at, id)| Attribute::new(field(at), Value::from(id_text(*id).as_str()))).collect()
}

impl World {
    fn log(&self, number: usize) -> LogRow {
        let time = 1_000 + number as i64;
        let record = LogRecord { time, attributes: attributes(&self.logs[number]), ..LogRecord::default() };
        LogRow { id: RecordId { time, number: number as u64 }, record }
    }

    fn span(&self, number: usize) -> Span {
        // Each in a trace of its own, so that the IDs alone connect them.
        let byte = number as u8 + 1;
        let start = 1_000 + number as i64;
        let new = Span::new(TraceId([byte; 16]), SpanId([byte; 8]));
        Span { start, end: start + 10, attributes: attributes(&self.spans[number]), ..new }
    }

    fn exemplar(&self, number: usize) -> ExemplarRow {
        let pairs: Vec<(&str, String)> =
            self.exemplars[number].iter().zip(FIELDS).map(|(id, field)| (field, id_text(*id))).collect();
        ExemplarRow {
            series: Labels::new([("__name__", "latency"), ("n", &number.to_string())]).unwrap(),
            labels: Labels::new(pairs.iter().map(|(name, value)| (*name, value.as_str()))).unwrap(),
            time: 1,
            value: 1.0,
        }
    }

    /// The records of a signal that carry one of the IDs, up to the limit; and whether there are more.
    fn find<T>(records: &[Vec<u32>], ids: &[CanonicalId], limit: usize, make: impl Fn(usize) -> T) -> (Vec<T>, bool) {
        let carries = |own: &Vec<u32>| own.iter().any(|id| ids.contains(&CanonicalId::new(&id_text(*id)).unwrap()));
        let all: Vec<usize> = (0..records.len()).filter(|number| carries(&records[*number])).collect();
        (all.iter().take(limit).map(|number| make(*number)).collect(), all.len() > limit)
    }
}

impl LogReader for World {
    fn view(&self, _: &Context) -> Box<dyn LogView> {
        let rows = (0..self.logs.len()).map(|number| self.log(number)).collect();
        Box::new(RowsView::new(vec![rows], Arc::new(CorrelationRules::default())))
    }
}

impl TraceReader for World {
    fn view(&self, _: &Context) -> Box<dyn TraceView> {
        Box::new(self.clone())
    }
}

impl TraceView for World {
    fn scan(&self, _: &Context, scan: &SpanScan<'_>, sink: &dyn Sink<dyn SpanBatch>) -> Result<(), ReadError> {
        let Among::Carrying { ids, .. } = scan.among else { unreachable!() };
        let (spans, _) = Self::find(&self.spans, ids, usize::MAX, |number| self.span(number));
        let mut worker = sink.worker();
        worker.take(&SpanList::all(spans))?;
        worker.merge()
    }
}

impl MetricReader for World {
    fn view(&self, _: &Context) -> Box<dyn MetricView + '_> {
        Box::new(self.clone())
    }
}

impl MetricView for World {
    fn scan_exemplars(
        &self,
        _: &Context,
        scan: &ExemplarScan<'_>,
        sink: &dyn Sink<[ExemplarRow]>,
    ) -> Result<(), ReadError> {
        let ExemplarsOf::Carrying(ids) = scan.of else { unreachable!() };
        let (rows, _) = Self::find(&self.exemplars, ids, usize::MAX, |number| self.exemplar(number));
        let mut worker = sink.worker();
        worker.take(&rows)?;
        worker.merge()
    }

    fn scan_samples(&self, _: &Context, _: &SeriesScan<'_>, _: &dyn Sink<SeriesBatch>) -> Result<(), ReadError> {
        unreachable!()
    }

    fn scan_series(&self, _: &Context, _: &SeriesScan<'_>, _: &dyn Sink<dyn SeriesSet>) -> Result<(), ReadError> {
        unreachable!()
    }

    fn scan_metadata(&self, _: &Context, _: Option<&str>, _: &dyn Sink<[Metadata]>) -> Result<(), ReadError> {
        unreachable!()
    }
}

fn ask(world: &World, id: u32, depth: usize, limit: usize) -> Correlation {
    let rules = CorrelationRules::default();
    let stores = Stores { logs: world, metrics: world, traces: world, rules: &rules };
    let context = Context::new(Duration::from_secs(60), 1 << 30);
    let id = CanonicalId::new(&id_text(id)).unwrap();
    correlate(&context, &stores, CorrelateQuery { ids: vec![id], depth, limit, range: TimeRange::ALL }).unwrap()
}

/// A record: its signal (0 logs, 1 spans, 2 exemplars) and its number.
type Node = (u8, usize);

/// What was found, with the depth at which.
fn found(story: &Correlation) -> BTreeMap<Node, usize> {
    let node = |body: &EventBody| match body {
        EventBody::Log(row) => (0, row.id.number as usize),
        EventBody::Span(span) => (1, usize::from(span.span_id.0[0]) - 1),
        EventBody::Exemplar(row) => (2, row.series.get("n").unwrap().parse().unwrap()),
    };
    let found: BTreeMap<_, _> = story.events.iter().map(|event| (node(&event.body), event.reached.depth)).collect();
    assert_eq!(found.len(), story.events.len(), "each record once");
    found
}

/// The same by distances: a record is as deep as the nearest of its IDs, an ID one deeper than the nearest record.
fn by_distance(world: &World, start: u32, depth: usize) -> (BTreeMap<Node, usize>, BTreeSet<u32>) {
    let signals = [(0u8, &world.logs), (1, &world.spans), (2, &world.exemplars)];
    let records: Vec<(Node, &Vec<u32>)> = signals
        .into_iter()
        .flat_map(|(signal, all)| all.iter().enumerate().map(move |(number, ids)| ((signal, number), ids)))
        .collect();
    let mut distance = BTreeMap::from([(start, 0)]);
    loop {
        let before = distance.clone();
        for (_, ids) in &records {
            let Some(nearest) = ids.iter().filter_map(|id| before.get(id)).min() else { continue };
            for id in ids.iter() {
                let own = distance.entry(*id).or_insert(usize::MAX);
                *own = (*own).min(nearest + 1);
            }
        }
        if before == distance {
            break;
        }
    }
    let near = |ids: &Vec<u32>| ids.iter().filter_map(|id| distance.get(id).copied()).min();
    let records = records.iter().filter_map(|(node, ids)| Some((*node, near(ids).filter(|near| *near <= depth)?)));
    let ids = distance.iter().filter(|(_, distance)| **distance <= depth).map(|(id, _)| *id);
    (records.collect(), ids.collect())
}

fn random_world(rng: &mut fastrand::Rng) -> World {
    let ids = rng.u32(2..40);
    let mut records = |most: usize| -> Vec<Vec<u32>> {
        let record = |rng: &mut fastrand::Rng| (0..rng.usize(0..4)).map(|_| rng.u32(0..ids)).collect();
        (0..rng.usize(0..most)).map(|_| record(rng)).collect()
    };
    World { logs: records(30), spans: records(30), exemplars: records(10) }
}

#[test]
fn every_record_is_reached_once_at_its_distance_and_never_beyond_the_depth() {
    for seed in 0..300 {
        let world = random_world(&mut fastrand::Rng::with_seed(seed));
        for depth in 0..=4 {
            let story = ask(&world, 0, depth, 1_000);
            let (records, ids) = by_distance(&world, 0, depth);
            assert_eq!(found(&story), records, "seed {seed}, depth {depth}");
            let tasks = |id: &CanonicalId| id.as_str().strip_prefix("task:")?.parse().ok();
            let followed: BTreeSet<u32> = story.followed.keys().filter_map(tasks).collect();
            assert_eq!(followed, ids, "seed {seed}, depth {depth}");
            let is_cut = by_distance(&world, 0, depth + 1).1 != ids;
            let cut = story.truncation;
            // The traces of spans are IDs too: they are met, though they lead nowhere here.
            assert!(cut.depth >= is_cut, "seed {seed}, depth {depth}: {cut:?}");
            assert!(!(cut.logs || cut.spans || cut.exemplars || cut.ids), "seed {seed}: {cut:?}");
            assert!(story.events.is_sorted_by_key(|event| event.time), "seed {seed}");
            let counted: u64 = story.lanes.iter().map(|lane| lane.events).sum();
            assert_eq!(counted, story.events.len() as u64);
            for event in &story.events {
                assert_eq!(story.followed.get(&event.reached.id), Some(&event.reached.depth), "{:?}", event.reached);
            }
        }
    }
}

#[test]
fn what_is_left_out_by_the_limit_is_said_in_its_signal() {
    let world = World { logs: vec![vec![0]; 11], spans: vec![vec![0]; 10], exemplars: vec![vec![0]; 10] };
    let story = ask(&world, 0, 2, 10);
    assert_eq!((story.counts.logs, story.counts.spans, story.counts.exemplars), (10, 10, 10));
    let cut = story.truncation;
    assert_eq!((cut.logs, cut.spans, cut.exemplars), (true, false, false));
}

#[test]
fn more_ids_than_may_be_followed_are_said() {
    let world = World { logs: (1..400).map(|id| vec![0, id]).collect(), ..World::default() };
    let story = ask(&world, 0, 1, 1_000);
    assert!(story.truncation.ids);
    assert_eq!(story.followed.len(), CORRELATE_IDS);
    assert!(!ask(&world, 0, 0, 1_000).truncation.logs);
}
