//! Files of rules: whether Prometheus would load them, expressions included.

use crate::documents::read_document;
use clew_config::rules::{ExpressionFault, RuleFile, read_rule_file, read_rule_resource};
use clew_config::yaml::Fault;
use clew_query::promql;
use std::path::Path;

/// Reads a file. Blocks.
///
/// # Errors
/// Every fault, warnings among them.
pub fn check(file: &Path) -> Result<RuleFile, Vec<Fault>> {
    read_rule_file(file, &read_document(file).map_err(|fault| vec![fault])?, &check_expression)
}

/// Reads a resource of Kubernetes that holds rules. Blocks.
///
/// # Errors
/// Every fault, warnings among them.
pub fn check_resource(file: &Path) -> Result<RuleFile, Vec<Fault>> {
    read_rule_resource(file, &read_document(file).map_err(|fault| vec![fault])?, &check_expression)
}

fn check_expression(text: &str) -> Result<(), ExpressionFault> {
    promql::parse(text).map(drop).map_err(|error| ExpressionFault {
        message: error.message,
        position: error.position,
        hint: error.hint.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_told_with_its_line_and_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.yml");
        let text = "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: |\n      sum(rate(x[5m])) by (job)\n        > quantile(0.9 y)\n";
        std::fs::write(&file, text).unwrap();
        let faults = check(&file).unwrap_err();
        let said = faults[0].to_string();
        assert!(
            said.contains("r.yml:6:7: groups[0].rules[0].expr: the expression cannot be read at 2:18 of it"),
            "{said}"
        );
        std::fs::write(&file, text.replace("0.9 y", "0.9, y")).unwrap();
        assert_eq!(check(&file).map(|read| read.rules), Ok(1));
        assert!(check(&folder.path().join("gone.yml")).unwrap_err()[0].to_string().contains("cannot be read"));
    }
}
