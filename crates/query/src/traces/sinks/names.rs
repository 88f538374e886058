//! Names met in batches, by numbers that a worker keeps from batch to batch.

use clew_model::traces::TextColumn;
use hashbrown::HashMap;

/// Numbers of texts, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Names {
    /// The number of a text; it is copied only when it is new.
    pub(super) fn number_of(&mut self, text: &str) -> u32 {
        let next = self.texts.len() as u32;
        let number = *self.numbers.entry_ref(text).or_insert(next);
        if number == next {
            self.texts.push(text.to_owned());
        }
        number
    }

    /// The number of each text of a column.
    pub(super) fn numbers_of(&mut self, column: &TextColumn<'_>) -> Vec<u32> {
        column.texts.iter().map(|text| self.number_of(text)).collect()
    }

    /// The text with a number.
    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }
}
