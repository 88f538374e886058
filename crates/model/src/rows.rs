//! A set of rows of one block or batch, a bit each.

/// Which rows of a block or batch are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSet {
    words: Vec<u64>,
    rows: usize,
}

impl RowSet {
    /// No row of `rows`.
    #[must_use]
    pub fn none(rows: usize) -> Self {
        Self { words: vec![0; rows.div_ceil(64)], rows }
    }

    /// Every row of `rows`.
    #[must_use]
    pub fn all(rows: usize) -> Self {
        let mut set = Self { words: vec![u64::MAX; rows.div_ceil(64)], rows };
        set.trim();
        set
    }

    /// The rows for which `test` answers true.
    #[must_use]
    pub fn of(rows: usize, mut test: impl FnMut(usize) -> bool) -> Self {
        let mut set = Self::none(rows);
        (0..rows).filter(|row| test(*row)).for_each(|row| set.insert(row));
        set
    }

    /// Adds a row; a row beyond the block is ignored.
    #[inline]
    pub fn insert(&mut self, row: usize) {
        if row < self.rows
            && let Some(word) = self.words.get_mut(row / 64)
        {
            *word |= 1 << (row % 64);
        }
    }

    /// Whether the row is in the set.
    #[must_use]
    #[inline]
    pub fn contains(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Keeps only the rows that are also in `other`.
    pub fn intersect(&mut self, other: &RowSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(own, other)| *own &= other);
    }

    /// Adds the rows of `other`.
    pub fn unite(&mut self, other: &RowSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(own, other)| *own |= other);
    }

    /// Exchanges the rows in the set and those not in it.
    pub fn invert(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        self.trim();
    }

    /// How many rows are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no row is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many rows the block has.
    #[must_use]
    pub fn block_rows(&self) -> usize {
        self.rows
    }

    /// The rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    index * 64 + bit
                })
            })
        })
    }

    fn trim(&mut self) {
        let used = self.rows % 64;
        if used != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << used) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set(rows in 0usize..200, left: Vec<u8>, right: Vec<u8>) {
            let model = |picks: &[u8]| picks.iter().map(|pick| usize::from(*pick)).filter(|pick| *pick < rows).collect::<BTreeSet<_>>();
            let set = |picks: &[u8]| {
                let mut set = RowSet::none(rows);
                picks.iter().for_each(|pick| set.insert(usize::from(*pick)));
                set
            };
            let (a, b) = (model(&left), model(&right));
            let mut both = set(&left);
            both.intersect(&set(&right));
            prop_assert!(both.iter().eq(a.intersection(&b).copied()));
            let mut either = set(&left);
            either.unite(&set(&right));
            prop_assert_eq!(either.len(), a.union(&b).count());
            let mut not = set(&left);
            not.invert();
            prop_assert!(not.iter().eq((0..rows).filter(|row| !a.contains(row))));
            prop_assert_eq!(RowSet::all(rows).len(), rows);
        }
    }
}
