//! The store as log queries read it.

use crate::arrivals;
use crate::error::LogStoreError;
use crate::histogram;
use crate::search::Search;
use crate::store::LogStore;
use crate::values;
use clew_columns::logs::{Evaluator, Need, needs, needs_of_id};
use clew_model::logs::{
    LogArrivals, LogFieldValues, LogFields, LogFilter, LogHistogram, LogPage, LogQuery, LogReader, Order,
};
use clew_model::{CanonicalId, Context, ReadError, TimeRange};
use std::ops::Range;

impl LogReader for LogStore {
    fn search(&self, context: &Context, query: &LogQuery) -> Result<LogPage, ReadError> {
        let evaluator = Evaluator::new(&query.filter);
        let search = Search {
            order: query.order,
            limit: query.limit,
            after: query.after,
            need: needs(&query.filter),
            passes: &|block| evaluator.evaluate(block),
        };
        self.find(context, query.range, &search).map_err(LogStoreError::into)
    }

    fn arrivals(
        &self,
        context: &Context,
        filter: &LogFilter,
        numbers: Range<u64>,
        limit: usize,
    ) -> Result<LogArrivals, ReadError> {
        arrivals::find(self, context, filter, numbers, limit).map_err(LogStoreError::into)
    }

    fn histogram(
        &self,
        context: &Context,
        filter: &LogFilter,
        range: TimeRange,
        step: i64,
    ) -> Result<LogHistogram, ReadError> {
        histogram::count(self, context, filter, range, step).map_err(LogStoreError::into)
    }

    fn fields(
        &self,
        context: &Context,
        filter: &LogFilter,
        range: TimeRange,
        top: usize,
    ) -> Result<LogFields, ReadError> {
        values::fields(self, context, filter, range, top).map_err(LogStoreError::into)
    }

    fn field_values(
        &self,
        context: &Context,
        name: &str,
        filter: &LogFilter,
        range: TimeRange,
        limit: usize,
    ) -> Result<LogFieldValues, ReadError> {
        values::field_values(self, context, name, filter, range, limit).map_err(LogStoreError::into)
    }

    fn find_ids(
        &self,
        context: &Context,
        ids: &[CanonicalId],
        range: TimeRange,
        limit: usize,
    ) -> Result<LogPage, ReadError> {
        let search = Search {
            order: Order::Ascending,
            limit,
            after: None,
            need: Need::Any(ids.iter().map(needs_of_id).collect()),
            passes: &|block| block.rows_with_ids(ids, &self.rules),
        };
        self.find(context, range, &search).map_err(LogStoreError::into)
    }
}
