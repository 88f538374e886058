//! Which rows of a block pass a filter, answered column by column.
//!
//! Each distinct value of a dictionary is tested once; a word without digits is decided by message templates alone
//! (see `template`). `LogFilter::matches` is the definition, and tests hold the two against each other.

use super::block::LogBlock;
use super::find;
use super::leaves::Leaf;
use super::messages::{Place, Strings, TemplateIds};
use super::needs::{Need, outside_needs};
use super::opaque::Opaque;
use super::shapes::Column;
use super::verdicts::{TextMatcher, Verdict, Verdicts};
use crate::dictionary::TextColumn;
use crate::error::ColumnsError;
use clew_model::RowSet;
use clew_model::logs::{FieldTest, LogFilter, LogRecord, Pattern, Severity, TextTest, WellKnown, well_known};
use clew_model::{CanonicalId, SpanId, TraceId, Value};
use std::cell::RefCell;

/// A filter with everything worked out that does not depend on a block: made once a query.
#[derive(Debug)]
pub struct Evaluator<'a> {
    node: Node<'a>,
    outside: Vec<Need>,
    tests: usize,
}

/// An evaluator at work on one thread: it remembers what it learns of one block for the next.
#[derive(Debug)]
pub struct BlockEvaluator<'e> {
    evaluator: &'e Evaluator<'e>,
    /// By the number of the test.
    verdicts: Vec<RefCell<Verdicts>>,
}

/// Which tests on any text may pass in a block by a text other than the message: one bit for each need of
/// [`Evaluator::outside`]; tests after the 64th may always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outside(u64);

impl Outside {
    /// All tests may.
    pub const ANY: Self = Self(u64::MAX);

    /// Those tests may of whose number `may` says so.
    #[must_use]
    pub fn of(tests: usize, may: impl Fn(usize) -> bool) -> Self {
        let denied = (0..tests.min(64)).filter(|test| !may(*test)).fold(0u64, |bits, test| bits | 1 << test);
        Self(!denied)
    }

    fn may(self, test: usize) -> bool {
        self.0.checked_shr(test as u32).is_none_or(|bits| bits & 1 == 1)
    }
}

#[derive(Debug)]
enum Node<'a> {
    All,
    And(Vec<Node<'a>>),
    Or(Vec<Node<'a>>),
    Not(Box<Node<'a>>),
    /// Number of the test, and its place among those on any text.
    AnyText(usize, usize, TextMatcher<'a>),
    Message(usize, TextMatcher<'a>),
    Field(&'a str, Matcher<'a>),
    SeverityBetween(u8, u8),
}

impl<'a> Evaluator<'a> {
    /// Prepares a filter.
    #[must_use]
    pub fn new(filter: &'a LogFilter) -> Self {
        let mut evaluator = Self { node: Node::All, outside: Vec::new(), tests: 0 };
        evaluator.node = evaluator.node(filter);
        evaluator
    }

    /// Of each test on any text: what a block must have for it to pass by another text than the message.
    #[must_use]
    pub fn outside(&self) -> &[Need] {
        &self.outside
    }

    /// Ready to work on one thread.
    #[must_use]
    pub fn worker(&self) -> BlockEvaluator<'_> {
        BlockEvaluator { evaluator: self, verdicts: (0..self.tests).map(|_| RefCell::default()).collect() }
    }

    fn node(&mut self, filter: &'a LogFilter) -> Node<'a> {
        let mut number = || {
            self.tests += 1;
            self.tests - 1
        };
        match filter {
            LogFilter::All => Node::All,
            LogFilter::And(all) => Node::And(all.iter().map(|filter| self.node(filter)).collect()),
            LogFilter::Or(any) => Node::Or(any.iter().map(|filter| self.node(filter)).collect()),
            LogFilter::Not(filter) => Node::Not(Box::new(self.node(filter))),
            LogFilter::AnyText(test) => {
                let number = number();
                self.outside.push(outside_needs(test));
                Node::AnyText(number, self.outside.len() - 1, TextMatcher::new(test))
            }
            LogFilter::Message(test) => Node::Message(number(), TextMatcher::new(test)),
            LogFilter::Field { name, test } => Node::Field(name, Matcher::new(test)),
            LogFilter::SeverityBetween(low, high) => Node::SeverityBetween(*low, *high),
        }
    }
}

impl BlockEvaluator<'_> {
    /// The rows of the block that pass. `outside` is what an index of blocks answers to [`Evaluator::outside`].
    ///
    /// # Errors
    /// A column that must be read is damaged.
    pub fn evaluate(&self, block: &LogBlock, outside: Outside) -> Result<RowSet, ColumnsError> {
        block.evaluate_node(&self.evaluator.node, self, outside)
    }

    fn verdicts(&self, test: usize) -> Option<&RefCell<Verdicts>> {
        self.verdicts.get(test)
    }
}

impl LogBlock {
    /// The rows that pass a filter; for many blocks prepare an [`Evaluator`].
    ///
    /// # Errors
    /// A column that must be read is damaged.
    pub fn evaluate(&self, filter: &LogFilter) -> Result<RowSet, ColumnsError> {
        Evaluator::new(filter).worker().evaluate(self, Outside::ANY)
    }

    fn evaluate_node(
        &self,
        node: &Node<'_>,
        worker: &BlockEvaluator<'_>,
        outside: Outside,
    ) -> Result<RowSet, ColumnsError> {
        let rows = self.rows();
        Ok(match node {
            Node::All => RowSet::all(rows),
            Node::And(all) => {
                let mut passing = RowSet::all(rows);
                for node in all {
                    if passing.is_empty() {
                        break;
                    }
                    passing.intersect(&self.evaluate_node(node, worker, outside)?);
                }
                passing
            }
            Node::Or(any) => {
                let mut passing = RowSet::none(rows);
                for node in any {
                    passing.unite(&self.evaluate_node(node, worker, outside)?);
                }
                passing
            }
            Node::Not(node) => {
                let mut passing = self.evaluate_node(node, worker, outside)?;
                passing.invert();
                passing
            }
            Node::AnyText(number, place, matcher) => {
                let mut passing = self.message(matcher, worker.verdicts(*number))?;
                if outside.may(*place) {
                    self.add_outside(&mut passing, matcher.test)?;
                }
                passing
            }
            Node::Message(number, matcher) => self.message(matcher, worker.verdicts(*number))?,
            Node::Field(name, test) => self.field(name, test)?,
            Node::SeverityBetween(low, high) => {
                let allowed = *low..=*high;
                let numbers = self.severity_numbers()?;
                RowSet::of(rows, |row| numbers.get(row).is_some_and(|number| allowed.contains(number)))
            }
        })
    }

    /// Adds the rows of which another text than the message passes.
    fn add_outside(&self, passing: &mut RowSet, test: &TextTest) -> Result<(), ColumnsError> {
        add_texts(passing, self.services()?, &|text| test.matches(text));
        let shapes = self.shapes()?;
        for index in 0..shapes.columns.len() {
            self.add_leaf_text(passing, index, test)?;
        }
        let any_scalar = |record: &LogRecord| {
            let mut found = false;
            record.visit_attributes(&mut |_, value| {
                found = found || value.scalar_text().is_some_and(|text| test.matches(&text));
            });
            found
        };
        self.add_resources(passing, &any_scalar)?;
        self.add_scopes(passing, &any_scalar)?;
        self.add_ids(passing, test)
    }

    fn add_leaf_text(&self, passing: &mut RowSet, index: usize, test: &TextTest) -> Result<(), ColumnsError> {
        match self.leaf(index)? {
            Leaf::Int(_) | Leaf::Double(_) if lacks_a_digit(test) => {
                // Decimal digits stand in every word of a finite number; the others are looked at one by one.
                if let Leaf::Double(numbers) = self.leaf(index)? {
                    let odd = |number: &f64| !number.is_finite() && matches_value(test, &Value::Double(*number));
                    self.add_values(passing, index, &|place| numbers.get(place).is_some_and(odd))?;
                }
                Ok(())
            }
            Leaf::Text(texts) | Leaf::Number(texts) => {
                let found = find::texts_passing(texts.candidates(), test);
                self.add_found(passing, index, texts, &found)
            }
            Leaf::Opaque(values) => {
                let found: Vec<bool> = values.entries.iter().map(|value| matches_value(test, value)).collect();
                self.add_entries(passing, index, values, &found)
            }
            leaf => self.add_values(passing, index, &|place| matches_value(test, &leaf.value(place))),
        }
    }

    /// Adds the rows of which a value in the column passes, by its place.
    fn add_values(
        &self,
        passing: &mut RowSet,
        column: usize,
        passes: &dyn Fn(usize) -> bool,
    ) -> Result<(), ColumnsError> {
        self.shapes()?.for_each_value(column, |row, place| {
            if !passing.contains(row) && passes(place) {
                passing.insert(row);
            }
        });
        Ok(())
    }

    fn add_found(
        &self,
        passing: &mut RowSet,
        column: usize,
        texts: &TextColumn,
        found: &[bool],
    ) -> Result<(), ColumnsError> {
        if !found.contains(&true) {
            return Ok(());
        }
        let found = |candidate: usize| found.get(candidate) == Some(&true);
        match texts {
            TextColumn::Dictionary { ids, .. } => {
                self.add_values(passing, column, &|place| ids.get(place).is_some_and(|id| found(*id as usize)))
            }
            TextColumn::Plain(_) => self.add_values(passing, column, &found),
        }
    }

    fn add_entries(
        &self,
        passing: &mut RowSet,
        column: usize,
        values: &Opaque,
        found: &[bool],
    ) -> Result<(), ColumnsError> {
        let passes = |place: usize| values.ids.get(place).and_then(|id| found.get(*id as usize)) == Some(&true);
        self.add_values(passing, column, &passes)
    }

    fn add_resources(&self, passing: &mut RowSet, test: &dyn Fn(&LogRecord) -> bool) -> Result<(), ColumnsError> {
        let resources = self.resources()?;
        let of = |resource| LogRecord { resource: std::sync::Arc::clone(resource), ..LogRecord::default() };
        let found: Vec<bool> = resources.entries.iter().map(|resource| test(&of(resource))).collect();
        add_shared(passing, &resources.ids, &found);
        Ok(())
    }

    fn add_scopes(&self, passing: &mut RowSet, test: &dyn Fn(&LogRecord) -> bool) -> Result<(), ColumnsError> {
        let scopes = self.scopes()?;
        let of = |scope| LogRecord { scope: std::sync::Arc::clone(scope), ..LogRecord::default() };
        let found: Vec<bool> = scopes.entries.iter().map(|scope| test(&of(scope))).collect();
        add_shared(passing, &scopes.ids, &found);
        Ok(())
    }

    fn add_ids(&self, passing: &mut RowSet, test: &TextTest) -> Result<(), ColumnsError> {
        // An ID's text is one word of 32 or 16 digits: most tests need not look.
        let (trace, span) = match test {
            TextTest::Words(words) => match words.as_slice() {
                [] => (true, true),
                [word] => (word.len() == 32, word.len() == 16),
                _ => (false, false),
            },
            _ => (true, true),
        };
        if trace {
            self.add_traces(passing, &|text| test.matches(text))?;
        }
        if span {
            self.add_spans(passing, &|text| test.matches(text))?;
        }
        Ok(())
    }

    fn add_traces(&self, passing: &mut RowSet, test: &dyn Fn(&str) -> bool) -> Result<(), ColumnsError> {
        let traces = self.traces()?;
        let found: Vec<bool> = traces.entries.iter().map(|id| test(&TraceId(*id).to_string())).collect();
        add_optional(passing, &traces.rows, &found);
        Ok(())
    }

    fn add_spans(&self, passing: &mut RowSet, test: &dyn Fn(&str) -> bool) -> Result<(), ColumnsError> {
        let spans = self.spans()?;
        let found: Vec<bool> = spans.entries.iter().map(|id| test(&SpanId(*id).to_string())).collect();
        add_optional(passing, &spans.rows, &found);
        Ok(())
    }

    /// The rows of which the message passes; `known` is what templates said before.
    fn message(&self, matcher: &TextMatcher<'_>, known: Option<&RefCell<Verdicts>>) -> Result<RowSet, ColumnsError> {
        let test = matcher.test;
        let messages = self.messages()?;
        let strings = match &messages.strings {
            Strings::Column(column) => {
                let found = find::texts_passing(column.candidates(), test);
                let mut passing = RowSet::none(column.len());
                add_candidates(&mut passing, column, &found);
                passing
            }
            Strings::Templates(own) => self.templates_passing(own, matcher, known)?,
        };
        let others: Vec<bool> =
            messages.others.entries.iter().map(|value| test.matches(&value.display_text())).collect();
        Ok(self.bodies(&messages.places, &strings, &messages.others, &others))
    }

    fn bodies(&self, places: &[Place], strings: &RowSet, others: &Opaque, found: &[bool]) -> RowSet {
        RowSet::of(self.rows(), |row| match places.get(row) {
            Some(Place::String(place)) => strings.contains(*place as usize),
            Some(Place::Other(place)) => {
                others.ids.get(*place as usize).and_then(|id| found.get(*id as usize)) == Some(&true)
            }
            None => false,
        })
    }

    /// Of the strings, those that pass; strings are put together only where their template does not decide, and the
    /// texts of templates are read only where it is not known yet what they say.
    fn templates_passing(
        &self,
        own: &TemplateIds,
        matcher: &TextMatcher<'_>,
        known: Option<&RefCell<Verdicts>>,
    ) -> Result<RowSet, ColumnsError> {
        let mut fresh = Verdicts::default();
        let mut known = known.map(RefCell::borrow_mut);
        let known = known.as_deref_mut().unwrap_or(&mut fresh);
        let mut verdicts = Vec::with_capacity(own.distinct);
        for (template, hash) in self.template_hashes(own)?.iter().enumerate() {
            verdicts.push(match known.of(*hash) {
                Some(verdict) => verdict,
                None => known.learn(*hash, matcher, self.templates(own)?.templates.get(template)),
            });
        }
        let verdict = |id: u32| verdicts.get(id as usize).copied().unwrap_or(Verdict::No);
        let mut passing = RowSet::none(own.ids.len());
        if verdicts.contains(&Verdict::Yes) {
            let passes = |(_, id): &(usize, &u32)| verdict(**id) == Verdict::Yes;
            own.ids.iter().enumerate().filter(passes).for_each(|(string, _)| passing.insert(string));
        }
        if verdicts.contains(&Verdict::Unknown) {
            let is_open = |id: u32| verdict(id) == Verdict::Unknown;
            let texts = self.templates(own)?.render_those(&own.ids, |_, id| is_open(id))?;
            let open = own.ids.iter().enumerate().filter(|(_, id)| is_open(**id));
            let found = open.zip(find::texts_passing(&texts, matcher.test)).filter(|(_, passes)| *passes);
            found.for_each(|((string, _), _)| passing.insert(string));
        }
        Ok(passing)
    }

    fn field(&self, name: &str, test: &Matcher<'_>) -> Result<RowSet, ColumnsError> {
        let mut passing = RowSet::none(self.rows());
        for (index, column) in self.shapes()?.columns.iter().enumerate() {
            if column.is_named(name) {
                self.add_leaf(&mut passing, index, test)?;
            }
            if matches!(column.kind, super::leaves::Kind::Opaque) {
                self.add_inside(&mut passing, index, column, name, test)?;
            }
        }
        let own = name.strip_prefix("resource.").unwrap_or(name);
        let full = format!("resource.{own}");
        self.add_resources(&mut passing, &|record| record.any_field(&full, &mut |value| test.value(value)))?;
        if name.starts_with("scope.") {
            self.add_scopes(&mut passing, &|record| record.any_field(name, &mut |value| test.value(value)))?;
        }
        if let Some(field) = well_known(name) {
            self.add_well_known(&mut passing, field, test)?;
        }
        Ok(passing)
    }

    fn add_leaf(&self, passing: &mut RowSet, index: usize, test: &Matcher<'_>) -> Result<(), ColumnsError> {
        match self.leaf(index)? {
            Leaf::Text(texts) => {
                let found: Vec<bool> = texts.candidates().iter().map(|text| test.text(text)).collect();
                self.add_found(passing, index, texts, &found)
            }
            Leaf::Opaque(values) => {
                let found: Vec<bool> = values.entries.iter().map(|value| any_element(value, test)).collect();
                self.add_entries(passing, index, values, &found)
            }
            leaf => self.add_values(passing, index, &|place| test.value(&leaf.value(place))),
        }
    }

    /// Maps inside an array hold fields whose path continues that of the array.
    fn add_inside(
        &self,
        passing: &mut RowSet,
        index: usize,
        column: &Column,
        name: &str,
        test: &Matcher<'_>,
    ) -> Result<(), ColumnsError> {
        let rest = |path: &str| name.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
        for rest in [Some(column.path.as_str()), column.short_path()].into_iter().flatten().filter_map(rest) {
            let Leaf::Opaque(values) = self.leaf(index)? else { continue };
            let inside = |value: &Value| {
                // The model's own rules of names, on a record that has only this array.
                let attributes = vec![clew_model::Attribute::new("a", value.clone())];
                let record = LogRecord { attributes, ..LogRecord::default() };
                record.any_field(&format!("a.{rest}"), &mut |value| test.value(value))
            };
            let found: Vec<bool> = values.entries.iter().map(inside).collect();
            self.add_entries(passing, index, values, &found)?;
        }
        Ok(())
    }

    fn add_well_known(&self, passing: &mut RowSet, field: WellKnown, test: &Matcher<'_>) -> Result<(), ColumnsError> {
        let not_empty = |text: &str| !text.is_empty() && test.text(text);
        match field {
            WellKnown::Time => {
                let times = self.times()?;
                passing.unite(&RowSet::of(self.rows(), |row| {
                    times.get(row).is_some_and(|time| test.value(&Value::Int(*time)))
                }));
            }
            WellKnown::Severity => self.add_severities(passing, test)?,
            WellKnown::Message => passing.unite(&self.bodies_passing(test)?),
            WellKnown::Service => add_texts(passing, self.services()?, &not_empty),
            WellKnown::TraceId => self.add_traces(passing, &|text| test.text(text))?,
            WellKnown::SpanId => self.add_spans(passing, &|text| test.text(text))?,
        }
        Ok(())
    }

    fn add_severities(&self, passing: &mut RowSet, test: &Matcher<'_>) -> Result<(), ColumnsError> {
        add_texts(passing, self.severity_texts()?, &|text| !text.is_empty() && test.text(text));
        let texts = self.severity_texts()?;
        let wanted = test.severity();
        let ranges: Vec<(bool, bool)> = (0..=24)
            .map(|number| {
                let name = Severity::from_number(number).range_name();
                (!name.is_empty() && test.text(name), wanted.is_some_and(|wanted| wanted.range_name() == name))
            })
            .collect();
        for (row, number) in self.severity_numbers()?.iter().enumerate() {
            let (name_passes, range_is_wanted) = ranges.get(usize::from(*number)).copied().unwrap_or_default();
            if range_is_wanted || (name_passes && texts.get(row).is_empty()) {
                passing.insert(row);
            }
        }
        Ok(())
    }

    fn bodies_passing(&self, test: &Matcher<'_>) -> Result<RowSet, ColumnsError> {
        let messages = self.messages()?;
        let strings = match &messages.strings {
            Strings::Column(column) => texts_passing(column, &|text| test.text(text)),
            Strings::Templates(own) => match test.test {
                FieldTest::Exists => RowSet::all(own.ids.len()),
                FieldTest::Contains(test) => self.templates_passing(own, &TextMatcher::new(test), None)?,
                _ => {
                    let rendered = self.rendered()?;
                    RowSet::of(rendered.len(), |string| test.text(rendered.get(string)))
                }
            },
        };
        let not_null = |value: &Value| *value != Value::Null && test.value(value);
        let others: Vec<bool> = messages.others.entries.iter().map(not_null).collect();
        Ok(self.bodies(&messages.places, &strings, &messages.others, &others))
    }
}

impl Column {
    /// Whether a field of this name resolves to the column.
    pub fn is_named(&self, name: &str) -> bool {
        self.path == name || self.short_path() == Some(name)
    }
}

/// A field test with what it needs for every value worked out once.
#[derive(Debug)]
struct Matcher<'a> {
    test: &'a FieldTest,
    is: Option<(&'a str, TextTest, Option<CanonicalId>)>,
    whole: Option<Pattern>,
}

impl<'a> Matcher<'a> {
    fn new(test: &'a FieldTest) -> Self {
        let is = match test {
            FieldTest::Is(text) => Some((text.as_str(), TextTest::words(text), CanonicalId::new(text))),
            _ => None,
        };
        let whole = match test {
            FieldTest::Matches(pattern) => pattern.anchored(),
            _ => None,
        };
        Self { test, is, whole }
    }

    fn severity(&self) -> Option<Severity> {
        self.is.as_ref().and_then(|(text, ..)| Severity::from_text(text))
    }

    fn value(&self, value: &Value) -> bool {
        match (&self.is, value) {
            (_, Value::String(text)) => self.text(text),
            (Some(_), other) => self.text(&other.display_text()),
            (None, other) if self.whole.is_some() => self.text(&other.display_text()),
            (None, other) => self.test.matches(other),
        }
    }

    fn text(&self, own: &str) -> bool {
        match (&self.is, self.test) {
            (Some((text, words, canonical)), _) => {
                own == *text || words.matches(own) || (canonical.is_some() && CanonicalId::new(own) == *canonical)
            }
            (None, FieldTest::Exists) => true,
            (None, FieldTest::Equals(text)) => own == text,
            (None, FieldTest::Contains(test)) => test.matches(own),
            (None, FieldTest::Matches(pattern)) => match &self.whole {
                Some(whole) => whole.0.is_match(own),
                None => pattern.matches_whole(own),
            },
            (None, test) => test.matches(&Value::from(own)),
        }
    }
}

fn lacks_a_digit(test: &TextTest) -> bool {
    matches!(test, TextTest::Words(words) if words.iter().any(|word| !word.bytes().any(|byte| byte.is_ascii_digit())))
}

fn matches_value(test: &TextTest, value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| matches_value(test, item)),
        Value::Map(items) => items.iter().any(|item| matches_value(test, &item.value)),
        scalar => scalar.scalar_text().is_some_and(|text| test.matches(&text)),
    }
}

/// Arrays are tested by each element; maps inside them have names of their own.
fn any_element(value: &Value, test: &Matcher<'_>) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_element(item, test)),
        Value::Map(_) => false,
        scalar => test.value(scalar),
    }
}

fn texts_passing(column: &TextColumn, test: &dyn Fn(&str) -> bool) -> RowSet {
    let mut passing = RowSet::none(column.len());
    add_texts(&mut passing, column, test);
    passing
}

fn add_texts(passing: &mut RowSet, column: &TextColumn, test: &dyn Fn(&str) -> bool) {
    let found: Vec<bool> = column.candidates().iter().map(test).collect();
    add_candidates(passing, column, &found);
}

fn add_candidates(passing: &mut RowSet, column: &TextColumn, found: &[bool]) {
    if !found.contains(&true) {
        return;
    }
    column.for_each_row(|row, candidate| {
        if found.get(candidate) == Some(&true) {
            passing.insert(row);
        }
    });
}

fn add_shared(passing: &mut RowSet, ids: &[u32], found: &[bool]) {
    if found.contains(&true) {
        let passes = |id: &u32| found.get(*id as usize) == Some(&true);
        ids.iter().enumerate().filter(|(_, id)| passes(id)).for_each(|(row, _)| passing.insert(row));
    }
}

fn add_optional(passing: &mut RowSet, places: &[Option<u32>], found: &[bool]) {
    if found.contains(&true) {
        let passes = |place: &Option<u32>| place.is_some_and(|place| found.get(place as usize) == Some(&true));
        places.iter().enumerate().filter(|(_, place)| passes(place)).for_each(|(row, _)| passing.insert(row));
    }
}
