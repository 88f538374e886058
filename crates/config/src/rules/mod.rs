//! Files of rules as Prometheus reads them: groups of recording and alerting rules.

mod template;

use crate::yaml::{Document, Fault, Faults, Fields, Source, Value};
use std::collections::HashMap;
use std::path::Path;
use template::check_template;

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionFault {
    /// What, lowercase, no final dot.
    pub message: String,
    /// Where, in bytes from the start of the expression.
    pub position: Option<usize>,
    /// What to write instead; empty where there is nothing to say.
    pub hint: String,
}

/// Says what is wrong with an expression.
pub type ExpressionCheck<'a> = &'a dyn Fn(&str) -> Result<(), ExpressionFault>;

/// A file of rules that Prometheus loads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleFile {
    /// How many groups it has.
    pub groups: usize,
    /// How many rules.
    pub rules: usize,
    /// What is odd about it.
    pub warnings: Vec<Fault>,
}

/// Reads the text of a file of rules; `file` names it in faults.
///
/// # Errors
/// Every fault of the file, warnings among them.
pub fn read_rule_file(file: &Path, text: &str, check: ExpressionCheck<'_>) -> Result<RuleFile, Vec<Fault>> {
    let faults = Faults::new();
    let mut read = RuleFile::default();
    if let Some(document) = Document::parse(file, text, &faults) {
        let source = Source::file(&document.file, &faults);
        let mut fields = source.root(&document).fields();
        read_groups(&mut fields, check, &mut read);
        fields.finish();
    }
    let refused = faults.has_errors();
    let warnings = faults.into_sorted();
    if refused { Err(warnings) } else { Ok(RuleFile { warnings, ..read }) }
}

/// Reads a resource of Kubernetes of the kind PrometheusRule, whose groups stand under `spec`.
///
/// # Errors
/// Every fault of the groups, warnings among them; what stands around them is Kubernetes' own.
pub fn read_rule_resource(file: &Path, text: &str, check: ExpressionCheck<'_>) -> Result<RuleFile, Vec<Fault>> {
    let faults = Faults::new();
    let mut read = RuleFile::default();
    if let Some(document) = Document::parse(file, text, &faults) {
        let source = Source::file(&document.file, &faults);
        if let Some(spec) = source.root(&document).fields().required("spec", "{groups: []}") {
            let mut fields = spec.fields();
            read_groups(&mut fields, check, &mut read);
            fields.finish();
        }
    }
    let refused = faults.has_errors();
    let warnings = faults.into_sorted();
    if refused { Err(warnings) } else { Ok(RuleFile { warnings, ..read }) }
}

fn read_groups(fields: &mut Fields<'_>, check: ExpressionCheck<'_>, read: &mut RuleFile) {
    let mut names: HashMap<&str, String> = HashMap::new();
    for group in fields.get("groups").map(|value| value.items()).unwrap_or_default() {
        let mut fields = group.fields();
        let name = fields.required("name", "shop").and_then(|value| value.filled_text());
        if let Some(name) = name
            && let Some(first) = names.insert(name, group.origin().to_string())
        {
            group.fault(
                format!("the group name {name:?} is used twice, first at {first}"),
                "give each group of a file its own name",
            );
        }
        for key in ["interval", "query_offset"] {
            let _ = fields.get(key).map(|value| value.duration());
        }
        let _ = fields.get("limit").map(|value| value.integer());
        if let Some(labels) = fields.get("labels") {
            check_names(&labels, "label");
        }
        let mut seen = HashMap::new();
        for rule in fields.get("rules").map(|value| value.items()).unwrap_or_default() {
            read_rule(&rule, check, &mut seen);
            read.rules += 1;
        }
        fields.finish();
        read.groups += 1;
    }
}

fn read_rule(rule: &Value<'_>, check: ExpressionCheck<'_>, seen: &mut HashMap<String, String>) {
    let mut fields = rule.fields();
    let record = fields.get_written("record");
    let alert = fields.get_written("alert");
    match (&record, &alert) {
        (Some(_), Some(alert)) => alert.fault("a rule records or alerts, not both", "make two rules"),
        (None, None) => {
            rule.fault("neither record nor alert is given", "add `alert: Name` or `record: level:metric:op`")
        }
        _ => {}
    }
    match fields.get_written("expr") {
        Some(expression) => check_expression(&expression, check),
        None => rule.fault("expr is missing", "add `expr: up == 0`"),
    }
    let waits = ["for", "keep_firing_for"].map(|key| fields.get(key));
    for wait in waits.iter().flatten() {
        let long = wait.duration().is_some_and(|duration| !duration.is_zero());
        if long && record.is_some() {
            wait.fault("belongs to alerts alone", "remove it");
        }
    }
    let labels = fields.get("labels");
    let annotations = fields.get_written("annotations");
    if let Some(labels) = &labels {
        check_names(labels, "label");
    }
    if let Some(annotations) = &annotations {
        check_names(annotations, "annotation");
        if record.is_some() {
            annotations.fault("belongs to alerts alone", "remove it");
        }
    }
    if alert.is_some() {
        for texts in [&labels, &annotations].into_iter().flatten() {
            texts.entries().iter().for_each(|(_, value)| check_text(value));
        }
    }
    if let Some(name) = record.as_ref().and_then(Value::text)
        && name.contains(['{', '}'])
    {
        rule.fault(format!("{name:?} is not the name of a metric"), "move what is in braces to expr or labels");
    }
    fields.finish();
    warn_of_twins(rule, record.or(alert).as_ref(), labels.as_ref(), seen);
}

/// Two rules of a group with one name and the same labels write the same series.
fn warn_of_twins(
    rule: &Value<'_>,
    name: Option<&Value<'_>>,
    labels: Option<&Value<'_>>,
    seen: &mut HashMap<String, String>,
) {
    let Some(name) = name.and_then(Value::text) else { return };
    let mut own: Vec<String> = labels
        .map(|labels| labels.entries())
        .unwrap_or_default()
        .iter()
        .map(|(label, value)| format!("{label}={:?}", value.text().unwrap_or_default()))
        .collect();
    own.sort();
    if let Some(first) = seen.insert(format!("{name} {own:?}"), rule.origin().to_string()) {
        rule.warn(
            format!(
                "the rule {name:?} stands twice with the same labels, first at {first}: both write the same series"
            ),
            "",
        );
    }
}

fn check_expression(value: &Value<'_>, check: ExpressionCheck<'_>) {
    let Some(text) = value.text() else { return };
    if let Err(fault) = check(text) {
        let place = fault.position.map(|position| line_and_column(text, position));
        let place = place.map(|(line, column)| format!(" at {line}:{column} of it")).unwrap_or_default();
        value.fault(format!("the expression cannot be read{place}: {}", fault.message), fault.hint);
    }
}

/// Line and column of a byte, both from 1, columns in characters.
fn line_and_column(text: &str, position: usize) -> (usize, usize) {
    let before = text.get(..text.floor_char_boundary(position)).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn check_names(value: &Value<'_>, kind: &str) {
    for (name, text) in value.entries() {
        if name.is_empty() || (kind == "label" && name == "__name__") {
            text.fault(format!("{name:?} is not the name of a {kind} here"), "give it a name such as severity");
        }
        let _ = text.text();
    }
}

fn check_text(value: &Value<'_>) {
    let Some(text) = value.text() else { return };
    if let Err(fault) = check_template(text) {
        let (line, column) = line_and_column(text, fault.position);
        value.fault(format!("the template cannot be read at {line}:{column} of it: {}", fault.problem), fault.remedy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An expression is wrong where it holds a `!`.
    fn check(text: &str) -> Result<(), ExpressionFault> {
        match text.find('!') {
            None => Ok(()),
            Some(place) => Err(ExpressionFault {
                message: "unexpected !".to_owned(),
                position: Some(place),
                hint: "remove it".to_owned(),
            }),
        }
    }

    fn said(text: &str) -> Vec<String> {
        match read_rule_file(Path::new("r.yml"), text, &check) {
            Ok(read) => read.warnings.iter().map(ToString::to_string).collect(),
            Err(faults) => faults.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn good_rules_are_counted() {
        let text = r#"
groups:
  - name: shop
    interval: 30s
    query_offset: 1m
    limit: 10
    labels: {team: shop}
    rules:
      - record: job:requests:rate5m
        expr: sum by (job) (rate(requests_total[5m]))
        labels: {level: job}
      - alert: Down
        expr: |
          up == 0
        for: 5m
        keep_firing_for: 10m
        labels: {severity: page}
        annotations:
          summary: '{{ $labels.instance }} of {{ $labels.job }} is down ({{ $value | humanize }})'
  - name: empty
    rules: []
"#;
        let read = read_rule_file(Path::new("r.yml"), text, &check).unwrap();
        assert_eq!((read.groups, read.rules, read.warnings), (2, 2, vec![]));
        for text in ["", "groups:\n", "groups: []\n"] {
            assert_eq!(read_rule_file(Path::new("r.yml"), text, &check), Ok(RuleFile::default()), "{text}");
        }
        let resource = format!(
            "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: x}}\nspec:{}",
            text.replace('\n', "\n  ")
        );
        assert_eq!(read_rule_resource(Path::new("r.yml"), &resource, &check).unwrap().rules, 2);
    }

    #[test]
    fn faults_are_told_with_their_place() {
        for (text, expected) in [
            ("group: []", "r.yml:1:1: unknown key \"group\"; did you mean \"groups\"?"),
            ("groups: [{rules: []}]", "r.yml:1:10: groups[0]: name is missing; add `name: shop`"),
            (
                "groups: [{name: a}, {name: a}]",
                "r.yml:1:21: groups[1]: the group name \"a\" is used twice, first at r.yml:1:10; give each group of a file its own name",
            ),
            ("groups: [{name: a, interval: soon}]", "r.yml:1:30: groups[0].interval: \"soon\" is not a duration"),
            ("groups: [{name: a, rules: [{alert: A}]}]", "r.yml:1:28: groups[0].rules[0]: expr is missing"),
            (
                "groups: [{name: a, rules: [{expr: x}]}]",
                "r.yml:1:28: groups[0].rules[0]: neither record nor alert is given",
            ),
            (
                "groups: [{name: a, rules: [{alert: A, record: b, expr: x}]}]",
                "r.yml:1:36: groups[0].rules[0].alert: a rule records or alerts, not both",
            ),
            (
                "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: |\n      up\n      == !x\n",
                "r.yml:6:7: groups[0].rules[0].expr: the expression cannot be read at 2:4 of it: unexpected !; remove it",
            ),
            (
                "groups: [{name: a, rules: [{record: b, expr: x, for: 5m}]}]",
                "r.yml:1:54: groups[0].rules[0].for: belongs to alerts alone",
            ),
            (
                "groups: [{name: a, rules: [{record: b, expr: x, annotations: {c: d}}]}]",
                "r.yml:1:62: groups[0].rules[0].annotations: belongs to alerts alone",
            ),
            (
                "groups: [{name: a, rules: [{record: 'b{c=\"d\"}', expr: x}]}]",
                "r.yml:1:28: groups[0].rules[0]: \"b{c=\\\"d\\\"}\" is not the name of a metric",
            ),
            (
                "groups: [{name: a, rules: [{alert: A, expr: x, labels: {__name__: y}}]}]",
                "r.yml:1:67: groups[0].rules[0].labels.__name__: \"__name__\" is not the name of a label here",
            ),
            (
                "groups: [{name: a, rules: [{alert: A, expr: x, annotations: {s: '{{ $labels.job'}}]}]",
                "r.yml:1:65: groups[0].rules[0].annotations.s: the template cannot be read at 1:1 of it: the braces are not closed; add }}",
            ),
            (
                "groups: [{name: a, rules: [{alert: A, expr: x, severity: page}]}]",
                "r.yml:1:48: groups[0].rules[0]: unknown key \"severity\"",
            ),
            (
                "groups: [{name: a, rules: [{record: b, expr: x}, {record: b, expr: y}]}]",
                "r.yml:1:50: warning: groups[0].rules[1]: the rule \"b\" stands twice with the same labels",
            ),
        ] {
            let said = said(text);
            assert!(said.len() == 1 && said[0].starts_with(expected), "{text}\n{said:#?}");
        }
    }
}
