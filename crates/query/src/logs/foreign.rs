//! Text in the log query that is of another language: SQL, ES|QL, SPL, KQL, metric queries of LogQL. What it is, and how
//! it is written here.

use regex::Regex;

/// Stages behind a `|` that other languages have.
const STAGES: &str = "where|search|stats|eval|table|sort|head|tail|project|summarize|count|parse|rex|fields|top|rare|extend|\
                      limit|take|filter|order|dedup|timechart|json|logfmt|pattern|regexp|unpack|line_format|label_format|unwrap|\
                      keep|drop|decolorize|from|let";

/// A name, how it is compared, and a value.
const CONDITION: &str = r#"(?P<name>[A-Za-z_@][\w.@-]*)\s*(?P<op>===?|!=|<>|>=|<=|=~|!~|=|>|<|\blike\b|\bLIKE\b)\s*(?P<value>"[^"]*"|'[^']*'|[\w.:@%*-]+)"#;

/// Says what a query is, where it is of another language, and the form in which it is asked here.
///
/// It guesses, so it is to be asked only about text that could not be read or that found nothing.
#[must_use]
pub fn foreign(text: &str) -> Option<String> {
    let matches = |pattern: &str| Regex::new(pattern).ok().and_then(|regex| regex.find(text).map(|found| found.end()));
    if let Some(selector) = metric_query(text) {
        return Some(format!(
            "this is a metric query of LogQL, which is not built: write its selector alone, {selector}, and the histogram \
             counts what it finds"
        ));
    }
    if text.trim_start().starts_with('{') {
        return None;
    }
    if matches(r"(?is)^\s*select\b.*\bfrom\b").is_some() {
        let conditions = matches(r"(?i)\bwhere\b").and_then(|end| text.get(end..)).unwrap_or_default();
        return Some(told("SQL", conditions));
    }
    if let Some(end) = matches(r"(?is)^\s*from\s+[\w.*,\s-]+\|") {
        return Some(told("ES|QL", text.get(end..).unwrap_or_default()));
    }
    if matches(&format!(r"(?i)\|\s*(?:{STAGES})\b")).is_some() {
        return Some(told("a language with stages behind |", text));
    }
    let conditions = converted(text);
    (!conditions.is_empty()).then(|| format!("a field is asked for with a colon here: {}", conditions.join(" ")))
}

fn told(language: &str, conditions: &str) -> String {
    let form = converted(conditions).join(" ");
    let form = if form.is_empty() { "level:error \"some words\"".to_owned() } else { form };
    format!("this looks like {language}, which is not read here; words and fields are: {form}")
}

/// The selector of a metric query of LogQL, with its line filters.
fn metric_query(text: &str) -> Option<String> {
    let begins = Regex::new(r"(?i)^\s*(?:\w+_over_time|rate|bytes_rate|rate_counter|sum|count|avg|min|max|stddev|stdvar|topk|bottomk|sort|sort_desc|absent_over_time|label_replace|vector)\b\s*(?:(?:by|without)\s*\([^)]*\)\s*)?\(").ok()?;
    if !begins.is_match(text) {
        return None;
    }
    let selector = Regex::new(r#"\{[^}]*\}(?:\s*(?:\|=|!=|\|~|!~)\s*(?:"[^"]*"|`[^`]*`))*"#).ok()?;
    selector.find(text).map(|found| found.as_str().trim().to_owned())
}

/// The conditions of a text in the form that is valid here, with the words that join them.
fn converted(text: &str) -> Vec<String> {
    let pattern = format!(r"(?P<join>(?i)\b(?:and|or|not)\b|&&|\|\|)|{CONDITION}");
    let Ok(regex) = Regex::new(&pattern) else { return Vec::new() };
    let mut terms: Vec<String> = Vec::new();
    for found in regex.captures_iter(text) {
        if let Some(join) = found.name("join") {
            let join = match join.as_str() {
                "&&" => "AND".to_owned(),
                "||" => "OR".to_owned(),
                word => word.to_ascii_uppercase(),
            };
            let doubled = terms.last().is_some_and(|last| is_join(last)) && join != "NOT";
            if !(doubled || terms.is_empty() && join != "NOT") {
                terms.push(join);
            }
            continue;
        }
        let part = |name: &str| found.name(name).map(|part| part.as_str()).unwrap_or_default();
        terms.push(condition(part("name"), part("op"), part("value")));
    }
    while terms.last().is_some_and(|last| is_join(last)) {
        terms.pop();
    }
    terms
}

fn is_join(term: &str) -> bool {
    matches!(term, "AND" | "OR" | "NOT")
}

fn condition(name: &str, op: &str, value: &str) -> String {
    let bare = value.trim_matches(|c| matches!(c, '"' | '\''));
    let plain = !bare.is_empty() && bare.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let shown = if plain { bare.to_owned() } else { format!("{bare:?}") };
    match op.to_ascii_lowercase().as_str() {
        ">" | "<" | ">=" | "<=" => format!("{name}:{op}{bare}"),
        "!=" | "<>" => format!("NOT {name}:{shown}"),
        "=~" => format!("{name}:/{bare}/"),
        "!~" => format!("NOT {name}:/{bare}/"),
        "like" => format!("{name}:{}", bare.replace('%', "*")),
        _ => format!("{name}:{shown}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::parse;

    #[test]
    fn other_languages_are_told_with_the_form_that_is_valid_here() {
        for (text, language, form) in [
            ("SELECT * FROM logs WHERE level = 'error' AND status >= 500", "SQL", "level:error AND status:>=500"),
            ("select message from logs", "SQL", "level:error \"some words\""),
            (
                "SELECT count(*) FROM l WHERE msg LIKE '%time%' OR NOT a <> 'b c'",
                "SQL",
                "msg:*time* OR NOT NOT a:\"b c\"",
            ),
            ("FROM logs-* | WHERE level == \"error\" | LIMIT 10", "ES|QL", "level:error"),
            ("source=x | stats count by host", "a language with stages behind |", "source:x"),
            (
                "Logs | where Level == 'Error' and Status > 499 | take 5",
                "a language with stages",
                "Level:Error AND Status:>499",
            ),
            ("level:error | count", "a language with stages", "level:error \"some words\""),
            ("level=error", "a colon", "level:error"),
            ("service=\"check out\" && code!=200", "a colon", "service:\"check out\" AND NOT code:200"),
            ("status>=500", "a colon", "status:>=500"),
            ("host =~ \"web.*\"", "a colon", "host:/web.*/"),
        ] {
            let told = foreign(text).unwrap_or_else(|| panic!("{text} is not told"));
            assert!(told.contains(language) && told.ends_with(form), "{text}: {told}");
            assert!(parse(form).is_ok(), "{form} is not valid here");
        }
        for (text, selector) in [
            ("rate({service=\"checkout\"}[5m])", "{service=\"checkout\"}"),
            ("sum by (x) (count_over_time({app=\"a\"} |= \"b\" [1m]))", "{app=\"a\"} |= \"b\""),
            ("topk(5, sum(rate({a=\"b\"}[1m])))", "{a=\"b\"}"),
        ] {
            let told = foreign(text).unwrap_or_else(|| panic!("{text} is not told"));
            assert!(told.contains("metric query of LogQL") && told.contains(&format!("alone, {selector},")), "{told}");
            assert!(parse(selector).is_ok());
        }
        for text in
            ["hello world", "level:error timeout", "\"a b\"", "{service=\"x\"} |= \"y\"", "GET /x", "", "a OR b"]
        {
            assert_eq!(foreign(text), None, "{text}");
        }
    }
}
