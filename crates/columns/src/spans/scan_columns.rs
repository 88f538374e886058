//! The columns of a block as scans hand them out: codes of a dictionary of the block's own, rows instead of IDs.

use super::attributes::Cells;
use super::block::{SpanBlock, kind_of, status_of};
use super::dictionary::SpanDictionary;
use super::section::{self, Code, Owner, StringColumn, WHAT};
use crate::bytes::{Problem, Reader};
use crate::error::ColumnsError;
use clew_model::traces::{Parent, Parents, SpanKind, StatusCode, TextColumn, ValueColumn};
use clew_model::{SpanId, UNKNOWN_SERVICE};
use hashbrown::HashMap;
use std::borrow::Cow;

/// Codes of a large dictionary turned into those of a small one, in the order in which they are met.
struct Small {
    /// For each code of the large one its small code plus one.
    places: Vec<u32>,
    met: Vec<u32>,
}

impl Small {
    fn new(large: usize) -> Self {
        Self { places: vec![0; large], met: Vec::new() }
    }

    fn code(&mut self, large: u32) -> u32 {
        let Some(place) = self.places.get_mut(large as usize) else { return 0 };
        if *place == 0 {
            self.met.push(large);
            *place = self.met.len() as u32;
        }
        *place - 1
    }
}

impl<B: AsRef<[u8]>> SpanBlock<B> {
    /// The service of each span.
    ///
    /// # Errors
    /// Damaged, or the dictionary belongs to other blocks.
    pub fn service_column<'d>(&self, dictionary: &'d SpanDictionary) -> Result<TextColumn<'d>, ColumnsError> {
        let resources = self.resources(dictionary)?;
        let mut small = Small::new(dictionary.resources.len());
        let codes = resources.into_iter().map(|resource| small.code(resource)).collect();
        let service = |resource: u32| {
            let resource = dictionary.resources.get(resource as usize);
            Cow::Borrowed(resource.map_or(UNKNOWN_SERVICE, |resource| resource.service_name()))
        };
        Ok(TextColumn { codes, texts: small.met.into_iter().map(service).collect() })
    }

    /// The name of each span.
    ///
    /// # Errors
    /// As [`SpanBlock::service_column`].
    pub fn operation_column<'d>(&self, dictionary: &'d SpanDictionary) -> Result<TextColumn<'d>, ColumnsError> {
        let names = self.names(dictionary)?;
        let (known, strings) = (dictionary.strings.len() as u32, dictionary.strings.len() + names.raw.len() + 1);
        let mut small = Small::new(strings);
        let rows = 0..self.len();
        let codes = rows.map(|row| small.code(large_code(&names, row, known))).collect();
        let text = |large: u32| match large {
            0 => Cow::Borrowed(""),
            place if place <= known => {
                let text = dictionary.strings.get(place as usize - 1);
                Cow::Borrowed(text.map_or("", |text| text.as_str()))
            }
            raw => Cow::Owned(names.raw.get((raw - known - 1) as usize).to_owned()),
        };
        Ok(TextColumn { codes, texts: small.met.into_iter().map(text).collect() })
    }

    /// The role and the outcome of each span.
    ///
    /// # Errors
    /// Damaged.
    pub fn outcomes(&self) -> Result<Vec<(SpanKind, StatusCode)>, ColumnsError> {
        Ok(self.codes()?.into_iter().map(|code| (kind_of(code), status_of(code))).collect())
    }

    /// The parent of each span by its row.
    ///
    /// # Errors
    /// Damaged.
    pub fn parent_rows(&self) -> Result<Parents, ColumnsError> {
        let (codes, mut raw) = self.parent_codes()?;
        let mut of = Vec::with_capacity(codes.len());
        for (code, run) in codes.into_iter().zip(&self.runs) {
            of.push(match code {
                0 => Parent::None,
                1 => Parent::Elsewhere(SpanId(raw.array(WHAT)?)),
                row => {
                    let trace = self.traces().get(*run as usize).map(|trace| trace.rows.clone()).unwrap_or_default();
                    let parent = usize::try_from(row - 2).ok().and_then(|row| trace.start.checked_add(row));
                    let parent = parent.filter(|parent| trace.contains(parent));
                    Parent::Row(parent.ok_or_else(|| raw.error(WHAT, Problem::BadValue(row)))? as u32)
                }
            });
        }
        raw.finish(WHAT)?;
        Ok(Parents { of, shared: self.container.section(section::SHARED_IDS)?.is_some() })
    }

    /// The first attribute with a key of each span.
    ///
    /// # Errors
    /// As [`SpanBlock::service_column`].
    pub fn attribute_column(&self, dictionary: &SpanDictionary, key: &str) -> Result<ValueColumn, ColumnsError> {
        let mut column = ValueColumn { codes: vec![ValueColumn::NONE; self.len()], values: Vec::new() };
        let has_key = |number: &u32| dictionary.columns.get(*number as usize).is_some_and(|own| own.key == key);
        let firsts: Vec<Option<u32>> =
            dictionary.shapes.iter().map(|shape| shape.iter().copied().find(|number| has_key(number))).collect();
        if firsts.iter().all(Option::is_none) {
            return Ok(column);
        }
        let shapes = self.shapes(dictionary)?;
        let mut numbers: Vec<u32> = firsts.iter().flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            self.fill(dictionary, number, &shapes, &firsts, &mut column)?;
        }
        Ok(column)
    }

    /// Takes the values of one column over where it is the first with its key.
    fn fill(
        &self,
        dictionary: &SpanDictionary,
        number: u32,
        shapes: &[u32],
        firsts: &[Option<u32>],
        out: &mut ValueColumn,
    ) -> Result<(), ColumnsError> {
        let has_it: Vec<bool> = dictionary.shapes.iter().map(|shape| shape.contains(&number)).collect();
        let own = |(_, shape): &(usize, &u32)| has_it.get(**shape as usize).copied().unwrap_or(false);
        let rows: Vec<usize> = shapes.iter().enumerate().filter(own).map(|(row, _)| row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let runs: Vec<u32> = rows.iter().filter_map(|row| self.runs.get(*row).copied()).collect();
        let cells = Cells::read(&self.container, dictionary, number, Owner::Span, &runs)?;
        let mut known: HashMap<u32, u32> = HashMap::new();
        for (index, row) in rows.into_iter().enumerate() {
            let shape = shapes.get(row).copied().unwrap_or(u32::MAX) as usize;
            if firsts.get(shape).copied().flatten() != Some(number) {
                continue;
            }
            let next = out.values.len() as u32;
            let code = match &cells {
                Cells::Text(column) => match column.code(index) {
                    Code::Known(place) => *known.entry(place).or_insert(next),
                    Code::Empty | Code::Raw(_) => next,
                },
                _ => next,
            };
            if code == next {
                out.values.push(cells.value(index, dictionary));
            }
            out.codes.get_mut(row).into_iter().for_each(|slot| *slot = code);
        }
        Ok(())
    }

    /// The codes of the parents, and what follows them: the IDs of those that are not in the block.
    pub(super) fn parent_codes(&self) -> Result<(Vec<u64>, Reader<'_>), ColumnsError> {
        let mut reader = Reader::new(self.container.required(section::PARENTS)?);
        let widths = super::numbers::read_plain(&mut reader, self.lengths.len())?;
        let mut codes = Vec::with_capacity(self.len());
        for (length, width) in self.lengths.iter().zip(widths) {
            let width = u8::try_from(width).unwrap_or(u8::MAX);
            crate::bits::unpack_into(&mut reader, *length as usize, width, &mut codes)?;
        }
        Ok((codes, reader))
    }
}

/// 0 for nothing, then the dictionary, then the raw texts.
fn large_code(names: &StringColumn, row: usize, known: u32) -> u32 {
    match names.code(row) {
        Code::Empty => 0,
        Code::Known(place) => place + 1,
        Code::Raw(place) => known + 1 + place,
    }
}

/// Whether spans of one trace share an ID, so that a parent's row does not say all of who called.
pub(super) fn has_shared_ids(run: &[&clew_model::traces::Span]) -> bool {
    if run.len() <= super::limits::LINEAR_PARENTS {
        let rest = |row: usize| run.get(row + 1..).unwrap_or_default();
        return run.iter().enumerate().any(|(row, span)| rest(row).iter().any(|other| other.span_id == span.span_id));
    }
    let mut ids: Vec<SpanId> = run.iter().map(|span| span.span_id).collect();
    ids.sort_unstable();
    ids.windows(2).any(|pair| matches!(pair, [left, right] if left == right))
}
