//! Asking a question: planned, run on the query pool, counted, and told in the log where it was slow.

use super::asked::Asked;
use super::question::{Plan, Question};
use crate::error::AppError;
use crate::server::App;
use clew_model::Caller;
use std::sync::Arc;

impl App {
    /// Asks a question on behalf of a caller. `convert` makes of the answer what the asker needs (JSON, say), on the
    /// thread that answered, not on one that serves connections; [`std::convert::identity`] leaves it as it is. Dropping
    /// the future cancels the question.
    ///
    /// # Errors
    /// A question that cannot be understood, what the stores answer, or that it was stopped.
    pub async fn ask<Q: Question, T: Send + 'static>(
        self: &Arc<Self>,
        caller: &Caller,
        question: Q,
        convert: impl FnOnce(Q::Answer) -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let Plan { about, timeout, work, size } = question.plan(self.clock().now())?;
        let context = self.queries().context(caller, timeout);
        let asked = Asked::new(self.observer(), self.queries().limits().slow, about, &context);
        let (app, rows) = (Arc::clone(self), asked.rows());
        let answer = self.queries().run(context, move |context| {
            let answer = work(context, &app.stores())?;
            rows.set(size(&answer));
            Ok(convert(answer))
        });
        asked.ended(answer.await)
    }
}
