//! `info`: series with the labels that info metrics (`target_info` and others) tell of the same instance and job.

use super::call::{first, missing};
use super::column::{Column, Vector, is_absent, same_labels};
use super::compute::Shown;
use super::{Evaluator, Expr, ExprKind};
use crate::error::QueryError;
use crate::limits::MAX_INFO_VALUES;
use crate::promql::ast::{Selector, TimeModifiers};
use clew_model::metrics::{Labels, METRIC_NAME, MatchOp, Matcher};
use hashbrown::{HashMap, HashSet};

/// The info metric that is meant where none is named.
const TARGET_INFO: &str = "target_info";

/// The labels by which series and info series find each other.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// Info series by the name of their metric, of one instance and job.
type Candidates = Vec<(String, Vec<usize>)>;

impl Evaluator<'_> {
    pub(super) fn info(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let base_arg = first(args)?;
        let (names, data) = match args.get(1).map(|arg| &arg.unwrap_parens().kind) {
            None => (Vec::new(), Vec::new()),
            Some(ExprKind::Selector(selector)) => {
                selector.matchers.iter().cloned().partition(|matcher: &Matcher| matcher.name == METRIC_NAME)
            }
            Some(_) => return Err(missing()),
        };
        let names = effective_names(names)?;
        let time = first_time(base_arg).unwrap_or_default();
        let base = self.vector(base_arg)?;
        let is_info = |labels: &Labels| names.iter().all(|matcher| matcher.matches(labels.metric_name()));
        let enriched: Vec<bool> = base.columns.iter().map(|column| !is_info(&column.labels)).collect();
        let info = self.info_series(&base, &enriched, (&names, &data), time, base_arg)?;
        self.combine(base, &enriched, &info, &data)
    }

    /// The info series that may belong to the base series; of each step when its sample was, in seconds.
    fn info_series(
        &mut self,
        base: &Vector,
        enriched: &[bool],
        (names, data): (&[Matcher], &[Matcher]),
        time: TimeModifiers,
        arg: &Expr,
    ) -> Result<Vector, QueryError> {
        let mut matchers: Vec<Matcher> = names.iter().chain(data).cloned().collect();
        let mut is_identified = false;
        for label in IDENTIFYING {
            let columns = base.columns.iter().zip(enriched).filter(|(_, enriched)| **enriched);
            let values: HashSet<&str> = columns.filter_map(|(column, _)| column.labels.get(label)).collect();
            if !values.is_empty() {
                is_identified = true;
                matchers.push(one_of(label, &values)?);
            }
        }
        if !is_identified {
            return Ok(Vector::default());
        }
        let selector = Selector { matchers, bare_name: false, time, extension: None };
        let values = self.instant_cells(&selector, Shown::Value, arg.span)?;
        if values.columns.iter().any(|column| !column.histograms.is_empty()) {
            return Err(QueryError::execution("info sample should be float"));
        }
        self.instant_cells(&selector, Shown::Time, arg.span)
    }

    fn combine(
        &mut self,
        base: Vector,
        enriched: &[bool],
        info: &Vector,
        data: &[Matcher],
    ) -> Result<Vector, QueryError> {
        let index = by_identity(info);
        let needs_match = data.iter().any(|matcher| !matcher.matches_empty());
        let memory = self.reserve_columns(base.columns.len())?;
        let mut out = Enriched { steps: self.steps.count, columns: Vec::new(), index: HashMap::new() };
        for (column, enriched) in base.columns.iter().zip(enriched) {
            self.context.check()?;
            let candidates = index.get(&identity(&column.labels)).filter(|_| *enriched);
            let mut known: Option<(Vec<usize>, Labels)> = None;
            for step in (0..self.steps.count).filter(|step| column.is_present(*step)) {
                let chosen =
                    candidates.map(|candidates| newest(candidates, info, step)).transpose()?.unwrap_or_default();
                if chosen.is_empty() {
                    if !*enriched || !needs_match {
                        out.put(&column.labels, column, step)?;
                    }
                    continue;
                }
                if known.as_ref().is_none_or(|(before, _)| *before != chosen) {
                    let labels = with_data(&column.labels, &chosen, info, data)?;
                    known = Some((chosen, labels));
                }
                if let Some((_, labels)) = &known {
                    out.put(labels, column, step)?;
                }
            }
        }
        let mut memory = vec![memory];
        memory.extend(base.memory);
        Ok(Vector { columns: out.columns, memory })
    }
}

/// The result as it grows: a series may have other labels at other steps.
struct Enriched {
    steps: usize,
    columns: Vec<Column>,
    index: HashMap<Labels, usize>,
}

impl Enriched {
    fn put(&mut self, labels: &Labels, from: &Column, step: usize) -> Result<(), QueryError> {
        let place = *self.index.entry_ref(labels).or_insert(self.columns.len());
        if place == self.columns.len() {
            let drop_name = from.drop_name;
            self.columns.push(Column { drop_name, ..Column::absent(labels.clone(), self.steps) });
        }
        match self.columns.get_mut(place) {
            Some(column) if column.is_present(step) => Err(same_labels(labels)),
            Some(column) => {
                column.copy_step(step, from);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// The matchers of the info metric's name: where nothing says which, it is `target_info`; where only something is excluded,
/// any name that ends in `_info`.
fn effective_names(names: Vec<Matcher>) -> Result<Vec<Matcher>, QueryError> {
    if names.iter().any(|matcher| matches!(matcher.op, MatchOp::Equal | MatchOp::Regex)) {
        return Ok(names);
    }
    let (op, value) = if names.is_empty() { (MatchOp::Equal, TARGET_INFO) } else { (MatchOp::Regex, ".+_info") };
    let meant = Matcher::new(METRIC_NAME, op, value).map_err(|error| QueryError::invalid(error.to_string()))?;
    Ok(std::iter::once(meant).chain(names).collect())
}

/// A matcher for one of the values, or for any where they are many: who does not belong finds no partner.
fn one_of(label: &str, values: &HashSet<&str>) -> Result<Matcher, QueryError> {
    let pattern = if values.len() > MAX_INFO_VALUES {
        ".+".to_owned()
    } else {
        let mut escaped: Vec<String> = values.iter().map(|value| regex::escape(value)).collect();
        escaped.sort_unstable();
        escaped.join("|")
    };
    Matcher::new(label, MatchOp::Regex, &pattern).map_err(|error| QueryError::invalid(error.to_string()))
}

fn identity(labels: &Labels) -> Labels {
    labels.filtered(|name| IDENTIFYING.contains(&name))
}

fn by_identity(info: &Vector) -> HashMap<Labels, Candidates> {
    let mut index: HashMap<Labels, Candidates> = HashMap::new();
    for (place, column) in info.columns.iter().enumerate() {
        let own = index.entry(identity(&column.labels)).or_default();
        let name = column.labels.metric_name();
        match own.iter_mut().find(|(known, _)| known == name) {
            Some((_, places)) => places.push(place),
            None => own.push((name.to_owned(), vec![place])),
        }
    }
    index
}

/// Of each info metric the series with the newest sample.
fn newest(candidates: &Candidates, info: &Vector, step: usize) -> Result<Vec<usize>, QueryError> {
    let mut chosen = Vec::with_capacity(candidates.len());
    for (_, places) in candidates {
        let mut best: Option<(f64, usize)> = None;
        for place in places {
            let time = info.columns.get(*place).map_or(super::column::ABSENT, |column| column.value(step));
            if is_absent(time) {
                continue;
            }
            match best {
                Some((known, other)) if known == time => return Err(duplicate(info, other, *place, time)),
                Some((known, _)) if known > time => {}
                _ => best = Some((time, *place)),
            }
        }
        chosen.extend(best.map(|(_, place)| place));
    }
    Ok(chosen)
}

fn duplicate(info: &Vector, first: usize, second: usize, seconds: f64) -> QueryError {
    let labels = |place: usize| info.columns.get(place).map_or(String::new(), |column| column.labels.to_string());
    let millis = (seconds * 1000.0).round();
    QueryError::execution(format!(
        "found duplicate series for info metric: existing {} @ {millis}, new {} @ {millis}",
        labels(first),
        labels(second)
    ))
}

/// The labels of a series with those that the info series add: only those asked for, where some are.
fn with_data(base: &Labels, chosen: &[usize], info: &Vector, data: &[Matcher]) -> Result<Labels, QueryError> {
    let mut added: Vec<(&str, &str)> = Vec::new();
    for column in chosen.iter().filter_map(|place| info.columns.get(*place)) {
        for (name, value) in column.labels.iter().filter(|(name, _)| *name != METRIC_NAME) {
            if !data.is_empty() && !data.iter().any(|matcher| matcher.name == name) {
                continue;
            }
            match added.iter().find(|(known, _)| *known == name) {
                Some((_, known)) if *known != value => {
                    return Err(QueryError::execution(format!("conflicting label: {name}")));
                }
                Some(_) => {}
                None if base.get(name).is_some() => {}
                None => added.push((name, value)),
            }
        }
    }
    Ok(added.into_iter().fold(base.clone(), |labels, (name, value)| labels.with(name, value)))
}

/// Where the first selector of an expression looks: its offset and those of the subqueries around it, up to where a fixed time
/// is given.
fn first_time(expr: &Expr) -> Option<TimeModifiers> {
    match &expr.kind {
        ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => Some(selector.time.clone()),
        ExprKind::Number(_) | ExprKind::Text(_) => None,
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => first_time(inner),
        ExprKind::Binary(binary) => first_time(&binary.left).or_else(|| first_time(&binary.right)),
        ExprKind::Aggregate(own) => first_time(&own.expr).or_else(|| own.param.as_ref().and_then(first_time)),
        ExprKind::Call { args, .. } => args.iter().find_map(first_time),
        ExprKind::Subquery(subquery) => {
            let inner = first_time(&subquery.expr)?;
            Some(match inner.at {
                Some(_) => inner,
                None => TimeModifiers {
                    offset: inner.offset.saturating_add(subquery.time.offset),
                    at: subquery.time.at,
                    offset_expr: None,
                },
            })
        }
    }
}
