//! A block with the rows that pass as a batch for sinks.

use crate::error::LogStoreError;
use crate::hot::HotBlock;
use crate::part::{BlockPlace, OpenPart};
use clew_columns::logs::LogBlock;
use clew_model::logs::{FieldValue, LogBatch, LogField, LogRow, SeverityCounts, counts_of_severities};
use clew_model::{ErrorKind, ReadError, RowSet, TimeRange, UnixNanos};
use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

/// Where the bytes of a block are.
#[derive(Debug, Clone)]
pub(crate) enum Home {
    Hot(Arc<HotBlock>),
    Part(Arc<OpenPart>, BlockPlace),
}

impl Home {
    pub(crate) fn span(&self) -> TimeRange {
        match self {
            Home::Hot(block) => TimeRange::new(block.first, block.last),
            Home::Part(_, place) => TimeRange::new(place.first, place.last),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        match self {
            Home::Hot(block) => block.rows,
            Home::Part(_, place) => place.rows as usize,
        }
    }

    /// Its rows by severity, where that is known without reading them.
    fn severity_counts(&self) -> Option<SeverityCounts> {
        match self {
            Home::Hot(_) => None,
            Home::Part(_, place) => Some(place.severities.map(u64::from)),
        }
    }

    pub(crate) fn open(&self) -> Result<LogBlock, LogStoreError> {
        match self {
            Home::Hot(block) => Ok(LogBlock::open(Arc::clone(&block.bytes))?),
            Home::Part(part, place) => part.block(place),
        }
    }
}

/// A block and the rows of it that pass. The block is read when the first column is asked for.
#[derive(Debug)]
pub(crate) struct Batch {
    home: Home,
    block: OnceCell<LogBlock>,
    selected: RowSet,
    /// Why the block could not be read, for whoever says it to the asker.
    failure: RefCell<Option<LogStoreError>>,
}

impl Batch {
    pub(crate) fn of_block(home: Home, block: LogBlock, selected: RowSet) -> Self {
        Self { home, block: OnceCell::from(block), selected, failure: RefCell::default() }
    }

    /// All rows of a block that nobody has looked into.
    pub(crate) fn whole(home: Home) -> Self {
        let selected = RowSet::all(home.rows());
        Self { home, block: OnceCell::new(), selected, failure: RefCell::default() }
    }

    /// Why a sink that answered `error` did so: the block, or the sink itself.
    pub(crate) fn cause(&self, error: ReadError) -> LogStoreError {
        match (self.failure.take(), error.kind) {
            (Some(failure), _) => failure,
            (None, ErrorKind::Corrupt | ErrorKind::Unsupported) => LogStoreError::damaged("a block", error.message),
            (None, _) => LogStoreError::Read(error),
        }
    }

    /// Bytes that were read so far.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.block.get().map_or(0, LogBlock::bytes_read)
    }

    fn block(&self) -> Result<&LogBlock, ReadError> {
        if let Some(block) = self.block.get() {
            return Ok(block);
        }
        let block = self.home.open().and_then(|block| match block.rows() == self.selected.block_rows() {
            true => Ok(block),
            false => Err(LogStoreError::damaged("a block", "it has another number of rows than its part says")),
        });
        match block {
            Ok(block) => Ok(self.block.get_or_init(|| block)),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn fail(&self, error: LogStoreError) -> ReadError {
        let told = ReadError::new(error.kind(), error.to_string());
        self.failure.replace(Some(error));
        told
    }

    /// A column of the block; its damage is the block's.
    fn column<'b, T>(
        &'b self,
        read: impl FnOnce(&'b LogBlock) -> Result<T, clew_columns::ColumnsError>,
    ) -> Result<T, ReadError> {
        read(self.block()?).map_err(|error| self.fail(error.into()))
    }
}

impl LogBatch for Batch {
    fn selected(&self) -> &RowSet {
        &self.selected
    }

    fn span(&self) -> TimeRange {
        self.home.span()
    }

    fn times(&self) -> Result<&[UnixNanos], ReadError> {
        self.column(LogBlock::times)
    }

    fn numbers(&self) -> Result<&[u64], ReadError> {
        self.column(LogBlock::numbers)
    }

    fn severities(&self) -> Result<&[u8], ReadError> {
        self.column(LogBlock::severity_numbers)
    }

    fn severity_counts(&self) -> Result<SeverityCounts, ReadError> {
        match self.home.severity_counts().filter(|_| self.selected.len() == self.selected.block_rows()) {
            Some(counts) => Ok(counts),
            None => Ok(counts_of_severities(self.severities()?, &self.selected)),
        }
    }

    fn field_counts(&self, name: &str, each: &mut dyn FnMut(FieldValue<'_>, u64)) -> Result<u64, ReadError> {
        self.column(|block| block.field_counts(name, &self.selected, each))
    }

    fn fields(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&dyn LogField) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.block()?.visit_fields(&self.selected, wanted, visit)
    }

    fn records(&self, rows: &RowSet) -> Result<Vec<LogRow>, ReadError> {
        self.column(|block| block.decode(rows))
    }
}
