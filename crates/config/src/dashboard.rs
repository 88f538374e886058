//! A dashboard of Grafana's in JSON, as it is exported or as its API answers it.

use crate::yaml::{Document, Fault, Faults, Source, Value};
use std::collections::HashSet;
use std::path::Path;

/// What a dashboard holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DashboardSummary {
    /// Its panels, those in rows too.
    pub panels: usize,
    /// What its panels ask.
    pub queries: usize,
    /// What is odd about it.
    pub warnings: Vec<Fault>,
}

/// Reads the text of a dashboard. Its keys are Grafana's own and not checked, nor are queries, which hold Grafana's
/// variables.
///
/// # Errors
/// Every fault of the file, warnings among them.
pub fn check_dashboard(file: &Path, text: &str) -> Result<DashboardSummary, Vec<Fault>> {
    let faults = Faults::new();
    let mut summary = DashboardSummary::default();
    if let Some(document) = Document::parse(file, text, &faults) {
        let source = Source::file(&document.file, &faults);
        let root = source.root(&document);
        let inner = root.fields().get("dashboard").unwrap_or(root);
        read(&inner, &mut summary);
    }
    let refused = faults.has_errors();
    let warnings = faults.into_sorted();
    if refused { Err(warnings) } else { Ok(DashboardSummary { warnings, ..summary }) }
}

fn read(dashboard: &Value<'_>, summary: &mut DashboardSummary) {
    let mut fields = dashboard.fields();
    if fields.get_written("title").is_none() {
        dashboard.warn("the dashboard has no title", "add `\"title\": \"Name\"`");
    }
    let mut ids = HashSet::new();
    read_panels(fields.get("panels"), summary, &mut ids);
    // Before Grafana 5 panels stood in rows.
    for row in fields.get("rows").map(|value| value.items()).unwrap_or_default() {
        read_panels(row.fields().get("panels"), summary, &mut ids);
    }
    let variables = fields.get("templating").and_then(|value| value.fields().get("list"));
    for variable in variables.map(|value| value.items()).unwrap_or_default() {
        if variable.fields().get_written("name").is_none() {
            variable.fault("the variable has no name", "add `\"name\": \"job\"`");
        }
    }
}

fn read_panels<'a>(panels: Option<Value<'a>>, summary: &mut DashboardSummary, ids: &mut HashSet<&'a str>) {
    for panel in panels.map(|value| value.items()).unwrap_or_default() {
        let mut fields = panel.fields();
        summary.panels += 1;
        if fields.get_written("type").is_none() && fields.get("libraryPanel").is_none() {
            panel.fault("the panel has no type", "add `\"type\": \"timeseries\"`");
        }
        if let Some(id) = fields.get("id").and_then(|value| value.text())
            && !ids.insert(id)
        {
            panel.warn(format!("the ID {id} is that of another panel too"), "give each panel its own");
        }
        summary.queries += fields.get("targets").map(|value| value.items().len()).unwrap_or_default();
        read_panels(fields.get("panels"), summary, ids);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_and_queries_are_counted_in_rows_too() {
        let text = r#"{"title": "t", "panels": [
            {"id": 1, "type": "row", "panels": [{"id": 2, "type": "stat", "targets": [{"expr": "up"}, {"expr": "x{a=\"$job\"}"}]}]},
            {"id": 3, "type": "timeseries", "targets": [{"expr": "rate(x[$__rate_interval])"}]}],
            "templating": {"list": [{"name": "job"}]}, "schemaVersion": 39}"#;
        let expected = DashboardSummary { panels: 3, queries: 3, warnings: vec![] };
        assert_eq!(check_dashboard(Path::new("d.json"), text), Ok(expected.clone()));
        assert_eq!(
            check_dashboard(Path::new("d.json"), &format!("{{\"dashboard\": {text}, \"meta\": {{}}}}")),
            Ok(expected)
        );
    }

    #[test]
    fn what_grafana_would_not_show_is_told() {
        for (text, expected) in [
            ("{\"title\": \"t\", \"panels\": {}}", "d.json:1:26: panels: is a mapping where a list belongs"),
            ("{\"title\": \"t\", \"panels\": [{\"id\": 1}]}", "d.json:1:27: panels[0]: the panel has no type"),
            ("{\"panels\": []}", "d.json:1:1: warning: the dashboard has no title"),
            ("{\"title\": \"t\", \"panels\": [", "d.json:"),
        ] {
            let faults = match check_dashboard(Path::new("d.json"), text) {
                Ok(summary) => summary.warnings,
                Err(faults) => faults,
            };
            assert!(faults[0].to_string().starts_with(expected), "{text}: {}", faults[0]);
        }
    }
}
