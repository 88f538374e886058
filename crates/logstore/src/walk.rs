//! Visiting the blocks that may matter to a query, in the order of time.

use crate::error::LogStoreError;
use crate::hot::HotBlock;
use crate::limits::MAX_WARNINGS;
use crate::part::{BlockPlace, OpenPart, Part};
use crate::store::Snapshot;
use clew_columns::RowSet;
use clew_columns::logs::{LogBlock, Need};
use clew_model::logs::Order;
use clew_model::{Context, TimeRange, UnixNanos};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// What a query does with blocks.
pub(crate) trait Visitor {
    /// Whether a block (and all after it) matters whose rows lie at `bound` or later in the order.
    fn wants(&self, bound: UnixNanos) -> bool;

    /// Takes a block in. After an error that does not stop the query, nothing of the block may have been taken.
    fn visit(&mut self, block: &LogBlock) -> Result<(), LogStoreError>;
}

/// Things the asker must know, each once.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    pub list: Vec<String>,
}

impl Warnings {
    fn damage(&mut self, part: &Part, damage: &str) {
        self.add(format!("part {} is damaged, records may be missing: {damage}", part.name()));
    }

    fn failure(&mut self, part: &Part, error: &LogStoreError) {
        if error.is_damage() {
            self.damage(part, &error.to_string());
        } else {
            self.add(format!("part {} could not be read this time, records may be missing: {error}", part.name()));
        }
    }

    fn add(&mut self, warning: String) {
        if self.list.len() < MAX_WARNINGS && !self.list.contains(&warning) {
            self.list.push(warning);
        }
    }
}

/// Visits the blocks of a snapshot: newest first or oldest first, by the end that the order meets first.
pub(crate) fn walk(
    snapshot: &Snapshot,
    context: &Context,
    order: Order,
    need: &Need,
    warnings: &mut Warnings,
    visitor: &mut dyn Visitor,
) -> Result<(), LogStoreError> {
    let mut heap: BinaryHeap<Entry> = BinaryHeap::new();
    for part in &snapshot.parts {
        if let Some(damage) = part.damage() {
            warnings.damage(part, &damage);
        }
        heap.push(Entry::new(order, part.meta.first, part.meta.last, Step::Part(Arc::clone(part))));
    }
    for block in &snapshot.hot {
        heap.push(Entry::new(order, block.first, block.last, Step::Hot(Arc::clone(block))));
    }
    while let Some(Entry { bound, step, .. }) = heap.pop() {
        context.check().map_err(LogStoreError::Read)?;
        if !visitor.wants(bound) {
            break;
        }
        match step {
            Step::Hot(block) => visitor.visit(&LogBlock::open(Arc::clone(&block.bytes))?)?,
            Step::Part(part) => {
                let blocks = blocks_of(&part, need, &snapshot.range);
                skip_damage(
                    &part,
                    warnings,
                    blocks.map(|(open, places)| {
                        for place in places {
                            let step = Step::Block(Arc::clone(&part), Arc::clone(&open), place);
                            heap.push(Entry::new(order, place.first, place.last, step));
                        }
                    }),
                )?;
            }
            Step::Block(part, open, place) => {
                let visited = open.block(&place).and_then(|block| visitor.visit(&block));
                skip_damage(&part, warnings, visited)?;
            }
        }
    }
    Ok(())
}

fn skip_damage(part: &Part, warnings: &mut Warnings, result: Result<(), LogStoreError>) -> Result<(), LogStoreError> {
    match result {
        Err(error) if error.stops_queries() => Err(error),
        Err(error) => {
            part.report(&error);
            warnings.failure(part, &error);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn blocks_of(part: &Part, need: &Need, range: &TimeRange) -> Result<(Arc<OpenPart>, Vec<BlockPlace>), LogStoreError> {
    let open = part.open()?;
    let candidates = open.candidates(need).unwrap_or_else(|error| {
        // Without an index every block is looked at.
        part.report(&error);
        RowSet::all(open.places.len())
    });
    let places = candidates.iter().filter_map(|block| open.places.get(block).copied());
    let places = places.filter(|place| place.first <= range.end && range.start <= place.last).collect();
    Ok((open, places))
}

enum Step {
    Hot(Arc<HotBlock>),
    Part(Arc<Part>),
    Block(Arc<Part>, Arc<OpenPart>, BlockPlace),
}

struct Entry {
    /// Grows towards what comes first.
    priority: i64,
    bound: UnixNanos,
    step: Step,
}

impl Entry {
    fn new(order: Order, first: UnixNanos, last: UnixNanos, step: Step) -> Self {
        match order {
            Order::Descending => Self { priority: last, bound: last, step },
            // The complement turns the order round without overflow.
            Order::Ascending => Self { priority: !first, bound: first, step },
        }
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

/// The rows of a block that lie in the range.
pub(crate) fn rows_in(block: &LogBlock, range: &TimeRange) -> Result<RowSet, LogStoreError> {
    let span = block.time_span();
    if range.contains(span.first) && range.contains(span.last) {
        return Ok(RowSet::all(block.rows()));
    }
    let times = block.times()?;
    Ok(RowSet::of(times.len(), |row| times.get(row).is_some_and(|time| range.contains(*time))))
}
