//! Aggregations that take each series into its group and forget it: `sum(rate(…))` over any number of series holds one
//! column a group and thread.
//!
//! Series are added up run by run, and the runs' sums in the order of the runs, so that the answer does not depend on
//! how many threads there were.

use super::aggregate::{Accumulator, Counted, Highest, Lowest, One, group_key};
use super::column::{ABSENT, Column, Vector, is_absent};
use super::compensated::{Deviation, Mean, Sum, Variance};
use super::compute::{Driven, Maker, Shown, Stage, is_no_counter};
use super::implementation::Implementation;
use super::scan::Counter;
use super::steps::Steps;
use super::{Evaluator, Expr, ExprKind};
use crate::error::QueryError;
use crate::locks::{locked, unlocked};
use crate::promql::ast::{Aggregate, AggregateOp, Extension, Selector, Span};
use crate::promql::functions::Function;
use clew_model::metrics::{Labels, SeriesBatch};
use clew_model::{Flow, ReadError, Reservation, Sink, SinkWorker};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Series that are aggregated as they are read.
struct Source<'e> {
    selector: &'e Selector,
    width: i64,
    function: Option<super::compute::WindowFunction>,
    extrapolates: bool,
    of_counters: bool,
    drops_name: bool,
    span: Span,
}

impl Evaluator<'_> {
    /// Aggregates without holding the series, where that can be done: of a selector, or of a function of a range
    /// selector; by an operator that needs one value a group; of floats. `None` where it cannot.
    pub(super) fn fold(&mut self, aggregate: &Aggregate) -> Result<Option<Vector>, QueryError> {
        use AggregateOp as Op;
        let inner = aggregate.expr.unwrap_parens();
        let Some(source) = self.source(inner) else { return Ok(None) };
        let folded = match aggregate.op {
            Op::Sum => self.fold_with::<Sum>(&source, aggregate),
            Op::Avg => self.fold_with::<Mean>(&source, aggregate),
            Op::Stdvar => self.fold_with::<Variance>(&source, aggregate),
            Op::Stddev => self.fold_with::<Deviation>(&source, aggregate),
            Op::Count => self.fold_with::<Counted>(&source, aggregate),
            Op::Group => self.fold_with::<One>(&source, aggregate),
            Op::Min => self.fold_with::<Lowest>(&source, aggregate),
            Op::Max => self.fold_with::<Highest>(&source, aggregate),
            Op::Topk | Op::Bottomk | Op::Quantile | Op::CountValues | Op::Limitk | Op::LimitRatio => return Ok(None),
        };
        folded.map_err(|error| error.at(inner.span.start, inner.span.end))
    }

    fn source<'e>(&mut self, expr: &'e Expr) -> Option<Source<'e>> {
        match &expr.kind {
            ExprKind::Selector(selector) if selector.extension == Some(Extension::Smoothed) => None,
            ExprKind::Selector(selector) => Some(Source {
                selector,
                width: self.options.lookback_millis,
                function: None,
                extrapolates: false,
                of_counters: false,
                drops_name: false,
                span: expr.span,
            }),
            ExprKind::Call { function, args } => {
                let [arg] = args.as_slice() else { return None };
                let ExprKind::Matrix { selector, range, .. } = &arg.unwrap_parens().kind else { return None };
                let Implementation::Window { function: of_window, keeps_name, extrapolates } =
                    Implementation::of(*function)
                else {
                    return None;
                };
                if selector.extension.is_some() {
                    return None;
                }
                let of_counters = matches!(*function, Function::Rate | Function::Increase)
                    && selector.metric_name().is_none_or(is_no_counter);
                Some(Source {
                    selector,
                    width: *range,
                    function: Some(of_window),
                    extrapolates,
                    of_counters,
                    drops_name: !keeps_name,
                    span: arg.span,
                })
            }
            _ => None,
        }
    }

    fn fold_with<A: Accumulator>(
        &mut self,
        source: &Source<'_>,
        aggregate: &Aggregate,
    ) -> Result<Option<Vector>, QueryError> {
        let ends = self.steps.modified(&source.selector.time, self.query);
        let of_window = source.function.unwrap_or(|_| super::compute::Output::Nothing);
        let function = move |_: usize, window: &super::compute::Window<'_>| of_window(window);
        let driven =
            Driven { extrapolates: source.extrapolates, of_counters: source.of_counters, ..Driven::new(&function) };
        let stage = if source.function.is_some() { Stage::Windows(driven) } else { Stage::Last(Shown::Value) };
        let counter = self.counter(source.span);
        let sink: Fold<'_, '_, A> = Fold {
            stage,
            steps: self.steps,
            ends,
            width: source.width,
            aggregate,
            counter: &counter,
            has_histograms: AtomicBool::new(false),
            merged: Mutex::default(),
        };
        let used = (self.used_samples, self.stats);
        self.scan(&source.selector.matchers, ends, source.width, &sink, &counter)?;
        if sink.has_histograms.load(Ordering::Relaxed) {
            (self.used_samples, self.stats) = used;
            return Ok(None);
        }
        let groups = unlocked(sink.merged).groups;
        let memory = self.reserve_columns(groups.states.len())?;
        let mut columns = Vec::with_capacity(groups.states.len());
        for (key, place) in &groups.places {
            let labels = Labels::from_bytes(key).map_err(|error| QueryError::execution(error.to_string()))?;
            let states = groups.states.get(*place).map(Vec::as_slice).unwrap_or_default();
            let finish = |state: &Option<A>| state.as_ref().map_or(ABSENT, A::finish);
            let column = Column::new(labels, states.iter().map(finish).collect());
            columns.push(Column { drop_name: source.drops_name, ..column });
        }
        columns.sort_unstable_by(|left, right| left.labels.cmp(&right.labels));
        self.new_vector(columns, memory)?.merged().map(Some)
    }
}

/// The state of an aggregation for each step of each group.
struct Groups<A> {
    places: HashMap<Box<[u8]>, usize>,
    states: Vec<Vec<Option<A>>>,
    memory: Vec<Reservation>,
}

impl<A> Default for Groups<A> {
    fn default() -> Self {
        Self { places: HashMap::new(), states: Vec::new(), memory: Vec::new() }
    }
}

impl<A: Accumulator> Groups<A> {
    fn group(&mut self, key: &[u8], steps: usize, counter: &Counter<'_>) -> Result<&mut [Option<A>], ReadError> {
        let place = match self.places.get(key) {
            Some(place) => *place,
            None => {
                let bytes = size_of::<Option<A>>() * steps + key.len() + 64;
                self.memory.push(counter.reserve(bytes as u64)?);
                self.places.insert(key.into(), self.states.len());
                self.states.push(vec![None; steps]);
                self.states.len() - 1
            }
        };
        Ok(self.states.get_mut(place).map(Vec::as_mut_slice).unwrap_or_default())
    }

    /// Adds the states of series that come later.
    fn append(&mut self, mut later: Self) {
        if self.places.is_empty() {
            *self = later;
            return;
        }
        for (key, place) in later.places {
            let Some(states) = later.states.get_mut(place).map(std::mem::take) else { continue };
            match self.places.get(&key).and_then(|place| self.states.get_mut(*place)) {
                Some(own) => {
                    for (own, later) in own.iter_mut().zip(states) {
                        match (own, later) {
                            (_, None) => {}
                            (Some(own), Some(later)) => own.append(&later),
                            (own, later) => *own = later,
                        }
                    }
                }
                None => {
                    self.places.insert(key, self.states.len());
                    self.states.push(states);
                    // What was taken for the others is kept with it: the groups of a run are few.
                    self.memory.append(&mut later.memory);
                }
            }
        }
    }
}

/// Runs in their order, those that are done too early set aside.
struct InOrder<A> {
    next: usize,
    groups: Groups<A>,
    waiting: BTreeMap<usize, Groups<A>>,
}

impl<A> Default for InOrder<A> {
    fn default() -> Self {
        Self { next: 0, groups: Groups::default(), waiting: BTreeMap::new() }
    }
}

impl<A: Accumulator> InOrder<A> {
    fn add(&mut self, run: usize, groups: Groups<A>) {
        self.waiting.insert(run, groups);
        while let Some(groups) = self.waiting.remove(&self.next) {
            self.groups.append(groups);
            self.next += 1;
        }
    }
}

struct Fold<'g, 'e, A> {
    stage: Stage<'g>,
    steps: Steps,
    ends: Steps,
    width: i64,
    aggregate: &'g Aggregate,
    counter: &'g Counter<'e>,
    /// A native histogram was met: the aggregation is done another way.
    has_histograms: AtomicBool,
    merged: Mutex<InOrder<A>>,
}

struct FoldWorker<'g, 'e, A> {
    sink: &'g Fold<'g, 'e, A>,
    maker: Maker<'g>,
    key: Vec<u8>,
    /// Of the run that is being read.
    groups: Groups<A>,
}

impl<A: Accumulator> Sink<SeriesBatch> for Fold<'_, '_, A> {
    fn worker(&self) -> Box<dyn SinkWorker<SeriesBatch> + '_> {
        let maker = Maker::new(self.stage, self.steps, self.ends, self.width);
        Box::new(FoldWorker { sink: self, maker, key: Vec::new(), groups: Groups::default() })
    }
}

impl<A: Accumulator> SinkWorker<SeriesBatch> for FoldWorker<'_, '_, A> {
    fn take(&mut self, batch: &SeriesBatch) -> Result<Flow, ReadError> {
        let Self { sink, maker, key, groups } = self;
        if !batch.series.histograms.is_empty() {
            sink.has_histograms.store(true, Ordering::Relaxed);
            return Ok(Flow::Stop);
        }
        if !batch.series.is_empty() {
            sink.counter.add(&batch.series)?;
            let column = maker.make(&batch.series);
            if column.values.iter().any(|value| !is_absent(*value)) {
                key.clear();
                group_key(&batch.series.labels, sink.aggregate, key);
                let states = groups.group(key, sink.steps.count, sink.counter)?;
                for (state, value) in states.iter_mut().zip(&column.values) {
                    if !is_absent(*value) {
                        state.get_or_insert_with(A::default).add(*value);
                    }
                }
            }
        }
        if batch.ends_run {
            locked(&sink.merged).add(batch.run, std::mem::take(groups));
        }
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        self.sink.counter.tell(&self.maker.notes);
        Ok(())
    }
}
