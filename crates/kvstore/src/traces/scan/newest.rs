//! A scan newest first: one place after the other, by the newest start that it may hold.

use super::block_batch::BlockBatch;
use super::hot_rows::HotRows;
use super::selection::Selection;
use crate::traces::hot::Batch;
use crate::traces::run::OpenRun;
use crate::traces::view::View;
use clew_model::traces::{SpanBatch, SpanList};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker};
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Something with spans in it.
enum Place {
    /// A run whose blocks are not looked at yet.
    Run(Arc<OpenRun>),
    /// A block of a run.
    Block(Arc<OpenRun>, u32),
    /// A batch of the hot tail.
    Batch(Arc<Batch>),
}

/// Places by the newest start that they may hold.
#[derive(Default)]
struct Queue {
    order: BinaryHeap<(i64, usize)>,
    places: Vec<Option<Place>>,
}

impl Queue {
    fn push(&mut self, newest: i64, place: Place) {
        self.order.push((newest, self.places.len()));
        self.places.push(Some(place));
    }

    fn pop(&mut self) -> Option<(i64, Place)> {
        let (newest, number) = self.order.pop()?;
        let place = self.places.get_mut(number).and_then(Option::take)?;
        Some((newest, place))
    }
}

/// Hands out what is selected until the sink has enough.
pub(super) fn scan(
    view: &View,
    context: &Context,
    selection: &Selection<'_>,
    sink: &dyn Sink<dyn SpanBatch>,
) -> Result<(), ReadError> {
    let mut queue = Queue::default();
    let end = selection.range.end;
    for run in view.runs(&context.tenant, selection.range)? {
        queue.push(run.run.max_time.min(end), Place::Run(run));
    }
    for batch in view.batches(&context.tenant).into_iter().filter(|batch| batch.range.overlaps(&selection.range)) {
        queue.push(batch.range.end.min(end), Place::Batch(batch));
    }
    let mut worker = sink.worker();
    while let Some((newest, place)) = queue.pop() {
        context.check()?;
        let flow = match place {
            Place::Run(run) => push_blocks(&mut queue, &run, selection)?,
            Place::Block(run, number) => take_block(context, run, number, newest, selection, &mut *worker)?,
            Place::Batch(batch) => {
                let selected = selection.rows_of_batch(&batch);
                let is_empty = selected.is_empty();
                let batch = SpanList::new(HotRows(batch), selected).with_newest(newest);
                if is_empty { Flow::Continue } else { worker.take(&batch)? }
            }
        };
        if flow == Flow::Stop {
            break;
        }
    }
    worker.merge()
}

/// Queues the blocks of a run that may hold a selected span.
fn push_blocks(queue: &mut Queue, run: &Arc<OpenRun>, selection: &Selection<'_>) -> Result<Flow, ReadError> {
    let blocks = selection.blocks(run)?;
    if !blocks.is_empty() {
        let zones = run.zones()?;
        for number in blocks {
            let newest = zones.get(number as usize).map_or(i64::MAX, |zone| zone.max_start);
            queue.push(newest.min(selection.range.end), Place::Block(run.clone(), number));
        }
    }
    Ok(Flow::Continue)
}

fn take_block(
    context: &Context,
    run: Arc<OpenRun>,
    number: u32,
    newest: i64,
    selection: &Selection<'_>,
    worker: &mut dyn SinkWorker<dyn SpanBatch>,
) -> Result<Flow, ReadError> {
    let zones = run.zones()?;
    let Some(zone) = zones.get(number as usize) else { return Ok(Flow::Continue) };
    let (block, dictionary) = (run.block(number)?, run.dictionary(number)?);
    let selected = selection.rows_of_block(&run, &block, &dictionary, zone)?;
    let batch = BlockBatch::new(run, block, dictionary, selected, newest);
    if batch.is_empty() {
        return Ok(Flow::Continue);
    }
    let _memory = context.memory.reserve(batch.memory_bytes())?;
    worker.take(&batch)
}
