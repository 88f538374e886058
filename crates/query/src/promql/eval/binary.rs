//! Arithmetic and comparison between scalars, vectors, and both.

use super::column::{ABSENT, Cell, Column, Vector, is_absent};
use super::matching::{by_signature, columns, signature};
use super::set_operator::presence;
use super::trim::trimmed;
use super::{Evaluated, Evaluator, native_histogram};
use crate::error::QueryError;
use crate::limits::MAX_ANNOTATIONS;
use crate::promql::annotations::{During, Note};
use crate::promql::ast::{Binary, BinaryOp, Cardinality, Matching, Number, Span};
use clew_model::metrics::{Labels, METADATA_LABELS, NativeHistogram};
use hashbrown::HashMap;
use std::sync::Arc;

impl Evaluator<'_> {
    pub(super) fn binary(&mut self, binary: &Binary, span: Span) -> Result<Evaluated, QueryError> {
        if binary.op.is_set_operator() {
            return self.set_operation(binary).map(Evaluated::Vector);
        }
        let left = self.eval(&binary.left)?;
        let right = self.eval(&binary.right)?;
        match (left, right) {
            (Evaluated::Scalar(left), Evaluated::Scalar(right)) => {
                let values = left.iter().zip(&right).map(|(left, right)| scalar(binary.op, *left, *right));
                Ok(Evaluated::Scalar(values.collect()))
            }
            (Evaluated::Vector(vector), Evaluated::Scalar(scalars)) => {
                self.with_scalars(vector, &scalars, binary, (false, span)).map(Evaluated::Vector)
            }
            (Evaluated::Scalar(scalars), Evaluated::Vector(vector)) => {
                self.with_scalars(vector, &scalars, binary, (true, span)).map(Evaluated::Vector)
            }
            (Evaluated::Vector(left), Evaluated::Vector(right)) => {
                self.join(&left, &right, binary, span).map(Evaluated::Vector)
            }
            _ => Err(QueryError::invalid("binary expression must contain only scalar and instant vector types")),
        }
    }

    /// Vector with vector: each series of the "many" side with that of the "one" side of the same signature.
    fn join(&mut self, left: &Vector, right: &Vector, binary: &Binary, span: Span) -> Result<Vector, QueryError> {
        let matching = &binary.matching;
        let swapped = matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let index = by_signature(one, matching);
        for (signature, indexes) in &index {
            self.check_unique(one, indexes, signature, swapped)?;
        }
        let memory = self.reserve_columns(many.columns.len())?;
        let mut joined = Joined::new(binary, self.steps.count);
        for column in &many.columns {
            self.context.check()?;
            let signature = signature(&column.labels, matching);
            let Some(indexes) = index.get(&signature) else { continue };
            for other in columns(one, indexes) {
                joined.add(column, other, &signature)?;
            }
        }
        self.fill(&mut joined, many, one)?;
        let mut notes = Vec::new();
        std::mem::take(&mut joined.notes).into_iter().flatten().for_each(|note| say(&mut notes, note));
        notes.iter().for_each(|note| self.note(note, span));
        self.new_vector(joined.columns, memory)?.merged()
    }

    /// Joins each series that has no partner at a step with a number, where the expression says with which.
    fn fill(&mut self, joined: &mut Joined<'_>, many: &Vector, one: &Vector) -> Result<(), QueryError> {
        let matching = &joined.binary.matching;
        let swapped = matching.cardinality == Cardinality::OneToMany;
        let (left, right) = (matching.fill_left, matching.fill_right);
        let (for_many, for_one) = if swapped { (right, left) } else { (left, right) };
        for (value, from, other) in [(for_one, many, one), (for_many, one, many)] {
            let Some(Number(value)) = value else { continue };
            let there = presence(other, &by_signature(other, matching), self.steps.count);
            for column in &from.columns {
                self.context.check()?;
                let signature = signature(&column.labels, matching);
                let there = there.get(&signature);
                let is_free = |step: usize| !there.and_then(|there| there.get(step)).copied().unwrap_or(false);
                let values = (0..self.steps.count).map(|step| if is_free(step) { value } else { ABSENT });
                let filled = Column::new(signature.clone(), values.collect());
                let (many, one) = if std::ptr::eq(from, many) { (column, &filled) } else { (&filled, column) };
                joined.add(many, one, &signature)?;
            }
        }
        Ok(())
    }

    /// At no step may two series of the "one" side have the same signature.
    fn check_unique(
        &self,
        vector: &Vector,
        indexes: &[usize],
        signature: &Labels,
        swapped: bool,
    ) -> Result<(), QueryError> {
        if indexes.len() < 2 {
            return Ok(());
        }
        for step in 0..self.steps.count {
            let mut present = columns(vector, indexes).filter(|column| column.is_present(step));
            if let (Some(first), Some(second)) = (present.next(), present.next()) {
                let side = if swapped { "left" } else { "right" };
                let mut pair = [all_labels(&first.labels), all_labels(&second.labels)];
                pair.sort_unstable();
                return Err(QueryError::execution(format!(
                    "found duplicate series for the match group {signature} on the {side} hand-side of the \
                     operation: [{}];many-to-many matching not allowed: matching labels must be unique on one side",
                    pair.join(", ")
                ))
                .hint("aggregate that side, or name more labels with on(…)"));
            }
        }
        Ok(())
    }
}

/// All labels in braces, the metric's name among them.
fn all_labels(labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// The result of a join as it grows.
struct Joined<'a> {
    binary: &'a Binary,
    steps: usize,
    columns: Vec<Column>,
    index: HashMap<Labels, usize>,
    /// One-to-one: the steps at which a signature has found its partner.
    taken: HashMap<Labels, Vec<bool>>,
    /// What is to be said of each step: of several pairs that which comes last, as Prometheus does.
    notes: Vec<Option<Note>>,
}

impl<'a> Joined<'a> {
    fn new(binary: &'a Binary, steps: usize) -> Self {
        let notes = vec![None; steps];
        Self { binary, steps, columns: Vec::new(), index: HashMap::new(), taken: HashMap::new(), notes }
    }

    fn add(&mut self, many: &Column, one: &Column, signature: &Labels) -> Result<(), QueryError> {
        let matching = &self.binary.matching;
        let (left, right) = if matching.cardinality == Cardinality::OneToMany { (one, many) } else { (many, one) };
        let labels = result_labels(&many.labels, &one.labels, self.binary);
        let position = *self.index.entry(labels.clone()).or_insert(self.columns.len());
        if position == self.columns.len() {
            let drop_name = self.binary.return_bool;
            self.columns.push(Column { drop_name, ..Column::absent(labels, self.steps) });
        }
        let Some(out) = self.columns.get_mut(position) else { return Ok(()) };
        let one_to_one = matching.cardinality == Cardinality::OneToOne;
        let taken = one_to_one.then(|| self.taken.entry(signature.clone()).or_insert_with(|| vec![false; self.steps]));
        let mut taken = taken;
        for step in 0..self.steps {
            let Some(note) = self.notes.get_mut(step) else { continue };
            let result = cells(self.binary, left.cell(step), right.cell(step), note);
            if matches!(result, Made::Refused) {
                continue;
            }
            let are_there = left.is_present(step) && right.is_present(step);
            if matches!(result, Made::Nothing) && !(one_to_one && are_there) {
                continue;
            }
            match taken.as_mut().and_then(|taken| taken.get_mut(step)) {
                Some(true) => {
                    return Err(many_matches("many-to-one matching must be explicit (group_left/group_right)"));
                }
                Some(free) => *free = true,
                None if out.is_present(step) => {
                    return Err(many_matches("grouping labels must ensure unique matches"));
                }
                None => {}
            }
            match result {
                Made::Float(value) => {
                    if let Some(cell) = out.values.get_mut(step) {
                        *cell = value;
                    }
                }
                Made::Histogram(histogram) => out.set_histogram(step, histogram),
                Made::Nothing | Made::Refused => {}
            }
        }
        Ok(())
    }
}

fn many_matches(advice: &str) -> QueryError {
    QueryError::execution(format!("multiple matches for labels: {advice}"))
}

/// The labels of a result: those of the "many" side, without the name where the value is a new one; one-to-one only
/// those that match; with those that `group_left(…)` takes from the "one" side.
fn result_labels(many: &Labels, one: &Labels, binary: &Binary) -> Labels {
    let matching: &Matching = &binary.matching;
    let drop_name = changes_metric(binary.op);
    let listed = |name: &str| matching.labels.iter().any(|own| own == name);
    let one_to_one = matching.cardinality == Cardinality::OneToOne;
    let mut labels = many.filtered(|name| {
        if drop_name && METADATA_LABELS.contains(&name) {
            return false;
        }
        !one_to_one || listed(name) == matching.on
    });
    for name in &matching.include {
        labels = labels.with(name, one.get(name).unwrap_or_default());
    }
    labels
}

enum Made {
    /// There is nothing, or a comparison does not hold.
    Nothing,
    /// The samples cannot be combined, which is told; they are as good as not there.
    Refused,
    Float(f64),
    Histogram(Arc<NativeHistogram>),
}

/// The value of two cells.
fn cells(binary: &Binary, left: Cell<'_>, right: Cell<'_>, note: &mut Option<Note>) -> Made {
    let op = binary.op;
    let kind = |cell: &Cell<'_>| match cell {
        Cell::Absent => None,
        Cell::Float(_) => Some("float"),
        Cell::Histogram(_) => Some("histogram"),
    };
    let (Some(left_kind), Some(right_kind)) = (kind(&left), kind(&right)) else { return Made::Nothing };
    if !is_defined(op, left_kind, right_kind) {
        *note = Some(Note::IncompatibleTypes { left: left_kind, op, right: right_kind });
        return Made::Refused;
    }
    let made = match (left, right) {
        (Cell::Float(left), Cell::Float(right)) => return floats(binary, left, right, left),
        (Cell::Histogram(left), Cell::Histogram(right)) => match op {
            BinaryOp::Equal | BinaryOp::NotEqual => {
                let holds = native_histogram::is_same(left, right) == (op == BinaryOp::Equal);
                return match (binary.return_bool, holds) {
                    (true, _) => Made::Float(f64::from(u8::from(holds))),
                    (false, true) => Made::Histogram(Arc::clone(left)),
                    (false, false) => Made::Nothing,
                };
            }
            _ => return combined(op, left, right, note),
        },
        (Cell::Histogram(histogram), Cell::Float(by)) => match op {
            BinaryOp::Mul => native_histogram::scaled(histogram, by),
            BinaryOp::Div => native_histogram::divided(histogram, by),
            _ => trimmed(histogram, by, op == BinaryOp::TrimUpper),
        },
        (Cell::Float(factor), Cell::Histogram(histogram)) => native_histogram::scaled(histogram, factor),
        (Cell::Absent, _) | (_, Cell::Absent) => return Made::Nothing,
    };
    Made::Histogram(Arc::new(made))
}

/// The sum or the difference of two histograms; none where the one is known to follow a reset and the other not to.
fn combined(op: BinaryOp, left: &NativeHistogram, right: &NativeHistogram, note: &mut Option<Note>) -> Made {
    let (result, during) = match op {
        BinaryOp::Add => (native_histogram::added(left, right), During::Addition),
        _ => (native_histogram::subtracted(left, right), During::Subtraction),
    };
    let Some(result) = result else {
        *note = Some(Note::IncompatibleBuckets { op });
        return Made::Refused;
    };
    if result.collides {
        *note = Some(Note::ResetCollision { during });
        return Made::Refused;
    }
    if result.reconciled {
        *note = Some(Note::ReconciledBuckets { during });
    }
    Made::Histogram(Arc::new(result.histogram))
}

fn say(notes: &mut Vec<Note>, note: Note) {
    if notes.len() < MAX_ANNOTATIONS && !notes.contains(&note) {
        notes.push(note);
    }
}

/// Whether an operator makes something of these kinds of samples.
fn is_defined(op: BinaryOp, left: &str, right: &str) -> bool {
    use BinaryOp::{Add, Div, Equal, Mul, NotEqual, Sub, TrimLower, TrimUpper};
    match (left == "histogram", right == "histogram") {
        (false, false) => !matches!(op, TrimLower | TrimUpper),
        (false, true) => op == Mul,
        (true, false) => matches!(op, Mul | Div | TrimLower | TrimUpper),
        (true, true) => matches!(op, Add | Sub | Equal | NotEqual),
    }
}

/// The value of two numbers; a comparison that holds answers `kept`.
fn floats(binary: &Binary, left: f64, right: f64, kept: f64) -> Made {
    match compare(binary.op, left, right) {
        None => Made::Float(arithmetic(binary.op, left, right)),
        Some(holds) if binary.return_bool => Made::Float(f64::from(u8::from(holds))),
        Some(true) => Made::Float(kept),
        Some(false) => Made::Nothing,
    }
}

impl Evaluator<'_> {
    fn with_scalars(
        &mut self,
        vector: Vector,
        scalars: &[f64],
        binary: &Binary,
        (scalar_left, span): (bool, Span),
    ) -> Result<Vector, QueryError> {
        let mut notes = Vec::new();
        let vector = with_scalar(vector, scalars, binary, scalar_left, &mut notes)?;
        notes.iter().for_each(|note| self.note(note, span));
        Ok(vector)
    }
}

/// Vector with scalar: the value kept by a comparison is the vector's, on whichever side it stands.
fn with_scalar(
    mut vector: Vector,
    scalars: &[f64],
    binary: &Binary,
    scalar_left: bool,
    notes: &mut Vec<Note>,
) -> Result<Vector, QueryError> {
    let drop_name = changes_metric(binary.op) || binary.return_bool;
    for column in &mut vector.columns {
        column.drop_name |= drop_name;
        for (step, scalar) in scalars.iter().enumerate() {
            let value = column.value(step);
            if is_absent(value) && column.histogram(step).is_none() {
                continue;
            }
            let mut note = None;
            let made = {
                let (own, other) = (column.cell(step), Cell::Float(*scalar));
                match (own, scalar_left) {
                    (Cell::Float(own), true) if is_defined(binary.op, "float", "float") => {
                        floats(binary, *scalar, own, own)
                    }
                    (_, true) => cells(binary, other, own, &mut note),
                    (_, false) => cells(binary, own, other, &mut note),
                }
            };
            note.into_iter().for_each(|note| say(notes, note));
            column.clear(step);
            match made {
                Made::Nothing | Made::Refused => {}
                Made::Float(value) => {
                    if let Some(cell) = column.values.get_mut(step) {
                        *cell = value;
                    }
                }
                Made::Histogram(histogram) => column.set_histogram(step, histogram),
            }
        }
    }
    vector.merged()
}

/// Whether the result is a value of another metric.
fn changes_metric(op: BinaryOp) -> bool {
    use BinaryOp::{Add, Atan2, Div, Mod, Mul, Pow, Sub};
    matches!(op, Add | Sub | Mul | Div | Mod | Pow | Atan2)
}

fn scalar(op: BinaryOp, left: f64, right: f64) -> f64 {
    match compare(op, left, right) {
        Some(holds) => f64::from(u8::from(holds)),
        None => arithmetic(op, left, right),
    }
}

fn compare(op: BinaryOp, left: f64, right: f64) -> Option<bool> {
    Some(match op {
        BinaryOp::Equal => left == right,
        BinaryOp::NotEqual => left != right,
        BinaryOp::Greater => left > right,
        BinaryOp::Less => left < right,
        BinaryOp::GreaterOrEqual => left >= right,
        BinaryOp::LessOrEqual => left <= right,
        _ => return None,
    })
}

fn arithmetic(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        // Both keep the sign of the dividend, as Go's `math.Mod` does.
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Atan2 => left.atan2(right),
        _ => ABSENT,
    }
}
