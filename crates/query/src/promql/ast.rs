//! The syntax tree of a PromQL expression.

use super::functions::Function;
use clew_model::metrics::Matcher;

/// Bytes of the query text: from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// First byte after it.
    pub end: usize,
    /// Line of its beginning, from 1; 0 where it is not known.
    pub line: u32,
    /// Byte of its beginning in that line, from 1.
    pub column: u32,
}

impl std::fmt::Display for Span {
    /// `line:column` of the beginning, as Prometheus' annotations have it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 { f.write_str("unknown position") } else { write!(f, "{}:{}", self.line, self.column) }
    }
}

/// An expression with its place in the text. Equality ignores places.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
    depth: usize,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// An expression in brackets.
    Paren(Box<Expr>),
    /// Unary minus, or plus, which changes nothing.
    Unary {
        /// Whether it negates.
        negative: bool,
        /// The operand.
        expr: Box<Expr>,
    },
    /// Two operands and an operator.
    Binary(Box<Binary>),
    /// An aggregation over series.
    Aggregate(Box<Aggregate>),
    /// A function call.
    Call {
        /// The function.
        function: Function,
        /// Its arguments, their types checked.
        args: Vec<Expr>,
    },
    /// An instant vector selector.
    Selector(Selector),
    /// A range vector selector, `selector[range]`; the modifiers written after the brackets are the selector's.
    Matrix {
        /// The series.
        selector: Selector,
        /// The range in milliseconds, positive; 0 where `range_expr` gives it.
        range: i64,
        /// The range as an expression, which is computed when the query's step and range are known.
        range_expr: Option<DurationExpr>,
    },
    /// A subquery, `expr[range:step]`.
    Subquery(Box<Subquery>),
}

/// A number literal; NaN equals NaN here, so that trees can be compared.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.0.is_nan() && other.0.is_nan())
    }
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// Where in time a selector or subquery looks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TimeModifiers {
    /// Milliseconds back from the evaluation time; negative looks ahead.
    pub offset: i64,
    /// The offset as an expression, which is computed when the query's step and range are known.
    pub offset_expr: Option<DurationExpr>,
    /// A fixed time instead of the evaluation time.
    pub at: Option<At>,
}

/// A duration that is computed: its value is a number of seconds.
#[derive(Debug, Clone)]
pub struct DurationExpr {
    /// What it is.
    pub kind: DurationKind,
    /// Where it stands.
    pub span: Span,
}

impl PartialEq for DurationExpr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// What a computed duration is.
#[derive(Debug, Clone, PartialEq)]
pub enum DurationKind {
    /// A number of seconds.
    Seconds {
        /// How many.
        value: Number,
        /// Whether it was written with units.
        has_units: bool,
    },
    /// `step()`: the query's step.
    Step,
    /// `range()`: the query's range.
    Range,
    /// Unary minus, or plus, which changes nothing.
    Unary {
        /// Whether it negates.
        negative: bool,
        /// The operand.
        expr: Box<DurationExpr>,
    },
    /// `+`, `-`, `*`, `/`, `%` or `^` of two.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// The left operand.
        left: Box<DurationExpr>,
        /// The right operand.
        right: Box<DurationExpr>,
    },
    /// `min_of(…, …)`, or `max_of(…, …)`.
    Chosen {
        /// Whether it is the greater one.
        greatest: bool,
        /// The first.
        left: Box<DurationExpr>,
        /// The second.
        right: Box<DurationExpr>,
    },
    /// In brackets.
    Paren(Box<DurationExpr>),
}

/// The argument of `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since the epoch.
    Millis(i64),
    /// The start of the query's range.
    Start,
    /// The end of the query's range.
    End,
}

/// An instant vector selector.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selector {
    /// All matchers, that of the name among them, in the order written.
    pub matchers: Vec<Matcher>,
    /// Whether the first matcher is a name written before the braces.
    pub bare_name: bool,
    /// Offset and `@`.
    pub time: TimeModifiers,
    /// What is made of the samples around the ends of a range.
    pub extension: Option<Extension>,
}

/// How a range takes in the samples just outside of it (the experimental extended range selectors of Prometheus 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// `anchored`: the last sample before the range counts as its first.
    Anchored,
    /// `smoothed`: the values at both ends are interpolated.
    Smoothed,
}

impl Extension {
    /// How it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anchored => "anchored",
            Self::Smoothed => "smoothed",
        }
    }
}

impl Selector {
    /// The metric's name, if an `=` matcher says it.
    #[must_use]
    pub fn metric_name(&self) -> Option<&str> {
        use clew_model::metrics::{METRIC_NAME, MatchOp};
        self.matchers.iter().find(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal).map(|m| m.value.as_str())
    }
}

/// A subquery.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// What is evaluated at each of its steps.
    pub expr: Expr,
    /// How far back, in milliseconds, positive; 0 where `range_expr` gives it.
    pub range: i64,
    /// The range as an expression.
    pub range_expr: Option<DurationExpr>,
    /// Its step in milliseconds; `None` for the default, or where `step_expr` gives it.
    pub step: Option<i64>,
    /// The step as an expression.
    pub step_expr: Option<DurationExpr>,
    /// Offset and `@`.
    pub time: TimeModifiers,
}

/// A binary operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// The left operand.
    pub left: Expr,
    /// The right operand.
    pub right: Expr,
    /// Whether `bool` makes a comparison answer 0 or 1.
    pub return_bool: bool,
    /// How series of the two sides find each other.
    pub matching: Matching,
}

/// A binary operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`, the remainder with the sign of the dividend.
    Mod,
    /// `^`
    Pow,
    /// `atan2`
    Atan2,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `<=`
    LessOrEqual,
    /// `and`
    And,
    /// `or`
    Or,
    /// `unless`
    Unless,
    /// `</`: the observations of a histogram up to a bound.
    TrimUpper,
    /// `>/`: the observations of a histogram from a bound on.
    TrimLower,
}

impl BinaryOp {
    /// The operator with this spelling; words in any case.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Some(match text {
            "+" => Self::Add,
            "-" => Self::Sub,
            "*" => Self::Mul,
            "/" => Self::Div,
            "%" => Self::Mod,
            "^" => Self::Pow,
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            "<" => Self::Less,
            ">=" => Self::GreaterOrEqual,
            "<=" => Self::LessOrEqual,
            "</" => Self::TrimUpper,
            ">/" => Self::TrimLower,
            word if word.eq_ignore_ascii_case("atan2") => Self::Atan2,
            word if word.eq_ignore_ascii_case("and") => Self::And,
            word if word.eq_ignore_ascii_case("or") => Self::Or,
            word if word.eq_ignore_ascii_case("unless") => Self::Unless,
            _ => return None,
        })
    }

    /// How it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::GreaterOrEqual => ">=",
            Self::LessOrEqual => "<=",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
        }
    }

    /// How strongly it binds: 1 (`or`) to 6 (`^`).
    #[must_use]
    pub fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::TrimUpper | Self::TrimLower => 3,
            comparison if comparison.is_comparison() => 3,
            Self::Add | Self::Sub => 4,
            Self::Pow => 6,
            _ => 5,
        }
    }

    /// Whether it compares.
    #[must_use]
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal | Self::NotEqual | Self::Greater | Self::Less | Self::GreaterOrEqual | Self::LessOrEqual
        )
    }

    /// Whether it is `and`, `or` or `unless`.
    #[must_use]
    pub fn is_set_operator(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }
}

/// How series of two sides find each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matching {
    /// How many on each side.
    pub cardinality: Cardinality,
    /// Whether `labels` are those that must agree (`on`) or those that need not (`ignoring`).
    pub on: bool,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// Labels that the result takes from the "one" side, of `group_left` or `group_right`.
    pub include: Vec<String>,
    /// Whether `on` or `ignoring` was written.
    pub written: bool,
    /// What stands for a series that is missing on the left (`fill_left`, `fill`).
    pub fill_left: Option<Number>,
    /// What stands for a series that is missing on the right (`fill_right`, `fill`).
    pub fill_right: Option<Number>,
}

/// How many series of each side match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cardinality {
    /// One on each side.
    #[default]
    OneToOne,
    /// Many on the left (`group_left`).
    ManyToOne,
    /// Many on the right (`group_right`).
    OneToMany,
    /// Any number: set operators.
    ManyToMany,
}

/// An aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The operator.
    pub op: AggregateOp,
    /// What is aggregated.
    pub expr: Expr,
    /// The parameter of `topk`, `bottomk`, `quantile`, `count_values`, `limitk`, `limit_ratio`.
    pub param: Option<Expr>,
    /// Whether `labels` are dropped (`without`) rather than kept (`by`).
    pub without: bool,
    /// The labels of `by` or `without`.
    pub labels: Vec<String>,
}

/// An aggregation operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateOp {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `count`
    Count,
    /// `group`
    Group,
    /// `stddev`, of the population.
    Stddev,
    /// `stdvar`, of the population.
    Stdvar,
    /// `topk`
    Topk,
    /// `bottomk`
    Bottomk,
    /// `quantile`
    Quantile,
    /// `count_values`
    CountValues,
    /// `limitk`
    Limitk,
    /// `limit_ratio`
    LimitRatio,
}

impl AggregateOp {
    /// All of them.
    pub const ALL: [AggregateOp; 14] = [
        Self::Sum,
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::Count,
        Self::Group,
        Self::Stddev,
        Self::Stdvar,
        Self::Topk,
        Self::Bottomk,
        Self::Quantile,
        Self::CountValues,
        Self::Limitk,
        Self::LimitRatio,
    ];

    /// The operator with this name, in any case.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.as_str().eq_ignore_ascii_case(text))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::Group => "group",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::Topk => "topk",
            Self::Bottomk => "bottomk",
            Self::Quantile => "quantile",
            Self::CountValues => "count_values",
            Self::Limitk => "limitk",
            Self::LimitRatio => "limit_ratio",
        }
    }

    /// Whether it takes a parameter before the vector.
    #[must_use]
    pub fn has_param(self) -> bool {
        matches!(
            self,
            Self::Topk | Self::Bottomk | Self::Quantile | Self::CountValues | Self::Limitk | Self::LimitRatio
        )
    }
}

/// The type of an expression's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// One number at each step.
    Scalar,
    /// A text.
    Text,
    /// A value for each series at each step.
    Vector,
    /// A range of samples for each series.
    Matrix,
}

impl ValueType {
    /// The name that Prometheus' messages use.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Text => "string",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
        }
    }
}

impl Expr {
    /// An expression at a place.
    #[must_use]
    pub fn new(kind: ExprKind, span: Span) -> Self {
        let depth = 1 + match &kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Selector(_) | ExprKind::Matrix { .. } => 0,
            ExprKind::Paren(expr) | ExprKind::Unary { expr, .. } => expr.depth,
            ExprKind::Binary(binary) => binary.left.depth.max(binary.right.depth),
            ExprKind::Aggregate(aggregate) => {
                aggregate.expr.depth.max(aggregate.param.as_ref().map_or(0, |param| param.depth))
            }
            ExprKind::Call { args, .. } => args.iter().map(|arg| arg.depth).max().unwrap_or(0),
            ExprKind::Subquery(subquery) => subquery.expr.depth,
        };
        Self { kind, span, depth }
    }

    /// The longest way from here to a leaf, in nodes.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The type of its value.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(_) => ValueType::Scalar,
            ExprKind::Text(_) => ValueType::Text,
            ExprKind::Paren(expr) | ExprKind::Unary { expr, .. } => expr.value_type(),
            ExprKind::Binary(binary) => match (binary.left.value_type(), binary.right.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            ExprKind::Call { function, .. } => function.signature().returns,
            ExprKind::Aggregate(_) | ExprKind::Selector(_) => ValueType::Vector,
            ExprKind::Matrix { .. } | ExprKind::Subquery(_) => ValueType::Matrix,
        }
    }

    /// The expression inside any brackets around it.
    #[must_use]
    pub fn unwrap_parens(&self) -> &Expr {
        let mut inner = self;
        while let ExprKind::Paren(expr) = &inner.kind {
            inner = expr;
        }
        inner
    }
}
