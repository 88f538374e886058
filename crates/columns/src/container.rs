//! A block as numbered sections behind a directory, so that one column can be found, checked and decoded alone.
//!
//! ```text
//! magic (4) | version (1) | directory length (4) | crc32 of the directory (4) | directory | sections
//! directory: count, then for each section: id, length, crc32 (4)      (varints unless a width is given)
//! ```
//! Sections follow in the order of the directory, ids grow. Numbers are little endian.

use crate::bytes::{Reader, put_u32, put_varint};
use crate::error::ColumnsError;

/// The newest version of the container's layout.
pub const VERSION: u8 = 0;

/// Bytes before the directory.
pub const HEADER_BYTES: usize = 13;

const WHAT: &str = "block container";

/// Collects sections.
#[derive(Debug)]
pub struct ContainerBuilder {
    magic: [u8; 4],
    /// Of each section its id, where it begins in the payload, its length and its checksum.
    directory: Vec<(u32, usize, u32, u32)>,
    payload: Vec<u8>,
}

impl ContainerBuilder {
    /// A container that begins with these four bytes.
    #[must_use]
    pub fn new(magic: [u8; 4]) -> Self {
        Self { magic, directory: Vec::new(), payload: Vec::new() }
    }

    /// Adds a section. Each id comes once, in any order; an empty section is not stored.
    pub fn section(&mut self, id: u32, bytes: &[u8]) {
        debug_assert!(self.directory.iter().all(|(known, ..)| *known != id), "each id comes once");
        if bytes.is_empty() {
            return;
        }
        self.directory.push((id, self.payload.len(), bytes.len() as u32, crc32fast::hash(bytes)));
        self.payload.extend_from_slice(bytes);
    }

    /// The container's bytes.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.directory.sort_unstable_by_key(|(id, ..)| *id);
        let mut directory = Vec::with_capacity(self.directory.len() * 8);
        put_varint(&mut directory, self.directory.len() as u64);
        for &(id, _, length, checksum) in &self.directory {
            put_varint(&mut directory, u64::from(id));
            put_varint(&mut directory, u64::from(length));
            put_u32(&mut directory, checksum);
        }
        let mut out = Vec::with_capacity(HEADER_BYTES + directory.len() + self.payload.len());
        out.extend_from_slice(&self.magic);
        out.push(VERSION);
        put_u32(&mut out, directory.len() as u32);
        put_u32(&mut out, crc32fast::hash(&directory));
        out.extend_from_slice(&directory);
        for (_, start, length, _) in self.directory {
            out.extend_from_slice(self.payload.get(start..start + length as usize).unwrap_or_default());
        }
        out
    }
}

/// Writes other bytes of the same length over a section, and the checksums that cover it.
///
/// # Errors
/// Not such a container, or no section of this id and length in it; then nothing is written.
pub fn overwrite(container: &mut [u8], magic: [u8; 4], id: u32, new: &[u8]) -> Result<(), ColumnsError> {
    let missing = ColumnsError::Inconsistent { what: WHAT, reason: "there is no such section to overwrite" };
    let directory = Directory::read(container, container.len(), magic)?;
    let section = directory.find(id).filter(|section| section.end - section.start == new.len());
    let section = *section.ok_or(missing.clone())?;
    let checksum = crc32fast::hash(new).to_le_bytes();
    for (at, bytes) in [(section.start, new), (section.checksum_at, &checksum[..])] {
        container.get_mut(at..at + bytes.len()).ok_or(missing.clone())?.copy_from_slice(bytes);
    }
    let mut reader = Reader::new(&*container);
    reader.take(5, WHAT)?;
    let length = reader.u32(WHAT)? as usize;
    let directory = container.get(HEADER_BYTES..HEADER_BYTES.saturating_add(length)).ok_or(missing.clone())?;
    let checksum = crc32fast::hash(directory).to_le_bytes();
    container.get_mut(HEADER_BYTES - 4..HEADER_BYTES).ok_or(missing)?.copy_from_slice(&checksum);
    Ok(())
}

/// A container whose directory was read and checked; sections are checked when they are asked for.
#[derive(Debug, Clone)]
pub struct Container<B> {
    bytes: B,
    directory: Directory,
}

/// Where the sections of a container stand, for who reads them one by one.
#[derive(Debug, Clone)]
pub struct Directory {
    sections: Vec<Section>,
}

/// The place of a section.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    id: u32,
    /// Offset of its first byte in the container.
    pub start: usize,
    /// Offset behind its last byte.
    pub end: usize,
    checksum: u32,
    /// Where the checksum stands.
    checksum_at: usize,
}

impl Section {
    /// Its bytes, if they are those that were written.
    ///
    /// # Errors
    /// They do not match its checksum.
    pub fn check<T: AsRef<[u8]>>(&self, bytes: T) -> Result<T, ColumnsError> {
        if crc32fast::hash(bytes.as_ref()) == self.checksum { Ok(bytes) } else { Err(self.damaged()) }
    }

    fn damaged(&self) -> ColumnsError {
        ColumnsError::Checksum { what: WHAT, part: self.id }
    }
}

impl Directory {
    /// Bytes from the container's first on that hold the directory, told by the first [`HEADER_BYTES`] of them.
    ///
    /// # Errors
    /// Another magic, a newer version, or too few bytes.
    pub fn end(header: &[u8], magic: [u8; 4]) -> Result<usize, ColumnsError> {
        let (reader, length, _) = open_header(header, magic)?;
        Ok(reader.offset().saturating_add(length))
    }

    /// Reads the directory of a container of `length` bytes from its first ones.
    ///
    /// # Errors
    /// Another magic, a newer version, a damaged directory, or one that does not add up to the length.
    pub fn read(first: &[u8], length: usize, magic: [u8; 4]) -> Result<Self, ColumnsError> {
        let (mut reader, directory_length, checksum) = open_header(first, magic)?;
        let directory = reader.take(directory_length, WHAT)?;
        if crc32fast::hash(directory) != checksum {
            return Err(ColumnsError::Checksum { what: WHAT, part: 0 });
        }
        let sections = read_directory(directory, reader.offset())?;
        if sections.last().is_some_and(|last| last.end != length) {
            return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the sections do not fill it" });
        }
        Ok(Self { sections })
    }

    /// The ids of the sections, in order.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.sections.iter().map(|section| section.id)
    }

    /// The place of a section; `None` when there is none.
    #[must_use]
    pub fn find(&self, id: u32) -> Option<&Section> {
        let place = self.sections.binary_search_by_key(&id, |section| section.id).ok()?;
        self.sections.get(place)
    }
}

/// Magic, version, length and checksum of the directory; the reader stands before it.
fn open_header(bytes: &[u8], magic: [u8; 4]) -> Result<(Reader<'_>, usize, u32), ColumnsError> {
    let mut reader = Reader::new(bytes);
    if reader.array::<4>(WHAT)? != magic {
        return Err(ColumnsError::Magic { what: WHAT });
    }
    let version = reader.u8(WHAT)?;
    if version > VERSION {
        return Err(ColumnsError::Version { what: WHAT, found: version, newest: VERSION });
    }
    let length = reader.u32(WHAT)? as usize;
    let checksum = reader.u32(WHAT)?;
    Ok((reader, length, checksum))
}

impl<B: AsRef<[u8]>> Container<B> {
    /// Reads the directory.
    ///
    /// # Errors
    /// Another magic, a newer version, a damaged directory, or fewer bytes than the directory promises.
    pub fn open(bytes: B, magic: [u8; 4]) -> Result<Self, ColumnsError> {
        let directory = Directory::read(bytes.as_ref(), bytes.as_ref().len(), magic)?;
        Ok(Self { bytes, directory })
    }

    /// The bytes of a section after checking them; `None` when there is none.
    ///
    /// # Errors
    /// The section does not match its checksum.
    pub fn section(&self, id: u32) -> Result<Option<&[u8]>, ColumnsError> {
        let Some(section) = self.directory.find(id) else { return Ok(None) };
        let bytes = self.bytes.as_ref().get(section.start..section.end).ok_or_else(|| section.damaged())?;
        section.check(bytes).map(Some)
    }

    /// The bytes of a section that must be there.
    ///
    /// # Errors
    /// It is missing or damaged.
    pub fn required(&self, id: u32) -> Result<&[u8], ColumnsError> {
        self.section(id)?.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "a section is missing" })
    }

    /// Where the sections stand.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// All bytes, header and directory included.
    pub fn bytes(&self) -> &B {
        &self.bytes
    }
}

fn read_directory(directory: &[u8], payload: usize) -> Result<Vec<Section>, ColumnsError> {
    let mut reader = Reader::new(directory);
    let count = reader.count(6, WHAT)?;
    let mut sections: Vec<Section> = Vec::with_capacity(count);
    let mut start = payload;
    for _ in 0..count {
        let id = u32::try_from(reader.varint(WHAT)?).unwrap_or(u32::MAX);
        let length = usize::try_from(reader.varint(WHAT)?).unwrap_or(usize::MAX);
        let end = start.saturating_add(length);
        if sections.last().is_some_and(|last| last.id >= id) {
            return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the sections are not in order" });
        }
        let checksum_at = HEADER_BYTES.saturating_add(reader.offset());
        sections.push(Section { id, start, end, checksum: reader.u32(WHAT)?, checksum_at });
        start = end;
    }
    reader.finish(WHAT)?;
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let mut builder = ContainerBuilder::new(*b"TEST");
        builder.section(1, b"one");
        builder.section(2, b"");
        builder.section(700, b"seven hundred");
        builder.finish()
    }

    #[test]
    fn sections_are_found_by_their_ids() {
        let container = Container::open(sample(), *b"TEST").unwrap();
        assert_eq!(container.section(1).unwrap(), Some(&b"one"[..]));
        assert_eq!(container.section(2).unwrap(), None);
        assert_eq!(container.required(700).unwrap(), b"seven hundred");
        assert_eq!(container.directory().ids().collect::<Vec<_>>(), [1, 700]);
    }

    #[test]
    fn other_magic_and_newer_versions_are_refused() {
        assert_eq!(Container::open(sample(), *b"ELSE").unwrap_err(), ColumnsError::Magic { what: WHAT });
        let mut newer = sample();
        newer[4] = VERSION + 1;
        assert!(matches!(Container::open(newer, *b"TEST"), Err(ColumnsError::Version { .. })));
    }

    #[test]
    fn damage_to_one_section_leaves_the_others_readable() {
        let mut bytes = sample();
        *bytes.last_mut().unwrap() ^= 1;
        let container = Container::open(bytes, *b"TEST").unwrap();
        assert_eq!(container.section(1).unwrap(), Some(&b"one"[..]));
        assert_eq!(container.section(700).unwrap_err(), ColumnsError::Checksum { what: WHAT, part: 700 });
    }

    #[test]
    fn a_section_is_written_over_as_if_it_had_been_so_from_the_start() {
        let mut bytes = sample();
        overwrite(&mut bytes, *b"TEST", 1, b"two").unwrap();
        let mut builder = ContainerBuilder::new(*b"TEST");
        builder.section(1, b"two");
        builder.section(700, b"seven hundred");
        assert_eq!(bytes, builder.finish());
        let before = bytes.clone();
        for (id, new) in [(1, &b"four"[..]), (2, b"two")] {
            assert!(overwrite(&mut bytes, *b"TEST", id, new).is_err());
        }
        assert_eq!(bytes, before);
    }

    proptest! {
        #[test]
        fn any_changed_bit_is_noticed(position: prop::sample::Index, bit in 0u8..8) {
            let mut bytes = sample();
            let at = position.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let read = Container::open(bytes, *b"TEST").and_then(|container| {
                container.section(1)?;
                container.section(700).map(|_| ())
            });
            prop_assert!(read.is_err());
        }

        #[test]
        fn garbage_never_panics(bytes: Vec<u8>) {
            let mut all = b"TEST\0".to_vec();
            all.extend(bytes);
            let _ = Container::open(all, *b"TEST");
        }
    }
}
