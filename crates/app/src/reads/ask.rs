//! Asking a question: planned, run on the query pool, counted.

use super::question::{Plan, Question};
use crate::error::AppError;
use crate::server::App;
use clew_model::Caller;
use std::sync::Arc;
use std::time::Instant;

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
        let started = Instant::now();
        let app = Arc::clone(self);
        let name = about.name;
        let asked = self.queries().run(caller, timeout, move |context| {
            let answer = work(context, &app.stores())?;
            tracing::debug!(query = about.text, language = about.language, rows = size(&answer), "answered {name}");
            Ok(convert(answer))
        });
        let answer = asked.await;
        let outcome = match &answer {
            Ok(_) => "ok",
            Err(error) => crate::error::outcome(error.kind()),
        };
        self.observer().queried(name, outcome, started.elapsed());
        answer
    }
}
