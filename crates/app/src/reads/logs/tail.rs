//! Following log records as they come.
//!
//! A tail watches the feed of what was just made readable, picks what passes its filter on a thread that holds nobody up,
//! and hands it on in batches at a rate that a person or a browser can take. What it cannot hand on it counts.

use super::{about, filter};
use crate::error::AppError;
use crate::ingest::{FedLogs, Watch};
use crate::limits::{TAIL_BATCH_ROWS, TAIL_INTERVAL, TAIL_PENDING_BYTES, TAIL_PENDING_ROWS, TAILS, TAILS_OF_A_TENANT};
use crate::reads::{Plan, Warned};
use crate::server::App;
use clew_columns::logs::{EncodedBlock, LogBlock};
use clew_model::logs::{LogFilter, LogReader, LogRow};
use clew_model::{Caller, Context, RecordId, TenantId, TimeRange};
use clew_query::logs::sinks::arrivals;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use tokio::time::Instant;

/// Which records a tail is about.
#[derive(Debug, Clone, Default)]
pub struct TailLogs {
    /// As in [`super::SearchLogs`].
    pub query: Option<String>,
    /// Records that came after this one are told first, as far as the store and [`TAIL_PENDING_ROWS`] allow; what of them
    /// is left out is counted.
    pub after: Option<RecordId>,
}

/// What a tail tells.
#[derive(Debug, Clone, PartialEq)]
pub enum TailEvent {
    /// The tail stands: every matching record that is acknowledged from now on is told or counted.
    Ready,
    /// Matching records in the order of arrival, at most [`TAIL_BATCH_ROWS`].
    Logs(Vec<LogRow>),
    /// Records that were not told, since they came faster than they could be handed on, or too many came before the tail
    /// resumed.
    Dropped(Missed),
    /// Why records may be missing of those that came before the tail resumed: damaged parts. Never empty.
    Warning(Vec<String>),
}

/// Records that were not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Missed {
    /// Records that match the filter.
    pub matching: u64,
    /// Records that went by before anybody could look whether they match; after a resume at most so many.
    pub unchecked: u64,
}

impl Missed {
    fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Rows that wait to be handed on; the oldest go first when they are too many.
#[derive(Debug, Default)]
struct Pending {
    rows: VecDeque<LogRow>,
    bytes: usize,
    missed: Missed,
    warnings: Vec<String>,
}

impl Warned for Pending {
    fn warn(&mut self, mut warnings: Vec<String>) {
        self.warnings.append(&mut warnings);
    }
}

impl Pending {
    fn push(&mut self, row: LogRow) {
        self.bytes = self.bytes.saturating_add(row.record.memory_bytes());
        self.rows.push_back(row);
        while self.rows.len() > TAIL_PENDING_ROWS || (self.bytes > TAIL_PENDING_BYTES && self.rows.len() > 1) {
            self.pop();
            self.missed.matching = self.missed.matching.saturating_add(1);
        }
    }

    fn pop(&mut self) -> Option<LogRow> {
        let row = self.rows.pop_front()?;
        self.bytes = self.bytes.saturating_sub(row.record.memory_bytes());
        Some(row)
    }

    /// Takes in what passes the filter of what the feed brought.
    fn pick(&mut self, batches: &[Arc<FedLogs>], from: u64, tenant: &TenantId, filter: &LogFilter) {
        // Those before `from` were in the store when the tail began, and are none that come.
        for batch in batches.iter().filter(|batch| batch.tenant == *tenant && batch.first_number >= from) {
            let read = |block: &Arc<EncodedBlock>| LogBlock::open(Arc::clone(&block.bytes))?.decode_all();
            // A block was encoded just now; should it not be readable, its records went by unseen.
            let mut rows: Vec<LogRow> = Vec::new();
            for block in &batch.blocks {
                match read(block) {
                    Ok(read) => rows.extend(read.into_iter().filter(|row| filter.matches(&row.record))),
                    Err(_) => self.missed.unchecked = self.missed.unchecked.saturating_add(block.rows as u64),
                }
            }
            // Blocks lie within a day; the order of arrival goes across them.
            rows.sort_by_key(|row| row.id.number);
            rows.into_iter().for_each(|row| self.push(row));
        }
    }
}

/// One tail; dropping it ends it.
#[derive(Debug)]
pub struct LogTail {
    watch: Watch<FedLogs>,
    /// The number from which on records are told.
    from: u64,
    tenant: TenantId,
    filter: Arc<LogFilter>,
    pending: Pending,
    is_told_ready: bool,
    /// When the next batch may go.
    due: Instant,
}

impl App {
    /// Follows the log records that match, as they come.
    ///
    /// # Errors
    /// A query that cannot be understood; too many tails; what the store answers when it is asked for what came before.
    pub async fn tail_logs(self: &Arc<Self>, caller: &Caller, question: TailLogs) -> Result<LogTail, AppError> {
        let filter = Arc::new(filter(question.query.as_deref())?);
        let Some((watch, from)) = self.logs().store().watch(&caller.tenant) else {
            self.observer().limit_hit("tails");
            let most = match self.tenants() {
                None => TAILS,
                Some(tenants) => {
                    tenants.of_question(&caller.tenant).refused("query", "tails", 1);
                    TAILS_OF_A_TENANT
                }
            };
            return Err(AppError::TooManyTails(most));
        };
        let mut pending = Pending::default();
        if let Some(after) = question.after {
            // By number, since a record may come long after its time, or before it.
            let (numbers, filter) = (after.number.saturating_add(1)..from, Arc::clone(&filter));
            let about = about("logs_tail", question.query, TimeRange::ALL);
            let plan = Plan::new(about, move |context, stores| came(context, stores.logs, &filter, numbers.clone()));
            pending = self.ask(caller, plan.counting(|came| came.rows.len())).await?;
        }
        let tenant = caller.tenant.clone();
        Ok(LogTail { watch, from, tenant, filter, pending, is_told_ready: false, due: Instant::now() })
    }
}

impl LogTail {
    /// The next thing to tell; waits until there is one.
    ///
    /// # Errors
    /// A filter that panicked: a bug of ours.
    pub async fn next(&mut self) -> Result<TailEvent, AppError> {
        if !self.is_told_ready {
            self.is_told_ready = true;
            return Ok(TailEvent::Ready);
        }
        let warnings = std::mem::take(&mut self.pending.warnings);
        if !warnings.is_empty() {
            return Ok(TailEvent::Warning(warnings));
        }
        while self.pending.rows.is_empty() && self.pending.missed.is_none() {
            self.watch.changed().await;
            tokio::time::sleep_until(self.due).await;
            self.gather().await?;
            if self.pending.rows.is_empty() {
                // Where little of what comes matches, the feed is not asked more often than batches go.
                self.due = Instant::now() + TAIL_INTERVAL;
            }
        }
        let missed = std::mem::take(&mut self.pending.missed);
        if !missed.is_none() {
            return Ok(TailEvent::Dropped(missed));
        }
        tokio::time::sleep_until(self.due).await;
        self.due = Instant::now() + TAIL_INTERVAL;
        let rows = (0..TAIL_BATCH_ROWS).map_while(|_| self.pending.pop()).collect();
        // What came meanwhile is looked at while the batch is on its way, so that the feed is not left to run over.
        self.gather().await?;
        Ok(TailEvent::Logs(rows))
    }

    async fn gather(&mut self) -> Result<(), AppError> {
        let (batches, missed) = self.watch.take();
        self.pending.missed.unchecked = self.pending.missed.unchecked.saturating_add(missed);
        if batches.is_empty() {
            return Ok(());
        }
        let mut pending = std::mem::take(&mut self.pending);
        let (from, tenant, filter) = (self.from, self.tenant.clone(), Arc::clone(&self.filter));
        let pick = tokio::task::spawn_blocking(move || {
            pending.pick(&batches, from, &tenant, &filter);
            pending
        });
        self.pending = pick.await.map_err(|error| {
            tracing::error!(%error, "the filter of a tail panicked");
            AppError::Panicked
        })?;
        Ok(())
    }
}

/// What passes the filter of the records with these numbers: the last of them, and how many were left out.
fn came(context: &Context, logs: &dyn LogReader, filter: &LogFilter, numbers: Range<u64>) -> Result<Pending, AppError> {
    let came = arrivals(context, &*logs.view(context), filter, numbers, TAIL_PENDING_ROWS)?;
    let mut pending = Pending { warnings: came.warnings, ..Pending::default() };
    pending.missed = Missed { matching: came.left_out, unchecked: came.unread };
    came.rows.into_iter().for_each(|row| pending.push(row));
    Ok(pending)
}
