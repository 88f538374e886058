//! What an asker must know beside the answer.

use crate::error::LogStoreError;
use crate::limits::MAX_WARNINGS;
use crate::part::Part;

/// Things the asker must know, each once.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    pub list: Vec<String>,
}

impl Warnings {
    pub(crate) fn damage(&mut self, part: &Part, damage: &str) {
        self.add(format!("part {} is damaged, records may be missing: {damage}", part.name()));
    }

    /// Says that something of a part was skipped, unless the error ends the question.
    pub(crate) fn skip(&mut self, part: &Part, error: LogStoreError) -> Result<(), LogStoreError> {
        if error.stops_queries() {
            return Err(error);
        }
        part.report(&error);
        if error.is_damage() {
            self.damage(part, &error.to_string());
        } else {
            self.add(format!("part {} could not be read this time, records may be missing: {error}", part.name()));
        }
        Ok(())
    }

    fn add(&mut self, warning: String) {
        if self.list.len() < MAX_WARNINGS && !self.list.contains(&warning) {
            self.list.push(warning);
        }
    }
}
