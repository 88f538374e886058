//! The labels of a series as they are sent, put into their canonical form.

use clew_model::metrics::{LabelError, LabelSizes, Labels, METRIC_NAME, SeriesKey, SharedLabels};

/// The bytes of a label's name and of its value.
pub(super) type Pair<'a> = (&'a [u8], &'a [u8]);

/// Builds label sets one after the other; what it needs for that is kept from one to the next.
#[derive(Debug, Default)]
pub(super) struct LabelSetBuilder {
    shared: SharedLabels,
}

impl LabelSetBuilder {
    /// The key of the label set that these labels make, with its sizes. The protocol asks for labels sorted by name: then
    /// nothing is copied but their bytes. Others are put in order.
    ///
    /// # Errors
    /// Labels that do not make a series: why, as the sender should read it.
    pub(super) fn build(&mut self, pairs: &mut [Pair<'_>]) -> Result<(SeriesKey<'_>, LabelSizes), String> {
        match self.put_all(pairs) {
            Err(Refused::OutOfOrder) => {
                pairs.sort_unstable_by(|left, right| left.0.cmp(right.0));
                self.put_all(pairs).map_err(Refused::into_reason)?;
            }
            other => other.map_err(Refused::into_reason)?,
        }
        let name = pairs.iter().find(|(name, _)| *name == METRIC_NAME.as_bytes()).map_or(&[][..], |(_, value)| value);
        match std::str::from_utf8(name) {
            Ok("") => Err("the series has no metric name: the label __name__ is missing or empty".to_owned()),
            Ok(name) => Ok(self.shared.with(name, None)),
            Err(_) => Err("the metric name is not UTF-8".to_owned()),
        }
    }

    fn put_all(&mut self, pairs: &[Pair<'_>]) -> Result<(), Refused> {
        self.shared.begin(None);
        let mut has_name = false;
        for (name, value) in pairs {
            let name = text(name, "a label name")?;
            if name == METRIC_NAME && std::mem::replace(&mut has_name, true) {
                return Err(Refused::For(LabelError::Duplicate(name.to_owned()).to_string()));
            }
            let value = text(value, name)?;
            self.shared.put(name, value).map_err(|error| match error {
                LabelError::Malformed(_) => Refused::OutOfOrder,
                other => Refused::For(other.to_string()),
            })?;
        }
        Ok(())
    }
}

/// The labels of an exemplar.
///
/// # Errors
/// As [`LabelSetBuilder::build`], but they need no name.
pub(super) fn exemplar_labels(pairs: &[Pair<'_>]) -> Result<Labels, String> {
    let read = |(name, value): &Pair<'_>| {
        let name = text(name, "a label name of an exemplar").map_err(Refused::into_reason)?.to_owned();
        let value = text(value, &name).map_err(Refused::into_reason)?.to_owned();
        Ok::<_, String>((name, value))
    };
    let pairs = pairs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Labels::new(pairs).map_err(|error| error.to_string())
}

enum Refused {
    /// Names are not in their order: sorted, they may do.
    OutOfOrder,
    For(String),
}

impl Refused {
    fn into_reason(self) -> String {
        match self {
            Refused::OutOfOrder => "the labels are out of order".to_owned(),
            Refused::For(reason) => reason,
        }
    }
}

fn text<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, Refused> {
    std::str::from_utf8(bytes).map_err(|_| Refused::For(format!("{what} holds bytes that are not UTF-8")))
}
