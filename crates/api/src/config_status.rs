//! What came of reading the configuration: kept by whoever reads it, shown by the API.

use parking_lot::Mutex;

/// Whether the last reload succeeded, and the warnings of the configuration in force.
#[derive(Debug)]
pub struct ConfigStatus(Mutex<Outcome>);

#[derive(Debug)]
struct Outcome {
    reload_succeeded: bool,
    warnings: Vec<String>,
}

impl ConfigStatus {
    /// The status after a start, which counts as a reload that succeeded.
    #[must_use]
    pub fn new(warnings: Vec<String>) -> Self {
        Self(Mutex::new(Outcome { reload_succeeded: true, warnings }))
    }

    /// A new configuration is in force, with these warnings.
    pub fn reloaded(&self, warnings: Vec<String>) {
        *self.0.lock() = Outcome { reload_succeeded: true, warnings };
    }

    /// A new configuration could not be used; the old one and its warnings stay.
    pub fn reload_failed(&self) {
        self.0.lock().reload_succeeded = false;
    }

    /// Whether the last reload succeeded.
    #[must_use]
    pub fn reload_succeeded(&self) -> bool {
        self.0.lock().reload_succeeded
    }

    /// The warnings of the configuration in force.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.0.lock().warnings.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_reload_keeps_the_warnings_that_are_in_force() {
        let status = ConfigStatus::new(vec!["old".to_owned()]);
        assert!(status.reload_succeeded());
        status.reload_failed();
        assert_eq!((status.reload_succeeded(), status.warnings()), (false, vec!["old".to_owned()]));
        status.reloaded(vec!["new".to_owned()]);
        assert_eq!((status.reload_succeeded(), status.warnings()), (true, vec!["new".to_owned()]));
    }
}
