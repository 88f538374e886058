//! A task's way: its queue, the worker that takes it, attempts that fail, the result's way back.

use super::front::ORCHESTRATOR;
use super::logs::Line;
use super::{Failure, Happening, SpanRef, Teller};
use crate::demo::dice::{MS, SECOND};
use crate::demo::incident::{IncidentKind, is_on};
use crate::demo::system::{Instance, Service};
use clew_model::traces::SpanKind;

/// So often a task is tried before it is set aside.
const ATTEMPTS: i64 = 4;

/// Share of attempts that fail though nothing is wrong: a flaky world.
const FLAKY: f64 = 0.02;

/// The queue by which workers tell the orchestrator their results.
pub(super) const RESULTS: &str = "results";

const BROKER: Instance = Instance { service: Service::Queue, number: 1 };

const UNREADABLE: Failure<'static> = Failure {
    kind: "json.decoder.JSONDecodeError",
    message: "Unterminated string starting at: line 1 column 8193 (char 8192)",
    stack: "Traceback (most recent call last):\n  File \"/app/agents/worker.py\", line 131, in handle\n    \
            task = Task.from_json(message.body)\n  File \"/app/agents/task.py\", line 58, in from_json\n    \
            return cls(**json.loads(body))\n  File \"/usr/lib/python3.13/json/decoder.py\", line 361, in raw_decode\n    \
            obj, end = self.scan_once(s, idx)\njson.decoder.JSONDecodeError: Unterminated string starting at: line 1 \
            column 8193 (char 8192)",
};

const KILLED: Failure<'static> = Failure {
    kind: "WorkerLostError",
    message: "worker exited prematurely: signal 9 (SIGKILL), out of memory",
    stack: "Traceback (most recent call last):\n  File \"/app/agents/supervisor.py\", line 88, in wait_for\n    \
            raise WorkerLostError(status)\nagents.errors.WorkerLostError: worker exited prematurely: signal 9 (SIGKILL), \
            out of memory",
};

pub(super) const NO_ANSWER: Failure<'static> = Failure {
    kind: "agents.errors.ModelUnavailable",
    message: "the language model did not answer in 3 attempts",
    stack: "Traceback (most recent call last):\n  File \"/app/agents/worker.py\", line 147, in handle\n    \
            draft = self.model.chat(prompt)\n  File \"/app/agents/model.py\", line 73, in chat\n    \
            raise ModelUnavailable(attempts)\nagents.errors.ModelUnavailable: the language model did not answer in 3 \
            attempts",
};

const FLAKED: Failure<'static> = Failure {
    kind: "ConnectionResetError",
    message: "[Errno 104] Connection reset by peer",
    stack: "Traceback (most recent call last):\n  File \"/app/agents/worker.py\", line 139, in handle\n    \
            context = self.store.fetch(task.refs)\n  File \"/usr/lib/python3.13/socket.py\", line 719, in readinto\n    \
            return self._sock.recv_into(b)\nConnectionResetError: [Errno 104] Connection reset by peer",
};

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    /// Its ID, `task:…`.
    pub id: String,
    /// Who does it.
    pub worker: Service,
    /// By which queue it comes.
    pub queue: &'static str,
}

impl Task {
    /// A new task for a worker.
    pub(super) fn new(teller: &mut Teller<'_>, worker: Service) -> Self {
        let queue = match worker {
            Service::Coder => "tasks.code",
            Service::Publisher => "tasks.publish",
            Service::Reviewer => "handoff",
            _ => "tasks.research",
        };
        Self { id: format!("task:{}", teller.dice.hex(8)), worker, queue }
    }
}

/// A task in its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// The task.
    pub task: Task,
    /// The span that sent it.
    pub message: SpanRef,
    /// When it was there.
    pub at: i64,
}

/// Where a task's story ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct TaskEnd {
    /// When.
    pub at: i64,
    /// The span in which the orchestrator took note.
    pub span: SpanRef,
    /// Whether it was done.
    pub is_ok: bool,
}

impl Teller<'_> {
    /// Works a task off, in as many attempts as it takes or is given.
    pub(super) fn run_task(&mut self, sent: &Sent, deadline: i64, is_poisoned: bool) -> TaskEnd {
        let (task, message, mut at) = (&sent.task, sent.message, sent.at);
        let mut attempt = 1;
        loop {
            let by = self.choose_worker(task.worker, at);
            let wait = self.queue_wait(at);
            self.happen(at + wait, Happening::Dequeued(task.queue, wait));
            at += wait;
            let span = self.open(by, SpanKind::Consumer, format!("process {}", task.queue), Some(message), at);
            self.link(span, message, "message");
            self.tag_ids(span, Some(&task.id));
            self.tag_message(span, task, "process");
            self.tag(span, "task.attempt", attempt);
            self.tag(span, "task.deadline_unix", deadline / SECOND);
            let taken = Line::info(by, span, at + MS, format!("task started (attempt {attempt} of {ATTEMPTS})"));
            self.log_structured(
                "worker",
                None,
                taken.task(&task.id).with("attempt", attempt).with("queue", task.queue),
            );
            match self.attempt(by, span, task, at + 2 * MS, is_poisoned) {
                Ok(end) => return self.succeed(by, span, task, at, end),
                Err((failure, end)) => {
                    if let Some(again) = self.fail_attempt(by, span, task, (failure, attempt, end, deadline)) {
                        at = again;
                        attempt += 1;
                    } else {
                        return self.set_aside(task, span, attempt, end + 5 * MS);
                    }
                }
            }
        }
    }

    /// One that is not down; where all are, the first to come.
    fn choose_worker(&mut self, worker: Service, at: i64) -> Instance {
        let count = i64::try_from(worker.instances()).unwrap_or(1);
        let first = self.dice.between(0, count - 1);
        let nth =
            |turn: i64| Instance { service: worker, number: ((first + turn) % count).unsigned_abs() as usize + 1 };
        let is_up = |one: &Instance| !self.outages.is_down(*one, at);
        (0..count).map(nth).find(is_up).unwrap_or_else(|| nth(0))
    }

    fn queue_wait(&mut self, at: i64) -> i64 {
        let median = if is_on(IncidentKind::SlowGateway, at) { 1_800.0 } else { 35.0 };
        self.dice.around(median)
    }

    /// One attempt: when it ended, or what went wrong and when.
    fn attempt(
        &mut self,
        by: Instance,
        span: SpanRef,
        task: &Task,
        at: i64,
        is_poisoned: bool,
    ) -> Result<i64, (Failure<'static>, i64)> {
        if is_poisoned {
            self.trouble(IncidentKind::PoisonedTask);
            return Err((UNREADABLE, at + self.dice.around(12.0)));
        }
        let runs_bad_release = by == Instance { service: Service::Coder, number: 2 };
        if runs_bad_release && is_on(IncidentKind::CrashLoop, at) {
            return Err((KILLED, self.crash(by, span, task, at)));
        }
        if self.dice.chance(FLAKY) {
            return Err((FLAKED, at + self.dice.around(180.0)));
        }
        match task.worker {
            Service::Coder => self.code(by, span, task, at),
            Service::Publisher => self.put_artifact(by, span, task, at),
            _ => self.research(by, span, task, at),
        }
    }

    /// The worker dies in the middle of its task; its supervisor reports it and starts it anew after a while.
    fn crash(&mut self, by: Instance, span: SpanRef, task: &Task, at: i64) -> i64 {
        self.trouble(IncidentKind::CrashLoop);
        let died = at + self.dice.around(1_400.0);
        let pause = self.dice.between(8, 20);
        self.outages.take_down(by, died, died + pause * SECOND);
        self.happen(died, Happening::Crashed(by));
        let message = format!("worker exited: signal 9 (SIGKILL), out of memory; starting it again in {pause} s");
        let line = Line::info(by, span, died, message).level("FATAL").task(&task.id).failed(KILLED);
        self.log_structured("supervisor", Some(died - at), line.with("version", crate::demo::system::BAD_RELEASE));
        let line = Line::info(BROKER, span, died + 3 * MS, format!("consumer {} is gone, delivering again", by.name()));
        self.log_plain(line.level("WARN").task(&task.id).with("queue", task.queue));
        died
    }

    fn succeed(&mut self, by: Instance, span: SpanRef, task: &Task, start: i64, end: i64) -> TaskEnd {
        self.tag(span, "task.outcome", "ok");
        let line = Line::info(by, span, end, "task done").task(&task.id);
        self.log_structured("worker", Some(end - start), line);
        let result = Task { queue: RESULTS, ..task.clone() };
        let message = self.publish(by, span, &result, end);
        self.close(span, end + 3 * MS);
        let wait = self.dice.around(6.0);
        let noted = end + 2 * MS + wait;
        self.happen(noted, Happening::Dequeued(RESULTS, wait));
        let note = self.open(ORCHESTRATOR, SpanKind::Consumer, "process results", Some(message), noted);
        self.link(note, message, "message");
        self.tag_ids(note, Some(&task.id));
        self.tag_message(note, &result, "process");
        self.tag(note, "task.outcome", "ok");
        let line = Line::info(ORCHESTRATOR, note, noted + MS, format!("task completed by {}", by.name()));
        self.log_event("task_completed", line.task(&task.id).with("worker", by.name()));
        self.close(note, noted + 40 * MS);
        TaskEnd { at: noted + 2 * MS, span: note, is_ok: true }
    }

    /// Reports a failed attempt; answers when the task is in its queue again, nothing when it was the last.
    fn fail_attempt(
        &mut self,
        by: Instance,
        span: SpanRef,
        task: &Task,
        (failure, attempt, end, deadline): (Failure<'static>, i64, i64, i64),
    ) -> Option<i64> {
        self.fail(span, end, failure);
        self.close(span, end);
        let pause = (500 * MS) << attempt;
        let again = end + pause;
        let goes_on = attempt < ATTEMPTS && again < deadline;
        self.tag(span, "task.outcome", if goes_on { "retry" } else { "dead_letter" });
        let what = format!("task failed: {}", failure.message);
        let next = if goes_on { format!("{what}; again in {} ms", pause / MS) } else { format!("{what}; giving up") };
        let line = Line::info(by, span, end, next).level(if goes_on { "WARNING" } else { "ERROR" }).failed(failure);
        self.log_structured("worker", None, line.task(&task.id).with("attempt", attempt));
        goes_on.then(|| {
            self.happen(again, Happening::Enqueued(task.queue));
            again
        })
    }

    fn set_aside(&mut self, task: &Task, span: SpanRef, attempts: i64, at: i64) -> TaskEnd {
        self.happen(at, Happening::DeadLettered(task.queue));
        let message = format!("{} moved to {}.dead after {attempts} attempts", task.id, task.queue);
        let line = Line::info(BROKER, span, at, message).level("WARN").task(&task.id).with("queue", task.queue);
        self.log_plain(line);
        let note = self.open(ORCHESTRATOR, SpanKind::Internal, "give up task", Some(span), at + 2 * MS);
        self.tag_ids(note, Some(&task.id));
        self.status(note, "the task was set aside");
        self.close(note, at + 5 * MS);
        let line = Line::info(ORCHESTRATOR, note, at + 4 * MS, format!("task given up after {attempts} attempts"));
        self.log_event("task_failed", line.level("ERROR").task(&task.id).with("attempts", attempts));
        TaskEnd { at: at + 4 * MS, span: note, is_ok: false }
    }
}
