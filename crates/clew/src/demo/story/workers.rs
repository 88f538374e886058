//! What workers do with a task.

use super::front::ORCHESTRATOR;
use super::language_model::{CODE, LARGE, SMALL};
use super::logs::Line;
use super::tasks::{NO_ANSWER, Sent, Task, TaskEnd};
use super::{Failure, SpanRef, Teller};
use crate::demo::dice::MS;
use crate::demo::system::{Instance, Service};
use clew_model::Attribute;
use clew_model::traces::SpanKind;

/// The folder through which coder and reviewer hand over.
const HANDOFF_DIR: &str = "/var/lib/agents/handoff";

const REVIEWER: Instance = Instance { service: Service::Reviewer, number: 1 };

/// When an attempt ended, or what went wrong and when.
type Outcome = Result<i64, (Failure<'static>, i64)>;

impl Teller<'_> {
    pub(super) fn research(&mut self, by: Instance, span: SpanRef, task: &Task, at: i64) -> Outcome {
        let mut at = at + 2 * MS;
        for _ in 0..self.dice.between(1, 3) {
            at = self.look_up(by, span, at) + MS;
        }
        let tokens = self.dice.between(1_500, 6_000);
        let answer = self.ask_model(by, span, Some(&task.id), (LARGE, tokens), at);
        if !answer.is_ok {
            return Err((NO_ANSWER, answer.at));
        }
        let extract = self.open(by, SpanKind::Internal, "extract facts", Some(span), answer.at);
        let facts = self.dice.between(3, 14);
        self.tag(extract, "facts", facts);
        let end = answer.at + self.dice.around(25.0);
        self.close(extract, end);
        let line = Line::info(by, span, end, format!("{facts} facts extracted")).level("DEBUG").task(&task.id);
        self.log_structured("research", Some(end - answer.at), line.with("facts", facts));
        Ok(end)
    }

    /// A query of the vector store; answers when it was answered.
    fn look_up(&mut self, by: Instance, parent: SpanRef, at: i64) -> i64 {
        let store = Instance::first(Service::VectorStore);
        let call = self.open(by, SpanKind::Client, "query embeddings", Some(parent), at);
        self.tag(call, "db.system.name", "vector-store");
        self.tag(call, "server.address", "vector-store");
        let served = self.open(store, SpanKind::Server, "query embeddings", Some(call), at + MS);
        self.tag(served, "db.collection.name", "documents");
        let took = self.dice.around(18.0);
        let hits = self.dice.between(0, 20);
        self.tag(served, "db.response.returned_rows", hits);
        let end = at + MS + took;
        self.close(served, end);
        self.close(call, end + MS);
        let level = if took > 60 * MS { "WARN" } else { "DEBUG" };
        let message = if took > 60 * MS { "slow query" } else { "query answered" };
        let line = Line::info(store, served, end, message).level(level);
        self.log_flat(line.with("took_ms", took / MS).with("hits", hits).with("collection", "documents"));
        end + MS
    }

    pub(super) fn code(&mut self, by: Instance, span: SpanRef, task: &Task, at: i64) -> Outcome {
        let load = self.open(by, SpanKind::Internal, "load context", Some(span), at);
        let loaded = self.look_up(by, load, at + MS);
        self.close(load, loaded);
        let tokens = self.dice.between(3_000, 9_000);
        let answer = self.ask_model(by, span, Some(&task.id), (CODE, tokens), loaded);
        if !answer.is_ok {
            return Err((NO_ANSWER, answer.at));
        }
        let mut at = answer.at;
        // Most patches pass at once; the others are mended, once.
        for round in 1..=2 {
            let tests = self.open(by, SpanKind::Internal, "run tests", Some(span), at);
            let failed = if round == 1 && self.dice.chance(0.2) { self.dice.between(1, 4) } else { 0 };
            let passed = self.dice.between(40, 120);
            at += self.dice.around(420.0);
            self.tag(tests, "tests.passed", passed);
            self.tag(tests, "tests.failed", failed);
            self.close(tests, at);
            let line = Line::info(by, tests, at, format!("tests: {passed} passed, {failed} failed")).task(&task.id);
            let line = line.with("passed", passed).with("failed", failed);
            self.log_structured("tests", None, if failed > 0 { line.level("WARNING") } else { line });
            if failed == 0 {
                break;
            }
            self.status(tests, "tests failed");
            at = self.ask_model(by, span, Some(&task.id), (SMALL, 1_200), at + MS).at;
        }
        Ok(at)
    }

    pub(super) fn put_artifact(&mut self, by: Instance, span: SpanRef, task: &Task, at: i64) -> Outcome {
        let put = self.open(by, SpanKind::Client, "PUT", Some(span), at);
        self.tag(put, "http.request.method", "PUT");
        self.tag(put, "server.address", "artifacts.example");
        let bytes = self.dice.between(4_000, 400_000);
        self.tag(put, "http.request.body.size", bytes);
        self.tag(put, "http.response.status_code", 201_i64);
        let end = at + self.dice.around(90.0);
        self.close(put, end);
        let line = Line::info(by, put, end, format!("artifact published, {bytes} bytes")).task(&task.id);
        self.log_structured("artifacts", Some(end - at), line.with("bytes", bytes));
        Ok(end)
    }

    /// Hands the code over to the reviewer by a file: the reviewer's work is a trace of its own, linked to the span that
    /// wrote the file. Answers the publication that the reviewer asks for, nothing when the review failed.
    pub(super) fn review(&mut self, coded: TaskEnd, deadline: i64) -> Option<Sent> {
        let task = Task::new(self, Service::Reviewer);
        let file = format!("{HANDOFF_DIR}/{}.json", task.id.replace(':', "-"));
        let write = self.open(ORCHESTRATOR, SpanKind::Internal, "write handoff file", Some(coded.span), coded.at);
        self.tag_ids(write, Some(&task.id));
        self.tag(write, "file.path", file.as_str());
        let written = coded.at + self.dice.around(4.0);
        self.close(write, written);
        let line = Line::info(ORCHESTRATOR, write, written, format!("handed over for review: {file}"));
        self.log_event("task_handed_over", line.task(&task.id).with("path", file.as_str()));

        // The reviewer looks into the folder once a second.
        let seen = written + self.dice.between(50, 1_000) * MS;
        let span = self.open(REVIEWER, SpanKind::Consumer, "process handoff", None, seen);
        self.link(span, write, "handoff file");
        self.tag_ids(span, Some(&task.id));
        self.tag(span, "messaging.system", "file");
        self.tag(span, "messaging.destination.name", task.queue);
        self.tag(span, "messaging.operation.type", "process");
        self.tag(span, "file.path", file.as_str());
        self.tag(span, "task.attempt", 1_i64);
        let line = Line::info(REVIEWER, span, seen + MS, format!("picked up {file}")).task(&task.id);
        self.log_structured("handoff", None, line.with("path", file.as_str()));
        let tokens = self.dice.between(2_000, 5_000);
        let answer = self.ask_model(REVIEWER, span, Some(&task.id), (LARGE, tokens), seen + 5 * MS);
        let end = answer.at + MS;
        if !answer.is_ok || end > deadline {
            self.fail(span, end, NO_ANSWER);
            self.tag(span, "task.outcome", "dead_letter");
            self.close(span, end);
            let line = Line::info(REVIEWER, span, end, "review given up: no answer from the language model in time");
            self.log_structured("review", Some(end - seen), line.level("ERROR").task(&task.id).failed(NO_ANSWER));
            return None;
        }
        self.tag(span, "task.outcome", "ok");
        let comments = self.dice.between(0, 5);
        let attributes = vec![Attribute::new("verdict", "approved"), Attribute::new("comments", comments)];
        self.event(span, end, "review finished", attributes);
        let line = Line::info(REVIEWER, span, end, format!("approved, comments: {comments}")).task(&task.id);
        self.log_structured("review", Some(end - seen), line.with("comments", comments));
        let publication = Task::new(self, Service::Publisher);
        let message = self.publish(REVIEWER, span, &publication, end + MS);
        self.close(span, end + 4 * MS);
        Some(Sent { task: publication, message, at: end + 3 * MS })
    }
}
