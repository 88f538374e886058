//! Asking a question: planned, run on the query pool, counted, and told in the log where it was slow.

use super::asked::Asked;
use super::question::{Plan, Question, Stores};
use super::turn::Turn;
use super::warned::Warned;
use crate::error::AppError;
use crate::limits::{MAX_NEW_BEGINNINGS, MEMORY_WAIT};
use crate::server::App;
use clew_model::{Caller, Context, ErrorKind};
use std::sync::Arc;
use std::time::Instant;

impl App {
    /// Asks a question on behalf of a caller. Dropping the future cancels the question.
    ///
    /// # Errors
    /// A question that cannot be understood, what the stores answer, or that it was stopped.
    pub async fn ask<Q: Question>(self: &Arc<Self>, caller: &Caller, question: Q) -> Result<Q::Answer, AppError> {
        self.ask_and(caller, question, |answer, _| Ok(answer)).await
    }

    /// The same; `convert` makes of the answer what the asker needs (JSON, say), in the turn of the query and within its
    /// limits, not on a thread that serves connections.
    ///
    /// # Errors
    /// As [`App::ask`], and what `convert` answers.
    pub async fn ask_and<Q: Question, T: Send + 'static>(
        self: &Arc<Self>,
        caller: &Caller,
        question: Q,
        convert: impl FnOnce(Q::Answer, &mut Turn) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        let Plan { about, timeout, work, size, across } = question.plan(self.clock().now())?;
        let tenant = self.tenants().map(|tenants| tenants.of_question(&caller.tenant));
        let memory = tenant.as_ref().and_then(|tenant| tenant.query_memory());
        let context = self.queries().context(caller, timeout, memory.as_ref());
        let asked = Asked::new(self.observer(), self.queries().limits().slow, about, &context);
        let place = match tenant.as_ref().map(|tenant| tenant.begin_query()).transpose() {
            Ok(place) => place,
            Err(refused) => return asked.ended(Err(refused)),
        };
        let (app, rows) = (Arc::clone(self), asked.rows());
        let answer = self.queries().run(context, move |turn| {
            // Until the work ends, whoever still waits for it.
            let _place = place;
            let mut answer = app.answer_within_memory(turn, across, &*work)?;
            answer.warn(turn.context().warnings.take());
            rows.set(size(&answer));
            convert(answer, turn)
        });
        let answer = answer.await;
        if let (Some(tenant), Err(error)) = (&tenant, &answer)
            && error.kind() == ErrorKind::RateLimited
        {
            tenant.query_was_short();
        }
        asked.ended(answer)
    }

    /// Answers a question. Where others hold the memory that there is for all, it lets go what it holds, waits aside until
    /// there is more than it had, and begins anew.
    fn answer_within_memory<T>(
        &self,
        turn: &mut Turn,
        across: bool,
        work: &(dyn Fn(&Context, &Stores<'_>) -> Result<T, AppError> + Send),
    ) -> Result<T, AppError> {
        let until = Instant::now() + MEMORY_WAIT;
        loop {
            let answer = self.answer(turn.context(), across, work);
            // A signal that is closed is unavailable too, and stays so.
            let is_unavailable = answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable);
            let is_short = is_unavailable && turn.context().memory.is_short();
            if !is_short || !turn.wait_for_memory(until)? {
                return answer;
            }
            drop(turn.context().warnings.take());
        }
    }

    /// Answers a question. Where it meets a file that was not known to be damaged, it begins anew without it, so that no
    /// answer is made of what was read before and after.
    fn answer<T>(
        &self,
        context: &Context,
        across: bool,
        work: &(dyn Fn(&Context, &Stores<'_>) -> Result<T, AppError> + Send),
    ) -> Result<T, AppError> {
        let mut known = self.tell_damage();
        for _ in 0..MAX_NEW_BEGINNINGS {
            let answer = self.with_stores(across, |stores| work(context, stores));
            let found = self.tell_damage();
            match answer {
                Err(error) if error.kind() == ErrorKind::Corrupt && found > known => {
                    drop(context.warnings.take());
                    known = found;
                }
                answer => return answer,
            }
        }
        self.with_stores(across, |stores| work(context, stores))
    }
}
