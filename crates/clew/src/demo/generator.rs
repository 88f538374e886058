//! The story in order of time: pure, its present time is an argument, and the same seed tells the same story.

use super::dice::{Dice, MS, SECOND};
use super::incident::{INCIDENT_PERIOD, IncidentKind, incident_at};
use super::metrics::Metrics;
use super::outages::Outages;
use super::story::{self, Happening, Ids, Story, Teller};
use super::system::System;
use crate::limits::DEMO_HEADLINES;
use clew_model::logs::LogRecord;
use clew_model::metrics::MetricBatch;
use clew_model::traces::Span;
use std::collections::{BTreeMap, VecDeque};
use std::f64::consts::TAU;

/// Requests a second on average.
const RATE: f64 = 1.0;

/// The rate swings by so much of itself, once in twenty minutes.
const SWING: f64 = 0.4;

/// All instances are scraped this often, at whole multiples.
const SCRAPE_INTERVAL: i64 = 15 * SECOND;

/// What has come to pass since the last question.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Batch {
    /// Log records by time.
    pub logs: Vec<LogRecord>,
    /// Spans by end.
    pub spans: Vec<Span>,
    /// One batch for each scrape.
    pub metrics: Vec<MetricBatch>,
}

/// A request worth a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Headline {
    /// Its correlation ID.
    pub id: String,
    /// What troubled it.
    pub trouble: IncidentKind,
    /// When it came, nanoseconds.
    pub at: i64,
    /// When its last record ended, nanoseconds.
    pub end: i64,
}

/// What comes to pass at some later time.
enum Pending {
    Log(Box<LogRecord>),
    Span(Box<Span>),
    Happening(Happening),
}

/// Tells the story on demand.
pub(super) struct Generator {
    system: System,
    dice: Dice,
    outages: Outages,
    metrics: Metrics,
    /// By time, then by the order of their making.
    pending: BTreeMap<(i64, u64), Pending>,
    made: u64,
    next_request: i64,
    next_scrape: i64,
    /// The period of the last poisoned task.
    poisoned: Option<i64>,
    /// A session that goes on, and how many more requests it has.
    session: Option<(Ids, i64)>,
    headlines: VecDeque<Headline>,
}

impl Generator {
    /// A story that begins at `start` (nanoseconds).
    pub(super) fn new(seed: u64, start: i64) -> Self {
        Self {
            system: System::new(),
            dice: Dice::new(seed),
            outages: Outages::default(),
            metrics: Metrics::default(),
            pending: BTreeMap::new(),
            made: 0,
            next_request: start,
            next_scrape: next_multiple(start),
            poisoned: None,
            session: None,
            headlines: VecDeque::new(),
        }
    }

    /// Tells on until `to` (nanoseconds), included. What comes to pass later waits for the next call.
    pub(super) fn advance(&mut self, to: i64) -> Batch {
        let mut batch = Batch::default();
        while self.next_request <= to {
            let at = self.next_request;
            self.request(at);
            let turn = (at % (1200 * SECOND)) as f64 / (1200 * SECOND) as f64;
            let rate = RATE * (1.0 + SWING * (turn * TAU).sin());
            self.next_request = at + self.dice.wait(rate).max(MS);
        }
        while self.next_scrape <= to {
            let at = self.next_scrape;
            self.release(at, &mut batch);
            batch.metrics.push(self.metrics.scrape(at, &self.outages));
            self.outages.forget(at);
            self.next_scrape = at + SCRAPE_INTERVAL;
        }
        self.release(to, &mut batch);
        batch
    }

    /// Leaves out what lies between the last moment told and `to`: requests come again from then on.
    pub(super) fn skip_to(&mut self, to: i64) {
        self.next_request = self.next_request.max(to);
        self.next_scrape = self.next_scrape.max(next_multiple(to));
    }

    /// From now on no request comes; those that came are worked off.
    #[cfg(test)]
    pub(super) fn end_requests(&mut self) {
        self.next_request = i64::MAX;
    }

    /// The newest request in trouble whose story ended by `now`, a poisoned task before others: its story is the
    /// shortest to read.
    pub(super) fn headline(&self, now: i64) -> Option<&Headline> {
        let ended = || self.headlines.iter().rev().filter(move |one| one.end <= now);
        ended().find(|one| one.trouble == IncidentKind::PoisonedTask).or_else(|| ended().next())
    }

    fn request(&mut self, at: i64) {
        let mut ids = self.ids();
        let is_poisoned = match incident_at(at) {
            Some(incident) if incident.kind == IncidentKind::PoisonedTask => {
                self.poisoned.replace(incident.period) != Some(incident.period)
            }
            _ => false,
        };
        if is_poisoned {
            // A session leads to its other requests; this story is to be read alone.
            ids.session = None;
        }
        let mut teller = Teller::new(&self.system, &mut self.dice, &mut self.outages, ids.clone());
        story::request(&mut teller, at, is_poisoned);
        let story = teller.finish();
        if let Some(trouble) = story.troubled_by {
            self.remember(Headline { id: ids.correlation.clone(), trouble, at, end: story.end });
        }
        self.keep(story);
        for _ in 0..self.dice.between(0, 2) {
            let asked = at + self.dice.around(4_000.0);
            let mut teller = Teller::new(&self.system, &mut self.dice, &mut self.outages, ids.clone());
            story::poll(&mut teller, asked);
            let story = teller.finish();
            self.keep(story);
        }
    }

    /// Keeps the first request that an incident troubled.
    fn remember(&mut self, headline: Headline) {
        let is_known = |one: &Headline| one.trouble == headline.trouble && headline.at - one.at < INCIDENT_PERIOD;
        if self.headlines.iter().any(is_known) {
            return;
        }
        if self.headlines.len() == DEMO_HEADLINES {
            self.headlines.pop_front();
        }
        self.headlines.push_back(headline);
    }

    /// The IDs of a new request: some belong to a session of two to four.
    fn ids(&mut self) -> Ids {
        let correlation = format!("req-{}", self.dice.hex(12));
        if let Some((session, more)) = self.session.take_if(|_| self.dice.chance(0.25)) {
            if more > 1 {
                self.session = Some((session.clone(), more - 1));
            }
            return Ids { correlation, ..session };
        }
        let user = format!("user-{}", self.dice.between(100, 139));
        if self.session.is_none() && self.dice.chance(0.3) {
            let session = Some(format!("sess-{}", self.dice.hex(10)));
            let ids = Ids { correlation, session, user };
            self.session = Some((ids.clone(), self.dice.between(1, 3)));
            return ids;
        }
        Ids { correlation, session: None, user }
    }

    fn keep(&mut self, story: Story) {
        let logs = story.logs.into_iter().map(|log| (log.time, Pending::Log(Box::new(log))));
        let spans = story.spans.into_iter().map(|span| (span.end, Pending::Span(Box::new(span))));
        let happenings = story.happenings.into_iter().map(|(at, one)| (at, Pending::Happening(one)));
        for (at, pending) in logs.chain(spans).chain(happenings) {
            self.pending.insert((at, self.made), pending);
            self.made += 1;
        }
    }

    /// Gives out what has come to pass by `to`, and counts it.
    fn release(&mut self, to: i64, batch: &mut Batch) {
        let later = self.pending.split_off(&(to, u64::MAX));
        for pending in std::mem::replace(&mut self.pending, later).into_values() {
            match pending {
                Pending::Log(log) => batch.logs.push(*log),
                Pending::Span(span) => {
                    self.metrics.span(&span);
                    batch.spans.push(*span);
                }
                Pending::Happening(happening) => self.metrics.happening(happening),
            }
        }
    }
}

fn next_multiple(time: i64) -> i64 {
    time.div_euclid(SCRAPE_INTERVAL).saturating_add(1).saturating_mul(SCRAPE_INTERVAL)
}
