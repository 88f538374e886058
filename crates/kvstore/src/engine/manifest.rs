//! The manifest: what exists. One file, replaced as a whole. Its bytes are described in `docs/storage-format.md`,
//! "Key-value manifest and tables".

use crate::error::KvError;
use crate::limits::MAX_MANIFEST_BYTES;
use clew_columns::bytes::{BytesError, Problem, Reader, put_signed, put_text, put_u32, put_varint};
use clew_host::{Files, write_twin};
use clew_model::TenantId;
use std::collections::BTreeMap;
use std::path::Path;

/// The newest format version this build reads and the one it writes.
pub const FORMAT_VERSION: u32 = 0;

const MAGIC: &[u8; 6] = b"CLEWKV";

/// The name of the manifest's file.
pub(super) const FILE_NAME: &str = "manifest";

/// Names a partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey {
    /// Whose data.
    pub tenant: TenantId,
    /// First instant that belongs to it.
    pub start: i64,
}

/// What one generation wrote into one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The generation's number; older ones are smaller.
    pub generation: u64,
    /// The number of the table that holds it.
    pub table: u64,
    /// Earliest time of a row.
    pub min_time: i64,
    /// Latest time of a row.
    pub max_time: i64,
    /// Rows (samples, spans).
    pub rows: u64,
    /// Bytes that it takes on disk.
    pub bytes: u64,
}

/// A stretch of time of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// First instant after it.
    pub end: i64,
    /// What it holds, oldest generation first.
    pub runs: Vec<Run>,
}

impl Partition {
    /// Bytes that it takes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.bytes).sum()
    }
}

/// A table that holds a value beside the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueTable {
    /// Its number.
    pub table: u64,
    /// Bytes that it takes on disk.
    pub bytes: u64,
}

/// What exists: published by one atomic write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Everything up to this journal position is sealed.
    pub sealed_position: u64,
    /// Number for the next generation; no number is used twice.
    pub next_generation: u64,
    /// Number for the next table; no published number is used twice.
    pub next_table: u64,
    /// Nothing older than this exists any more; what arrives for it is refused.
    pub retention_bound: i64,
    /// Values beside the runs, by name.
    pub values: BTreeMap<String, ValueTable>,
    /// The partitions; those of one tenant do not overlap.
    pub partitions: BTreeMap<PartitionKey, Partition>,
}

impl Manifest {
    /// The manifest of an empty store.
    #[must_use]
    pub fn empty() -> Self {
        Self { retention_bound: i64::MIN, next_generation: 1, next_table: 1, ..Self::default() }
    }

    /// Partitions of a tenant that touch `start..=end`, in order of time.
    pub fn overlapping<'a>(
        &'a self,
        tenant: &TenantId,
        start: i64,
        end: i64,
    ) -> impl Iterator<Item = (&'a PartitionKey, &'a Partition)> {
        let first = PartitionKey { tenant: tenant.clone(), start: i64::MIN };
        let last = PartitionKey { tenant: tenant.clone(), start: end };
        let range = (first <= last).then(|| self.partitions.range(first..=last));
        range.into_iter().flatten().filter(move |(_, partition)| partition.end > start && start <= end)
    }

    /// The partition that covers `time`, or the bounds `[start, end)` a new one would have: aligned to `width`, clipped
    /// where a partition of another width is in the way.
    #[must_use]
    pub fn place(&self, tenant: &TenantId, time: i64, width: i64) -> (PartitionKey, i64) {
        let width = width.max(1);
        let mut start = time.div_euclid(width).saturating_mul(width);
        let mut end = start.saturating_add(width);
        let at = PartitionKey { tenant: tenant.clone(), start: time };
        if let Some((key, partition)) =
            self.partitions.range(..=&at).next_back().filter(|(key, _)| key.tenant == *tenant)
        {
            if time < partition.end {
                return (key.clone(), partition.end);
            }
            start = start.max(partition.end);
        }
        if let Some((key, _)) = self.partitions.range(&at..).next().filter(|(key, _)| key.tenant == *tenant) {
            end = end.min(key.start);
        }
        (PartitionKey { tenant: tenant.clone(), start }, end)
    }

    /// The bound below which the oldest runs must go so that the rest takes at most so many bytes; `None` where it does, or
    /// where the newest run alone takes more. It is the end of a partition where that goes whole.
    #[must_use]
    pub fn bound_for_size(&self, most: u64) -> Option<i64> {
        let of = |partition: &Partition| {
            partition.runs.iter().map(|run| (run.max_time, run.min_time, run.bytes, partition.end)).collect::<Vec<_>>()
        };
        let mut runs: Vec<_> = self.partitions.values().flat_map(of).collect();
        runs.sort_unstable();
        let mut held = self.bytes();
        let mut bound = None;
        for (at, (max_time, _, bytes, end)) in runs.iter().enumerate() {
            let later = runs.get(at + 1..).unwrap_or_default();
            let Some((next, ..)) = later.first().filter(|_| held > most) else { break };
            held = held.saturating_sub(*bytes);
            // Runs that end together go together.
            if next > max_time {
                let is_last = later.iter().all(|(_, min_time, ..)| min_time >= end);
                bound = Some(if is_last { *end } else { max_time.saturating_add(1) });
            }
        }
        bound
    }

    /// The latest time of a run.
    #[must_use]
    pub fn newest(&self) -> Option<i64> {
        self.partitions.values().flat_map(|partition| &partition.runs).map(|run| run.max_time).max()
    }

    /// Bytes on disk of everything it lists.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let values: u64 = self.values.values().map(|value| value.bytes).sum();
        values + self.partitions.values().map(Partition::bytes).sum::<u64>()
    }

    /// The bytes of the manifest's file; `None` when there is none.
    pub(super) fn read(files: &dyn Files, dir: &Path) -> Result<Option<Vec<u8>>, KvError> {
        let path = dir.join(FILE_NAME);
        let failed = || KvError::io("read the manifest");
        if !files.exists(&path).map_err(failed())? {
            return Ok(None);
        }
        let file = files.open(&path).map_err(failed())?;
        let length = file.len().map_err(failed())?;
        let length = usize::try_from(length).ok().filter(|length| *length <= MAX_MANIFEST_BYTES);
        let length = length.ok_or_else(|| KvError::inconsistent(path.display().to_string(), "it is too long"))?;
        file.read_at(0, length).map(Some).map_err(failed())
    }

    /// Puts encoded bytes in the place of the manifest's file and of its copy; durable when it returns.
    pub(super) fn write(files: &dyn Files, dir: &Path, bytes: &[u8]) -> Result<(), KvError> {
        write_twin(files, &dir.join(FILE_NAME), bytes).map_err(KvError::io("write the manifest"))
    }

    /// Encodes the manifest of a signal's store.
    #[must_use]
    pub fn encode(&self, signal: &str) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put_u32(&mut out, FORMAT_VERSION);
        put_text(&mut out, signal);
        put_varint(&mut out, self.sealed_position);
        put_varint(&mut out, self.next_generation);
        put_varint(&mut out, self.next_table);
        put_signed(&mut out, self.retention_bound);
        put_varint(&mut out, self.values.len() as u64);
        for (name, value) in &self.values {
            put_text(&mut out, name);
            put_varint(&mut out, value.table);
            put_varint(&mut out, value.bytes);
        }
        put_varint(&mut out, self.partitions.len() as u64);
        for (key, partition) in &self.partitions {
            put_text(&mut out, key.tenant.as_str());
            put_signed(&mut out, key.start);
            put_signed(&mut out, partition.end);
            put_varint(&mut out, partition.runs.len() as u64);
            for run in &partition.runs {
                put_varint(&mut out, run.generation);
                put_varint(&mut out, run.table);
                put_signed(&mut out, run.min_time);
                put_signed(&mut out, run.max_time);
                put_varint(&mut out, run.rows);
                put_varint(&mut out, run.bytes);
            }
        }
        let checksum = crc32fast::hash(&out);
        put_u32(&mut out, checksum);
        out
    }

    /// The format version and the signal in the head of encoded bytes, which every version has.
    ///
    /// # Errors
    /// The bytes are no manifest.
    pub fn peek(bytes: &[u8]) -> Result<(u32, String), BytesError> {
        let mut reader = Reader::new(bytes);
        let head = read_head(&mut reader)?;
        Ok((head.0, head.1.to_owned()))
    }

    /// Decodes what [`Manifest::encode`] wrote.
    ///
    /// # Errors
    /// Damaged bytes, or another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, BytesError> {
        let (body, checksum) = bytes.split_at(bytes.len().saturating_sub(4));
        let stored = Reader::new(checksum).u32("the checksum")?;
        let mut reader = Reader::new(body);
        let (version, _) = read_head(&mut reader)?;
        if version != FORMAT_VERSION {
            return Err(reader.error("the version", Problem::BadValue(version.into())));
        }
        if stored != crc32fast::hash(body) {
            return Err(reader.error("the checksum", Problem::BadValue(stored.into())));
        }
        let mut manifest = Self {
            sealed_position: reader.varint("the sealed position")?,
            next_generation: reader.varint("the next generation")?,
            next_table: reader.varint("the next table")?,
            retention_bound: reader.signed("the retention bound")?,
            ..Self::default()
        };
        for _ in 0..reader.count(3, "the values")? {
            let name = reader.text("the name of a value")?.to_owned();
            let table = reader.varint("the table of a value")?;
            let bytes = reader.varint("the bytes of a value")?;
            manifest.values.insert(name, ValueTable { table, bytes });
        }
        for _ in 0..reader.count(4, "the partitions")? {
            let (key, partition) = read_partition(&mut reader)?;
            manifest.partitions.insert(key, partition);
        }
        reader.finish("the manifest")?;
        Ok(manifest)
    }
}

fn read_head<'a>(reader: &mut Reader<'a>) -> Result<(u32, &'a str), BytesError> {
    let magic = reader.array::<6>("the magic bytes")?;
    if magic != *MAGIC {
        return Err(reader.error("the magic bytes", Problem::BadValue(u64::from(magic[0]))));
    }
    Ok((reader.u32("the version")?, reader.text("the signal")?))
}

fn read_partition(reader: &mut Reader<'_>) -> Result<(PartitionKey, Partition), BytesError> {
    let name = reader.text("the tenant")?;
    let tenant = TenantId::new(name).ok_or_else(|| reader.error("the tenant", Problem::BadValue(name.len() as u64)))?;
    let start = reader.signed("the partition's start")?;
    let end = reader.signed("the partition's end")?;
    let count = reader.count(6, "the runs")?;
    let mut runs = Vec::with_capacity(count);
    for _ in 0..count {
        runs.push(Run {
            generation: reader.varint("the generation")?,
            table: reader.varint("the table")?,
            min_time: reader.signed("the earliest time")?,
            max_time: reader.signed("the latest time")?,
            rows: reader.varint("the rows")?,
            bytes: reader.varint("the bytes")?,
        });
    }
    Ok((PartitionKey { tenant, start }, Partition { end, runs }))
}
