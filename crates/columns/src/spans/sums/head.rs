//! What is counted of a run as a whole.

use super::slots::{self, Slot};
use super::tally::Tally;
use super::{VERSION, WHAT};
use crate::bytes::{Reader, put_signed, put_text, put_varint};
use crate::compress::{put_compressed, read_compressed};
use crate::error::ColumnsError;
use compact_str::CompactString;

/// What is counted of a run as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpanSums {
    /// Width of a slot in nanoseconds.
    pub width: i64,
    /// Slots with spans, ascending.
    pub slots: Vec<Slot>,
    /// Sorted by name.
    pub services: Vec<ServiceSum>,
    /// Sorted by client and server; `None` where there are too many.
    pub calls: Option<Vec<CallSum>>,
    /// Blocks with traces of which a parent is missing, ascending.
    pub open_blocks: Vec<u32>,
}

/// A service of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceSum {
    /// Its name.
    pub name: CompactString,
    /// Whether its cells tell its operations; there may be too many.
    pub has_operations: bool,
    /// Its spans: those that did not fail, those that did.
    pub tallies: [Tally; 2],
}

/// Calls from one service to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallSum {
    /// The place of the calling service.
    pub client: u32,
    /// The place of the called service.
    pub server: u32,
    /// Calls.
    pub calls: u64,
    /// Of these, how many failed.
    pub errors: u64,
}

impl SpanSums {
    /// As bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        put_signed(&mut body, self.width);
        slots::put(&mut body, &self.slots, self.width);
        let base = self.first();
        put_varint(&mut body, self.services.len() as u64);
        for service in &self.services {
            put_text(&mut body, &service.name);
            body.push(u8::from(service.has_operations));
            service.tallies.iter().for_each(|tally| tally.put(&mut body, base));
        }
        body.push(u8::from(self.calls.is_some()));
        let calls = self.calls.as_deref().unwrap_or_default();
        put_varint(&mut body, calls.len() as u64);
        for call in calls {
            [u64::from(call.client), u64::from(call.server), call.calls, call.errors]
                .into_iter()
                .for_each(|number| put_varint(&mut body, number));
        }
        put_varint(&mut body, self.open_blocks.len() as u64);
        let mut before = 0;
        for block in &self.open_blocks {
            put_varint(&mut body, u64::from(block - before));
            before = *block;
        }
        let mut out = vec![VERSION];
        put_compressed(&mut out, &body);
        out
    }

    /// Reads a head.
    ///
    /// # Errors
    /// Damaged, or of a newer version.
    pub fn decode(bytes: &[u8]) -> Result<Self, ColumnsError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8(WHAT)?;
        if version > VERSION {
            return Err(ColumnsError::Version { what: WHAT, found: version, newest: VERSION });
        }
        let body = read_compressed(&mut reader)?;
        reader.finish(WHAT)?;
        let mut reader = Reader::new(&body);
        let width = reader.signed(WHAT)?;
        if width <= 0 {
            return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the width of a slot is not positive" });
        }
        let mut sums = Self { width, slots: slots::read(&mut reader, width)?, ..Self::default() };
        let base = sums.first();
        for _ in 0..reader.count(4, WHAT)? {
            sums.services.push(ServiceSum {
                name: reader.text(WHAT)?.into(),
                has_operations: reader.u8(WHAT)? != 0,
                tallies: [Tally::read(&mut reader, base)?, Tally::read(&mut reader, base)?],
            });
        }
        let has_calls = reader.u8(WHAT)? != 0;
        let mut calls = Vec::new();
        for _ in 0..reader.count(4, WHAT)? {
            let (client, server) = (place(&mut reader, sums.services.len())?, place(&mut reader, sums.services.len())?);
            calls.push(CallSum { client, server, calls: reader.varint(WHAT)?, errors: reader.varint(WHAT)? });
        }
        sums.calls = has_calls.then_some(calls);
        let mut block = 0u32;
        for _ in 0..reader.count(1, WHAT)? {
            block = block.saturating_add(u32::try_from(reader.varint(WHAT)?).unwrap_or(u32::MAX));
            sums.open_blocks.push(block);
        }
        reader.finish(WHAT)?;
        Ok(sums)
    }

    /// The first start; what times are counted from.
    fn first(&self) -> i64 {
        self.slots.first().map_or(0, |slot| slot.first)
    }

    /// The first start in a slot.
    pub(super) fn first_of(&self, slot: u32) -> i64 {
        self.slots.get(slot as usize).map_or(0, |slot| slot.first)
    }

    /// The place of a service.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<usize> {
        self.services.binary_search_by(|service| service.name.as_str().cmp(name)).ok()
    }

    /// Bytes of memory held, an estimate.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let tallies = self.services.iter().flat_map(|service| &service.tallies);
        tallies.map(|tally| tally.buckets.capacity() * size_of::<(u16, u32)>()).sum::<usize>()
            + self.services.capacity() * size_of::<ServiceSum>()
            + self.slots.capacity() * size_of::<Slot>()
            + self.calls.as_ref().map_or(0, |calls| calls.capacity() * size_of::<CallSum>())
            + self.open_blocks.capacity() * size_of::<u32>()
    }
}

/// A place among so many.
pub(super) fn place(reader: &mut Reader<'_>, among: usize) -> Result<u32, ColumnsError> {
    let place = u32::try_from(reader.varint(WHAT)?).ok().filter(|place| (*place as usize) < among);
    place.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "a place is out of range" })
}
