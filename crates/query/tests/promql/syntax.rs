//! The grammar: what parses to what, what is refused where, and that text and tree agree.

use clew_model::ErrorKind;
use clew_model::metrics::{METRIC_NAME, MatchOp, Matcher};
use clew_query::promql::ast::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, Cardinality, Expr, ExprKind, Matching, Number, Selector, Span,
    Subquery, TimeModifiers,
};
use clew_query::promql::functions::Function;
use clew_query::promql::parse;
use proptest::prelude::*;

#[test]
fn expressions_are_printed_in_one_form() {
    for (text, printed) in [
        ("1", "1"),
        ("0x1F", "31"),
        ("0755", "493"),
        ("1_000.5", "1000.5"),
        (".5e-3", "0.0005"),
        ("-iNf", "-Inf"),
        ("nan", "NaN"),
        ("1h30m", "5400"),
        ("\"a\\x41\\u00e4\\n\"", "\"aAä\\n\""),
        ("'it''s'", ""),
        ("'q\"'", "\"q\\\"\""),
        ("`a\\b`", "\"a\\\\b\""),
        ("foo", "foo"),
        ("a:b:c", "a:b:c"),
        ("sum", "sum"),
        ("foo{a='b',c!=\"d\", e=~`f.*`,g!~'h',}", "foo{a=\"b\",c!=\"d\",e=~\"f.*\",g!~\"h\"}"),
        ("{\"my.metric\", 'label.x'='v'}", "{\"label.x\"=\"v\",__name__=\"my.metric\"}"),
        ("{by=\"a\",sum='b'}", "{by=\"a\",sum=\"b\"}"),
        ("foo[5m]", "foo[5m]"),
        ("foo[90s] offset -1h30m", "foo[1m30s] offset -1h30m"),
        ("foo @ 1.5 offset 5m", "foo @ 1.500 offset 5m"),
        ("foo offset 5m @ start()", "foo @ start() offset 5m"),
        ("foo[300] @ end()", "foo[5m] @ end()"),
        ("rate(foo[5m])[1h:1m] offset 1d", "rate(foo[5m])[1h:1m] offset 1d"),
        ("foo[1h:]", "foo[1h:]"),
        ("1 + 2 * 3 ^ 4 ^ 5", "1 + 2 * 3 ^ 4 ^ 5"),
        ("-foo ^ 2", "-foo ^ 2"),
        ("a and b or c unless d", "a and b or c unless d"),
        ("a AND on(x) b", "a and on (x) b"),
        ("a == bool b", "a == bool b"),
        ("a / on(x, y) group_left b", "a / on (x, y) group_left () b"),
        ("a * ignoring() group_right(z,) b", "a * ignoring () group_right (z) b"),
        ("SUM(foo) BY (a, \"b.c\")", "sum by (a, \"b.c\") (foo)"),
        ("sum without () (foo)", "sum without () (foo)"),
        ("topk by (a) (3, foo)", "topk by (a) (3, foo)"),
        ("count_values('v', foo)", "count_values(\"v\", foo)"),
        ("# a comment\nfoo # another\n + 1", "foo + 1"),
        ("round(foo)", "round(foo)"),
        ("label_join(foo, 'a', ',')", "label_join(foo, \"a\", \",\")"),
        ("a atan2 b", "a atan2 b"),
        ("{__name__=\"a\", __name__=\"b\"}", "{__name__=\"a\",__name__=\"b\"}"),
        ("{\"a\", __name__=\"b\",}", "{__name__=\"a\",__name__=\"b\"}"),
        ("sum{}", "sum"),
        ("by{a='b'}", "by{a=\"b\"}"),
        ("offset", "offset"),
        ("smoothed", "smoothed"),
        ("sum(offset) by (by, on,)", "sum by (by, on) (offset)"),
    ] {
        match parse(text) {
            Ok(expr) => assert_eq!(expr.to_string(), printed, "{text}"),
            Err(error) => assert!(printed.is_empty(), "{text}: {error}"),
        }
    }
}

#[test]
fn operators_bind_as_prometheus_says() {
    // The same trees with brackets, which the grammar must not need.
    for (bare, bracketed) in [
        ("a + b * c", "a + (b * c)"),
        ("a * b + c", "(a * b) + c"),
        ("a - b - c", "(a - b) - c"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("-a ^ b", "-(a ^ b)"),
        ("-a * b", "(-a) * b"),
        ("a > b + c", "a > (b + c)"),
        ("a and b > c", "a and (b > c)"),
        ("a or b and c", "a or (b and c)"),
        ("a unless b and c", "(a unless b) and c"),
        ("a == b > c", "(a == b) > c"),
        ("a % b atan2 c", "(a % b) atan2 c"),
        ("a ^ -b * c", "(a ^ (-b)) * c"),
    ] {
        assert_eq!(without_parens(parse(bare).unwrap()), without_parens(parse(bracketed).unwrap()), "{bare}");
    }
}

fn without_parens(expr: Expr) -> Expr {
    let kind = match expr.kind {
        ExprKind::Paren(inner) => return without_parens(*inner),
        ExprKind::Unary { negative, expr } => ExprKind::Unary { negative, expr: Box::new(without_parens(*expr)) },
        ExprKind::Binary(binary) => ExprKind::Binary(Box::new(Binary {
            left: without_parens(binary.left),
            right: without_parens(binary.right),
            ..*binary
        })),
        other => other,
    };
    Expr::new(kind, expr.span)
}

#[test]
fn faults_are_named_with_their_place() {
    for (text, message, position) in [
        ("", "no expression found in input", 0),
        ("foo bar", "unexpected \"bar\", expected an operator or the end of the query", 4),
        ("foo[5m", "unexpected end of input in subquery or range, expected \"]\"", 6),
        ("foo[5m:1m", "unexpected end of input in subquery selector, expected \"]\"", 9),
        ("foo[1m/0]", "division by zero", 6),
        ("foo[1m%0]", "modulo by zero", 6),
        (
            "foo[]",
            "unexpected \"]\" in subquery or range selector, expected a number, a duration, step() or range()",
            4,
        ),
        ("foo smoothed anchored", "anchored and smoothed modifiers cannot be used together", 0),
        ("foo[5m:] anchored", "anchored modifier is not supported for subqueries", 0),
        ("(foo) smoothed", "smoothed modifier not implemented", 0),
        ("foo + fill(0) 1", "filling in missing series only allowed between instant vectors", 0),
        ("foo or fill(0) bar", "filling in missing series not allowed for set operators", 0),
        ("info(foo, bar)", "expected label selectors only, got vector selector instead", 10),
        ("info(foo, 1)", "expected label selectors only", 10),
        ("foo[0s]", "duration must be greater than 0", 4),
        ("foo[5x]", "bad number or duration syntax: \"5x\"", 4),
        ("sum(foo", "unexpected end of input in aggregation, expected \")\"", 7),
        ("foo{a}", "unexpected \"}\" in label matching, expected one of \"=\", \"!=\", \"=~\", \"!~\"", 5),
        ("foo{a=b}", "unexpected \"b\" in label matching, expected a quoted string", 6),
        ("{}", "vector selector must contain at least one non-empty matcher", 0),
        ("{a=~\".*\"}", "vector selector must contain at least one non-empty matcher", 0),
        ("foo{__name__=\"bar\"}", "metric name must not be set twice: \"foo\" or \"bar\"", 0),
        ("foo{__name__=~\"b.*\"}", "metric name must not be set twice: \"foo\" or \"b.*\"", 0),
        ("foo{\"bar\"}", "metric name must not be set twice: \"foo\" or \"bar\"", 0),
        ("rate(foo)", "expected type range vector in call to function \"rate\", got instant vector", 5),
        ("abs(foo[5m])", "expected type instant vector in call to function \"abs\", got range vector", 4),
        ("abs()", "expected 1 argument(s) in call to \"abs\", got 0", 0),
        ("label_join(foo)", "expected at least 3 argument(s) in call to \"label_join\", got 1", 0),
        ("round(foo, 1, 2)", "expected at most 2 argument(s) in call to \"round\", got 3", 0),
        ("rat(foo[5m])", "unknown function with name \"rat\"", 0),
        ("topk(foo)", "wrong number of arguments for aggregate expression provided, expected 2, got 1", 0),
        ("topk(foo, foo)", "expected type scalar in aggregation parameter, got instant vector", 5),
        ("1 == 1", "comparisons between scalars must use BOOL modifier", 0),
        ("foo + bool 1", "bool modifier can only be used on comparison operators", 0),
        ("foo and 1", "set operator \"and\" not allowed in binary scalar expression", 0),
        ("foo + on(a) 1", "vector matching only allowed between instant vectors", 0),
        ("foo or on(a) group_left bar", "no grouping allowed for \"or\" operation", 0),
        ("foo / on(a) group_left(a) bar", "label \"a\" must not occur in ON and GROUP clause at once", 0),
        ("foo[5m] + 1", "binary expression must contain only scalar and instant vector types", 0),
        ("foo offset 5m[5m]", "no offset modifiers allowed before range", 0),
        (
            "(foo) offset 5m",
            "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            0,
        ),
        ("foo offset 1m offset 2m", "offset may not be set multiple times", 0),
        ("(foo + 1)[5m]", "ranges only allowed for vector selectors", 0),
        ("1[5m:1m]", "subquery is only allowed on instant vector, got scalar instead", 0),
        ("\"abc", "unterminated quoted text", 0),
        ("'\\q'", "unknown escape sequence in quoted text", 1),
        ("foo{a=~\"(\"}", "the regular expression \"(\" of label \"a\" is not valid", 7),
        ("foo $", "unexpected character '$'", 4),
        ("on", "unexpected \"on\", expected an expression", 0),
    ] {
        let error = parse(text).expect_err(text);
        assert!(error.message.starts_with(message), "{text}: {error}");
        assert_eq!((error.kind, error.position), (ErrorKind::InvalidInput, Some(position)), "{text}");
    }
    assert_eq!(parse("rat(foo[5m])").unwrap_err().hint.as_deref(), Some("did you mean rate?"));
    assert_eq!(parse("rate(foo)").unwrap_err().hint.as_deref(), Some("add a range: foo[5m]"));
}

#[test]
fn nesting_is_bounded_and_chains_are_too() {
    for text in ["(".repeat(100_000), "-".repeat(100_000) + "a", "a+".repeat(50_000) + "a", "a^".repeat(50_000) + "a"] {
        assert_eq!(parse(&text).unwrap_err().kind, ErrorKind::LimitExceeded);
    }
    assert_eq!(parse(&" ".repeat(1 << 20)).unwrap_err().kind, ErrorKind::TooLarge);
    assert!(parse(&("a+".repeat(100) + "a")).is_ok());
}

fn expr(kind: ExprKind) -> Expr {
    Expr::new(kind, Span::default())
}

fn label() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_][a-z0-9_]{0,5}", "[a-zü. \"\\\\]{1,6}", Just("by".to_owned())]
}

fn time() -> impl Strategy<Value = TimeModifiers> {
    let at = prop_oneof![
        Just(None),
        (-10_000_000i64..10_000_000).prop_map(|millis| Some(At::Millis(millis))),
        Just(Some(At::Start)),
        Just(Some(At::End)),
    ];
    (-1_000_000i64..1_000_000_000, at).prop_map(|(offset, at)| TimeModifiers { offset, at, offset_expr: None })
}

fn selector() -> impl Strategy<Value = Selector> {
    let op = prop_oneof![Just(MatchOp::Equal), Just(MatchOp::NotEqual), Just(MatchOp::Regex), Just(MatchOp::NotRegex)];
    let matcher = (label(), op, "[a-z0-9\n\t\"'ü ]{0,6}").prop_filter_map("names come first", |(name, op, value)| {
        (name != METRIC_NAME).then(|| Matcher::new(name, op, value).ok())?
    });
    ("[a-z_:][a-z0-9_:]{0,6}q", prop::collection::vec(matcher, 0..3), any::<bool>(), time()).prop_map(
        |(name, mut matchers, bare_name, time)| {
            let name = Matcher::new(METRIC_NAME, MatchOp::Equal, name).unwrap();
            // Matchers are printed in order of their texts, but for a name that stands before the braces.
            if !bare_name {
                matchers.push(name.clone());
            }
            matchers.sort_by_cached_key(|matcher| printed(matcher.clone()));
            if bare_name {
                matchers.insert(0, name);
            }
            Selector { matchers, bare_name, time, extension: None }
        },
    )
}

/// A matcher as it is printed, after a brace.
fn printed(matcher: Matcher) -> String {
    let time = TimeModifiers { offset: 0, at: None, offset_expr: None };
    let selector = Selector { matchers: vec![matcher], bare_name: false, time, extension: None };
    expr(ExprKind::Selector(selector)).to_string().trim_end_matches('}').to_owned()
}

/// Instant vectors of every kind; operands stand in brackets, since printing adds none.
fn vector() -> impl Strategy<Value = Expr> {
    let leaf = selector().prop_map(|selector| expr(ExprKind::Selector(selector)));
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operand = inner.clone().prop_map(|inner| expr(ExprKind::Paren(Box::new(inner))));
        let range = (selector(), 1i64..1_000_000_000)
            .prop_map(|(selector, range)| expr(ExprKind::Matrix { selector, range, range_expr: None }));
        let subquery = (operand.clone(), 1i64..1_000_000, prop::option::of(1i64..100_000), time()).prop_map(
            |(inner, range, step, time)| {
                expr(ExprKind::Subquery(Box::new(Subquery {
                    expr: inner,
                    range,
                    range_expr: None,
                    step,
                    step_expr: None,
                    time,
                })))
            },
        );
        let call = prop_oneof![range, subquery]
            .prop_map(|arg| expr(ExprKind::Call { function: Function::Rate, args: vec![arg] }));
        let with_number = (operand.clone(), any::<f64>()).prop_map(|(arg, number)| {
            expr(ExprKind::Call { function: Function::Round, args: vec![arg, expr(ExprKind::Number(Number(number)))] })
        });
        let aggregate = (operand.clone(), any::<bool>(), prop::collection::vec(label(), 0..3), any::<f64>()).prop_map(
            |(inner, without, labels, number)| {
                let param = without.then(|| expr(ExprKind::Number(Number(number))));
                let op = if without { AggregateOp::Topk } else { AggregateOp::Sum };
                expr(ExprKind::Aggregate(Box::new(Aggregate { op, expr: inner, param, without, labels })))
            },
        );
        prop_oneof![
            operand.clone(),
            call,
            with_number,
            aggregate,
            operand.clone().prop_map(|inner| expr(ExprKind::Unary { negative: true, expr: Box::new(inner) })),
            (operand.clone(), operand, any::<bool>(), prop::collection::vec(label(), 0..3)).prop_map(binary),
        ]
    })
}

fn binary((left, right, grouped, labels): (Expr, Expr, bool, Vec<String>)) -> Expr {
    let cardinality = if grouped { Cardinality::ManyToOne } else { Cardinality::OneToOne };
    let matching =
        Matching { cardinality, on: false, include: labels.clone(), labels, written: grouped, ..Matching::default() };
    let matching = if grouped { matching } else { Matching::default() };
    expr(ExprKind::Binary(Box::new(Binary {
        op: BinaryOp::GreaterOrEqual,
        left,
        right,
        return_bool: grouped,
        matching,
    })))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_printed_parses_to_the_same_tree(tree in vector()) {
        let text = tree.to_string();
        let parsed = parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error} at {:?}", error.position)))?;
        prop_assert_eq!(&parsed, &tree, "{}", text);
    }

    #[test]
    fn garbage_never_panics(text in "\\PC{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn pieces_of_the_language_never_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "sum", "by", "(", ")", "{", "}", "[", "]", "5m", ":", "1", "foo", "=", "=~", "\"a\"", ",", "offset", "@", "-", "^",
        "on", "group_left", "bool", ">", "and", "rate", "start", "'", "`", "\\", "0x", "1e", ".", "#", "\n", "ü",
    ]), 0..20)) {
        let text = pieces.concat();
        if let Err(error) = parse(&text) {
            prop_assert!(error.position.is_none_or(|at| at <= text.len() && text.is_char_boundary(at)), "{}", text);
        }
        let _ = parse(&pieces.join(" "));
    }
}
