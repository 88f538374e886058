//! Calls of a language model through the gateway, with deadlines and further attempts.

use super::logs::Line;
use super::{Failure, SpanRef, Teller};
use crate::demo::dice::{MS, SECOND};
use crate::demo::incident::{IncidentKind, is_on};
use crate::demo::system::{Instance, Service};
use clew_model::Attribute;
use clew_model::traces::SpanKind;

/// A call ends after so long, answered or not.
const DEADLINE: i64 = 10 * SECOND;

/// So often it is tried.
const ATTEMPTS: i64 = 3;

/// Share of calls that the upstream does not answer in time during an incident.
const UNANSWERED: f64 = 0.45;

const TIMED_OUT: Failure<'static> = Failure {
    kind: "DeadlineExceeded",
    message: "upstream did not answer within 10s",
    stack: "DeadlineExceeded: upstream did not answer within 10s\n    \
            at gateway/upstream.(*Client).Do (upstream/client.go:214)\n    \
            at gateway/proxy.(*Handler).chat (proxy/chat.go:97)\n    \
            at net/http.HandlerFunc.ServeHTTP (net/http/server.go:2294)",
};

/// A language model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    name: &'static str,
    /// Dollars for a million tokens sent.
    price_in: f64,
    /// Dollars for a million tokens got.
    price_out: f64,
}

/// For hard questions.
pub(super) const LARGE: Model = Model { name: "atlas-large", price_in: 3.0, price_out: 15.0 };

/// For easy ones.
pub(super) const SMALL: Model = Model { name: "atlas-small", price_in: 0.25, price_out: 1.25 };

/// For code.
pub(super) const CODE: Model = Model { name: "cirrus-code", price_in: 1.0, price_out: 5.0 };

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// When.
    pub at: i64,
    /// Whether there was an answer.
    pub is_ok: bool,
}

impl Teller<'_> {
    /// Asks a model with so many tokens, as often as it needs.
    pub(super) fn ask_model(
        &mut self,
        caller: Instance,
        parent: SpanRef,
        task: Option<&str>,
        (model, tokens): (Model, i64),
        mut at: i64,
    ) -> Answer {
        for attempt in 1..=ATTEMPTS {
            let answer = self.ask_once(caller, parent, task, (model, tokens, attempt), at);
            if answer.is_ok || attempt == ATTEMPTS {
                return answer;
            }
            let pause = (250 * MS) << attempt;
            self.event(
                parent,
                answer.at,
                "retry",
                vec![
                    Attribute::new("retry.attempt", attempt + 1),
                    Attribute::new("retry.backoff_ms", pause / MS),
                    Attribute::new("retry.reason", TIMED_OUT.kind),
                ],
            );
            at = answer.at + pause;
        }
        Answer { at, is_ok: false }
    }

    fn ask_once(
        &mut self,
        caller: Instance,
        parent: SpanRef,
        task: Option<&str>,
        (model, tokens, attempt): (Model, i64, i64),
        at: i64,
    ) -> Answer {
        let gateway =
            Instance { service: Service::LlmGateway, number: self.dice.between(1, 2).unsigned_abs() as usize };
        let call = self.open(caller, SpanKind::Client, "POST", Some(parent), at);
        self.tag(call, "http.request.method", "POST");
        self.tag(call, "server.address", "llm-gateway");
        self.tag(call, "http.request.resend_count", attempt - 1);
        let served = self.open(gateway, SpanKind::Server, "POST /v1/chat", Some(call), at + 600_000);
        self.tag_ids(served, task);
        self.tag(served, "http.route", "/v1/chat");
        let chat = self.open(gateway, SpanKind::Client, format!("chat {}", model.name), Some(served), at + 2 * MS);
        self.tag(chat, "gen_ai.operation.name", "chat");
        self.tag(chat, "gen_ai.request.model", model.name);
        self.tag(chat, "server.address", "models.example");

        let is_slow = is_on(IncidentKind::SlowGateway, at);
        let out = (tokens as f64 * (0.2 + 0.3 * self.dice.fraction())) as i64;
        // Some time to the first token, then about a thousand a second.
        let usual = self.dice.around(250.0 + out as f64 * 0.9);
        let took = if is_slow { usual * self.dice.between(5, 11) } else { usual };
        let lost = took > DEADLINE || (is_slow && self.dice.chance(UNANSWERED));
        let end = at + 2 * MS + if lost { DEADLINE } else { took };
        self.tag(served, "http.response.status_code", if lost { 504_i64 } else { 200 });
        self.tag(call, "http.response.status_code", if lost { 504_i64 } else { 200 });
        if lost {
            self.lose_call(gateway, (call, served, chat), task, (model, attempt), end);
        } else {
            self.answer_call(gateway, (served, chat), (model, tokens, out), took, end);
        }
        self.close(chat, end);
        self.close(served, end + 400_000);
        self.close(call, end + MS);
        Answer { at: end + MS, is_ok: !lost }
    }

    fn answer_call(
        &mut self,
        gateway: Instance,
        (served, chat): (SpanRef, SpanRef),
        (model, tokens, out): (Model, i64, i64),
        took: i64,
        at: i64,
    ) {
        self.tag(chat, "gen_ai.usage.input_tokens", tokens);
        self.tag(chat, "gen_ai.usage.output_tokens", out);
        let micros = tokens as f64 * model.price_in + out as f64 * model.price_out;
        self.tag(chat, "llm.cost_usd", micros.round() / 1e6);
        let level = if took > 4 * SECOND { "WARN" } else { "INFO" };
        let message = format!("chat {} answered in {} ms, {} tokens", model.name, took / MS, tokens + out);
        let line = Line::info(gateway, served, at, message).level(level).with("gen_ai.request.model", model.name);
        self.log_otlp(line.with("duration_ms", took / MS).with("tokens", tokens + out));
    }

    fn lose_call(
        &mut self,
        gateway: Instance,
        (call, served, chat): (SpanRef, SpanRef, SpanRef),
        task: Option<&str>,
        (model, attempt): (Model, i64),
        at: i64,
    ) {
        if is_on(IncidentKind::SlowGateway, at) {
            self.trouble(IncidentKind::SlowGateway);
        }
        self.fail(chat, at, TIMED_OUT);
        self.status(served, "504 Gateway Timeout");
        self.status(call, "504 Gateway Timeout");
        let message = format!("chat {} failed: {} (attempt {attempt} of {ATTEMPTS})", model.name, TIMED_OUT.message);
        let line = Line::info(gateway, served, at, message).level("ERROR").failed(TIMED_OUT);
        let line =
            line.with("gen_ai.request.model", model.name).with("attempt", attempt).with("upstream", "models.example");
        match task {
            Some(task) => self.log_otlp(line.task(task)),
            None => self.log_otlp(line),
        }
    }
}
