//! A request from its arrival to its end: the gateway, the orchestrator, its stages.

use super::language_model::SMALL;
use super::logs::Line;
use super::tasks::{Sent, Task, TaskEnd};
use super::{Happening, SpanRef, Teller};
use crate::demo::dice::{MS, SECOND};
use crate::demo::incident::{IncidentKind, is_on};
use crate::demo::system::{Instance, Service};
use clew_model::traces::SpanKind;

/// A run must be done so long after its request.
const RUN_DEADLINE: i64 = 75 * SECOND;

const GATEWAY: Instance = Instance { service: Service::ApiGateway, number: 1 };
pub(super) const ORCHESTRATOR: Instance = Instance { service: Service::Orchestrator, number: 1 };
const PLANNER: Instance = Instance { service: Service::Planner, number: 1 };

const GOALS: [&str; 8] = [
    "summarise the open incidents of last week",
    "add pagination to the invoices endpoint",
    "compare three vendors of vector indexes",
    "write release notes for 4.2",
    "migrate the billing cron to the scheduler",
    "find out why nightly exports are slow",
    "draft an answer to ticket 48213",
    "update the onboarding guide",
];

/// A request that is answered at once and worked on for some seconds. A `poisoned` one holds a task that nobody can read.
pub(crate) fn request(teller: &mut Teller<'_>, at: i64, is_poisoned: bool) {
    let root = arrive(teller, at);
    let call = teller.open(GATEWAY, SpanKind::Client, "POST", Some(root), at + 3 * MS);
    teller.tag(call, "server.address", "orchestrator");
    let run = teller.open(ORCHESTRATOR, SpanKind::Server, "POST /runs", Some(call), at + 4 * MS);
    teller.tag_ids(run, None);
    teller.tag(run, "http.route", "/runs");
    let goal = teller.dice.pick(&GOALS);
    teller.tag(run, "run.goal", goal);
    let message = format!("run created: {goal}");
    teller.log_event("run_created", Line::info(ORCHESTRATOR, run, at + 5 * MS, message).with("deadline_s", 75_i64));

    let planned = plan(teller, run, at + 7 * MS);
    let research = planned.map(|(count, at)| {
        let tasks: Vec<Task> = (0..count).map(|_| Task::new(teller, Service::Researcher)).collect();
        publish_all(teller, run, at, tasks)
    });
    let (answered, status) = match research.as_ref().and_then(|sent| sent.last()) {
        Some(last) => (last.at, 202_i64),
        None => (teller.story.spans.iter().map(|span| span.end).max().unwrap_or(at) + MS, 502),
    };
    for (span, at) in [(run, answered), (call, answered + MS), (root, answered + 2 * MS)] {
        teller.tag(span, "http.response.status_code", status);
        if status == 502 {
            teller.status(span, "502 Bad Gateway: no plan");
        }
        teller.close(span, at);
    }
    if let Some(sent) = research {
        work_off(teller, sent, at, is_poisoned);
    } else {
        let line = Line::info(GATEWAY, root, answered, "request failed: 502, the planner gave no plan").level("ERROR");
        teller.log_otlp(line.with("http.response.status_code", 502_i64));
    }
}

/// The gateway takes the request.
fn arrive(teller: &mut Teller<'_>, at: i64) -> SpanRef {
    let root = teller.open(GATEWAY, SpanKind::Server, "POST /v1/requests", None, at);
    teller.tag_ids(root, None);
    for (key, value) in [("http.request.method", "POST"), ("http.route", "/v1/requests"), ("url.path", "/v1/requests")]
    {
        teller.tag(root, key, value);
    }
    let (user, session) = (teller.ids.user.clone(), teller.ids.session.clone());
    teller.tag(root, "enduser.id", user.as_str());
    let mut line = Line::info(GATEWAY, root, at + MS, "request accepted").with("http.route", "/v1/requests");
    if let Some(session) = session {
        teller.tag(root, "session_id", session.as_str());
        line = line.with("session_id", session);
    }
    teller.log_otlp(line.with("enduser.id", user));
    root
}

/// How many tasks of the first stage the planner wants, and when it said so; nothing when it failed.
fn plan(teller: &mut Teller<'_>, run: SpanRef, at: i64) -> Option<(i64, i64)> {
    let call = teller.open(ORCHESTRATOR, SpanKind::Client, "agents.Planner/Plan", Some(run), at);
    teller.tag(call, "rpc.system", "grpc");
    teller.tag(call, "server.address", "planner");
    let served = teller.open(PLANNER, SpanKind::Server, "agents.Planner/Plan", Some(call), at + MS);
    teller.tag_ids(served, None);
    teller.tag(served, "rpc.system", "grpc");
    let answer = teller.ask_model(PLANNER, served, None, (SMALL, 600), at + 3 * MS);
    let count = teller.dice.between(1, 3);
    if answer.is_ok {
        let message = format!("plan ready: research ({count}), then code and review");
        let line = Line::info(PLANNER, served, answer.at + MS, message).with("tasks", count);
        teller.log_event("plan_ready", line);
    } else {
        teller.status(served, "no plan: the language model did not answer");
        teller.status(call, "no plan: the language model did not answer");
        let line = Line::info(PLANNER, served, answer.at, "planning failed: the language model did not answer");
        teller.log_event("plan_failed", line.level("ERROR"));
    }
    teller.close(served, answer.at + 2 * MS);
    teller.close(call, answer.at + 3 * MS);
    answer.is_ok.then_some((count, answer.at + 4 * MS))
}

/// Publishes tasks one after the other.
fn publish_all(teller: &mut Teller<'_>, parent: SpanRef, mut at: i64, tasks: Vec<Task>) -> Vec<Sent> {
    let mut sent = Vec::new();
    for task in tasks {
        let message = teller.publish(ORCHESTRATOR, parent, &task, at);
        let line = Line::info(ORCHESTRATOR, parent, at + 2 * MS, format!("task dispatched to {}", task.queue));
        teller.log_event("task_dispatched", line.task(&task.id).with("queue", task.queue));
        at += 3 * MS;
        sent.push(Sent { task, message, at });
    }
    sent
}

/// The stages after the answer: research, code, review, publication.
fn work_off(teller: &mut Teller<'_>, research: Vec<Sent>, start: i64, is_poisoned: bool) {
    let deadline = start + RUN_DEADLINE;
    let Some(researched) = stage(teller, research, deadline, is_poisoned) else { return };
    let tasks: Vec<Task> = (0..teller.dice.between(1, 2)).map(|_| Task::new(teller, Service::Coder)).collect();
    let code = publish_all(teller, researched.span, researched.at + MS, tasks);
    let Some(coded) = stage(teller, code, deadline, false) else { return };
    let Some(reviewed) = teller.review(coded, deadline) else { return };
    let Some(published) = stage(teller, vec![reviewed], deadline, false) else { return };
    let seconds = (published.at - start) as f64 / 1e9;
    let line = Line::info(ORCHESTRATOR, published.span, published.at, format!("run completed in {seconds:.1} s"));
    teller.log_event("run_completed", line.with("duration_s", (seconds * 10.0).round() / 10.0));
}

/// Works off the tasks of one stage side by side; answers where the orchestrator took note of the last result. A task
/// that is lost, or a deadline that passed, ends the run.
fn stage(teller: &mut Teller<'_>, sent: Vec<Sent>, deadline: i64, mut is_poisoned: bool) -> Option<TaskEnd> {
    let mut ends = Vec::new();
    for sent in &sent {
        ends.push(teller.run_task(sent, deadline, std::mem::take(&mut is_poisoned)));
    }
    let first_lost = ends.iter().filter(|end| !end.is_ok).min_by_key(|end| end.at);
    let last = *first_lost.or_else(|| ends.iter().max_by_key(|end| end.at))?;
    if !last.is_ok {
        let line = Line::info(ORCHESTRATOR, last.span, last.at + MS, "run failed: a task was set aside").level("ERROR");
        teller.log_event("run_failed", line);
        return None;
    }
    if last.at > deadline {
        let message = format!("run cancelled: its deadline of {} s has passed", RUN_DEADLINE / SECOND);
        teller.status(last.span, &message);
        teller.log_event("run_cancelled", Line::info(ORCHESTRATOR, last.span, last.at + MS, message).level("ERROR"));
        return None;
    }
    Some(last)
}

/// A user asks how far a request is.
pub(crate) fn poll(teller: &mut Teller<'_>, at: i64) {
    let root = teller.open(GATEWAY, SpanKind::Server, "GET /v1/requests/{id}", None, at);
    teller.tag_ids(root, None);
    for (key, value) in [("http.request.method", "GET"), ("http.route", "/v1/requests/{id}")] {
        teller.tag(root, key, value);
    }
    let path = format!("/v1/requests/{}", teller.ids.correlation);
    teller.tag(root, "url.path", path);
    let call = teller.open(GATEWAY, SpanKind::Client, "GET", Some(root), at + MS);
    teller.tag(call, "server.address", "orchestrator");
    let served = teller.open(ORCHESTRATOR, SpanKind::Server, "GET /runs/{id}", Some(call), at + 2 * MS);
    teller.tag(served, "http.route", "/runs/{id}");
    // The orchestrator holds a lock while its queues are long.
    let slow = if is_on(IncidentKind::SlowGateway, at) { 6.0 } else { 1.0 };
    let took = teller.dice.around(9.0 * slow);
    let is_unknown = teller.dice.chance(0.02);
    let status = if is_unknown { 404_i64 } else { 200 };
    for (span, end) in [(served, took), (call, took + MS), (root, took + 2 * MS)] {
        teller.tag(span, "http.response.status_code", status);
        teller.close(span, at + 3 * MS + end);
    }
    if is_unknown {
        let line = Line::info(GATEWAY, root, at + took, "no such request: it may have expired").level("WARN");
        teller.log_otlp(line.with("http.response.status_code", status));
    }
}

impl Teller<'_> {
    /// The orchestrator, or a worker, sends a task to its queue; answers the span of the message.
    pub(super) fn publish(&mut self, by: Instance, parent: SpanRef, task: &Task, at: i64) -> SpanRef {
        let span = self.open(by, SpanKind::Producer, format!("publish {}", task.queue), Some(parent), at);
        self.tag_ids(span, Some(&task.id));
        self.tag_message(span, task, "publish");
        self.close(span, at + 2 * MS);
        self.happen(at + 2 * MS, Happening::Enqueued(task.queue));
        let broker = Instance::first(Service::Queue);
        let line = Line::info(broker, span, at + 2 * MS, format!("enqueued {} on {}", task.id, task.queue));
        self.log_plain(line.level("DEBUG").task(&task.id).with("queue", task.queue));
        span
    }

    /// What messaging spans say (OpenTelemetry semantic conventions, "Messaging").
    pub(super) fn tag_message(&mut self, span: SpanRef, task: &Task, operation: &str) {
        self.tag(span, "messaging.system", "rabbitmq");
        self.tag(span, "messaging.destination.name", task.queue);
        self.tag(span, "messaging.operation.type", operation);
        self.tag(span, "messaging.message.id", task.id.as_str());
    }
}
