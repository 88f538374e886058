//! The table of every key: name, default, what it does, how it is read.

use super::Config;
use super::{auth, drop_in, read, tenants};
use clew_config::yaml::Value;

/// One key.
pub(super) struct Setting {
    /// Its dotted path in the file.
    pub key: &'static str,
    /// Its default as it would be written; empty where there is none.
    pub default: &'static str,
    /// What may be written.
    pub form: &'static str,
    /// What it does, in one or two sentences.
    pub help: &'static str,
    /// Reads it; faults go where the value says.
    pub read: fn(&Value<'_>, &mut Config),
}

impl Setting {
    /// The environment variable that overrides the file: `CLEW_` and the path with `__`.
    #[must_use]
    pub(super) fn variable(&self) -> String {
        format!("CLEW_{}", self.key.replace('.', "__").to_ascii_uppercase())
    }
}

macro_rules! setting {
    ($key:literal, $default:literal, $form:literal, $help:literal, $read:expr) => {
        Setting { key: $key, default: $default, form: $form, help: $help, read: $read }
    };
}

/// Every key, in the order of the documentation.
pub(super) const SETTINGS: &[Setting] = &[
    setting!(
        "server.http",
        "127.0.0.1:4300",
        "host:port",
        "Everything over HTTP: the REST API, the compatible APIs, OTLP/HTTP, `/metrics`. Port 0 lets the system choose.",
        |value, config| read::address(value, &mut config.server.http)
    ),
    setting!("server.otlp_grpc", "127.0.0.1:4317", "host:port", "OTLP/gRPC.", |value, config| read::address(
        value,
        &mut config.server.otlp_grpc
    )),
    setting!("server.otlp_http", "127.0.0.1:4318", "host:port", "OTLP/HTTP.", |value, config| read::address(
        value,
        &mut config.server.otlp_http
    )),
    setting!(
        "server.drop_in",
        "false",
        "true, false, or a list of names",
        "Also open the ports of the replaced systems, with their APIs at the root, on the host of `server.http`: \
         `prometheus` (9090). The ports of the others are not built yet and stay closed.",
        |value, config| drop_in::read(value, &mut config.server.drop_in)
    ),
    setting!(
        "server.tls.cert",
        "",
        "path",
        "A certificate in PEM form, followed by those that vouch for it. With it every port speaks TLS and nothing else.",
        |value, config| read::file(value, &mut config.server.tls.cert)
    ),
    setting!("server.tls.key", "", "path", "The private key of that certificate, in PEM form.", |value, config| {
        read::file(value, &mut config.server.tls.key)
    }),
    setting!(
        "server.tls.client_ca",
        "",
        "path",
        "Certificates in PEM form. With them only clients are served that show a certificate one of these vouches for.",
        |value, config| read::file(value, &mut config.server.tls.client_ca)
    ),
    setting!(
        "server.hosts",
        "[]",
        "list of names",
        "Names by which the server is asked, such as `clew.example.com` or `*.svc.cluster.local`; a proxy's name too, where it \
         hands it on. Beside them are known: addresses, `localhost`, names without a dot, the machine's own name, hosts of \
         `server.http` and the others, names of the certificate. Requests for others are refused, so that no page can \
         reach the server under a name of its own (DNS rebinding).",
        |value, config| read::hosts(value, &mut config.server.hosts)
    ),
    setting!(
        "server.cors",
        "[]",
        "list of origins",
        "Origins, such as `https://shop.example`, whose pages may send and ask from a browser. What pages of others ask is \
         refused.",
        |value, config| read::origins(value, &mut config.server.cors)
    ),
    setting!(
        "server.trusted_proxies",
        "[]",
        "list of networks",
        "Networks, such as `10.0.0.0/8`, of reverse proxies whose `X-Forwarded-For` is believed: who guesses passwords is slowed, \
         and written down, by that address. Of others it is not read.",
        |value, config| read::networks(value, &mut config.server.trusted_proxies)
    ),
    setting!(
        "storage.dir",
        "./clew-data",
        "path",
        "Where everything is kept. Relative to the configuration file, or to the working directory without one.",
        |value, config| read::path(value, &mut config.storage.dir)
    ),
    setting!(
        "storage.max_size",
        "50GiB",
        "size or `unlimited`",
        "What all signals may take on disk together. Beyond it the oldest data of the signal that takes more than its \
         floor go.",
        |value, config| read::size(value, &mut config.storage.max_size)
    ),
    setting!(
        "storage.retention.logs.age",
        "30d",
        "duration or `unlimited`",
        "How long logs are kept. Older records are refused when they come.",
        |value, config| read::age(value, &mut config.storage.logs.age)
    ),
    setting!(
        "storage.retention.logs.size",
        "unlimited",
        "size or `unlimited`",
        "What logs may take on disk.",
        |value, config| read::size(value, &mut config.storage.logs.size)
    ),
    setting!(
        "storage.retention.logs.floor",
        "",
        "size",
        "What logs keep on disk although other signals grow up to `storage.max_size`. Without it a third; where floors of \
         others are set, a share of what these leave.",
        |value, config| read::size(value, &mut config.storage.logs.floor)
    ),
    setting!(
        "storage.retention.traces.age",
        "14d",
        "duration or `unlimited`",
        "How long spans are kept.",
        |value, config| read::age(value, &mut config.storage.traces.age)
    ),
    setting!(
        "storage.retention.traces.size",
        "unlimited",
        "size or `unlimited`",
        "What spans may take on disk.",
        |value, config| read::size(value, &mut config.storage.traces.size)
    ),
    setting!(
        "storage.retention.traces.floor",
        "",
        "size",
        "What spans keep on disk although other signals grow up to `storage.max_size`. Without it a third; where floors of \
         others are set, a share of what these leave.",
        |value, config| read::size(value, &mut config.storage.traces.floor)
    ),
    setting!(
        "storage.retention.metrics.age",
        "90d",
        "duration or `unlimited`",
        "How long samples are kept.",
        |value, config| read::age(value, &mut config.storage.metrics.age)
    ),
    setting!(
        "storage.retention.metrics.size",
        "unlimited",
        "size or `unlimited`",
        "What samples may take on disk.",
        |value, config| read::size(value, &mut config.storage.metrics.size)
    ),
    setting!(
        "storage.retention.metrics.floor",
        "",
        "size",
        "What samples keep on disk although other signals grow up to `storage.max_size`. Without it a third; where floors of \
         others are set, a share of what these leave.",
        |value, config| read::size(value, &mut config.storage.metrics.floor)
    ),
    setting!(
        "traces.span_metrics",
        "true",
        "true or false",
        "Make metrics of the spans that come in: requests, errors and durations by service and operation and between \
         services, as `traces_spanmetrics_*` and `traces_service_graph_*`. The pages about services do not need them. \
         Switched off, the counts are forgotten; switched on again they begin at zero.",
        |value, config| read::flag(value, &mut config.span_metrics)
    ),
    setting!(
        "prometheus.config_file",
        "",
        "path",
        "A prometheus.yml, read as it is: what to scrape and how. [prometheus-yml.md](prometheus-yml.md) says which keys take \
         effect.",
        |value, config| read::file(value, &mut config.prometheus_config)
    ),
    setting!(
        "alertmanager.config_file",
        "",
        "path",
        "An alertmanager.yml. Alerting is not built yet: accepted with a warning.",
        |value, _| read::later(value, "alerting")
    ),
    setting!(
        "grafana.provisioning_dir",
        "",
        "path",
        "Grafana's provisioning folder. Dashboards are not built yet: accepted with a warning.",
        |value, _| read::later(value, "dashboards")
    ),
    setting!(
        "correlation.fields",
        "[correlation_id, request_id, task_id, session_id]",
        "list of names",
        "Fields whose values are IDs whatever they look like, at the top of a record or at the end of a path; case, `.`, \
         `-` and `_` aside. Trace and span IDs always count.",
        |value, config| read::texts(value, &mut config.correlation_fields)
    ),
    setting!(
        "correlation.patterns",
        "[]",
        "list of regular expressions",
        "IDs inside messages, such as `req-[0-9a-f]+`.",
        |value, config| read::patterns(value, &mut config.correlation_patterns)
    ),
    setting!(
        "auth.mode",
        "none",
        "`none`, `basic`, `token` or `oidc`",
        "Who may use the server: everybody (`none`; on an address beyond loopback it must be written on purpose), users with \
         passwords and whoever has a token (`basic`), whoever has a token (`token`), or people whom a provider of identities \
         knows and whoever has a token (`oidc`). [security.md](security.md) says \
         how each is shown, and what needs which scope.",
        |value, config| auth::mode(value, &mut config.auth)
    ),
    setting!(
        "auth.users",
        "[]",
        "list of `{ name, password_hash, scopes, tenants }`",
        "Users. `clew hash-password` makes the hash (argon2id). Scopes are `ingest`, `read` and `admin`; none includes \
         another. `tenants` are those that they may use where tenants are told apart: a list of names, or `'*'` for all and \
         what is of the whole server; `[default]` unless written. Changes take effect with a reload.",
        |value, config| auth::users(value, &mut config.auth.users)
    ),
    setting!(
        "auth.tokens",
        "[]",
        "list of `{ name, digest, scopes, tenants }`",
        "Tokens for programs. `clew new-token` makes a token and the digest to write here (SHA-256).",
        |value, config| auth::tokens(value, &mut config.auth.tokens)
    ),
    setting!(
        "auth.file",
        "",
        "path",
        "A YAML file with `users` and `tokens` in the same form, beside those above. It is read anew when it changes; one \
         that cannot be used leaves the last one in force.",
        |value, config| read::file(value, &mut config.auth.file)
    ),
    setting!(
        "auth.oidc.issuer",
        "",
        "URL",
        "The provider of identities (OpenID Connect): the URL under which `/.well-known/openid-configuration` stands.",
        |value, config| read::text(value, &mut config.auth.oidc.issuer)
    ),
    setting!("auth.oidc.client_id", "", "text", "What the provider knows this server as.", |value, config| read::text(
        value,
        &mut config.auth.oidc.client_id
    )),
    setting!(
        "auth.oidc.client_secret",
        "",
        "text",
        "The secret that the provider gave this server, if it did.",
        |value, config| config.auth.oidc.client_secret = value.filled_text().map(str::to_owned)
    ),
    setting!("auth.oidc.client_secret_file", "", "path", "A file with that secret instead.", |value, config| {
        read::file(value, &mut config.auth.oidc_secret_file)
    }),
    setting!(
        "auth.oidc.redirect_url",
        "",
        "URL",
        "Where the provider sends people back to, as it knows it: `/api/v1/session/oidc/callback` below the URL of this \
         server's page, such as `https://clew.example.com/api/v1/session/oidc/callback`.",
        |value, config| read::text(value, &mut config.auth.oidc.redirect_url)
    ),
    setting!(
        "auth.oidc.scopes",
        "[profile, email]",
        "list of names",
        "What is asked of the provider beside `openid`; some tell groups with `groups` alone.",
        |value, config| read::texts(value, &mut config.auth.oidc.scopes)
    ),
    setting!(
        "auth.oidc.name_claim",
        "preferred_username",
        "name",
        "The claim that holds a person's name; where it is not there, `email`, then `sub`.",
        |value, config| read::text(value, &mut config.auth.oidc.name_claim)
    ),
    setting!("auth.oidc.groups_claim", "groups", "name", "The claim that holds a person's groups.", |value, config| {
        read::text(value, &mut config.auth.oidc.groups_claim)
    }),
    setting!(
        "auth.oidc.groups",
        "",
        "mapping of groups to lists of scopes",
        "What members of a group may do: `{ ops: [read, admin], devs: [read] }`. Who is in none is not let in.",
        |value, config| auth::groups(value, &mut config.auth.oidc.groups)
    ),
    setting!(
        "auth.oidc.tenants",
        "",
        "mapping of groups to lists of tenants",
        "Where tenants are told apart, those that members of a group may use: `{ ops: ['*'], devs: [team-a] }`. Who has none \
         uses `default`.",
        |value, config| auth::group_tenants(value, &mut config.auth.oidc.tenants)
    ),
    setting!(
        "auth.oidc.tenants_claim",
        "",
        "name",
        "A claim that names tenants of a person beside those of their groups: a text or a list of them.",
        |value, config| read::text(value, &mut config.auth.oidc.tenants_claim)
    ),
    setting!(
        "auth.session_idle",
        "12h",
        "duration",
        "How long a login of the web page lasts without being used.",
        |value, config| read::duration(value, &mut config.auth.session_idle)
    ),
    setting!(
        "auth.session_age",
        "7d",
        "duration",
        "How long a login of the web page lasts at most.",
        |value, config| read::duration(value, &mut config.auth.session_age)
    ),
    setting!(
        "tenants.mode",
        "off",
        "`on` or `off`",
        "Whether data of several tenants are told apart. `off`: everything is of the tenant `default`, and the header \
         `X-Scope-OrgID` is not looked at. `on`: each request is of one tenant, which it names by that header (gRPC: the metadata \
         `x-scope-orgid`) among those that its user or token may use; what is of others it neither sees nor touches. \
         [tenants.md](tenants.md) says more.",
        |value, config| tenants::mode(value, &mut config.tenants)
    ),
    setting!(
        "tenants.missing",
        "refuse",
        "`refuse` or the name of a tenant",
        "The tenant of requests that name none and whose user or token may use several. `refuse` answers them 401.",
        |value, config| tenants::missing(value, &mut config.tenants)
    ),
    setting!(
        "tenants.max",
        "1000",
        "number",
        "Tenants that there may be: with data, with limits of their own, or that sent since the start. What a further one sends \
         is refused.",
        |value, config| tenants::max(value, &mut config.tenants)
    ),
    setting!(
        "tenants.limits.ingest_records",
        "",
        "number or `unlimited`",
        "Log records, spans and samples that a tenant may send a second. What is beyond it, and beyond the other limits of \
         tenants, is answered 429 with `Retry-After` (gRPC: `RESOURCE_EXHAUSTED` with `RetryInfo`) and counted by \
         `clew_tenant_refused_total`. All limits of tenants change with a reload.",
        |value, config| tenants::count(value, &mut config.tenants.limits.records)
    ),
    setting!(
        "tenants.limits.ingest_records_burst",
        "",
        "number",
        "Records that it may send at once after a pause. Unset: those of two seconds. A single request that is larger is taken \
         after a pause, and waited for afterwards.",
        |value, config| tenants::count(value, &mut config.tenants.limits.records_burst)
    ),
    setting!(
        "tenants.limits.ingest_bytes",
        "",
        "size or `unlimited`",
        "Bytes of bodies, decompressed, that a tenant may send a second.",
        |value, config| tenants::size(value, &mut config.tenants.limits.bytes)
    ),
    setting!(
        "tenants.limits.ingest_bytes_burst",
        "",
        "size",
        "Bytes that it may send at once after a pause. Unset: those of two seconds.",
        |value, config| tenants::size(value, &mut config.tenants.limits.bytes_burst)
    ),
    setting!(
        "tenants.limits.series",
        "",
        "number or `unlimited`",
        "Active series of metrics that a tenant may have, within `limits.series` for all. Samples of new ones beyond it are \
         refused by themselves, known ones go on; a request of which nothing is taken is answered 429.",
        |value, config| tenants::count(value, &mut config.tenants.limits.series)
    ),
    setting!(
        "tenants.limits.streams",
        "",
        "number or `unlimited`",
        "Log streams that a tenant may have: distinct services with their resource attributes that sent within an hour. Records \
         of new ones beyond it are refused as samples of series are.",
        |value, config| tenants::count(value, &mut config.tenants.limits.streams)
    ),
    setting!(
        "tenants.limits.queries",
        "",
        "number or `unlimited`",
        "Queries of a tenant that may be under way, those that wait included.",
        |value, config| tenants::count(value, &mut config.tenants.limits.queries)
    ),
    setting!(
        "tenants.limits.query_memory",
        "",
        "size or `unlimited`",
        "Memory that the queries of a tenant may hold together, within that of all queries.",
        |value, config| tenants::size(value, &mut config.tenants.limits.query_memory)
    ),
    setting!(
        "tenants.overrides",
        "",
        "mapping of tenants to limits",
        "Limits of some tenants in the place of those above: `{ team-a: { series: 200000, queries: unlimited } }`. What is not \
         written for one is as above.",
        |value, config| tenants::overrides(value, &mut config.tenants.overrides)
    ),
    setting!(
        "outbound.allow",
        "[]",
        "list of networks",
        "Networks, such as `10.0.0.0/8` or `fd00::/8`, that scraping, discovery and requests for tokens may reach, and nothing \
         else. Empty: all. What a name leads to is looked at when it is connected to, redirects too.",
        |value, config| read::networks(value, &mut config.outbound.allow)
    ),
    setting!(
        "outbound.deny",
        "[]",
        "list of networks",
        "Networks that they never reach, such as `169.254.169.254`, whatever `outbound.allow` says.",
        |value, config| read::networks(value, &mut config.outbound.deny)
    ),
    setting!(
        "limits.memory",
        "25%",
        "percentage or size",
        "One budget for everything that holds outside data: of the machine's memory, or of the cgroup's (container, service) \
         that the server is in. Bodies, recent records, queries, answers not yet read, scraped pages and caches have shares \
         of it; what finds no room is told to come back.",
        |value, config| read::memory(value, &mut config.limits.memory)
    ),
    setting!(
        "limits.query_timeout",
        "60s",
        "duration",
        "How long a query may take, waiting included.",
        |value, config| read::duration(value, &mut config.limits.query_timeout)
    ),
    setting!(
        "limits.slow_query",
        "5s",
        "duration, `0` or `off`",
        "From when on a query is told in Clew's own log: what was asked by whom, rows answered, bytes read, memory held, \
         how long it took. `0` tells every query, `off` none. The lines have the target `slow_query` and the level `info`.",
        |value, config| read::threshold(value, &mut config.limits.slow_query)
    ),
    setting!(
        "limits.query_memory",
        "",
        "size",
        "Memory of one query. Unset: an eighth of `limits.memory`, 2 GiB at most.",
        |value, config| read::size(value, &mut config.limits.query_memory)
    ),
    setting!(
        "limits.query_concurrency",
        "",
        "number",
        "Queries that run at once; others wait. Unset: one a core, two at least.",
        |value, config| read::count(value, &mut config.limits.query_concurrency)
    ),
    setting!(
        "limits.query_series",
        "1000000",
        "number",
        "Series of metrics that one query may read; a query that selects more is refused.",
        |value, config| read::amount(value, &mut config.limits.query_series)
    ),
    setting!(
        "limits.query_samples",
        "50000000",
        "number",
        "Samples that one query may read, as Prometheus' `--query.max-samples`; a query that reads more is refused.",
        |value, config| read::amount(value, &mut config.limits.query_samples)
    ),
    setting!(
        "limits.series",
        "",
        "number",
        "Active series of metrics: those with samples since the seal before the last, an hour at most. Samples of new \
         ones beyond it are refused, known ones go on; series with more than 1 KiB of labels on average reach it earlier. \
         Unset: one for each 4 KiB of `limits.memory`, 10,000 at least.",
        |value, config| read::amount(value, &mut config.limits.series)
    ),
    setting!(
        "limits.connections",
        "4096",
        "number",
        "Connections that one port serves at once. Idle ones make room for more, the oldest first; where all are at work \
         more wait until one ends. Fewer where the limit of open files (`ulimit -n`) is low: 1,024, or three quarters, are \
         kept for the data.",
        |value, config| read::amount(value, &mut config.limits.connections)
    ),
    setting!(
        "limits.ingest_body",
        "64MiB",
        "size",
        "Largest body of an ingest request, before and after decompression. Bodies held at once and their records take a \
         quarter of `limits.memory`, 2 GiB at most and at least one such body; senders beyond that wait, then are told to \
         come back.",
        |value, config| read::bytes(value, &mut config.limits.ingest_body)
    ),
    setting!(
        "limits.log_line",
        "16MiB",
        "size",
        "Largest single log record sent as JSON; a larger one is refused by itself.",
        |value, config| read::bytes(value, &mut config.limits.log_line)
    ),
    setting!(
        "log.level",
        "info",
        "`error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,clew_app=debug`",
        "What Clew itself writes to standard error.",
        |value, config| read::text(value, &mut config.log_level)
    ),
    setting!("log.format", "human", "`human` or `json`", "How those lines are written.", read::log_format),
];
