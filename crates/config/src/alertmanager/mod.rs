//! An alertmanager.yml: its keys, its tree of routes, and what they refer to.

mod integrations;

use crate::shape::{Section, Shape, TLS};
use crate::yaml::{Document, Fault, Faults, Fields, Source, Value};
use integrations::{CLIENT, INTEGRATIONS};
use std::collections::HashSet;
use std::path::Path;

static GLOBAL: Section = Section::of(&[&[
    ("resolve_timeout", Shape::Duration),
    ("http_config", Shape::One(&CLIENT)),
    ("jira_api_url", Shape::Text),
    ("smtp_from", Shape::Text),
    ("smtp_hello", Shape::Text),
    ("smtp_smarthost", Shape::Text),
    ("smtp_auth_username", Shape::Text),
    ("smtp_auth_password", Shape::Text),
    ("smtp_auth_password_file", Shape::Text),
    ("smtp_auth_secret", Shape::Text),
    ("smtp_auth_secret_file", Shape::Text),
    ("smtp_auth_identity", Shape::Text),
    ("smtp_require_tls", Shape::Bool),
    ("smtp_tls_config", Shape::One(&TLS)),
    ("smtp_force_implicit_tls", Shape::Bool),
    ("slack_api_url", Shape::Text),
    ("slack_api_url_file", Shape::Text),
    ("slack_app_token", Shape::Text),
    ("slack_app_token_file", Shape::Text),
    ("slack_app_url", Shape::Text),
    ("pagerduty_url", Shape::Text),
    ("opsgenie_api_url", Shape::Text),
    ("opsgenie_api_key", Shape::Text),
    ("opsgenie_api_key_file", Shape::Text),
    ("wechat_api_url", Shape::Text),
    ("wechat_api_secret", Shape::Text),
    ("wechat_api_secret_file", Shape::Text),
    ("wechat_api_corp_id", Shape::Text),
    ("victorops_api_url", Shape::Text),
    ("victorops_api_key", Shape::Text),
    ("victorops_api_key_file", Shape::Text),
    ("telegram_api_url", Shape::Text),
    ("telegram_bot_token", Shape::Text),
    ("telegram_bot_token_file", Shape::Text),
    ("webex_api_url", Shape::Text),
    ("rocketchat_api_url", Shape::Text),
    ("rocketchat_token", Shape::Text),
    ("rocketchat_token_file", Shape::Text),
    ("rocketchat_token_id", Shape::Text),
    ("rocketchat_token_id_file", Shape::Text),
    ("mattermost_webhook_url", Shape::Text),
    ("mattermost_webhook_url_file", Shape::Text),
]]);

static INTERVAL: Section = Section::requiring(
    &[&[
        ("name", Shape::Text),
        (
            "time_intervals",
            Shape::Many(&Section::of(&[&[
                (
                    "times",
                    Shape::Many(&Section::requiring(
                        &[&[("start_time", Shape::Text), ("end_time", Shape::Text)]],
                        &["start_time", "end_time"],
                    )),
                ),
                ("weekdays", Shape::Texts),
                ("days_of_month", Shape::Texts),
                ("months", Shape::Texts),
                ("years", Shape::Texts),
                ("location", Shape::Text),
            ]])),
        ),
    ]],
    &["name"],
);

static INHIBITION: Section = Section::of(&[&[
    ("name", Shape::Text),
    ("source_match", Shape::TextMap),
    ("source_match_re", Shape::TextMap),
    ("source_matchers", Shape::Any),
    ("target_match", Shape::TextMap),
    ("target_match_re", Shape::TextMap),
    ("target_matchers", Shape::Any),
    ("equal", Shape::Texts),
]]);

static TRACING: Section = Section::of(&[&[
    ("client_type", Shape::Choice(&["http", "grpc"])),
    ("endpoint", Shape::Text),
    ("sampling_fraction", Shape::Number),
    ("insecure", Shape::Bool),
    ("tls_config", Shape::One(&TLS)),
    ("headers", Shape::Any),
    ("compression", Shape::Choice(&["gzip"])),
    ("timeout", Shape::Duration),
]]);

/// Reads the text of a file. Answers what is odd about it. Not looked at: templates, and what each service wants beyond
/// keys and kinds of values.
///
/// # Errors
/// Every fault of the file, warnings among them.
pub fn check_alertmanager(file: &Path, text: &str) -> Result<Vec<Fault>, Vec<Fault>> {
    let faults = Faults::new();
    if let Some(document) = Document::parse(file, text, &faults) {
        let source = Source::file(&document.file, &faults);
        read(&source.root(&document));
    }
    if faults.has_errors() { Err(faults.into_sorted()) } else { Ok(faults.into_sorted()) }
}

/// What routes may refer to.
struct Names<'a> {
    receivers: HashSet<&'a str>,
    intervals: HashSet<&'a str>,
}

fn read(root: &Value<'_>) {
    let mut fields = root.fields();
    if let Some(global) = fields.get("global") {
        GLOBAL.check(&global);
        check_pairs(&global);
    }
    let receivers = fields.get("receivers").map(|value| value.items()).unwrap_or_default();
    let mut names = Names { receivers: HashSet::new(), intervals: HashSet::new() };
    for receiver in &receivers {
        let mut fields = receiver.fields();
        let name = fields.required("name", "team").and_then(|value| value.filled_text());
        let _ = fields.get("labels").map(|labels| labels.entries());
        Section::of(&[INTEGRATIONS]).check_fields(&mut fields);
        for (list, _) in INTEGRATIONS {
            fields.get(list).map(|value| value.items()).unwrap_or_default().iter().for_each(check_pairs);
        }
        fields.finish();
        unique(receiver, name, &mut names.receivers);
    }
    for key in ["mute_time_intervals", "time_intervals"] {
        for interval in fields.get(key).map(|value| value.items()).unwrap_or_default() {
            INTERVAL.check(&interval);
            let name = interval.fields().get("name").and_then(|value| value.text());
            unique(&interval, name, &mut names.intervals);
        }
    }
    for rule in fields.get("inhibit_rules").map(|value| value.items()).unwrap_or_default() {
        INHIBITION.check(&rule);
        let mut fields = rule.fields();
        for key in ["source_matchers", "target_matchers"] {
            check_matchers(&mut fields, key);
        }
    }
    let _ = fields.get("templates").map(|value| value.items().iter().filter_map(Value::text).count());
    if let Some(tracing) = fields.get("tracing") {
        TRACING.check(&tracing);
    }
    let _ = fields.get("event_recorder");
    if let Some(route) = fields.required("route", "{receiver: team}") {
        read_top_route(&route, &names);
    }
    fields.finish();
}

/// A value is written or stands in a file, not both: `token` and `token_file`.
fn check_pairs(section: &Value<'_>) {
    let entries = section.entries();
    for (key, value) in &entries {
        let inline = key.strip_suffix("_file").unwrap_or_default();
        if entries.iter().any(|(other, _)| *other == inline) {
            value.fault(format!("both {inline} and {key} are given"), "keep one of them");
        }
    }
}

fn unique<'a>(value: &Value<'_>, name: Option<&'a str>, names: &mut HashSet<&'a str>) {
    if let Some(name) = name.filter(|name| !name.is_empty())
        && !names.insert(name)
    {
        value.fault(format!("the name {name:?} is used twice"), "give each its own name");
    }
}

fn read_top_route(route: &Value<'_>, names: &Names<'_>) {
    let mut fields = route.fields();
    if fields.get_written("receiver").is_none() {
        route.fault("the topmost route names no receiver", "add `receiver: team`");
    }
    for key in ["match", "match_re", "matchers", "mute_time_intervals", "active_time_intervals"] {
        if let Some(value) = fields.get_written(key) {
            value.fault("cannot stand at the topmost route, which takes every alert", "move it to a route below");
        }
    }
    read_route(route, names);
}

fn read_route(route: &Value<'_>, names: &Names<'_>) {
    let mut fields = route.fields();
    if let Some(receiver) = fields.get_written("receiver")
        && let Some(name) = receiver.text()
        && !names.receivers.contains(name)
    {
        let near = crate::yaml::nearest(name, names.receivers.iter().copied());
        let remedy = near.map_or_else(|| "add it under receivers".to_owned(), |near| format!("did you mean {near:?}?"));
        receiver.fault(format!("there is no receiver {name:?}"), remedy);
    }
    for key in ["mute_time_intervals", "active_time_intervals"] {
        for interval in fields.get(key).map(|value| value.items()).unwrap_or_default() {
            let name = interval.text().unwrap_or_default();
            if !names.intervals.contains(name) {
                interval.fault(format!("there is no time interval {name:?}"), "add it under time_intervals");
            }
        }
    }
    let mut grouped = HashSet::new();
    for label in fields.get("group_by").map(|value| value.items()).unwrap_or_default() {
        if let Some(name) = label.text()
            && !grouped.insert(name)
        {
            label.fault(format!("the label {name:?} is listed twice"), "keep one of them");
        }
    }
    let _ = fields.get("group_wait").map(|value| value.duration());
    for key in ["group_interval", "repeat_interval"] {
        if let Some(value) = fields.get(key)
            && value.duration().is_some_and(|duration| duration.is_zero())
        {
            value.fault("is zero", "write a duration such as 5m");
        }
    }
    for key in ["match", "match_re", "labels"] {
        let _ = fields.get(key).map(|value| value.entries().iter().filter_map(|(_, value)| value.text()).count());
    }
    check_matchers(&mut fields, "matchers");
    let _ = fields.get("continue").map(|value| value.bool());
    for below in fields.get("routes").map(|value| value.items()).unwrap_or_default() {
        read_route(&below, names);
    }
    fields.finish();
}

/// Each matcher is a name, an operator and a value.
fn check_matchers(fields: &mut Fields<'_>, key: &'static str) {
    for matcher in fields.get(key).map(|value| value.items()).unwrap_or_default() {
        let Some(text) = matcher.text() else { continue };
        let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
        if !inner.contains('=') && !inner.contains("!~") {
            matcher.fault(format!("{text:?} is not a matcher"), "write name=\"value\", with =, !=, =~ or !~");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let (Ok(faults) | Err(faults)) = check_alertmanager(Path::new("a.yml"), text);
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_in_the_style_of_public_ones_are_in_order() {
        for text in [
            "route: {receiver: a}\nreceivers: [{name: a}]\n",
            r#"
global:
  resolve_timeout: 5m
  smtp_smarthost: 'localhost:25'
  smtp_from: 'alertmanager@example.org'
  slack_api_url: 'https://hooks.slack.com/services/x'
templates: ['/etc/alertmanager/template/*.tmpl']
route:
  group_by: ['alertname', 'cluster']
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 3h
  receiver: team
  routes:
    - matchers: [service=~"foo1|foo2", 'severity = critical']
      receiver: pager
      continue: true
      mute_time_intervals: [weekend]
      routes: [{match: {owner: db}, receiver: team}]
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity="warning"]
    equal: [alertname]
receivers:
  - name: team
    email_configs: [{to: 'team@example.org', send_resolved: true}]
    slack_configs:
      - channel: '#alerts'
        title: '{{ .CommonLabels.alertname }}'
        http_config: {proxy_url: 'http://p:1'}
  - name: pager
    pagerduty_configs: [{service_key: k}]
    webhook_configs: [{url: 'http://x', max_alerts: 5}]
time_intervals:
  - name: weekend
    time_intervals: [{weekdays: [saturday, sunday], times: [{start_time: '00:00', end_time: '24:00'}]}]
"#,
        ] {
            assert_eq!(said(text), Vec::<String>::new());
        }
    }

    #[test]
    fn what_routes_refer_to_must_be_there_and_keys_known() {
        for (text, expected) in [
            ("receivers: [{name: a}]", "a.yml:1:1: route is missing"),
            (
                "route: {receiver: teem}\nreceivers: [{name: team}]",
                "a.yml:1:19: route.receiver: there is no receiver \"teem\"; did you mean \"team\"?",
            ),
            (
                "route: {receiver: a, routes: [{receiver: b}]}\nreceivers: [{name: a}]",
                "a.yml:1:42: route.routes[0].receiver: there is no receiver \"b\"; add it under receivers",
            ),
            ("route: {group_by: [x]}\nreceivers: []", "a.yml:1:8: route: the topmost route names no receiver"),
            (
                "route: {receiver: a, match: {x: y}}\nreceivers: [{name: a}]",
                "a.yml:1:29: route.match: cannot stand at the topmost route",
            ),
            (
                "route: {receiver: a}\nreceivers: [{name: a}, {name: a}]",
                "a.yml:2:24: receivers[1]: the name \"a\" is used twice",
            ),
            (
                "route: {receiver: a, routes: [{mute_time_intervals: [x]}]}\nreceivers: [{name: a}]",
                "a.yml:1:54: route.routes[0].mute_time_intervals[0]: there is no time interval \"x\"",
            ),
            (
                "route: {receiver: a, repeat_interval: 0s}\nreceivers: [{name: a}]",
                "a.yml:1:39: route.repeat_interval: is zero",
            ),
            (
                "route: {receiver: a, group_by: [x, x]}\nreceivers: [{name: a}]",
                "a.yml:1:36: route.group_by[1]: the label \"x\" is listed twice",
            ),
            (
                "route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{chanel: x}]}]",
                "a.yml:2:40: receivers[0].slack_configs[0]: unknown key \"chanel\"; did you mean \"channel\"?",
            ),
            (
                "route: {receiver: a}\nreceivers: [{name: a, email_configs: [{from: x}]}]",
                "a.yml:2:39: receivers[0].email_configs[0]: to is missing",
            ),
            (
                "route: {receiver: a, routes: [{matchers: [severity]}]}\nreceivers: [{name: a}]",
                "a.yml:1:43: route.routes[0].matchers[0]: \"severity\" is not a matcher",
            ),
            (
                "global: {smtp_smart_host: x}\nroute: {receiver: a}\nreceivers: [{name: a}]",
                "a.yml:1:10: global: unknown key \"smtp_smart_host\"; did you mean \"smtp_smarthost\"?",
            ),
        ] {
            let said = said(text);
            assert!(said.len() == 1 && said[0].starts_with(expected), "{text}\n{said:#?}");
        }
    }
}
