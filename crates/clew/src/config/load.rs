//! File, environment, flags: read in this order, every fault of all three at once.

use super::settings::{SETTINGS, Setting};
use super::{Address, Auth, Config, DropIn, Limits, Memory, Retention, Server, Storage, Tenants, Tls};
use clew_app::Outbound;
use clew_config::yaml::{
    Document, Fault, Faults, MentionedFile, Origin, Severity, Source, Value, decode_text, nearest,
};
use clew_telemetry::logs::LogFormat;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The prefix of environment variables.
const PREFIX: &str = "CLEW_";

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--drop-in`
    pub drop_in: bool,
}

/// A configuration that can be used, with what is to be said about it.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Fault>,
    /// Files that the configuration names, by the settings that name them; the last one of a setting counts.
    pub files: Vec<MentionedFile>,
}

/// Reads the file (if any), then the environment, then the flags.
///
/// # Errors
/// Every fault of all three, warnings among them.
pub(crate) fn load(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
    flags: &Overrides,
) -> Result<Loaded, Vec<Fault>> {
    let faults = Faults::new();
    let mut config = defaults();
    let mut files = Vec::new();
    if let Some(file) = file {
        read_file(file, &mut config, &faults, &mut files);
    }
    read_environment(environment, &mut config, &faults, &mut files);
    apply_flags(flags, &mut config, &faults);
    check_exposure(&config, &faults);
    check_tls(&config.server.tls, &faults);
    let failed = faults.has_errors();
    let all = faults.into_sorted();
    if failed { Err(all) } else { Ok(Loaded { config, warnings: all, files }) }
}

/// The configuration before anything is read, then set by every default of the table, so that the table tells the truth.
fn defaults() -> Config {
    let retention = Retention { age: None, size: None, floor: None };
    let address = || Address { host: "127.0.0.1".to_owned(), port: 0 };
    let mut config = Config {
        server: Server {
            http: address(),
            otlp_grpc: address(),
            otlp_http: address(),
            drop_in: Vec::new(),
            hosts: Vec::new(),
            cors: Vec::new(),
            trusted_proxies: Vec::new(),
            tls: Tls::default(),
        },
        storage: Storage {
            dir: PathBuf::new(),
            max_size: None,
            logs: retention,
            traces: retention,
            metrics: retention,
        },
        span_metrics: false,
        prometheus_config: None,
        correlation_fields: Vec::new(),
        correlation_patterns: Vec::new(),
        auth: Auth::default(),
        tenants: Tenants::default(),
        outbound: Outbound::default(),
        limits: Limits {
            memory: Memory::Share(0.25),
            query_memory: None,
            query_timeout: Duration::ZERO,
            slow_query: None,
            query_concurrency: None,
            query_series: None,
            query_samples: None,
            series: None,
            connections: None,
            ingest_body: 0,
            log_line: 0,
        },
        log_level: String::new(),
        log_format: LogFormat::Human,
    };
    let faults = Faults::new();
    for setting in SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
        read_text(setting, setting.default, Origin::Default, &mut config, &faults);
    }
    debug_assert!(!faults.has_errors(), "a default of the table cannot be read");
    // A written `none` differs from the default.
    config.auth.is_written = false;
    config
}

fn read_file(file: &Path, config: &mut Config, faults: &Faults, files: &mut Vec<MentionedFile>) {
    let name: Arc<Path> = Arc::from(file);
    let bytes = std::fs::read(file).map_err(|error| format!("cannot be read: {error}"));
    let text = match bytes.as_deref().map_err(String::clone).and_then(decode_text) {
        Ok(text) => text,
        Err(problem) => {
            faults.push(Fault {
                severity: Severity::Error,
                origin: Origin::File { file: name, line: 1, column: 1 },
                path: String::new(),
                problem,
                remedy: "name a readable file with --config".to_owned(),
            });
            return;
        }
    };
    if let Some(document) = Document::parse(file, &text, faults) {
        let source = Source::file(&name, faults);
        read_section(&source.root(&document), "", config);
        files.extend(source.into_mentioned());
    }
}

/// Reads a mapping whose keys lead, after `prefix`, to settings.
fn read_section(section: &Value<'_>, prefix: &str, config: &mut Config) {
    for (key, value) in section.entries() {
        let path = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
        let below = format!("{path}.");
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.key == path) {
            if value.node().content != clew_config::yaml::Content::Null {
                (setting.read)(&value, config);
            }
        } else if SETTINGS.iter().any(|setting| setting.key.starts_with(&below)) {
            read_section(&value, &path, config);
        } else {
            value.fault("is not a key of Clew's", unknown_remedy(key, prefix));
        }
    }
}

fn unknown_remedy(key: &str, prefix: &str) -> String {
    let siblings = siblings(prefix);
    match nearest(key, siblings.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("the keys here are {}", siblings.join(", ")),
    }
}

/// The keys that may stand below a prefix, each once.
fn siblings(prefix: &str) -> Vec<&'static str> {
    let mut keys: Vec<&str> = SETTINGS
        .iter()
        .filter_map(|setting| {
            let rest = if prefix.is_empty() {
                Some(setting.key)
            } else {
                setting.key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'))
            };
            rest.and_then(|rest| rest.split('.').next())
        })
        .collect();
    keys.dedup();
    keys
}

/// Variables without `__` belong to others (a test's `CLEW_BIN`); the rest must be keys.
fn read_environment(
    environment: &BTreeMap<String, String>,
    config: &mut Config,
    faults: &Faults,
    files: &mut Vec<MentionedFile>,
) {
    for (name, text) in environment.iter().filter(|(name, _)| name.starts_with(PREFIX) && name.contains("__")) {
        let origin = Origin::Environment(name.clone());
        match SETTINGS.iter().find(|setting| setting.variable() == *name) {
            Some(setting) => {
                // It takes the place of what the file names.
                files.retain(|file| file.key != setting.key);
                files.extend(read_text(setting, text, origin, config, faults));
            }
            None => {
                let known: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
                let remedy = nearest(name, known.iter().map(String::as_str))
                    .map_or_else(|| "see docs/configuration.md".to_owned(), |known| format!("did you mean {known}?"));
                faults.push(Fault {
                    severity: Severity::Error,
                    origin,
                    path: String::new(),
                    problem: "is not a setting of Clew's".to_owned(),
                    remedy,
                });
            }
        }
    }
}

/// Reads a setting from text: YAML, so that lists can be written `[a, b]`.
/// Answers the files that it names.
fn read_text(
    setting: &Setting,
    text: &str,
    origin: Origin,
    config: &mut Config,
    faults: &Faults,
) -> Vec<MentionedFile> {
    let Some(document) = Document::parse(Path::new(setting.key), text, faults) else { return Vec::new() };
    let source = Source::fixed(origin, faults);
    (setting.read)(&source.value(&document.root, setting.key.to_owned()), config);
    source.into_mentioned()
}

fn apply_flags(flags: &Overrides, config: &mut Config, faults: &Faults) {
    if let Some(dir) = &flags.data_dir {
        config.storage.dir.clone_from(dir);
    }
    if let Some(host) = &flags.listen {
        if host.is_empty()
            || host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok() && !host.contains("::"))
        {
            faults.push(Fault {
                severity: Severity::Error,
                origin: Origin::Flag("--listen".to_owned()),
                path: String::new(),
                problem: format!("{host:?} is not a host alone"),
                remedy:
                    "write a host such as 0.0.0.0; ports are set by server.http, server.otlp_grpc, server.otlp_http"
                        .to_owned(),
            });
            return;
        }
        for address in [&mut config.server.http, &mut config.server.otlp_grpc, &mut config.server.otlp_http] {
            address.host.clone_from(host);
        }
    }
    if flags.drop_in {
        config.server.drop_in = DropIn::ALL.to_vec();
    }
}

/// An open server that others can reach must be meant.
fn check_exposure(config: &Config, faults: &Faults) {
    let exposed = config.server.exposed();
    if exposed.is_empty() || config.auth.is_written {
        return;
    }
    faults.push(Fault {
        severity: Severity::Error,
        origin: Origin::Default,
        path: "auth.mode".to_owned(),
        problem: format!("no authentication is configured, and others can reach {}", exposed.join(", ")),
        remedy:
            "either configure authentication (auth.mode), or write `auth: { mode: none }` (or CLEW_AUTH__MODE=none) \
                 on purpose"
                .to_owned(),
    });
}

/// A certificate without its key is of no use, and what asks for clients' needs one of its own.
fn check_tls(tls: &Tls, faults: &Faults) {
    let missing = match (&tls.cert, &tls.key, &tls.client_ca) {
        (Some(_), None, _) => "server.tls.key",
        (None, Some(_), _) | (None, None, Some(_)) => "server.tls.cert",
        _ => return,
    };
    faults.push(Fault {
        severity: Severity::Error,
        origin: Origin::Default,
        path: missing.to_owned(),
        problem: "is missing beside the other keys of server.tls".to_owned(),
        remedy: "name the PEM files of the certificate and of its key".to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("clew.yml");
        std::fs::write(&file, text).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        load(Some(&file), &environment, &Overrides::default()).map_err(|faults| {
            faults.iter().map(|fault| fault.to_string().replace(&*file.to_string_lossy(), "clew.yml")).collect()
        })
    }

    #[test]
    fn without_anything_the_defaults_of_the_contract_hold() {
        let loaded = load(None, &BTreeMap::new(), &Overrides::default()).unwrap();
        let config = loaded.config;
        assert_eq!(config.server.http, Address { host: "127.0.0.1".into(), port: 4300 });
        assert_eq!((config.server.otlp_grpc.port, config.server.otlp_http.port), (4317, 4318));
        assert_eq!(config.storage.max_size, Some(50 << 30));
        assert_eq!(config.storage.logs.age, Some(Duration::from_secs(30 * 86_400)));
        assert_eq!(config.storage.traces.age, Some(Duration::from_secs(14 * 86_400)));
        assert_eq!(config.storage.metrics.age, Some(Duration::from_secs(90 * 86_400)));
        assert_eq!(config.correlation_fields, ["correlation_id", "request_id", "task_id", "session_id"]);
        assert_eq!(config.limits.memory, Memory::Share(0.25));
        assert_eq!(config.limits.ingest_body, 64 << 20);
        assert_eq!(config.limits.query_timeout, Duration::from_secs(60));
        assert_eq!(config.limits.slow_query, Some(Duration::from_secs(5)));
        assert!(!config.auth.is_written);
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_line() {
        let faults = from_text(
            "server:\n  htp: 127.0.0.1:1\nstorage:\n  max_size: lots\n  retention: { logs: { age: 5 } }\nlimits:\n  memory: 200%\n",
            &[("CLEW_LIMITS__QUERY_TIMEOUT", "soon"), ("CLEW_LIMITS__MEMRY", "1")],
        )
        .unwrap_err();
        let all = faults.join("\n");
        for part in [
            "clew.yml:2:",
            "did you mean `http`?",
            "clew.yml:4:",
            "clew.yml:5:",
            "clew.yml:7:",
            "CLEW_LIMITS__QUERY_TIMEOUT",
            "did you mean CLEW_LIMITS__MEMORY?",
        ] {
            assert!(all.contains(part), "{part} is not in\n{all}");
        }
        assert_eq!(faults.len(), 6, "{all}");
    }

    /// Clew's own configuration is the one reader of texts that the fuzzers do not reach: it is part of the binary.
    #[test]
    fn a_text_that_was_changed_anywhere_is_read_or_refused() {
        let good = "server: { http: 127.0.0.1:1, tls: { cert: a, key: b }, cors: ['https://a.b'], hosts: [c] }\n\
                    storage:\n  dir: d\n  max_size: 50GiB\n  retention: { logs: { age: 30d, size: 1GiB, floor: 5MiB } }\n\
                    correlation: { fields: [a], patterns: ['req-[0-9a-f]+'] }\n\
                    auth: { mode: token, tokens: [{ name: t, digest: x, scopes: [read] }], oidc: { issuer: 'https://i' } }\n\
                    outbound: { allow: [10.0.0.0/8], deny: ['::1'] }\n\
                    limits: { memory: 25%, query_timeout: 60s, ingest_body: 64MiB }\nlog: { format: json }\n";
        let mut rng = fastrand::Rng::with_seed(8);
        for _ in 0..2_000 {
            let mut bytes = good.as_bytes().to_vec();
            for _ in 0..rng.usize(1..5) {
                let at = rng.usize(..bytes.len());
                match rng.u8(..4) {
                    0 => bytes[at] ^= 1 << rng.u8(..8),
                    1 => bytes[at] = *rng.choice(b"{}[]:,-#&*!|>'\"%@`\n\t 0").unwrap(),
                    2 => drop(bytes.splice(at..at, good.bytes().skip(rng.usize(..good.len())).take(9))),
                    _ => drop(bytes.drain(at..(at + 5).min(bytes.len() - 1))),
                }
            }
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("clew.yml");
            std::fs::write(&file, &bytes).unwrap();
            if let Err(faults) = load(Some(&file), &BTreeMap::new(), &Overrides::default()) {
                assert!(!faults.is_empty(), "refused without a word: {}", String::from_utf8_lossy(&bytes));
            }
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let loaded = from_text(
            "server: { http: 127.0.0.1:1 }\ncorrelation: { patterns: ['a+'] }\n",
            &[("CLEW_SERVER__HTTP", "127.0.0.1:2"), ("CLEW_CORRELATION__FIELDS", "[job_id, run_id]")],
        )
        .unwrap();
        assert_eq!(loaded.config.server.http.port, 2);
        assert_eq!(loaded.config.correlation_fields, ["job_id", "run_id"]);
        assert_eq!(loaded.config.correlation_patterns[0].as_str(), "a+");
    }

    #[test]
    fn an_open_server_beyond_loopback_must_be_meant() {
        let refused = from_text("server: { http: '0.0.0.0:4300' }\n", &[]).unwrap_err().join("\n");
        assert!(refused.contains("configure authentication") && refused.contains("mode: none"), "{refused}");
        assert!(from_text("server: { http: '0.0.0.0:4300' }\nauth: { mode: none }\n", &[]).is_ok());
        assert!(from_text("server: { http: '0.0.0.0:4300' }\n", &[("CLEW_AUTH__MODE", "none")]).is_ok());
        let flags = Overrides { listen: Some("0.0.0.0".into()), ..Overrides::default() };
        assert!(load(None, &BTreeMap::new(), &flags).is_err());
        let loopback = Overrides { listen: Some("::1".into()), ..Overrides::default() };
        assert_eq!(load(None, &BTreeMap::new(), &loopback).unwrap().config.server.http.host, "::1");
    }

    #[test]
    fn paths_in_a_file_are_relative_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("clew.yml");
        std::fs::write(&file, "prometheus: { config_file: prometheus.yml }\nstorage: { dir: data }\n").unwrap();
        let config = load(Some(&file), &BTreeMap::new(), &Overrides::default()).unwrap().config;
        assert_eq!(config.prometheus_config, Some(dir.path().join("prometheus.yml")));
        assert_eq!(config.storage.dir, dir.path().join("data"));
    }

    #[test]
    fn the_ports_of_replaced_systems_are_chosen_by_a_truth_value_or_by_name() {
        let opened = |written: &str| {
            let loaded = from_text(&format!("server: {{ drop_in: {written} }}\n"), &[])?;
            Ok((loaded.config.server.drop_in, loaded.warnings.len()))
        };
        let all = vec![DropIn::Prometheus];
        assert_eq!(opened("true"), Ok((all.clone(), 0)));
        assert_eq!(opened("false"), Ok((Vec::new(), 0)));
        assert_eq!(opened("[prometheus, prometheus]"), Ok((all.clone(), 0)));
        assert_eq!(opened("[loki, prometheus]"), Ok((all.clone(), 1)));
        assert_eq!(opened("[]"), Ok((Vec::new(), 0)));
        for wrong in ["[prometheus, promtheus]", "prometheus", "[[prometheus]]"] {
            let faults: Vec<String> = opened(wrong).unwrap_err();
            assert!(faults[0].contains("clew.yml:1:"), "{faults:?}");
        }
        let faults = opened("[promtheus]").unwrap_err();
        assert!(faults[0].contains("promtheus") && faults[0].contains("these names: prometheus"), "{faults:?}");

        let flags = Overrides { drop_in: true, ..Overrides::default() };
        assert_eq!(load(None, &BTreeMap::new(), &flags).unwrap().config.server.drop_in, all);
        assert_eq!(from_text("", &[("CLEW_SERVER__DROP_IN", "[prometheus]")]).unwrap().config.server.drop_in, all);
        assert_eq!(from_text("", &[]).unwrap().config.server.drop_in, []);
    }

    #[test]
    fn slow_queries_are_told_from_a_duration_on_all_or_never() {
        let slow = |written: &str| {
            from_text(&format!("limits: {{ slow_query: {written} }}\n"), &[])
                .map(|loaded| loaded.config.limits.slow_query)
        };
        assert_eq!(slow("250ms"), Ok(Some(Duration::from_millis(250))));
        assert_eq!(slow("0"), Ok(Some(Duration::ZERO)));
        assert_eq!(slow("0s"), Ok(Some(Duration::ZERO)));
        // YAML 1.1 takes a bare `off` for false.
        for never in ["off", "'off'", "false"] {
            assert_eq!(slow(never), Ok(None), "{never}");
        }
        assert!(slow("slow").unwrap_err()[0].contains("clew.yml:1:"), "{:?}", slow("slow"));
    }

    #[test]
    fn tls_needs_a_certificate_with_its_key() {
        let tls = |text: &str| from_text(&format!("server: {{ tls: {{ {text} }} }}\n"), &[]);
        assert!(tls("cert: a.pem, key: a.key").unwrap().config.server.tls.cert.unwrap().ends_with("a.pem"));
        assert!(tls("cert: a.pem").unwrap_err()[0].contains("server.tls.key"));
        assert!(tls("client_ca: ca.pem").unwrap_err()[0].contains("server.tls.cert"));
        assert_eq!(from_text("", &[]).unwrap().config.server.tls, Tls::default());
    }

    #[test]
    fn origins_are_written_as_browsers_name_them() {
        let cors = |text: &str| {
            from_text(&format!("server: {{ cors: {text} }}\n"), &[]).map(|loaded| loaded.config.server.cors)
        };
        let two = vec!["https://shop.example".to_owned(), "http://localhost:3000".to_owned()];
        assert_eq!(cors("[https://shop.example, 'http://LOCALHOST:3000/']"), Ok(two));
        for wrong in
            ["['*']", "[shop.example]", "[https://shop.example/path]", "['ftp://shop.example']", "['https://a b']"]
        {
            assert!(cors(wrong).unwrap_err()[0].contains("clew.yml:1:"), "{wrong}");
        }
    }

    #[test]
    fn networks_that_may_be_reached_are_read_and_faults_told() {
        let read =
            |text: &str| from_text(&format!("outbound: {{ {text} }}\n"), &[]).map(|loaded| loaded.config.outbound);
        let outbound = read("allow: [10.0.0.0/8, 'fd00::/8'], deny: [10.1.2.3]").unwrap();
        assert_eq!(format!("{outbound:?}"), "Outbound { allow: [10.0.0.0/8, fd00::/8], deny: [10.1.2.3/32] }");
        for wrong in ["allow: [10.0.0.1/8]", "deny: [example.com]", "deny: [10.0.0.0/99]", "alow: []"] {
            assert!(read(wrong).unwrap_err()[0].contains("clew.yml:1:"), "{wrong}");
        }
    }

    #[test]
    fn names_of_the_server_are_hosts_alone() {
        let hosts = |text: &str| {
            from_text(&format!("server: {{ hosts: {text} }}\n"), &[]).map(|loaded| loaded.config.server.hosts)
        };
        let both = vec!["clew.example.com".to_owned(), "*.svc".to_owned()];
        assert_eq!(hosts("[Clew.example.com., '*.svc']"), Ok(both));
        for wrong in ["['*']", "['*.']", "[https://a.example]", "['a.example:80']", "['a b']", "['a..b']", "[a.*.b]"] {
            assert!(hosts(wrong).unwrap_err()[0].contains("clew.yml:1:"), "{wrong}");
        }
    }

    #[test]
    fn keys_of_later_capabilities_are_accepted_with_a_warning() {
        let loaded = from_text("alertmanager: { config_file: alertmanager.yml }\n", &[]).unwrap();
        assert_eq!(loaded.warnings.len(), 1);
        assert!(loaded.warnings[0].to_string().contains("alerting is not built"), "{}", loaded.warnings[0]);
    }
}
