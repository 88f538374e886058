//! Scripts in the language of Prometheus' promqltest.
//!
//! Commands: `load <step>`, `load_with_nhcb <step>`, `clear`, `eval[_fail|_warn|_info|_ordered] instant at <time> <query>`,
//! `eval[_fail|_warn|_info] range from <start> to <end> step <step> <query>`. Below an eval stand
//! `expect fail|warn|info|no_warn|no_info|ordered [msg:|regex:]`, `expect string "…"`,
//! `expect range vector from <start> to <end> step <step>`, a number for a scalar, and series with their values.
//! A message that is given without its position is taken at any position.

mod compare;
mod expect;
mod literal;
mod nhcb;

use crate::store::{MemoryStore, Stored};
use clew_model::Context;
use clew_model::metrics::Labels;
use clew_query::promql::{PromqlOptions, QueryResult, Value, parse, query_instant, query_range};
use compare::Wanted;
use expect::Expectations;
use std::time::Duration;

/// How the evals of a script went.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    /// Place and reason of those that did not answer as the script says.
    pub(crate) failures: Vec<String>,
}

/// Runs a script to its end, whatever fails.
pub(crate) fn run(name: &str, text: &str) -> Outcome {
    let mut store = MemoryStore::default();
    let mut outcome = Outcome::default();
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).peekable();
    while let Some((number, line)) = lines.next() {
        let mut body = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !is_command(line)) {
            body.push(line);
        }
        let is_eval = line.starts_with("eval");
        match command(&mut store, line, &body) {
            Ok(()) => outcome.passed += usize::from(is_eval),
            Err(reason) => outcome.failures.push(format!("{name}:{number}: {line}\n    {reason}")),
        }
    }
    outcome
}

fn is_command(line: &str) -> bool {
    let mut words = line.split_whitespace();
    match words.next() {
        Some("clear") => words.next().is_none(),
        Some("load" | "load_with_nhcb") => words.clone().count() == 1,
        Some(word) if word.starts_with("eval") => matches!(words.next(), Some("instant" | "range")),
        _ => false,
    }
}

fn command(store: &mut MemoryStore, line: &str, body: &[&str]) -> Result<(), String> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match word {
        "clear" => *store = MemoryStore::default(),
        "load" | "load_with_nhcb" => load(store, literal::duration(rest)?, body, word != "load")?,
        word => Eval::read(word, rest, body)?.check(store)?,
    }
    Ok(())
}

fn load(store: &mut MemoryStore, step: i64, body: &[&str], has_native: bool) -> Result<(), String> {
    let mut all: Vec<(Labels, Vec<(i64, Stored)>)> = Vec::new();
    // Start times, relative to the samples, of the series of the next line.
    let mut starts: Vec<Option<i64>> = Vec::new();
    for line in body {
        let (series, values) = literal::split_series(line);
        if series.ends_with("@st") {
            starts = literal::starts(values)?;
            continue;
        }
        let labels = literal::labels(series)?;
        let mut samples = Vec::new();
        for (index, point) in literal::values(values)?.into_iter().enumerate() {
            let Some(point) = point else { continue };
            let time = index as i64 * step;
            let start = starts.get(index).copied().flatten().map_or(0, |start| time + start);
            store.put_started(&labels, time, point.value.clone(), start);
            samples.push((time, point.value));
        }
        starts.clear();
        all.push((labels, samples));
    }
    if has_native {
        nhcb::convert(&all).into_iter().for_each(|(labels, time, sample)| store.put(&labels, time, sample));
    }
    Ok(())
}

/// When a query is asked.
#[derive(Debug, Clone, Copy)]
enum When {
    Instant(i64),
    Range { from: i64, to: i64, step: i64 },
}

struct Eval<'a> {
    when: When,
    query: &'a str,
    expect: Expectations,
    wanted: Wanted,
}

impl<'a> Eval<'a> {
    fn read(word: &str, rest: &'a str, body: &[&str]) -> Result<Self, String> {
        let (when, query) = when(rest)?;
        let (expect, values) = Expectations::read(word, body)?;
        Ok(Self { when, query, wanted: Wanted::read(&values)?, expect })
    }

    fn check(&self, store: &MemoryStore) -> Result<(), String> {
        let result = match self.ask(store, self.when) {
            Err(message) => return self.expect.check_failure(&message),
            Ok(_) if self.expect.fails() => return Err("expected a failure".to_owned()),
            Ok(result) => result,
        };
        let differs = |reason: String| format!("{reason}\n    got {:?}", result.value);
        match (self.when, &self.expect.string, self.expect.range) {
            (_, Some(want), _) => match &result.value {
                Value::String(_, got) if got == want => Ok(()),
                _ => Err(format!("expected {want:?}")),
            },
            (When::Instant(_), None, Some((from, step))) => self.wanted.check_matrix(&result.value, from, step),
            (When::Instant(_), None, None) => self.wanted.check_instant(&result.value, self.expect.is_ordered),
            (When::Range { from, step, .. }, None, _) => self.wanted.check_matrix(&result.value, from, step),
        }
        .map_err(differs)?;
        self.expect.check_annotations(&result.annotations)?;
        self.check_as_range(store)
    }

    /// An instant query is also a step of a range query, unless its answer depends on the range.
    fn check_as_range(&self, store: &MemoryStore) -> Result<(), String> {
        let depends = ["start()", "end()", "range()", "step()"].iter().any(|call| self.query.contains(call));
        let only_instant = self.expect.is_ordered || self.expect.range.is_some() || self.expect.string.is_some();
        let When::Instant(at) = self.when else { return Ok(()) };
        if depends || only_instant {
            return Ok(());
        }
        let when = When::Range { from: at - 60_000, to: at + 60_000, step: 60_000 };
        let result = self.ask(store, when).map_err(|message| format!("as a range query: {message}"))?;
        self.wanted.check_step(&result.value, at).map_err(|reason| format!("as a range query: {reason}"))
    }

    fn ask(&self, store: &MemoryStore, when: When) -> Result<QueryResult, String> {
        let options = PromqlOptions::default();
        let expr = parse(self.query).map_err(|error| error.message)?;
        match when {
            When::Instant(at) => query_instant(store, &context(), &expr, at, &options),
            When::Range { from, to, step } => query_range(store, &context(), &expr, from, to, step, &options),
        }
        .map_err(|error| error.message)
    }
}

/// `instant at 5m query` or `range from 0 to 5m step 1m query`.
fn when(text: &str) -> Result<(When, &str), String> {
    let malformed = || format!("malformed: {text}");
    let word = |text: &'_ str, name: &str| -> Option<(i64, usize)> {
        let rest = text.trim_start().strip_prefix(name)?;
        let value = rest.trim_start();
        let end = value.find(char::is_whitespace)?;
        Some((literal::duration(&value[..end]).ok()?, text.len() - value.len() + end))
    };
    if let Some(rest) = text.strip_prefix("instant") {
        // Without a time it is 0.
        let Some((at, used)) = word(rest, "at ") else { return Ok((When::Instant(0), rest.trim())) };
        return Ok((When::Instant(at), rest[used..].trim()));
    }
    let mut rest = text.strip_prefix("range").ok_or_else(malformed)?;
    let mut times = [0; 3];
    for (name, time) in ["from ", "to ", "step "].iter().zip(&mut times) {
        let (value, used) = word(rest, name).ok_or_else(malformed)?;
        (*time, rest) = (value, &rest[used..]);
    }
    let [from, to, step] = times;
    Ok((When::Range { from, to, step }, rest.trim()))
}

pub(crate) fn context() -> Context {
    Context::new(Duration::from_secs(60), 1 << 30)
}
