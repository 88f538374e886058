//! The command line of `clew query`.

use clap::{Args, Subcommand, ValueEnum};

/// The variable that names the server. It holds no `__`, so it is no setting of the server's.
pub(super) const SERVER_VARIABLE: &str = "CLEW_URL";

/// The variable that names the tenant.
pub(super) const TENANT_VARIABLE: &str = "CLEW_TENANT";

/// Where a server is unless told.
pub(super) const DEFAULT_SERVER: &str = "http://127.0.0.1:4300";

/// What to ask.
#[derive(Debug, Subcommand)]
pub(crate) enum QueryCommand {
    /// The newest log records that match, oldest first.
    Logs(LogsArgs),
    /// A PromQL expression: now, at a time, or over a range.
    Metrics(MetricsArgs),
    /// The newest traces that match, oldest first; with an ID one trace as a tree.
    Traces(TracesArgs),
    /// Everything that carries an ID, as one timeline.
    Correlate(CorrelateArgs),
}

/// Where to ask and how to answer.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CommonArgs {
    /// The server. Default: the variable CLEW_URL, else http://127.0.0.1:4300.
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,

    /// A token. Default: the variable CLEW_TOKEN, which others on the machine cannot read.
    #[arg(long, value_name = "TOKEN", conflicts_with = "user")]
    pub token: Option<String>,

    /// A user's name. The password comes from the variable CLEW_PASSWORD, else it is asked for.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,

    /// The tenant to ask about, where the server keeps several. Default: the variable CLEW_TENANT.
    #[arg(long, value_name = "NAME")]
    pub tenant: Option<String>,

    /// How to answer. Default: a table on a terminal, else a JSON object a line.
    #[arg(long, short, value_name = "FORMAT")]
    pub output: Option<Format>,

    /// First instant: RFC 3339, Unix s, ms, µs, ns, or relative (now-1h).
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,

    /// Last instant.
    #[arg(long, value_name = "TIME")]
    pub end: Option<String>,

    /// Most rows.
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
}

/// How to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON document, as the server answers.
    Json,
    /// One JSON object a line.
    Ndjson,
}

/// `clew query logs`
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Words, field:value, "a phrase", AND OR NOT; or LogQL when it starts with {. Everything when absent.
    pub query: Vec<String>,

    /// Show newer records as they come.
    #[arg(long, short)]
    pub follow: bool,

    /// Newest first.
    #[arg(long, short, conflicts_with = "follow")]
    pub reverse: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

/// `clew query metrics`
#[derive(Debug, Args)]
pub(crate) struct MetricsArgs {
    /// The expression. With --start it is evaluated over a range, else at --end or now.
    pub expression: String,

    /// Distance of the points of a range (30s, 5m). Default: about 60 points.
    #[arg(long, value_name = "DURATION", requires = "start")]
    pub step: Option<String>,

    #[command(flatten)]
    pub common: CommonArgs,
}

/// `clew query traces`
#[derive(Debug, Args)]
pub(crate) struct TracesArgs {
    /// A trace ID in any spelling: shows this trace alone, whole.
    #[arg(conflicts_with_all = [
        "service", "operation", "kind", "status", "min_duration", "max_duration", "attribute", "sort", "reverse", "start",
        "end", "limit",
    ])]
    pub id: Option<String>,

    /// A span of this service …
    #[arg(long)]
    pub service: Option<String>,

    /// … with this name.
    #[arg(long)]
    pub operation: Option<String>,

    /// … of this kind: internal, server, client, producer, consumer.
    #[arg(long)]
    pub kind: Option<String>,

    /// … with this status: unset, ok, error.
    #[arg(long)]
    pub status: Option<String>,

    /// … at least so long (250ms).
    #[arg(long, value_name = "DURATION")]
    pub min_duration: Option<String>,

    /// … at most so long.
    #[arg(long, value_name = "DURATION")]
    pub max_duration: Option<String>,

    /// … with this attribute (key=value or key); may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub attribute: Vec<String>,

    /// Which traces come first: the newest, or those with the longest duration, most spans or most errors of all that
    /// match. Sorted by time they are shown oldest first, as logs are.
    #[arg(long, value_enum, default_value_t)]
    pub sort: TraceSort,

    /// The other way round.
    #[arg(long, short)]
    pub reverse: bool,

    #[command(flatten)]
    pub common: CommonArgs,
}

/// By what traces are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum TraceSort {
    /// When they started.
    #[default]
    Time,
    /// How long they took.
    Duration,
    /// How many spans they have.
    Spans,
    /// How many of these failed.
    Errors,
}

impl TraceSort {
    /// As the API takes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            TraceSort::Time => "time",
            TraceSort::Duration => "duration",
            TraceSort::Spans => "spans",
            TraceSort::Errors => "errors",
        }
    }
}

/// `clew query correlate`
#[derive(Debug, Args)]
pub(crate) struct CorrelateArgs {
    /// The ID in any spelling: a trace, a request, a task, a session …
    pub id: String,

    /// How often IDs that the records carry are followed. Default: 2.
    #[arg(long)]
    pub depth: Option<u32>,

    #[command(flatten)]
    pub common: CommonArgs,
}
