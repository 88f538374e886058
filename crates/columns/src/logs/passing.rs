//! Adding rows to those that pass, by the values that they have.

use super::block::Shared;
use super::id_column::IdColumn;
use crate::dictionary::TextColumn;
use clew_model::RowSet;
use std::sync::Arc;

pub(super) fn texts_passing(column: &TextColumn, test: &dyn Fn(&str) -> bool) -> RowSet {
    let mut passing = RowSet::none(column.len());
    add_texts(&mut passing, column, test);
    passing
}

pub(super) fn add_texts(passing: &mut RowSet, column: &TextColumn, test: &dyn Fn(&str) -> bool) {
    let found: Vec<bool> = column.candidates().iter().map(test).collect();
    add_candidates(passing, column, &found);
}

pub(super) fn add_candidates(passing: &mut RowSet, column: &TextColumn, found: &[bool]) {
    if !found.contains(&true) {
        return;
    }
    column.for_each_row(|row, candidate| {
        if found.get(candidate) == Some(&true) {
            passing.insert(row);
        }
    });
}

/// Adds the rows whose resource, or scope, passes.
pub(super) fn add_items<T>(passing: &mut RowSet, items: &Shared<T>, test: &dyn Fn(&Arc<T>) -> bool) {
    let found: Vec<bool> = items.entries.iter().map(test).collect();
    if found.contains(&true) {
        let passes = |id: &u32| found.get(*id as usize) == Some(&true);
        items.ids.iter().enumerate().filter(|(_, id)| passes(id)).for_each(|(row, _)| passing.insert(row));
    }
}

/// Adds the rows whose ID passes.
pub(super) fn add_ids<const N: usize>(passing: &mut RowSet, ids: &IdColumn<N>, test: &dyn Fn([u8; N]) -> bool) {
    let found: Vec<bool> = ids.entries.iter().map(|id| test(*id)).collect();
    if found.contains(&true) {
        let passes = |place: &Option<u32>| place.is_some_and(|place| found.get(place as usize) == Some(&true));
        ids.rows.iter().enumerate().filter(|(_, place)| passes(place)).for_each(|(row, _)| passing.insert(row));
    }
}
