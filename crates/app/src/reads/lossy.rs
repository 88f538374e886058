//! The store of a signal that has lost something of which nobody knows where it belongs (the end of a journal, a whole
//! folder): every answer says so.

use clew_model::logs::{LogReader, LogView};
use clew_model::metrics::{MetricReader, MetricView};
use clew_model::traces::{TraceReader, TraceView};
use clew_model::{Context, SetAside};

/// A reader, and what is to be said of its store.
pub(crate) struct Lossy<'a, R: ?Sized> {
    pub(crate) reader: &'a R,
    pub(crate) lost: &'a [SetAside],
}

impl<R: ?Sized> Lossy<'_, R> {
    fn tell(&self, context: &Context) {
        for file in self.lost.iter().filter(|file| file.records != Some(0) && file.requests != Some(0)) {
            context.warnings.add(file.warning());
        }
    }
}

impl LogReader for Lossy<'_, dyn LogReader + '_> {
    fn view(&self, context: &Context) -> Box<dyn LogView> {
        self.tell(context);
        self.reader.view(context)
    }
}

impl MetricReader for Lossy<'_, dyn MetricReader + '_> {
    fn view(&self, context: &Context) -> Box<dyn MetricView + '_> {
        self.tell(context);
        self.reader.view(context)
    }
}

impl TraceReader for Lossy<'_, dyn TraceReader + '_> {
    fn view(&self, context: &Context) -> Box<dyn TraceView> {
        self.tell(context);
        self.reader.view(context)
    }
}
