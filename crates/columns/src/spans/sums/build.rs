//! Counting the spans of a run while it is written.

use super::cells::{CallCell, NewCell, ServiceCells, encode_all, encode_call_cells};
use super::head::{CallSum, ServiceSum, SpanSums};
use super::slots::Slot;
use super::tally::{Tally, TallySum};
use crate::spans::limits::{LINEAR_PARENTS, SUMMED_CALLS, SUMMED_OPERATIONS, SUMMED_SERIES, SUMMED_SERVICES};
use crate::spans::scan_columns::has_shared_ids;
use clew_model::traces::{CallColumns, Parent, Parents, Span, SpanKind, StatusCode, duration_bucket};
use clew_model::{Resource, SpanId};
use compact_str::CompactString;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The sums of a run as bytes.
#[derive(Debug)]
pub struct EncodedSums {
    /// The [`SpanSums`].
    pub head: Vec<u8>,
    /// Of each service of the head its [`ServiceCells`].
    pub services: Vec<Vec<u8>>,
    /// The [`super::Cells`] of all services.
    pub all: Vec<u8>,
    /// The calls by slot.
    pub calls: Vec<u8>,
}

/// Which spans are counted together: a number that leads with the series, then the slot, then the outcome.
type Key = u64;

const SLOT_SHIFT: u32 = 1;
const SERIES_SHIFT: u32 = 32;

/// Spans that are counted together: how many, and their bounds.
#[derive(Debug, Clone, Copy)]
struct Together {
    key: Key,
    spans: u32,
    last: i64,
    least: i64,
    most: i64,
}

/// A service with its operations.
#[derive(Debug, Default)]
struct Service {
    name: CompactString,
    /// The series of each operation by kind.
    operations: HashMap<CompactString, [Option<u32>; KINDS]>,
    /// Name, kind and series of each.
    known: Vec<(CompactString, SpanKind, u32)>,
    /// The series of operations beyond the bound.
    others: Option<u32>,
}

const KINDS: usize = 6;

/// Counts the spans of a run.
#[derive(Debug)]
pub struct SumsBuilder {
    width: i64,
    slots: Vec<Slot>,
    slot_places: HashMap<i64, u32>,
    services: Vec<Service>,
    service_places: HashMap<CompactString, u32>,
    series: u32,
    /// Of each span with which others it is counted, and the bucket of its duration.
    spans: Vec<(u32, u16)>,
    together: Vec<Together>,
    places: HashMap<Key, u32>,
    /// The slot of the span before.
    last_slot: Option<(i64, u32)>,
    calls: HashMap<(u32, u32, u32), (u64, u64)>,
    has_too_many_calls: bool,
    has_too_many_services: bool,
    open_blocks: Vec<u32>,
    blocks: u32,
}

impl SumsBuilder {
    /// Counts by slots of this width ([`super::slot_width`]).
    #[must_use]
    pub fn new(width: i64) -> Self {
        Self {
            width: width.max(1),
            slots: Vec::new(),
            slot_places: HashMap::new(),
            services: Vec::new(),
            service_places: HashMap::new(),
            series: 0,
            spans: Vec::new(),
            together: Vec::new(),
            places: HashMap::new(),
            last_slot: None,
            calls: HashMap::new(),
            has_too_many_calls: false,
            has_too_many_services: false,
            open_blocks: Vec::new(),
            blocks: 0,
        }
    }

    /// Counts the spans of the next block.
    pub fn add_block(&mut self, spans: &[&Span]) {
        let number = self.blocks;
        self.blocks += 1;
        if self.has_too_many_services {
            return;
        }
        let mut services = Vec::with_capacity(spans.len());
        let mut slots = Vec::with_capacity(spans.len());
        // Spans of one resource often stand near each other.
        let mut last: Option<(&Arc<Resource>, u32)> = None;
        for span in spans {
            let known = last.filter(|(resource, _)| Arc::ptr_eq(resource, &span.resource));
            let service = known.map_or_else(|| self.service(span.service()), |(_, service)| service);
            last = Some((&span.resource, service));
            services.push(service);
            slots.push(self.add(span, service));
        }
        self.add_calls(number, spans, &services, &slots);
        self.has_too_many_services = self.services.len() > SUMMED_SERVICES || self.series as usize > SUMMED_SERIES;
    }

    /// Answers the slot of the span.
    fn add(&mut self, span: &Span, service: u32) -> u32 {
        let slot = self.slot(span.start);
        let series = self.series_of(service, &span.name, span.kind);
        let duration = span.duration().max(0);
        let is_error = u64::from(span.status.code == StatusCode::Error);
        let key = u64::from(series) << SERIES_SHIFT | u64::from(slot) << SLOT_SHIFT | is_error;
        let next = self.together.len() as u32;
        let place = *self.places.entry(key).or_insert(next);
        self.spans.push((place, duration_bucket(duration) as u16));
        match self.together.get_mut(place as usize) {
            Some(own) => {
                own.spans += 1;
                own.last = own.last.max(span.start);
                own.least = own.least.min(duration);
                own.most = own.most.max(duration);
            }
            None => {
                let first = Together { key, spans: 1, last: span.start, least: duration, most: duration };
                self.together.push(first);
            }
        }
        slot
    }

    fn slot(&mut self, start: i64) -> u32 {
        let number = start.div_euclid(self.width);
        let next = self.slots.len() as u32;
        let known = self.last_slot.filter(|(last, _)| *last == number);
        let place = known.map_or_else(|| *self.slot_places.entry(number).or_insert(next), |(_, place)| place);
        self.last_slot = Some((number, place));
        match self.slots.get_mut(place as usize) {
            Some(slot) => (slot.first, slot.last) = (slot.first.min(start), slot.last.max(start)),
            None => self.slots.push(Slot { number, first: start, last: start }),
        }
        place
    }

    fn service(&mut self, name: &str) -> u32 {
        if let Some(place) = self.service_places.get(name) {
            return *place;
        }
        let place = self.services.len() as u32;
        self.service_places.insert(name.into(), place);
        self.services.push(Service { name: name.into(), ..Service::default() });
        place
    }

    fn series_of(&mut self, service: u32, operation: &str, kind: SpanKind) -> u32 {
        let next = self.series;
        let Some(own) = self.services.get_mut(service as usize) else { return next };
        let kind_place = usize::from(kind.number()).min(KINDS - 1);
        if let Some(series) =
            own.operations.get(operation).and_then(|by_kind| by_kind.get(kind_place).copied().flatten())
        {
            return series;
        }
        if own.known.len() >= SUMMED_OPERATIONS {
            let others = *own.others.get_or_insert(next);
            self.series += u32::from(others == next);
            return others;
        }
        let by_kind = own.operations.entry(operation.into()).or_default();
        by_kind.get_mut(kind_place).into_iter().for_each(|place| *place = Some(next));
        own.known.push((operation.into(), kind, next));
        self.series += 1;
        next
    }

    fn add_calls(&mut self, block: u32, spans: &[&Span], services: &[u32], slots: &[u32]) {
        let kinds: Vec<SpanKind> = spans.iter().map(|span| span.kind).collect();
        let ids: Vec<_> = spans.iter().map(|span| span.span_id).collect();
        let parents = parents_of(spans);
        let columns = CallColumns { services, kinds: &kinds, parents: &parents, ids: &ids };
        let Self { services: names, calls, .. } = self;
        let text = |service: u32| names.get(service as usize).map_or("", |service| service.name.as_str());
        let mut is_open = false;
        for trace in traces_of(spans) {
            if columns.lacks_a_parent(trace.clone(), |_| true) {
                is_open = true;
                continue;
            }
            columns.visit(
                trace,
                |_| true,
                text,
                |call| {
                    let slot = slots.get(call.row).copied().unwrap_or(0);
                    let own = calls.entry((slot, call.client, call.server)).or_default();
                    let is_error = spans.get(call.row).is_some_and(|span| span.status.code == StatusCode::Error);
                    *own = (own.0 + 1, own.1 + u64::from(is_error));
                },
            );
        }
        if is_open {
            self.open_blocks.push(block);
        }
        if self.calls.len() > SUMMED_CALLS {
            self.has_too_many_calls = true;
            self.calls.clear();
        }
    }

    /// The sums; `None` where there are too many services.
    #[must_use]
    pub fn finish(mut self) -> Option<EncodedSums> {
        if self.has_too_many_services {
            return None;
        }
        // Slots and services in order, and where those met first went.
        let slot_order = order(&self.slots, |slot| slot.number);
        let service_order = order(&self.services, |service| service.name.clone());
        let mut sums = SpanSums {
            width: self.width,
            slots: sorted(&self.slots, &slot_order),
            open_blocks: std::mem::take(&mut self.open_blocks),
            ..SpanSums::default()
        };
        let cells = self.cells(&slot_order);
        let mut services = std::mem::take(&mut self.services);
        services.sort_by(|left, right| left.name.cmp(&right.name));
        let (mut encoded, mut all) = (Vec::with_capacity(services.len()), Vec::new());
        // One after the other, so that the cells of one service alone are held.
        for (place, service) in (0u32..).zip(services) {
            let own = service.finish(&cells);
            encoded.push(ServiceCells::encode(&own.operations, &own.cells, &sums));
            all.extend(by_slot(&own.cells).into_iter().map(|cell| NewCell { series: place, ..cell }));
            sums.services.push(own.sum);
        }
        drop(cells);
        let calls = self.call_cells(&slot_order, &service_order);
        sums.calls = (!self.has_too_many_calls).then(|| all_slots(&calls));
        Some(EncodedSums {
            services: encoded,
            all: encode_all(&all, &sums),
            calls: encode_call_cells(&calls),
            head: sums.encode(),
        })
    }

    /// Deals the buckets of all spans to those that are counted together.
    fn cells(&mut self, slot_order: &[u32]) -> NewCells {
        let mut ends = Vec::with_capacity(self.together.len());
        let mut end = 0;
        for own in &self.together {
            ends.push(end);
            end += own.spans as usize;
        }
        let mut buckets = vec![0u16; end];
        for (place, bucket) in std::mem::take(&mut self.spans) {
            let Some(end) = ends.get_mut(place as usize) else { continue };
            buckets.get_mut(*end).into_iter().for_each(|slot| *slot = bucket);
            *end += 1;
        }
        let mut order: Vec<(Key, u32)> = self.together.iter().map(|own| own.key).zip(0..).collect();
        order.sort_unstable();
        let together = self.together.iter().copied().zip(ends).collect();
        NewCells { order, together, buckets, slot_order: slot_order.to_vec() }
    }

    fn call_cells(&self, slot_order: &[u32], service_order: &[u32]) -> Vec<CallCell> {
        if self.has_too_many_calls {
            return Vec::new();
        }
        let moved = |order: &[u32], place: u32| order.get(place as usize).copied().unwrap_or(0);
        let cell = |((slot, client, server), (calls, errors)): (&(u32, u32, u32), &(u64, u64))| CallCell {
            slot: moved(slot_order, *slot),
            sum: CallSum {
                client: moved(service_order, *client),
                server: moved(service_order, *server),
                calls: *calls,
                errors: *errors,
            },
        };
        let mut cells: Vec<CallCell> = self.calls.iter().map(cell).collect();
        cells.sort_by_key(|cell| (cell.slot, cell.sum.client, cell.sum.server));
        cells
    }
}

/// All cells of a run, made when they are asked for.
struct NewCells {
    /// By key.
    order: Vec<(Key, u32)>,
    /// With the end of their buckets.
    together: Vec<(Together, usize)>,
    buckets: Vec<u16>,
    slot_order: Vec<u32>,
}

impl NewCells {
    /// The cells of a series, by slot.
    fn of(&self, series: u32) -> Vec<NewCell> {
        let start = self.order.partition_point(|(key, _)| key >> SERIES_SHIFT < u64::from(series));
        let end = self.order.partition_point(|(key, _)| key >> SERIES_SHIFT <= u64::from(series));
        let own = self.order.get(start..end).unwrap_or_default();
        let by_slot = own.chunk_by(|left, right| left.0 >> SLOT_SHIFT == right.0 >> SLOT_SHIFT);
        let mut cells: Vec<NewCell> = by_slot.map(|same| self.cell(same)).collect();
        cells.sort_by_key(|cell| cell.slot);
        cells
    }

    fn cell(&self, same: &[(Key, u32)]) -> NewCell {
        let met = same.first().map_or(0, |(key, _)| *key as u32 >> SLOT_SHIFT);
        let slot = self.slot_order.get(met as usize).copied().unwrap_or(0);
        let mut cell = NewCell { slot, ..NewCell::default() };
        for (key, place) in same {
            let own = self.together.get(*place as usize);
            if let (Some(tally), Some((own, end))) = (cell.tallies.get_mut((key & 1) as usize), own) {
                let mut buckets = self.buckets.get(end - own.spans as usize..*end).unwrap_or_default().to_vec();
                buckets.sort_unstable();
                *tally = Tally { last: own.last, least: own.least, most: own.most, buckets: counted(&buckets) };
            }
        }
        cell
    }
}

impl Service {
    /// Its cells, its operations in order.
    fn finish(self, cells: &NewCells) -> Counted {
        let mut operations = self.known;
        operations.sort_by(|left, right| (&left.0, left.1).cmp(&(&right.0, right.1)));
        let has_operations = self.others.is_none();
        operations.extend(self.others.map(|series| (CompactString::default(), SpanKind::Unspecified, series)));
        let mut own = Counted::default();
        let mut totals: [TallySum; 2] = Default::default();
        for (place, (name, kind, series)) in (0u32..).zip(operations) {
            own.operations.push((name, kind));
            for cell in cells.of(series) {
                totals.iter_mut().zip(&cell.tallies).for_each(|(total, tally)| total.add(tally.view()));
                own.cells.push(NewCell { series: place, ..cell });
            }
        }
        own.sum = ServiceSum { name: self.name, has_operations, tallies: totals.map(TallySum::finish) };
        own
    }
}

/// How often each bucket occurs.
fn counted(sorted: &[u16]) -> Vec<(u16, u32)> {
    let same = sorted.chunk_by(|left, right| left == right);
    same.filter_map(|same| same.first().map(|bucket| (*bucket, same.len() as u32))).collect()
}

/// What is counted of a service.
#[derive(Default)]
struct Counted {
    sum: ServiceSum,
    operations: Vec<(CompactString, SpanKind)>,
    cells: Vec<NewCell>,
}

/// The operations of a service together, slot by slot.
fn by_slot(cells: &[NewCell]) -> Vec<NewCell> {
    let mut slots: BTreeMap<u32, [TallySum; 2]> = BTreeMap::new();
    for cell in cells {
        let totals = slots.entry(cell.slot).or_default();
        totals.iter_mut().zip(&cell.tallies).for_each(|(total, tally)| total.add(tally.view()));
    }
    let cell =
        |(slot, totals): (u32, [TallySum; 2])| NewCell { series: 0, slot, tallies: totals.map(TallySum::finish) };
    slots.into_iter().map(cell).collect()
}

/// The calls of all slots together, by client and server.
fn all_slots(cells: &[CallCell]) -> Vec<CallSum> {
    let mut sums: Vec<CallSum> = cells.iter().map(|cell| cell.sum).collect();
    sums.sort_by_key(|sum| (sum.client, sum.server));
    sums.dedup_by(|next, kept| {
        let is_same = (next.client, next.server) == (kept.client, kept.server);
        if is_same {
            kept.calls += next.calls;
            kept.errors += next.errors;
        }
        is_same
    });
    sums
}

/// Of each item the place that it has in order.
fn order<T, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> Vec<u32> {
    let mut places: Vec<u32> = (0..items.len() as u32).collect();
    places.sort_by_cached_key(|place| items.get(*place as usize).map(&key));
    let mut order = vec![0; items.len()];
    for (new, old) in (0u32..).zip(places) {
        order.get_mut(old as usize).into_iter().for_each(|place| *place = new);
    }
    order
}

fn sorted(slots: &[Slot], order: &[u32]) -> Vec<Slot> {
    let mut sorted: Vec<(u32, Slot)> = order.iter().copied().zip(slots.iter().copied()).collect();
    sorted.sort_by_key(|(place, _)| *place);
    sorted.into_iter().map(|(_, slot)| slot).collect()
}

fn traces_of<'s>(spans: &'s [&Span]) -> impl Iterator<Item = Range<usize>> + use<'s> {
    let mut start = 0;
    spans.chunk_by(|before, after| before.trace_id == after.trace_id).map(move |trace| {
        start += trace.len();
        start - trace.len()..start
    })
}

/// The parents as a block tells them, by their rows.
fn parents_of(spans: &[&Span]) -> Parents {
    let mut parents = Parents { of: Vec::with_capacity(spans.len()), shared: false };
    let mut rows: HashMap<SpanId, u32> = HashMap::new();
    for trace in traces_of(spans) {
        let own = spans.get(trace.clone()).unwrap_or_default();
        parents.shared |= has_shared_ids(own);
        let is_short = own.len() <= LINEAR_PARENTS;
        if !is_short {
            rows.clear();
            // The first row of an ID wins, as in the linear walk.
            rows.extend(trace.clone().zip(own).rev().map(|(row, span)| (span.span_id, row as u32)));
        }
        let find = |parent: SpanId| match is_short {
            true => own.iter().position(|span| span.span_id == parent).map(|row| (trace.start + row) as u32),
            false => rows.get(&parent).copied(),
        };
        parents.of.extend(own.iter().map(|span| match span.parent_span_id {
            None => Parent::None,
            Some(parent) => find(parent).map_or(Parent::Elsewhere(parent), Parent::Row),
        }));
    }
    parents
}
