//! Extended ranges of native histograms.

use super::compute::{Output, Window};

/// The change over the range.
pub(super) fn change(_window: &Window<'_>, _smoothed: bool, _counter: bool, _per_second: bool) -> Output {
    Output::Nothing
}

/// The histogram at the end of the window, among the samples around it.
pub(super) fn value_at(_window: &Window<'_>) -> Output {
    Output::Nothing
}
