//! Which spans of a run are told by what was counted of them when it was written.

use super::selection::Selection;
use super::summed_batch::SummedBatch;
use crate::error::KvError;
use crate::traces::run::OpenRun;
use clew_columns::spans::BlockZone;
use clew_columns::spans::sums::{CallSum, SpanSums, TallyRef, TallySum};
use clew_model::UnixNanos;
use clew_model::traces::Grain;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A part of a run that is told by counts: whole slots.
pub(super) struct Told {
    pub(super) run: Arc<OpenRun>,
    sums: Arc<Option<SpanSums>>,
    grain: Grain,
    /// The place of the service that is asked for; `None` where all are, or where the run has none of it.
    service: Option<usize>,
    /// Of each slot whether it is told.
    slots: Vec<bool>,
    is_whole: bool,
}

impl Told {
    /// What counts tell of the run in a scan that they answer; `None` where that is nothing.
    pub(super) fn of(run: &Arc<OpenRun>, selection: &Selection<'_>, grain: Grain) -> Result<Option<Self>, KvError> {
        let sums = run.sums()?;
        let Some(own) = sums.as_ref() else { return Ok(None) };
        let service = selection.filter.service.as_deref().and_then(|name| own.service(name));
        let is_known = match grain {
            Grain::Span => false,
            Grain::Service => true,
            Grain::Calls => own.calls.is_some(),
            Grain::Operation { .. } => {
                service.and_then(|place| own.services.get(place)).is_none_or(|service| service.has_operations)
            }
        };
        let holds = |first: UnixNanos, last: UnixNanos| {
            let in_one_step = match grain {
                Grain::Operation { step } => first.div_euclid(step.max(1)) == last.div_euclid(step.max(1)),
                _ => true,
            };
            selection.range.start <= first && last <= selection.range.end && in_one_step
        };
        let slots: Vec<bool> = own.slots.iter().map(|slot| holds(slot.first, slot.last)).collect();
        if !is_known || !slots.contains(&true) {
            return Ok(None);
        }
        let is_whole = slots.iter().all(|is_told| *is_told);
        Ok(Some(Self { run: run.clone(), sums: sums.clone(), grain, service, slots, is_whole }))
    }

    fn sums(&self) -> Option<&SpanSums> {
        self.sums.as_ref().as_ref()
    }

    /// Whether a span that starts then is told.
    pub(super) fn tells(&self, start: UnixNanos) -> bool {
        if self.is_whole {
            return true;
        }
        let Some(sums) = self.sums() else { return false };
        let number = start.div_euclid(sums.width);
        let place = sums.slots.binary_search_by(|slot| slot.number.cmp(&number));
        place.ok().and_then(|place| self.slots.get(place)).is_some_and(|is_told| *is_told)
    }

    /// Whether all spans of the run are told.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether all spans within these bounds are told.
    pub(super) fn tells_all_of(&self, zone: &BlockZone) -> bool {
        let Some(sums) = self.sums() else { return false };
        let (first, last) = (zone.min_start.div_euclid(sums.width), zone.max_start.div_euclid(sums.width));
        let start = sums.slots.partition_point(|slot| slot.number < first);
        let end = sums.slots.partition_point(|slot| slot.number <= last);
        self.is_whole || self.slots.get(start..end).is_some_and(|slots| slots.iter().all(|is_told| *is_told))
    }

    /// Blocks with traces of which a parent is missing: counts tell nothing of who calls there.
    pub(super) fn open_blocks(&self) -> &[u32] {
        match (self.grain, self.sums()) {
            (Grain::Calls, Some(sums)) => &sums.open_blocks,
            _ => &[],
        }
    }

    /// What counts tell.
    pub(super) fn batch(&self) -> Result<SummedBatch, KvError> {
        let mut batch = SummedBatch::default();
        let Some(sums) = self.sums() else { return Ok(batch) };
        match self.grain {
            Grain::Span => {}
            Grain::Service => self.add_services(sums, &mut batch)?,
            Grain::Operation { .. } => self.add_operations(sums, &mut batch)?,
            Grain::Calls => self.add_calls(sums, &mut batch)?,
        }
        Ok(batch)
    }

    fn add_services(&self, sums: &SpanSums, batch: &mut SummedBatch) -> Result<(), KvError> {
        let mut totals: Vec<[TallySum; 2]> = Vec::new();
        if !self.is_whole {
            totals.resize_with(sums.services.len(), Default::default);
            for cell in self.run.all_cells(sums)?.iter().filter(|cell| self.is_told(cell.slot)) {
                let own = totals.get_mut(cell.series as usize).into_iter().flatten();
                own.zip(cell.tallies).for_each(|(total, tally)| total.add(tally));
            }
        }
        let mut totals = totals.into_iter();
        for service in &sums.services {
            let name = batch.text(&service.name);
            let part = totals.next().map(|totals| totals.map(TallySum::finish));
            let tallies = part.as_ref().unwrap_or(&service.tallies);
            for (is_error, tally) in [false, true].into_iter().zip(tallies) {
                batch.push_spans(name, None, is_error, tally.view());
            }
        }
        Ok(())
    }

    fn add_operations(&self, sums: &SpanSums, batch: &mut SummedBatch) -> Result<(), KvError> {
        let Some(place) = self.service else { return Ok(()) };
        let name = batch.text(sums.services.get(place).map_or("", |service| &service.name));
        let own = self.run.service_cells(sums, place)?;
        let operations: Vec<_> =
            own.operations.iter().map(|(operation, kind)| (batch.text(operation), *kind)).collect();
        for cell in own.cells.iter().filter(|cell| self.is_told(cell.slot)) {
            let operation = operations.get(cell.series as usize).copied();
            for (is_error, tally) in [false, true].into_iter().zip(cell.tallies) {
                // The last start of the service in this slot is as good as that of the operation.
                let last = own.last_in(cell.slot).unwrap_or(tally.last);
                batch.push_spans(name, operation, is_error, TallyRef { last, ..tally });
            }
        }
        Ok(())
    }

    fn add_calls(&self, sums: &SpanSums, batch: &mut SummedBatch) -> Result<(), KvError> {
        let name = |place: u32| sums.services.get(place as usize).map_or("", |service| &service.name);
        let mut add = |call: &CallSum| {
            let (client, server) = (batch.text(name(call.client)), batch.text(name(call.server)));
            batch.push_calls([client, server], call.calls, call.errors);
        };
        if self.is_whole {
            sums.calls.iter().flatten().for_each(add);
            return Ok(());
        }
        let mut totals: BTreeMap<(u32, u32), CallSum> = BTreeMap::new();
        for cell in self.run.call_cells(sums)?.into_iter().filter(|cell| self.is_told(cell.slot)) {
            let total = totals.entry((cell.sum.client, cell.sum.server));
            let total = total.or_insert(CallSum { calls: 0, errors: 0, ..cell.sum });
            (total.calls, total.errors) = (total.calls + cell.sum.calls, total.errors + cell.sum.errors);
        }
        totals.values().for_each(&mut add);
        Ok(())
    }

    fn is_told(&self, slot: u32) -> bool {
        self.slots.get(slot as usize).is_some_and(|is_told| *is_told)
    }
}
