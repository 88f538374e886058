//! Which rows of a block pass a filter, answered column by column.
//!
//! Each distinct value of a dictionary is tested once; a word without digits is decided by message templates alone
//! (see `template`). `LogFilter::matches` is the definition, and tests hold the two against each other.

use super::block::LogBlock;
use super::match_fields::Matcher;
use super::needs::{Need, outside_needs};
use super::verdicts::{TextMatcher, Verdicts};
use crate::error::ColumnsError;
use clew_model::RowSet;
use clew_model::logs::LogFilter;
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
}
