//! Configuration as people and programs write it: faults have places within the text.

use crate::choice;
use clew_config::rules::ExpressionFault;
use clew_config::yaml::{Faults, decode_text, parse_duration, parse_size};
use clew_config::{alertmanager, dashboard, kind, prometheus, rules, web_config, yaml};
use std::path::Path;

fn check(text: &str) -> Result<(), ExpressionFault> {
    match clew_query::promql::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(ExpressionFault { message: error.message, position: error.position, hint: String::new() }),
    }
}

pub(crate) fn config(data: &[u8]) {
    let (choice, rest) = choice(data);
    let Ok(text) = decode_text(rest) else { return };
    let file = Path::new("file.yml");
    match choice % 9 {
        0 => drop(prometheus::parse(file, &text, &|name| Some(name.to_lowercase()))),
        1 => drop(rules::read_rule_file(file, &text, &check)),
        2 => drop(rules::read_rule_resource(file, &text, &check)),
        3 => drop(alertmanager::check_alertmanager(file, &text)),
        4 => drop(dashboard::check_dashboard(file, &text)),
        5 => drop(web_config::check_web_config(file, &text)),
        6 => drop(prometheus::read_target_groups(file, &text)),
        7 => drop(prometheus::read_json_target_groups(rest)),
        _ => {
            let faults = Faults::new();
            if let Some(document) = yaml::Document::parse(file, &text, &faults) {
                let _ = kind::FileKind::of(&document.root);
            }
            let _ = (parse_duration(&text), parse_size(&text, 1_000));
        }
    }
}
