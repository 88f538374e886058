//! Writes families of samples in either text format.

use std::fmt::Write;

use super::format::Format;
use super::table::{Descriptor, Kind};
use super::values::Histogram;

pub(super) struct Writer {
    format: Format,
    text: String,
}

/// Label names with their values.
type Labels<'a> = &'a [(&'a str, &'a str)];

impl Writer {
    pub(super) fn new(format: Format) -> Self {
        let text = String::new();
        Self { format, text }
    }

    /// Ends the text as the format wants it.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    /// Begins a family; its samples must follow before the next.
    pub(super) fn family(&mut self, descriptor: &Descriptor) {
        let kind = match descriptor.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        // OpenMetrics names a counter's family without the suffix that its sample has.
        let name = match (self.format, descriptor.kind) {
            (Format::OpenMetrics, Kind::Counter) => descriptor.name.trim_end_matches("_total"),
            _ => descriptor.name,
        };
        let mut help = descriptor.help.replace('\\', "\\\\").replace('\n', "\\n");
        if self.format == Format::OpenMetrics {
            help = help.replace('"', "\\\"");
        }
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    pub(super) fn count(&mut self, name: &str, labels: Labels, value: u64) {
        self.sample(name, labels, None, &value.to_string());
    }

    pub(super) fn value(&mut self, name: &str, labels: Labels, value: f64) {
        self.sample(name, labels, None, &number(value));
    }

    pub(super) fn histogram(&mut self, name: &str, labels: Labels, histogram: &Histogram) {
        let (buckets, sum) = histogram.read();
        let bucket = format!("{name}_bucket");
        for (bound, count) in &buckets {
            let bound = self.bound(*bound);
            self.sample(&bucket, labels, Some(&bound), &count.to_string());
        }
        let count = buckets.last().map_or(0, |(_, count)| *count);
        self.value(&format!("{name}_sum"), labels, sum);
        self.count(&format!("{name}_count"), labels, count);
    }

    /// The text of a bucket's bound. OpenMetrics wants a decimal point in whole numbers.
    fn bound(&self, bound: f64) -> String {
        match self.format {
            Format::OpenMetrics if bound.is_finite() => format!("{bound:?}"),
            _ => number(bound),
        }
    }

    fn sample(&mut self, name: &str, labels: Labels, le: Option<&str>, value: &str) {
        self.text.push_str(name);
        let labels = labels.iter().copied().chain(le.map(|le| ("le", le)));
        let mut separator = '{';
        for (label, value) in labels {
            self.text.push(separator);
            self.text.push_str(label);
            self.text.push_str("=\"");
            escape_into(&mut self.text, value);
            self.text.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.text.push('}');
        }
        self.line(format_args!(" {value}"));
    }

    fn line(&mut self, line: std::fmt::Arguments) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

fn number(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}

/// A label value may hold anything; three characters are escaped, in both formats.
fn escape_into(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}
