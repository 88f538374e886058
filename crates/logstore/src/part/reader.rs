//! Reading a part: its footer and tail when a query first needs it, then blocks one by one.

use super::{BlockPlace, FOOTER_BYTES, MAGIC, PartMeta, SEVERITY_RANGES, VERSION};
use crate::error::LogStoreError;
use crate::limits::{MAX_BLOCK_BYTES, MAX_TAIL_BYTES, PAGE_BYTES};
use crate::pages::{PageCache, Pages};
use crate::term_index::{Piece, TermIndex};
use clew_columns::bytes::{BytesError, Problem, Reader};
use clew_columns::hash_list;
use clew_columns::logs::{LogBlock, Need, StoredBytes, term_hash};
use clew_columns::{ColumnsError, RowSet};
use clew_host::{Files, OpenFiles, ReadFile};
use clew_model::SetAside;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const WHAT: &str = "part";

/// A part that the manifest names. Removed from the disk when it was given up and nobody reads it any more.
#[derive(Debug)]
pub(crate) struct Part {
    pub meta: PartMeta,
    /// The numbers of its records lie below this: known from what the store held when the part was written or the store
    /// was opened, not from the file.
    pub below: u64,
    files: Arc<dyn Files>,
    open_files: Arc<OpenFiles>,
    path: PathBuf,
    name: String,
    cache: Arc<PageCache>,
    opened: Mutex<Option<Arc<OpenPart>>>,
    damage: Mutex<Option<Damage>>,
    is_damaged: AtomicBool,
    given_up: AtomicBool,
}

/// What was found to be wrong with a part.
#[derive(Debug, Default)]
struct Damage {
    /// The first finding.
    reason: String,
    /// Nothing of it can be read.
    is_whole: bool,
    /// The blocks that could not be read, by their places, with their rows.
    blocks: BTreeMap<u64, u32>,
}

impl Part {
    pub(crate) fn new(
        meta: PartMeta,
        below: u64,
        files: Arc<dyn Files>,
        open_files: Arc<OpenFiles>,
        dir: &std::path::Path,
        cache: Arc<PageCache>,
    ) -> Self {
        let name = meta.file_name();
        let path = dir.join(&name);
        Self {
            meta,
            below,
            files,
            open_files,
            path,
            name,
            cache,
            opened: Mutex::new(None),
            damage: Mutex::new(None),
            is_damaged: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Remembers that something in the part is damaged; the first finding stays. What may be gone at the next try (the
    /// disk does not answer, no file may be opened) is not remembered.
    pub(crate) fn report(&self, error: &LogStoreError) {
        if error.is_damage() {
            self.note(error, |_| {});
        }
    }

    /// As [`Part::report`], of what keeps all of it from being read.
    pub(crate) fn report_whole(&self, error: &LogStoreError) {
        if error.is_damage() {
            self.note(error, |damage| damage.is_whole = true);
        }
    }

    /// As [`Part::report`], of a block.
    pub(crate) fn report_block(&self, place: &BlockPlace, error: &LogStoreError) {
        if error.is_damage() {
            self.note(error, |damage| {
                damage.blocks.insert(place.offset, place.rows);
            });
        }
    }

    fn note(&self, error: &LogStoreError, note: impl FnOnce(&mut Damage)) {
        let mut damage = self.damage.lock();
        self.is_damaged.store(true, Ordering::Relaxed);
        note(damage.get_or_insert_with(|| Damage { reason: error.to_string(), ..Damage::default() }));
    }

    /// Whether something was found to be wrong with it.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// What was found to be wrong with it.
    pub(crate) fn damage(&self) -> Option<String> {
        self.damage.lock().as_ref().map(|damage| damage.reason.clone())
    }

    /// Whether nothing of it can be read.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_damaged() && self.damage.lock().as_ref().is_some_and(|damage| damage.is_whole)
    }

    /// What was found, with the records that cannot be read.
    pub(crate) fn set_aside(&self) -> Option<SetAside> {
        let damage = self.damage.lock();
        let damage = damage.as_ref()?;
        let blocks = || damage.blocks.values().map(|rows| u64::from(*rows)).sum();
        let records = if damage.is_whole { self.meta.rows } else { blocks() };
        Some(SetAside::of_records(&self.path, damage.reason.clone(), Some(records)))
    }

    /// Compares the length of the file, `None` where there is none, with what was written.
    pub(crate) fn check_length(&self, length: Option<u64>) {
        let reason = match length {
            None => "it is not there".to_owned(),
            Some(length) if length != self.meta.bytes => {
                format!("it has {length} bytes, {} were written", self.meta.bytes)
            }
            Some(_) => return,
        };
        self.report_whole(&bad(&self.name, &reason));
    }

    /// The file goes when the last reader is done.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    pub(crate) fn open(&self) -> Result<Arc<OpenPart>, LogStoreError> {
        let mut opened = self.opened.lock();
        if let Some(part) = &*opened {
            return Ok(Arc::clone(part));
        }
        let file = self.open_files.file(self.meta.sequence, &self.path);
        let part = OpenPart::open(Arc::new(file), &self.name, &self.cache).and_then(|part| {
            let fits = part.fits(&self.meta);
            if fits { Ok(part) } else { Err(bad(&self.name, "it is another part than the one that was written")) }
        });
        let part = Arc::new(part.inspect_err(|error| self.report_whole(error))?);
        *opened = Some(Arc::clone(&part));
        Ok(part)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.given_up.load(Ordering::Relaxed) {
            *self.opened.lock() = None;
            self.open_files.close(self.meta.sequence);
            // A file that stays behind is removed when the store is opened next.
            if let Err(error) = self.files.remove_file(&self.path) {
                self.report(&LogStoreError::Io { operation: "remove a part", source: error });
            }
        }
    }
}

/// The bytes of a block in its file.
#[derive(Debug)]
struct StoredBlock {
    file: Arc<dyn ReadFile>,
    offset: u64,
    length: usize,
}

impl StoredBytes for StoredBlock {
    fn length(&self) -> usize {
        self.length
    }

    fn read(&self, offset: usize, length: usize) -> Result<Vec<u8>, ColumnsError> {
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, self.offset.saturating_add(offset as u64))
            .map_err(|error| ColumnsError::Read { what: "a block", kind: error.kind(), reason: error.to_string() })?;
        Ok(bytes)
    }
}

/// A part whose footer and tail were read.
#[derive(Debug)]
pub(crate) struct OpenPart {
    file: Arc<dyn ReadFile>,
    name: String,
    pub places: Vec<BlockPlace>,
    pages: Arc<Pages>,
    hash_list_length: usize,
    pieces: Vec<Piece>,
    index: Mutex<Option<Arc<Index>>>,
}

#[derive(Debug)]
struct Index {
    hashes: hash_list::Header,
    terms: TermIndex,
}

struct Footer {
    index_start: u64,
    index_length: u64,
    tail_length: u64,
    hash_list_length: u64,
    tail_checksum: u32,
}

fn bad(name: &str, reason: &str) -> LogStoreError {
    LogStoreError::damaged(name, reason)
}

impl Footer {
    fn read(bytes: &[u8], name: &str) -> Result<Self, LogStoreError> {
        let checked = bytes.split_last_chunk::<4>().filter(|(body, sum)| crc32fast::hash(body).to_le_bytes() == **sum);
        let (body, _) = checked.ok_or_else(|| bad(name, "its footer has a wrong checksum"))?;
        let parse = || {
            let mut reader = Reader::new(body);
            if reader.array::<4>(WHAT)? != MAGIC {
                return Err(ColumnsError::Magic { what: WHAT });
            }
            let version = reader.u8(WHAT)?;
            if version > VERSION {
                return Err(ColumnsError::Version { what: WHAT, found: version, newest: VERSION });
            }
            reader.take(3, WHAT)?;
            Ok(Self {
                index_start: reader.u64(WHAT)?,
                index_length: reader.u64(WHAT)?,
                tail_length: reader.u64(WHAT)?,
                hash_list_length: reader.u64(WHAT)?,
                tail_checksum: reader.u32(WHAT)?,
            })
        };
        parse().map_err(LogStoreError::columns(name))
    }
}

impl OpenPart {
    fn open(file: Arc<dyn ReadFile>, name: &str, cache: &Arc<PageCache>) -> Result<Self, LogStoreError> {
        let failed = || LogStoreError::io("read a part");
        let length = file.len().map_err(failed())?;
        let footer_start = length.checked_sub(FOOTER_BYTES as u64).ok_or_else(|| bad(name, "it is too short"))?;
        let mut bytes = [0; FOOTER_BYTES];
        file.read_exact_at(&mut bytes, footer_start).map_err(failed())?;
        let footer = Footer::read(&bytes, name)?;
        let fits =
            footer.index_start.checked_add(footer.index_length).and_then(|at| at.checked_add(footer.tail_length));
        if fits != Some(footer_start) || footer.tail_length > MAX_TAIL_BYTES {
            return Err(bad(name, "its footer does not add up to its length"));
        }
        let mut tail = vec![0; usize::try_from(footer.tail_length).unwrap_or(0)];
        file.read_exact_at(&mut tail, footer_start - footer.tail_length).map_err(failed())?;
        if crc32fast::hash(&tail) != footer.tail_checksum {
            return Err(bad(name, "its tail has a wrong checksum"));
        }
        let index_length = usize::try_from(footer.index_length).unwrap_or(usize::MAX);
        let (checksums, places, pieces) = read_tail(&tail, index_length)
            .map_err(|error| LogStoreError::Columns { file: name.to_owned(), source: error.into() })?;
        if places.last().map_or(0, |last| last.offset + u64::from(last.length)) != footer.index_start {
            return Err(bad(name, "its blocks do not add up to its length"));
        }
        let pages = Pages::new(Arc::clone(&file), name, footer.index_start, index_length, checksums, Arc::clone(cache));
        Ok(Self {
            file,
            name: name.to_owned(),
            places,
            pages: Arc::new(pages),
            hash_list_length: usize::try_from(footer.hash_list_length).unwrap_or(usize::MAX),
            pieces,
            index: Mutex::new(None),
        })
    }

    /// Whether it is the part that was written under this name.
    fn fits(&self, meta: &PartMeta) -> bool {
        let rows: u64 = self.places.iter().map(|place| u64::from(place.rows)).sum();
        let first = self.places.iter().map(|place| place.first).min();
        let last = self.places.iter().map(|place| place.last).max();
        rows == meta.rows && first == Some(meta.first) && last == Some(meta.last)
    }

    /// A block, of which little is read before a column is asked for.
    pub(crate) fn block(&self, place: &BlockPlace) -> Result<LogBlock, LogStoreError> {
        if u64::from(place.length) > MAX_BLOCK_BYTES {
            return Err(bad(&self.name, "a block is too large"));
        }
        let bytes = StoredBlock { file: Arc::clone(&self.file), offset: place.offset, length: place.length as usize };
        LogBlock::open_stored(Box::new(bytes)).map_err(LogStoreError::columns(&self.name))
    }

    /// The blocks that may hold a passing row.
    pub(crate) fn candidates(&self, need: &Need) -> Result<RowSet, LogStoreError> {
        let blocks = self.places.len();
        Ok(match need {
            Need::Nothing => RowSet::all(blocks),
            Need::All(needs) => {
                let mut found = RowSet::all(blocks);
                for need in needs {
                    found.intersect(&self.candidates(need)?);
                    if found.is_empty() {
                        break;
                    }
                }
                found
            }
            Need::Any(needs) => {
                let mut found = RowSet::none(blocks);
                for need in needs {
                    found.unite(&self.candidates(need)?);
                }
                found
            }
            Need::Term(term) => self.blocks_with(term)?,
        })
    }

    fn blocks_with(&self, term: &str) -> Result<RowSet, LogStoreError> {
        let index = self.index()?;
        let mut found = RowSet::none(self.places.len());
        if !term.contains('\0') {
            index.terms.blocks_with(term, &self.name, |block| found.insert(block))?;
        }
        let read = |offset: usize, length: usize| self.pages.read(offset, length);
        index.hashes.lookup(term_hash(term), read)?.into_iter().for_each(|block| found.insert(block as usize));
        Ok(found)
    }

    fn index(&self) -> Result<Arc<Index>, LogStoreError> {
        let mut opened = self.index.lock();
        if let Some(index) = &*opened {
            return Ok(Arc::clone(index));
        }
        let header = self.pages.read(0, hash_list::HEADER_BYTES)?;
        let hashes = hash_list::Header::read(&header).map_err(LogStoreError::columns(&self.name))?;
        if hashes.total_bytes() != self.hash_list_length {
            return Err(bad(&self.name, "its hash list has a wrong length"));
        }
        let terms = TermIndex::open(Arc::clone(&self.pages), self.pieces.clone(), &self.name)?;
        let index = Arc::new(Index { hashes, terms });
        *opened = Some(Arc::clone(&index));
        Ok(index)
    }
}

impl From<ColumnsError> for LogStoreError {
    fn from(source: ColumnsError) -> Self {
        LogStoreError::columns(WHAT)(source)
    }
}

type Tail = (Vec<u32>, Vec<BlockPlace>, Vec<Piece>);

fn read_tail(tail: &[u8], index_length: usize) -> Result<Tail, BytesError> {
    let mut reader = Reader::new(tail);
    let mut checksums = Vec::new();
    for _ in 0..index_length.div_ceil(PAGE_BYTES) {
        checksums.push(reader.u32(WHAT)?);
    }
    let places = read_places(&mut reader)?;
    let mut pieces = Vec::new();
    for _ in 0..reader.count(3, WHAT)? {
        let name = reader.text(WHAT)?.to_owned();
        let offset = read_place(&mut reader, index_length)?;
        let length = read_place(&mut reader, index_length - offset)?;
        pieces.push(Piece { name, offset, length });
    }
    reader.finish(WHAT)?;
    Ok((checksums, places, pieces))
}

fn read_places(reader: &mut Reader<'_>) -> Result<Vec<BlockPlace>, BytesError> {
    let count = reader.count(4 + SEVERITY_RANGES, WHAT)?;
    let mut places = Vec::with_capacity(count);
    let (mut first, mut offset) = (0i64, 0u64);
    for _ in 0..count {
        first = first.wrapping_add(reader.signed(WHAT)?);
        let last = first.wrapping_add(reader.signed(WHAT)?);
        let rows = read_place(reader, u32::MAX as usize)? as u32;
        let length = read_place(reader, u32::MAX as usize)? as u32;
        let mut severities = [0; SEVERITY_RANGES];
        for count in &mut severities {
            *count = read_place(reader, rows as usize)? as u32;
        }
        places.push(BlockPlace { first, last, rows, offset, length, severities });
        offset = offset.saturating_add(u64::from(length));
    }
    Ok(places)
}

fn read_place(reader: &mut Reader<'_>, most: usize) -> Result<usize, BytesError> {
    let value = reader.varint(WHAT)?;
    let place = usize::try_from(value).ok().filter(|place| *place <= most);
    place.ok_or_else(|| reader.error(WHAT, Problem::BadValue(value)))
}
